"""Charts in a real browser: read by hovering, compared, printed and taken away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from benchmarks.report.browser import chromium

import postrun
from postrun.model import Identity
from postrun.report.html.comparison_page import write_comparison
from postrun.report.html.run_page import write_report
from postrun.studies import Comparison
from tests.curves import decay, make_run, noise
from tests.reader import Reader, until
from tests.test_report_media import PNG, logged, one

if chromium() is None and not os.environ.get("POSTRUN_NEED_BROWSER"):
    pytest.skip("no Chromium on this machine (apt install chromium)", allow_module_level=True)

ROWS = 200
#: The chart whose title begins with a text.
CHART = (
    "[...document.querySelectorAll('#charts .chart')]"
    ".find((c) => c.querySelector('.title').textContent.startsWith({!r})).chart"
)


def columns() -> dict[str, Any]:
    n = np.arange(ROWS)
    spiky = decay(ROWS)
    spiky[[50, 51]] = 9_000.0
    speed = 900.0 + noise(ROWS, 5.0)
    speed[:2] = -1.0
    return {
        "train/loss": spiky,
        "negative": -decay(ROWS),
        "len/mean": 100.0 + n, "len/min": 50.0 + n, "len/max": 180.0 + n,
        "len/std": np.full(ROWS, 12.0) + noise(ROWS, 0.1),
        "step_time": 600.0 + noise(ROWS, 90.0, 3),
        "close": 1e6 + 1e-3 * n,
        "weight_decay": np.full(ROWS, 0.1),
        "perf/tokens_per_sec": speed,
    }  # fmt: skip


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seconds = np.arange(0, 2000, 15.0)
    system = pl.DataFrame(
        {
            "_timestamp": seconds + 1.7e9,
            "_runtime": seconds,
            "gpu.0.gpu": 40 + noise(len(seconds), 3),
            "network.sent": seconds * 2**22,
        }
    )
    view = postrun.RunView(make_run(columns(), system=system))
    path = tmp_path_factory.mktemp("craft") / "report.html"
    write_report(path, view, postrun.diagnose(view))
    return path


@pytest.fixture
def reader(chrome: Any, page_file: Path) -> Iterator[Reader]:
    opened = Reader(chrome, page_file)
    yield opened
    assert opened.complaints == []
    opened.context.close()


def scale(reader: Reader, title: str) -> tuple[float, float]:
    """The y range of a chart."""
    chart = CHART.format(title)
    low, high = reader.page.evaluate(
        f"(() => {{ const c = {chart}; c.ensure(); const y = c.plot.scales.y; return [y.min, y.max] }})()"
    )
    return low, high


def ticks(reader: Reader, title: str) -> list[str]:
    found: list[str] = reader.page.evaluate(
        f"(() => {{ const c = {CHART.format(title)}; c.ensure(); const u = c.plot;"
        " const at = [0, 1, 2, 3, 4].map((k) => u.scales.y.min + k * (u.scales.y.max - u.scales.y.min) / 4);"
        " return u.axes[1].values(u, at) })()"
    )
    return found


def test_outliers_stay_ignored_when_smoothing(reader: Reader) -> None:
    assert scale(reader, "Loss")[1] < 10
    reader.page.locator("#smoothing").fill("0.3")
    until(reader.page, f"{CHART.format('Loss')}.plot.series.some((s) => s.smoothed)")
    assert scale(reader, "Loss")[1] < 10


def test_placeholders_set_no_range_and_ticks_differ(reader: Reader) -> None:
    assert scale(reader, "perf/tokens")[0] > 800
    texts = ticks(reader, "close")
    assert len(set(texts)) == len(texts)


def test_times_bytes_and_shares_are_written_in_their_units(reader: Reader) -> None:
    assert all(text.endswith(" min") for text in ticks(reader, "Step time"))
    assert any(text.endswith(" GiB") for text in ticks(reader, "Network"))
    assert scale(reader, "GPU utilisation") == (0, 100)
    legends = reader.page.locator("#charts .legend").all_inner_texts()
    assert not any("gpu.0" in text for text in legends)


def test_ticks_of_times_are_round_in_seconds_and_in_minutes(reader: Reader) -> None:
    steps = reader.page.evaluate(
        f"(() => {{ const c = {CHART.format('GPU')}; c.ensure(); return c.plot.axes[0].incrs() }})()"
    )
    assert {5, 15, 30, 60, 3600} <= set(steps)
    assert not [v for v in steps if v > 10 and 60 % v and v % 60]


def test_long_titles_of_charts_are_whole(reader: Reader) -> None:
    style = "getComputedStyle(document.querySelector('#charts .title'))"
    assert reader.page.evaluate(f"{style}.whiteSpace") == "normal"
    counted = reader.page.inner_text("nav a[href='#all-charts'] small")
    assert counted == reader.page.inner_text("#charts-title .count")


def test_the_band_of_a_quantity_is_drawn_and_told(reader: Reader) -> None:
    page = reader.page
    bands = page.evaluate(
        f"{CHART.format('len')}.drawn.bands.map((b) => [b.label, b.low[10], b.high[10]])"
    )
    assert [b[0] for b in bands] == ["min to max", "± std"]
    assert bands[0][1:] == [60, 190]
    over = page.locator("#charts .chart", has_text="len/mean").first.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    tip = page.locator("#charts .tip:visible").first
    tip.wait_for()
    told = tip.inner_text()
    assert "min to max:" in told and "null" not in told and "undefined" not in told
    # It stands beside the curve that it tells of, not over it.
    point, top, bottom = page.evaluate(
        f"(() => {{ const u = {CHART.format('len')}.plot; const k = u.cursor.idx;"
        " return [u.over.getBoundingClientRect().top + u.valToPos(u.data[1][k], 'y'),"
        " ...['top', 'bottom'].map((k) => document.querySelector('#charts .tip:not([hidden])')"
        ".getBoundingClientRect()[k])] })()"
    )
    assert top > point or bottom < point


def test_a_log_axis_says_why_it_is_empty(reader: Reader) -> None:
    reader.page.check("#log")
    reader.page.wait_for_timeout(200)
    chart = CHART.format("negative")
    note = reader.page.evaluate(
        f"(() => {{ const c = {chart}; c.ensure(); return c.note.textContent }})()"
    )
    assert note == "no values above 0 for a log axis"


def test_constants_are_folded_and_told(reader: Reader) -> None:
    summary = reader.page.locator("details.constants > summary").all_inner_texts()
    assert "1 constant: weight_decay = 0.1" in summary
    reader.page.fill("#search", "weight_dec")
    until(reader.page, "document.getElementById('found').textContent === '1 chart'")
    assert reader.charts().count() == 1


def test_search_takes_regular_expressions(reader: Reader) -> None:
    page = reader.page
    page.fill("#search", "^(negative|close)")
    until(page, "document.getElementById('found').textContent === '2 charts'")
    titles = reader.charts().locator(".title").all_inner_texts()
    assert sorted(titles) == ["close", "negative"]
    page.fill("#search", "(")
    until(page, "document.getElementById('found').textContent === '0 charts'")


@pytest.mark.slow
def test_what_is_shown_is_in_the_address(reader: Reader, chrome: Any, page_file: Path) -> None:
    page = reader.page
    page.select_option("#axis", "runtime")
    page.uncheck("#robust")
    page.fill("#search", "loss")
    until(page, "location.hash.includes('search=loss')")
    address = page.url
    assert "axis=runtime" in address and "robust=0" in address and "search=loss" in address
    other = chrome.new_context().new_page()
    other.goto(address)
    until(other, "document.getElementById('found').textContent.includes('chart')")
    assert other.input_value("#axis") == "runtime" and not other.is_checked("#robust")
    assert other.locator("#charts .chart:visible").count() == reader.charts().count()
    other.context.close()


@pytest.mark.slow
def test_a_chart_and_its_data_are_downloaded(reader: Reader) -> None:
    page = reader.page
    box = page.locator("#charts .chart", has_text="negative").first
    box.scroll_into_view_if_needed()
    saved = {}
    for kind in ("PNG", "SVG", "CSV"):
        box.locator(".menu summary").click()
        with page.expect_download() as download:
            box.locator(".menu button", has_text=kind).click()
        saved[kind] = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename == f"negative.{kind.lower()}"
    assert saved["PNG"].startswith(b"\x89PNG") and len(saved["PNG"]) > 3_000
    assert b"<polyline" in saved["SVG"] and b"negative" in saved["SVG"]
    frame = pl.read_csv(saved["CSV"])
    assert frame.columns == ["step", "negative"]
    assert np.allclose(frame["negative"].to_numpy(), columns()["negative"])


def test_all_charts_are_on_paper(chrome: Any, page_file: Path) -> None:
    opened = Reader(chrome, page_file)
    opened.page.pdf(format="A4")  # fires beforeprint
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    opened.page.emulate_media(media="print", color_scheme="dark")
    opened.page.wait_for_timeout(400)
    drawn = opened.page.evaluate(
        """[...document.querySelectorAll('#charts .chart')].filter((c) => c.offsetParent).map((c) => {
          const from = c.chart.plot && c.chart.plot.ctx.canvas;
          if (!from) return 0;
          const copy = document.createElement('canvas');
          [copy.width, copy.height] = [from.width, from.height];
          const ctx = copy.getContext('2d');
          ctx.drawImage(from, 0, 0);
          const { data } = ctx.getImageData(0, 0, copy.width, copy.height);
          return data.filter((v, i) => i % 4 === 3 && v).length })"""
    )
    assert len(drawn) >= 8 and all(pixels > 500 for pixels in drawn)
    opened.context.close()


@pytest.mark.slow
def test_a_run_without_history_has_no_controls(chrome: Any, tmp_path: Path) -> None:
    view = postrun.RunView(make_run())
    write_report(tmp_path / "report.html", view, postrun.diagnose(view))
    opened = Reader(chrome, tmp_path / "report.html")
    assert opened.page.locator("#search").count() == 0
    assert "nothing to draw" in opened.page.inner_text("#all-charts")
    assert opened.complaints == []
    opened.context.close()


@pytest.mark.slow
def test_logged_images_are_seen_and_nothing_is_fetched(chrome: Any, tmp_path: Path) -> None:
    run = logged(tmp_path, {"a.png": PNG}, samples=one("image-file", path="a.png", caption="<b>"))
    write_report(tmp_path / "report.html", postrun.RunView(run), [])
    opened = Reader(chrome, tmp_path / "report.html")
    picture = opened.page.locator("#images img")
    assert picture.evaluate("(i) => i.decode().then(() => i.naturalWidth)") == 1
    assert opened.page.inner_text("#images figcaption") == "step 9: <b>"
    assert opened.complaints == [] and all(u[:5] in ("file:", "data:") for u in opened.requests)
    opened.context.close()


@pytest.fixture(scope="module")
def diverged_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of nine runs, one of which diverged to 1e30."""
    runs = []
    for i in range(9):
        loss = decay(100, seed=i, end=0.5 + 0.1 * (i % 3))
        if i == 4:
            loss[80:] = np.geomspace(loss[79], 1e30, 20)
        runs.append(
            make_run(
                {"val/loss": loss},
                identity=Identity(f"r{i}"),
                config={"lr": [0.1, 0.3, 1.0][i % 3], "seed": i // 3},
            )
        )
    path = tmp_path_factory.mktemp("diverged") / "many.html"
    write_comparison(path, Comparison.of(runs, [postrun.diagnose(r) for r in runs]))
    return path


def test_a_run_that_diverged_sets_no_scale(chrome: Any, diverged_file: Path) -> None:
    reader = Reader(chrome, diverged_file)
    page = reader.page
    page.select_option("#groupby", "config:lr")
    until(page, f"{CHART.format('val/loss')}.drawn.bands?.length === 3")
    assert scale(reader, "val/loss")[1] < 10
    assert "outside the range" in page.locator("#charts .note:not(.across)").first.inner_text()
    for drawing in ("#parallel", "#scatter"):
        names = page.locator(f"{drawing} .name").all_text_contents()
        assert any(name.startswith("val/loss, 1 beyond") for name in names)
        assert not any("e" in tick for tick in page.locator(f"{drawing} .tick").all_text_contents())
    assert reader.complaints == []
    reader.context.close()


def test_a_chart_of_one_value_has_one_whole_tick(chrome: Any, tmp_path: Path) -> None:
    view = postrun.RunView(make_run({"val/loss": [0.9]}, steps=[1_200_000]))
    write_report(tmp_path / "one.html", view, postrun.diagnose(view))
    reader = Reader(chrome, tmp_path / "one.html")
    told = reader.page.evaluate(
        f"(() => {{ const c = {CHART.format('val/loss')}; c.ensure(); const u = c.plot, a = u.axes[0];"
        " return [a._values, u.valToPos(1200000, 'x'), u.over.clientWidth] })()"
    )
    assert told[0] == ["1,200,000"]
    assert 40 < told[1] < told[2] - 40  # room for the words on both sides
    reader.context.close()


def test_words_of_ticks_do_not_touch(chrome: Any, tmp_path: Path) -> None:
    steps = np.arange(100) * 10_000 + 1_000_000
    view = postrun.RunView(make_run({"val/loss": decay(100)}, steps=steps))
    write_report(tmp_path / "far.html", view, postrun.diagnose(view))
    reader = Reader(chrome, tmp_path / "far.html")
    places = reader.page.evaluate(
        f"(() => {{ const c = {CHART.format('Loss')}; c.ensure(); const u = c.plot;"
        " return u.axes[0]._splits.map((v) => u.valToPos(v, 'x')) })()"
    )
    assert len(places) >= 2
    assert min(np.diff(places)) > 60  # "1,000,000" takes some 55 pixels
    reader.context.close()


def test_a_band_of_cores_is_drawn(chrome: Any, tmp_path: Path) -> None:
    seconds = np.arange(0, 600, 15.0)
    cores = {f"cpu.{i}.cpu_percent": 10.0 + i + 0 * seconds for i in range(8)}
    system = pl.DataFrame({"_timestamp": seconds + 1.7e9, "_runtime": seconds, **cores})
    view = postrun.RunView(make_run({"loss": decay(100)}, system=system))
    write_report(tmp_path / "cores.html", view, postrun.diagnose(view))
    reader = Reader(chrome, tmp_path / "cores.html")
    band = reader.page.evaluate(
        f"(() => {{ const c = {CHART.format('CPU cores (8)')}; c.ensure();"
        " return c.drawn.bands.map((b) => [b.low[0], b.high[0]]) })()"
    )
    assert band == [[10, 17]]
    reader.context.close()


def test_a_dark_page_is_printed_in_light_colours(chrome: Any, page_file: Path) -> None:
    reader = Reader(chrome, page_file, color_scheme="dark")
    page = reader.page
    ink = f"(() => {{ const c = {CHART.format('Loss')}; c.ensure(); return c.plot.axes[0].stroke() }})()"
    dark = page.evaluate(ink)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ink) != dark  # the canvas is drawn again, in the colours of paper
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(ink) == dark
    reader.context.close()
