"""The HTML report's file: whole, exact, self-contained, inert."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun import plugins
from postrun.metrics import MetricInfo, RunView
from postrun.model import Alert, Artifact, Identity, MetricDefinition, RunFile
from postrun.report import formats
from postrun.report.formats import Format, ReportInputs
from postrun.report.html.buffer import Buffer
from postrun.report.html.charts import BUDGET, ChartData, fair_cap
from postrun.report.html.comparison_page import comparison_page
from postrun.report.html.devices import devices
from postrun.report.html.families import stem
from postrun.report.html.run_page import run_page
from postrun.studies import Comparison
from tests.conftest import SAMPLE
from tests.curves import decay, make_run, noise
from tests.pages import numbers, page_data

HOSTILE = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>&{{7*7}}<!--"


def hostile_run() -> postrun.Run:
    """A run whose every text is an attack."""
    return make_run(
        {f"loss/{HOSTILE}": decay(80), "loss": decay(80), HOSTILE: noise(80), "train/loss": decay(80)},
        console=f"{HOSTILE}\nTraceback (most recent call last):\n  File \"{HOSTILE}\"\nValueError: {HOSTILE}",
        identity=Identity(
            "hostile", name=HOSTILE, entity=HOSTILE, project=HOSTILE, group=HOSTILE, notes=HOSTILE,
            tags=[HOSTILE], url=f"javascript:alert(1)//{HOSTILE}", host=HOSTILE, commit=HOSTILE,
        ),
        config={HOSTILE: {HOSTILE: HOSTILE, "list": [HOSTILE]}},
        summary={HOSTILE: HOSTILE},
        environment={"program": HOSTILE, "args": [HOSTILE]},
        requirements=[HOSTILE],
        files=[RunFile(HOSTILE, 1)],
        artifacts=[Artifact(HOSTILE, HOSTILE, aliases=[HOSTILE])],
        alerts=[Alert(HOSTILE, HOSTILE, HOSTILE)],
    )  # fmt: skip


def page_of(run: postrun.Run, budget: int = BUDGET) -> str:
    view = postrun.RunView(run)
    return run_page(view, postrun.diagnose(view), budget=budget)


@pytest.fixture(scope="module")
def sample_page() -> str:
    return page_of(postrun.load(SAMPLE))


def test_every_value_of_every_metric_is_in_the_page(sample_page: str) -> None:
    data, block = page_data(sample_page)
    view = postrun.RunView(postrun.load(SAMPLE))
    seen = {s["key"]: s for s in data["series"]}
    assert set(view.metrics) <= set(seen)
    for key in view.metrics:
        series, entry = view.series(key), seen[key]
        grid = data["grids"][entry["grid"]]
        assert np.array_equal(numbers(block, entry["y"]), series.y, equal_nan=True), key
        assert np.array_equal(numbers(block, grid["step"]), series.x), key
        seconds = view.run.history["_runtime"].to_numpy()[series.rows]
        assert np.abs(numbers(block, grid["runtime"]) - seconds).max() <= 0.0005001, key


def _band(chart: dict[str, Any]) -> list[int]:
    return [at for at in chart.get("band", {}).values() if isinstance(at, int)]


def test_every_metric_has_a_chart_in_both_groupings(sample_page: str) -> None:
    data, _ = page_data(sample_page)
    for grouping in ("byRole", "byName"):
        charts = [c for g in data[grouping] for c in g["charts"]]
        charted = {s for c in charts for s in (*c["series"], *_band(c))}
        names = {data["series"][s]["key"] for s in charted}
        assert names >= set(postrun.RunView(postrun.load(SAMPLE)).metrics)


def test_the_statistics_of_one_quantity_share_a_chart() -> None:
    names = ("mean", "min", "max", "std", "median")
    run = make_run({**{f"completion_len/{n}": decay(50) for n in names}, "loss": decay(50)})
    data, _ = page_data(page_of(run))
    for grouping in ("byRole", "byName"):
        charts = [c for g in data[grouping] for c in g["charts"]]
        assert len(charts) == 2
        (chart,) = (c for c in charts if "band" in c)
        keys = {data["series"][s]["key"].rpartition("/")[2] for s in chart["series"]}
        band = {n: data["series"][s]["key"] for n, s in chart["band"].items()}
        assert keys == {"mean", "median"}
        assert band == {
            "low": "completion_len/min",
            "high": "completion_len/max",
            "spread": "completion_len/std",
        }


@pytest.mark.parametrize(
    ("key", "stat", "name"),
    [
        ("reward/mean", "mean", "reward"),
        ("loss", "", "loss"),
        ("policy/loss_std", "std", "policy/loss"),
        ("mean_len", "mean", "len"),
        ("minimal/loss", "min", ""),
    ],
)
def test_names_without_their_statistic(key: str, stat: str, name: str) -> None:
    assert stem(MetricInfo(key, stat=stat)) == name


def test_constant_metrics_and_warm_up_are_marked() -> None:
    speed = np.full(60, 900.0)
    speed[:3] = -1.0
    run = make_run({"loss": decay(60), "weight_decay": np.ones(60), "perf/tokens_per_sec": speed})
    data, _ = page_data(page_of(run))
    charts = {c["title"]: c["constant"] for g in data["byName"] for c in g["charts"]}
    assert charts == {"loss": False, "weight_decay": True, "perf/tokens_per_sec": False}
    warm = {s["key"]: s["warm"] for s in data["series"]}
    assert warm == {"loss": 0, "weight_decay": 0, "perf/tokens_per_sec": 3}


@given(
    st.lists(st.floats(width=64), max_size=60),
    st.lists(st.integers(-(2**40), 2**40), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_the_buffer_keeps_numbers_as_they_are(values: list[float], steps: list[int]) -> None:
    buffer = Buffer()
    y, x = np.array(values, np.float64), np.array(steps, np.float64)
    refs = buffer.floats(y), buffer.whole(x), buffer.floats(y)
    assert refs[0] == refs[2]  # equal arrays are stored once
    block = page_data(f'id="page-data">0</script>id="page-numbers">{buffer.text()}</script>')[1]
    assert np.array_equal(numbers(block, refs[0]), y, equal_nan=True)
    assert np.array_equal(numbers(block, refs[1]), x)


def test_spikes_nans_and_infinities_survive_thinning() -> None:
    y = noise(20_000, 0.1)
    y[[777, 12_345]] = 50.0, -50.0
    y[[500, 600, 700]] = np.nan, np.inf, -np.inf
    data, block = page_data(page_of(make_run({"loss": y}), budget=1_000))
    (series,) = (s for s in data["series"] if s["key"] == "loss")
    kept = numbers(block, series["y"])
    steps = numbers(block, data["grids"][series["grid"]]["step"])
    assert series["n"] == 20_000 and len(kept) <= 1_100
    for step in (777, 12_345, 500, 600, 700):
        assert np.array_equal(kept[steps == step], y[[step]], equal_nan=True)


def test_what_is_thinned_is_said() -> None:
    assert "spikes survive" in page_of(make_run({"loss": noise(5_000)}), budget=1_000)
    assert "spikes survive" not in page_of(make_run({"loss": noise(500)}))


@given(st.lists(st.integers(0, 10**6), max_size=30), st.integers(1, 10**7))
@settings(deadline=None)
def test_the_budget_is_shared_fairly(sizes: list[int], budget: int) -> None:
    cap = fair_cap(np.array(sizes, np.int64), budget)
    assert cap >= 200
    total = sum(min(size, cap) for size in sizes)
    assert total <= max(budget, 200 * len(sizes))
    if any(size > cap for size in sizes) and cap > 200:
        assert total >= budget - len(sizes)  # nothing is thinned without need


def test_the_page_is_one_file_that_fetches_nothing(sample_page: str) -> None:
    outside_scripts = re.sub(r"<script>.*?</script>", "", sample_page, flags=re.S)
    assert not re.search(r"<(img|link|iframe|object|embed|base)\b", outside_scripts)
    assert "src=" not in re.sub(
        r"data-\w+=", "", outside_scripts.split("<body>")[1].split('<script type="app')[0]
    )
    assert "@import" not in sample_page and "url(" not in sample_page
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', sample_page)
    assert found
    policy = unescape(found[1])
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", sample_page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_same_run_gives_the_same_bytes(sample_page: str) -> None:
    assert page_of(postrun.load(SAMPLE)) == sample_page


def test_findings_and_drawings_are_there_without_scripts(sample_page: str) -> None:
    body = sample_page.split('<script type="application/json"')[0]
    for finding in postrun.diagnose(postrun.load(SAMPLE)):
        assert finding.message[:30].replace("'", "&#39;") in body
        assert finding.rule in body
    assert body.count('<svg class="curve"') > 10 and "<noscript>" in body


def test_hostile_texts_are_only_text() -> None:
    run = hostile_run()
    for html in (page_of(run), comparison_page(Comparison.of([run, hostile_run()]))):
        assert "<img" not in html
        assert html.count("<script") == 3 and html.count("</script>") == 3
        assert 'href="javascript' not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
        assert "{{7*7}}" in html and "49<!--" not in html


def test_a_run_without_anything_has_a_page() -> None:
    html = page_of(make_run())
    assert "no history" in html
    assert page_data(html)[0]["series"] == []


def test_custom_axes_are_carried() -> None:
    epochs = np.repeat(np.arange(20.0), 5)
    run = make_run(
        {"loss": decay(100), "epoch": epochs}, metrics=[MetricDefinition("loss", x_axis="epoch")]
    )
    html = page_of(run)
    data, block = page_data(html)
    (loss,) = (s for s in data["series"] if s["key"] == "loss")
    assert loss["own"]["key"] == "epoch"
    assert np.array_equal(numbers(block, loss["own"]["x"]), epochs)
    assert '<option value="own">' in html


def test_a_comparison_holds_each_run_and_what_differs() -> None:
    made = [
        make_run(
            {"loss": decay(300, seed=i)},
            identity=Identity(f"r{i}"),
            config={"lr": 0.1 * i, "same": 1},
        )
        for i in range(3)
    ]
    html = comparison_page(Comparison.of(made))
    data, block = page_data(html)
    assert [r["label"] for r in data["runs"]] == ["r0", "r1", "r2"]
    assert list(data["config"]) == ["lr"]
    (loss,) = data["metrics"]
    for line, run in zip(loss["lines"], made, strict=True):
        assert np.allclose(numbers(block, line["y"]), run.history["loss"].to_numpy(), rtol=1e-6)
    assert data["runs"][1]["finals"]["loss"][0] == pytest.approx(
        np.median(made[1].history["loss"][-15:])
    )


def test_analyze_writes_the_report(tmp_path: Path) -> None:
    (result,) = postrun.analyze(SAMPLE, tmp_path, plots=False)
    assert result.folder is not None
    assert result.folder / "report.html" in result.files
    assert (result.folder / "report.html").read_text().startswith("<!doctype html>")
    (none,) = postrun.analyze(SAMPLE, tmp_path / "none", plots=False, report=False)
    assert none.folder is not None and not (none.folder / "report.html").exists()


def test_other_packages_add_formats(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def own(inputs: ReportInputs, folder: Path) -> list[Path]:
        path = folder / "own.txt"
        path.write_text(inputs.view.run.name)
        return [path]

    def broken(inputs: ReportInputs, folder: Path) -> list[Path]:
        raise ValueError("no")

    class Entry:
        value, dist = "a:b", None

        def __init__(self, name: str, value: Format) -> None:
            self.name, self.load = name, lambda: value

    def entries_of(name: str, value: Format) -> Callable[[str], list[Entry]]:
        return lambda group: [Entry(name, value)] if group == "postrun.reports" else []

    monkeypatch.setattr(plugins, "entry_points", entries_of("own", own))
    formats.formats.cache_clear()
    (result,) = postrun.analyze(SAMPLE, tmp_path, plots=False)
    assert result.folder is not None and (result.folder / "own.txt").read_text() == result.name
    monkeypatch.setattr(plugins, "entry_points", entries_of("bad", broken))
    formats.formats.cache_clear()
    with pytest.warns(
        plugins.PluginWarning, match="the report format bad of an unknown package .* no"
    ):
        (result,) = postrun.analyze(SAMPLE, tmp_path / "b", plots=False)
    assert not result.error and {"report.html", "report.md"} <= {p.name for p in result.files}
    formats.formats.cache_clear()


def test_the_parts_of_one_training_are_in_one_page() -> None:
    seconds = np.arange(0, 600, 15.0)
    system = pl.DataFrame(
        {"_timestamp": seconds + 1.7e9, "_runtime": seconds, "gpu.0.gpu": seconds / 10}
    )
    parts = [
        make_run(
            {f"{name}/loss": decay(100)}, identity=Identity(name, name=f"x-{name}"), system=system,
            console=f"I am the {name}", requirements=["torch==2.9"],
        )
        for name in ("trainer", "orchestrator")
    ]  # fmt: skip
    html = page_of(postrun.join(parts))
    data, block = page_data(html)
    assert [c["lines"] for c in data["consoles"]] == [
        ["I am the trainer"],
        ["I am the orchestrator"],
    ]
    (group,) = (g for g in data["byRole"] if g["title"] == "System")
    labels = {data["series"][s]["label"] for c in group["charts"] for s in c["series"]}
    assert labels == {"GPU 0 (x-trainer)", "GPU 0 (x-orchestrator)"}
    (first, *_) = (s for s in data["series"] if s["key"] == "gpu.0.gpu")
    assert np.array_equal(numbers(block, data["grids"][first["grid"]]["runtime"]), seconds)
    assert html.count("<code>torch==2.9</code>") == 1


def test_the_cores_of_a_cpu_share_a_chart() -> None:
    seconds = np.arange(0, 600, 15.0)
    cores = {f"cpu.{i}.cpu_percent": 10.0 + i + 0 * seconds for i in range(32)}
    system = pl.DataFrame(
        {
            "_timestamp": seconds + 1.7e9,
            "_runtime": seconds,
            "cpu": 25 + 0 * seconds,
            "disk.0.in": seconds,
            "disk.1.in": seconds,
            **cores,
        }
    )
    charts = ChartData(RunView(make_run({"loss": decay(100)}, system=system)), Buffer())
    (group,) = (g for g in charts.by_role if g["axis"] == "runtime")
    titles = [chart["title"] for chart in group["charts"]]
    assert [t for t in titles if "CPU" in t] == ["CPU utilisation", "CPU cores (32)"]
    assert len([t for t in titles if t.startswith("Disk")]) == 2  # two devices are told apart
    (many,) = (c for c in group["charts"] if c["title"] == "CPU cores (32)")
    assert set(many["band"]) == {"low", "high", "label"}
    shown = charts.series[many["series"][0]]
    assert shown["unit"] == "%" and shown["key"] == "mean of cpu.*.cpu_percent"


def test_the_band_of_cores_is_their_range() -> None:
    seconds = np.arange(0, 60, 15.0)
    system = pl.DataFrame(
        {
            "_timestamp": seconds + 1.7e9,
            "_runtime": seconds,
            "system.cpu.0": [1.0, 2.0, 3.0, None],
            "system.cpu.1": [5.0, 2.0, 3.0, None],
            "system.cpu.2": [3.0, 2.0, None, None],
        }
    )
    (found,) = devices(RunView(make_run({"loss": decay(100)}, system=system)))
    assert found.mean.y.tolist() == [3.0, 2.0, 3.0]
    assert found.low.y.tolist() == [1.0, 2.0, 3.0] and found.high.y.tolist() == [5.0, 2.0, 3.0]
    assert found.mean.x.tolist() == [0.0, 15.0, 30.0]
    assert found.title == "CPU cores (3)"
