"""Real runs of strangers, where they lie beside the project: none of them is in it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import postrun
from postrun.model import Severity, State


def index(shared: Path) -> list[dict[str, str]]:
    with (shared / "runs" / "INDEX.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_run_has_the_rows_and_the_state_of_the_index(shared: Path) -> None:
    rows = index(shared)
    assert len(rows) >= 60
    for row in rows:
        (path,) = (shared / "runs" / row["repo"]).rglob(f"{row['run']}/*.wandb")
        run = postrun.load(path)
        assert run.history.height == int(row["history"]), path
        if row["exit"]:
            assert run.exit_code == int(row["exit"])
            assert run.state is (State.FAILED if run.exit_code else State.FINISHED)
        else:
            assert run.state is State.CRASHED
        for finding in postrun.diagnose(run):
            assert finding.rule != "RUN000", finding.message


def test_the_trainer_of_the_seed(shared: Path) -> None:
    run = postrun.load(shared / "seed_run" / "7nikv4vp")
    assert run.completeness.sampled and run.completeness.rows == 500
    found = {part.rule: part for f in postrun.diagnose(run) for part in f.with_symptoms()}
    assert "500 rows of 999" in found["DAT001"].message
    mismatch = found["RL001"]
    assert mismatch.severity is Severity.CRITICAL
    start = mismatch.evidence[0].step_from
    assert start is not None and 20 <= start <= 60
    assert "masked" in mismatch.message and "gradient norm" in mismatch.message
    assert found["RUN003"].severity is Severity.GOOD
    assert found["PERF001"].evidence[0].step_from == pytest.approx(70, abs=40)
    speed = " ".join(f.message for f in postrun.diagnose(run, select=["PERF001"]))
    assert "less work per step" in speed and "dips every 100 steps" in speed
    assert found["RL002"].message.startswith("entropy/mean fell from 0.93")
    assert not {"OPT002", "OPT004", "OPT006", "OPT005"} & set(found)


def test_the_orchestrator_of_the_seed(shared: Path) -> None:
    run = postrun.load(shared / "seed_run" / "29hn8w98")
    assert not run.completeness.sampled and run.completeness.rows == 1000
    found = {f.rule: f for f in postrun.diagnose(run)}
    assert "exact_match_reward" in found["DAT004"].message
    assert "pattern_reward" in found["DAT004"].message
    assert "90 % of its gain" in found["OPT003"].message
    assert "completion_len/mean fell" in found["PERF001"].message
    assert "truncated completions fell" in found["RL003"].message
