"""The report in a real browser: what a reader does with it, and what it never does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.report.browser import chromium
from scipy import stats

import postrun
from postrun.model import Identity, MetricDefinition
from postrun.report.html.comparison_page import write_comparison
from postrun.report.html.run_page import write_report
from postrun.studies import Comparison
from tests.conftest import SAMPLE
from tests.curves import decay, make_run, noise
from tests.reader import Reader
from tests.test_report_html import hostile_run

if chromium() is None and not os.environ.get("POSTRUN_NEED_BROWSER"):
    pytest.skip("no Chromium on this machine (apt install chromium)", allow_module_level=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of the bundled run, of a run of odd values, of an attack, and of several runs."""
    out = tmp_path_factory.mktemp("pages")

    def write(name: str, run: postrun.Run) -> None:
        view = postrun.RunView(run)
        write_report(out / f"{name}.html", view, postrun.diagnose(view))

    write("sample", postrun.load(SAMPLE))
    write("hostile", hostile_run())
    odd = noise(400, 0.1) + 1
    odd[[50, 51]], odd[60], odd[70], odd[300] = np.nan, np.inf, -np.inf, 1e4
    rare = [0.5 if i % 40 == 0 else None for i in range(400)]
    write("odd", make_run(
        {"loss": odd, "epoch": np.repeat(np.arange(80.0), 5), "eval/accuracy": rare},
        metrics=[MetricDefinition("loss", x_axis="epoch")],
        console="\n".join(["start", *(f"step {i}" for i in range(1500)), "Traceback (most recent call last):",
                           '  File "train.py", line 3, in main', "ValueError: no more data"]),
    ))  # fmt: skip
    made = [
        make_run(
            {"loss": decay(300, seed=i, end=1 + (i % 2)), "accuracy": noise(300, 0.01, i)},
            identity=Identity(f"r{i}"),
            config={"lr": [0.1, 0.001][i % 2], "opt": ["adam", "sgd"][i % 2], "seed": i},
        )
        for i in range(6)
    ]  # fmt: skip
    write_comparison(out / "many.html", Comparison.of(made, [postrun.diagnose(r) for r in made]))
    write_comparison(out / "hostile_many.html", Comparison.of([hostile_run(), hostile_run()]))
    return out


