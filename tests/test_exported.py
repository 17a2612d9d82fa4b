"""Folders exported earlier: the seed's layout, postrun's own, and bare histories."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.model import State, TargetError
from postrun.sources.sampling import looks_sampled
from tests.conftest import SAMPLE


def frame(steps: np.ndarray[tuple[int], np.dtype[np.int64]], **columns: object) -> pl.DataFrame:
    return pl.DataFrame({"_step": steps, "loss": np.linspace(1, 0, len(steps)), **columns})


def test_own_export_reads_back_equal(tmp_path: Path) -> None:
    """Cell by cell, whether from Parquet or from CSV."""
    original = postrun.load(SAMPLE)
    (result,) = postrun.analyze(SAMPLE, tmp_path, plots=False, report=False)
    assert result.folder is not None
    again = postrun.load(result.folder)
    assert again.history.equals(original.history)
    assert again.summary == original.summary and again.config == original.config
    assert again.state is original.state and again.name == original.name
    assert again.console["line"].to_list() == original.console["line"].to_list()
    assert again.identity.started_at == original.identity.started_at
    (result.folder / "sample01_history.parquet").unlink()
    by_csv = postrun.load(result.folder).history
    for name in original.history.columns:
        ours = by_csv[name].cast(original.history[name].dtype)
        assert ours.equals(original.history[name], null_equal=True), name


def test_the_seeds_layout(tmp_path: Path) -> None:
    folder = tmp_path / "abc123"
    folder.mkdir()
    rng = np.random.default_rng(0)
    steps = np.sort(rng.choice(2000, 500, replace=False))
    frame(steps).write_csv(folder / "abc123_history.csv")
    (folder / "abc123_summary.json").write_text('{"_step": 1999, "_runtime": 60.5, "x": NaN}')
    (folder / "abc123_config.json").write_text('{"lr": {"value": 0.1}, "_wandb": {"value": 1}}')
    (folder / "detailed_analysis.json").write_text(
        json.dumps(
            {"run_name": "n", "state": "finished", "url": "https://wandb.ai/e/p/runs/abc123"}
        )
    )
    run = postrun.load(tmp_path)
    assert run.name == "n" and run.state is State.FINISHED and run.runtime == 60.5
    assert run.config == {"lr": 0.1}
    assert run.completeness.sampled and run.completeness.reported_last_step == 1999
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "DAT001"]
    assert "500 rows of" in finding.message and "2,000" in finding.message


@pytest.mark.parametrize(
    ("steps", "sampled"),
    [
        (np.arange(1000), False),
        (np.arange(0, 10_000, 10), False),  # logs every tenth step
        (np.sort(np.random.default_rng(1).choice(1000, 500, replace=False)), True),
        (np.delete(np.arange(1000), np.arange(300, 420)), False),  # a gap in one place
        (np.unique((np.arange(500) * 1999 / 499).astype(int) + np.arange(500) % 2), True),
        (np.arange(20), False),
    ],
)
def test_sampled_or_not(steps: np.ndarray[tuple[int], np.dtype[np.int64]], sampled: bool) -> None:
    assert looks_sampled(frame(steps), int(steps[-1])) is sampled


def test_training_and_evaluation_at_different_steps_is_no_sample() -> None:
    train, evals = np.arange(0, 20_000, 50), np.arange(0, 20_000, 391)
    steps = np.unique(np.concatenate([train, evals]))
    loss = [float(s) if s % 50 == 0 else None for s in steps]
    val = [float(s) if s % 391 == 0 else None for s in steps]
    history = pl.DataFrame({"_step": steps, "loss": loss, "val": val})
    assert not looks_sampled(history, 19_999)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bare_history(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"some{suffix}"
    data = pl.DataFrame(
        {"step": [0, 10, 20], "loss": [3.0, float("nan"), 1.0], "tag": ["a", "b", "c"]}
    )
    data.write_csv(path) if suffix == ".csv" else data.write_parquet(path)
    run = postrun.load(path)
    assert run.id == "some" and run.history["_step"].to_list() == [0, 10, 20]
    assert run.completeness.nonfinite == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "name,text\nx,y\n", "no column of numbers"),
        ("a.parquet", "not parquet", "not a readable Parquet"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TargetError, match=words):
        postrun.load(tmp_path / name)


def test_summary_without_history(tmp_path: Path) -> None:
    (tmp_path / "x_summary.json").write_text('{"loss": 1}')
    run = postrun.load(tmp_path)
    assert run.history.height == 0 and "no history file" in run.completeness.notes[0]
