"""The Python API: shapes, laziness, errors."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import postrun
from postrun.model.text import duration, number, unique_labels
from tests import logs
from tests.conftest import SAMPLE


def test_load() -> None:
    run = postrun.load(SAMPLE)
    assert run.history.columns[:3] == ["_step", "_runtime", "_timestamp"]
    assert run.history.schema["_step"] == pl.Int64
    assert run.history.height == run.completeness.rows == 480
    assert run.config["optim"]["lr"] == 0.01
    assert run.summary["reward/mean"]["max"] == run.history["reward/mean"].max()
    assert {"timestamp", "stream", "line", "styled"} == set(run.console.columns)
    assert "480 rows" in repr(run)


def test_load_all_and_runs() -> None:
    refs = postrun.runs(SAMPLE)
    assert [r.id for r in refs] == ["sample01"] == [r.id for r in postrun.load_all(SAMPLE)]


def test_diagnose_selects() -> None:
    run = postrun.load(SAMPLE)
    assert {f.rule for f in postrun.diagnose(run, select=["RL001"])} == {"RL001"}
    assert "RL001" not in {f.rule for f in postrun.diagnose(run, ignore=["RL001"])}
    assert postrun.diagnose(postrun.RunView(run)) == postrun.diagnose(run)


def test_analyze_reports_what_it_could_not_read(tmp_path: Path) -> None:
    results = postrun.analyze([SAMPLE, tmp_path / "none"], tmp_path / "o", plots=False)
    assert results[0].folder == tmp_path / "o" / "sample01" and "no such file" in results[1].error
    with pytest.raises(postrun.TargetError):
        postrun.analyze(tmp_path / "none")


def test_store(tmp_path: Path) -> None:
    for name, code in (("a", 0), ("b", 1)):
        rows = [logs.history({"loss": 1.0 / (i + 1)}, step=i) for i in range(10)]
        logs.run_folder(tmp_path, name, [logs.run_record(name), *rows, logs.exit_record(code)])
    postrun.analyze(tmp_path / "wandb", tmp_path / "out", plots=False)
    store = postrun.open_store(tmp_path / "out")
    runs = store.runs.collect()
    assert runs["id"].to_list() == ["a", "b"]
    assert runs["state"].to_list() == ["finished", "failed"]
    assert runs["critical"].to_list() == [0, 1]
    history = store.history(["loss", "nope"]).collect()
    assert history.shape == (20, 4) and history["nope"].null_count() == 20
    assert store.history(["nope"]).collect().height == 0
    with pytest.raises(postrun.TargetError):
        postrun.open_store(tmp_path / "none")


def test_compare(tmp_path: Path) -> None:
    runs = []
    for name, lr in (("a", 0.1), ("b", 0.2)):
        rows = [logs.history({"val_loss": abs(5 - i) + lr}, step=i) for i in range(10)]
        record = logs.run_record(name, config={"lr": lr}, display_name=name.upper())
        runs.append(postrun.load(logs.run_folder(tmp_path, name, [record, *rows])))
    assert postrun.config_differences(runs).to_dicts() == [{"key": "lr", "A": "0.1", "B": "0.2"}]
    table = postrun.finals(runs)
    assert table["best"].to_list() == [0.1, 0.2] and table["best_step"].to_list() == [5, 5]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (0.12345678, "0.1235"), (13560.4, "13,560"), (1234567, "1,235,000"),
     (1e-7, "1e-07"), (-0.5, "-0.5"), (float("nan"), "NaN"), (float("-inf"), "-∞"), (None, "–"),
     (99999, "100,000"), (1e12, "1e+12")],
)  # fmt: skip
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


def test_texts() -> None:
    assert [duration(s) for s in (5, 600, 20_000)] == ["5 s", "10 min", "5.6 h"]
    assert unique_labels([("a", "1"), ("b", "2"), ("a", "3")]) == ["a (1)", "b", "a (3)"]