@pytest.fixture
def reader(chrome: Any, folder: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """The page that a test's `page` mark names; at its end nothing was complained of or fetched."""
    opened = Reader(chrome, folder / f"{request.param}.html")
    yield opened
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file://", "blob:"))] == []
    assert len([url for url in opened.requests if url.startswith("file://")]) == 1
    opened.context.close()


on = pytest.mark.parametrize


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_a_finding_opens_on_its_curve_with_the_window(reader: Reader) -> None:
    page = reader.page
    (top, *_) = postrun.diagnose(postrun.load(SAMPLE))
    first = page.locator("article.finding").first
    assert top.message[:40] in first.inner_text()
    assert first.locator("svg.curve").count() == 1  # drawn before anything is clicked
    page.click("article.finding >> nth=0 >> summary")
    chart = first.locator(".proofs .chart").first
    chart.locator("canvas").wait_for()
    begin, end = top.window or (0, 0)
    shown = page.evaluate(
        "() => { const c = document.querySelector('.proofs .chart').chart; return [c.plot.scales.x.min,"
        " c.plot.scales.x.max, c.drawn.window[0], c.drawn.window[1], c.drawn.marks.length] }"
    )
    assert shown[2:4] == [begin, end]
    assert shown[0] <= begin and shown[1] >= end - 1
    assert top.remedy[:30] in first.inner_text()
    # The window is tinted: pixels of the canvas differ inside and outside of it.
    tinted = page.evaluate(
        """() => { const c = document.querySelector('.proofs .chart').chart.plot;
          const copy = document.createElement('canvas');
          [copy.width, copy.height] = [c.ctx.canvas.width, c.ctx.canvas.height];
          const ctx = copy.getContext('2d', { willReadFrequently: true });
          ctx.drawImage(c.ctx.canvas, 0, 0);
          const at = (x) => [...ctx.getImageData(c.valToPos(x, 'x', true), c.bbox.top + 3, 1, 1).data];
          const w = document.querySelector('.proofs .chart').chart.drawn.window;
          return [at((w[0] + w[1]) / 2), at(c.scales.x.min + 0.5)] }"""
    )
    assert tinted[0] != tinted[1]


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_the_timeline_tells_all_lanes_at_one_step(reader: Reader) -> None:
    page = reader.page
    view = postrun.RunView(postrun.load(SAMPLE))
    boxes = page.locator(".lane-box")
    usual = boxes.first.locator(".now").inner_text()
    plot = page.locator("#timeline .plot").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    step = int(page.inner_text("#timeline .where").removeprefix("step "))
    for box in boxes.all():
        series = view.series(box.locator("b").inner_text())
        (value,) = series.y[series.x == step]
        assert float(box.locator(".now").inner_text()) == pytest.approx(value, rel=1e-3)
    page.mouse.move(5, 5)
    assert boxes.first.locator(".now").inner_text() == usual
    page.focus("#timeline")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#timeline .where") != ""
    # A number on the timeline is that of the finding that it leads to.
    (number, *_) = page.locator("#timeline svg.numbers a").all()
    target = number.get_attribute("href")
    assert page.locator(f"{target} .number").inner_text() == number.locator("text").text_content()


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_zoom_is_linked_and_reset(reader: Reader) -> None:
    page = reader.page
    whole = reader.range("Loss")
    over = page.locator("#charts .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)
    low, high = reader.range("Loss")
    span = whole[1] - whole[0]
    assert low == pytest.approx(whole[0] + 0.25 * span, abs=0.02 * span)
    assert high == pytest.approx(whole[0] + 0.5 * span, abs=0.02 * span)
    page.locator("#charts .title", has_text="Learning rate").first.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    assert reader.range("Entropy") == [low, high]  # others followed
    page.click("#reset")
    over.scroll_into_view_if_needed()  # charts out of sight follow when they come into it
    page.wait_for_timeout(300)
    assert reader.range("Loss") == whole


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_the_keyboard_zooms_and_pans(reader: Reader) -> None:
    page = reader.page
    whole = reader.range("Loss")
    page.locator("#charts .frame").first.focus()
    page.keyboard.press("+")
    page.wait_for_timeout(60)
    closer = reader.range("Loss")
    assert closer[1] - closer[0] == pytest.approx(0.6 * (whole[1] - whole[0]))
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(60)
    assert reader.range("Loss")[0] > closer[0]
    page.keyboard.press("0")
    page.wait_for_timeout(60)
    assert reader.range("Loss") == whole


@on("reader", ["sample"], indirect=True)
def test_smoothing_is_that_of_wandb(reader: Reader) -> None:
    page = reader.page
    page.locator("#smoothing").fill("0.6")
    page.wait_for_timeout(400)
    drawn = page.evaluate(
        """() => { const p = [...document.querySelectorAll('#charts .chart')]
            .find((c) => c.querySelector('div.title').textContent.startsWith('Loss')).chart.plot;
          return [0, 1, 2].map((i) => Array.from(p.data[i])).concat(p.series[2].smoothed) }"""
    )
    x, raw, smooth = (np.array(v, np.float64) for v in drawn[:3])
    assert drawn[3] is True and not np.allclose(raw, smooth)
    assert np.allclose(smooth, postrun.time_weighted_ema(x, raw, 0.6), rtol=1e-9)


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_search_filters_charts(reader: Reader) -> None:
    page = reader.page
    everything = reader.charts().count()
    page.fill("#search", "kl")
    page.wait_for_timeout(250)
    assert 0 < reader.charts().count() < everything
    assert all(
        "kl" in name for name in reader.charts().evaluate_all("l => l.map(c => c.dataset.name)")
    )
    page.fill("#search", "no such metric")
    page.wait_for_timeout(250)
    assert reader.charts().count() == 0
    page.fill("#search", "")
    page.wait_for_timeout(250)
    assert reader.charts().count() == everything


@pytest.mark.slow
@on("reader", ["sample"], indirect=True)
def test_dark_mode_legend_log_axis_and_grouping(reader: Reader) -> None:
    page = reader.page
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(255, 255, 255)" and dark != light
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    button = page.locator("#charts .legend button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    page.check("#log")
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelector('#charts .chart').chart.plot.scales.y.distr") == 3
    page.uncheck("#log")
    page.select_option("#axis", "runtime")
    page.wait_for_timeout(200)
    seconds = postrun.load(SAMPLE).history["_runtime"].max()
    assert reader.range("Loss")[1] == pytest.approx(seconds, abs=0.01)
    page.select_option("#axis", "time")
    page.wait_for_timeout(200)
    assert reader.range("Loss")[1] > 1.6e9
    page.select_option("#axis", "step")
    page.select_option("#grouping", "name")
    page.wait_for_timeout(400)
    titles = page.locator("#charts h3").all_inner_texts()
    assert any(name in titles for name in ("optim", "reward"))


@on("reader", ["sample"], indirect=True)
def test_hover_tells_values_of_one_step(reader: Reader) -> None:
    page = reader.page
    over = page.locator("#charts .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator("#charts .tip:visible").first
    tip.wait_for()
    step = int(tip.locator(".where").inner_text().removeprefix("step ").replace(",", ""))
    view = postrun.RunView(postrun.load(SAMPLE))
    texts = tip.locator("div").all_inner_texts()[1:]
    key, value = texts[0].split(": ")
    series = view.series(key)
    assert float(value) == pytest.approx(series.y[series.x == step][0], rel=5e-4)  # four digits


@pytest.mark.slow
@on("reader", ["odd"], indirect=True)
def test_odd_values_own_axes_and_outliers(reader: Reader) -> None:
    page = reader.page
    chart = "document.querySelector('#charts .chart').chart"
    bad = page.evaluate(f"{chart}.bad.map((b) => [b.x, String(b.v)])")
    assert bad == [[50, "NaN"], [51, "NaN"], [60, "Infinity"], [70, "-Infinity"]]
    assert (
        page.evaluate(f"{chart}.plot.scales.y.max") < 10
    )  # one value of 10,000 does not flatten it
    assert "outside the range" in page.locator("#charts .note:not(.across)").first.inner_text()
    page.uncheck("#robust")
    page.wait_for_timeout(200)
    assert page.evaluate(f"{chart}.plot.scales.y.max") > 1e4
    page.select_option("#axis", "own")
    page.wait_for_timeout(200)
    assert page.evaluate(f"[{chart}.axis, {chart}.plot.scales.x.max]") == ["own:epoch", 79]


@pytest.mark.slow
@on("reader", ["odd"], indirect=True)
def test_the_console_folds_tracebacks_and_is_searched(reader: Reader) -> None:
    page = reader.page
    page.click("details.console > summary")
    page.locator("details.traceback").wait_for()
    assert "no more data" in (page.locator("details.traceback > summary").text_content() or "")
    assert page.get_attribute("details.traceback", "open") is not None
    page.fill("details.console input", "step 149")
    page.wait_for_timeout(300)
    assert page.locator("details.console .log .line").count() == 11
    assert page.inner_text("details.console output") == "11 lines"
    assert page.locator("details.console .log mark").first.inner_text() == "step 149"


@on("reader", ["sample"], indirect=True)
def test_the_config_tree_is_searched(reader: Reader) -> None:
    page = reader.page
    page.click("#config > summary")
    leaves = page.locator("#config .leaf:visible")
    everything = leaves.count()
    page.fill("input[data-tree=config-tree]", "lr")
    page.wait_for_timeout(250)
    assert 0 < leaves.count() < everything


@pytest.mark.slow
@on("reader", ["hostile", "hostile_many"], indirect=True)
def test_an_attack_does_nothing(reader: Reader) -> None:
    page = reader.page
    for details in page.locator("details:not([open]) > summary").all():
        if details.is_visible():
            details.click()
    page.wait_for_timeout(300)
    over = page.locator("#charts .u-over").first
    over.scroll_into_view_if_needed()
    over.hover()
    page.wait_for_timeout(200)
    assert page.locator("img").count() == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 3
    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")
    assert page.locator("a[href^='javascript']").count() == 0


@pytest.mark.slow
@on("reader", ["many"], indirect=True)
def test_a_comparison_filters_sorts_and_groups(reader: Reader) -> None:
    page = reader.page
    rows = page.locator("#runs tbody tr")
    assert rows.count() == 6
    page.fill("#runs-search", "lr>0.01")
    page.wait_for_timeout(300)
    assert rows.count() == 3
    lines = "document.querySelector('#charts .chart').chart.drawn.lines"
    assert page.evaluate(f"new Set({lines}.map((l) => l.label)).size") == 3
    page.click("#all-runs")
    page.click("#runs th button >> text=seed")
    page.click("#runs th button >> text=seed")
    assert rows.first.locator("td").nth(1).inner_text() == "r5"
    page.uncheck("#runs tbody tr >> nth=0 >> input")
    assert page.evaluate(f"{lines}.length") == 5
    page.click("#all-runs")
    page.select_option("#groupby", "config:opt")
    page.wait_for_timeout(300)
    page.locator("#smoothing").fill("0")
    page.wait_for_timeout(300)
    band = page.evaluate(
        "(() => { const d = document.querySelector('#charts .chart').chart.drawn; const b = d.bands[0];"
        " const m = d.lines.find((l) => l.label === b.label);"
        " return [b.label, Array.from(m.y), Array.from(b.low), Array.from(b.high)] })()"
    )
    assert band[0] == "opt = adam (3)"
    adam = np.array([decay(300, seed=i, end=1) for i in (0, 2, 4)])
    half = stats.t.ppf(0.975, 2) * adam.std(axis=0, ddof=1) / np.sqrt(3)
    assert np.allclose(band[1], adam.mean(axis=0), rtol=1e-5)
    assert np.allclose(band[3], adam.mean(axis=0) + half, rtol=1e-4)
    assert np.allclose(band[2], adam.mean(axis=0) - half, rtol=1e-4)


@pytest.mark.slow
@on("reader", ["many"], indirect=True)
def test_parallel_coordinates_brush_and_scatter(reader: Reader) -> None:
    page = reader.page
    assert page.locator("#parallel polyline.run").count() == 6
    assert page.locator("#scatter circle").count() == 6
    area = page.locator("#parallel .grab").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] * 0.4, steps=3)
    page.mouse.up()
    page.wait_for_timeout(200)
    assert page.locator("#runs tbody tr").count() == 3
    assert page.locator("#scatter circle").count() == 3
    page.select_option("#against", "opt")
    assert "opt" in (page.locator("#scatter .name").first.text_content() or "")


@pytest.mark.parametrize("df", [1, 2, 5, 7, 8, 12, 30, 199])
def test_students_quantiles(chrome: Any, df: int) -> None:
    text = Path("src/postrun/report/html/assets/statistics.js").read_text()
    tab = chrome.new_page()
    value = tab.evaluate(f"(() => {{ {text}; return student975({df}) }})()")
    tab.close()
    assert value == pytest.approx(stats.t.ppf(0.975, df), rel=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample", "odd", "many"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(chrome: Any, folder: Path, name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # axe-core is put into the page by the test, which the page's own policy would refuse.
    opened = Reader(chrome, folder / f"{name}.html", color_scheme=scheme, bypass_csp=True)
    opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    opened.page.wait_for_timeout(300)
    results = Axe().run(opened.page)
    found = [
        f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]}"
        for v in results.response["violations"]
    ]
    opened.context.close()
    assert found == []


@pytest.mark.slow
def test_without_scripts_findings_and_drawings_are_read(chrome: Any, folder: Path) -> None:
    opened = Reader(chrome, folder / "sample.html", java_script_enabled=False)
    page = opened.page
    (top, *_) = postrun.diagnose(postrun.load(SAMPLE))
    assert top.message[:40] in page.inner_text("#findings")
    page.click("article.finding >> nth=0 >> summary")
    assert top.remedy[:30] in page.inner_text("#findings")
    assert page.locator("article.finding >> nth=0 >> figure svg").first.is_visible()
    assert page.locator("section figure svg").last.is_visible()
    opened.context.close()


@pytest.mark.slow
def test_it_prints(chrome: Any, folder: Path, tmp_path: Path) -> None:
    opened = Reader(chrome, folder / "sample.html")
    data = opened.page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert len(data) > 50_000
    opened.page.emulate_media(media="print")
    assert not opened.page.locator(".toolbar").is_visible()
    opened.context.close()
