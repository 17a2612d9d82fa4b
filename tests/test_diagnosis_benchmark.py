"""The benchmark itself: that a training is logged, labelled and scored as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.diagnosis import curves
from benchmarks.diagnosis.labels import Labels
from benchmarks.diagnosis.score import Score, said
from benchmarks.diagnosis.trainings import CASES

import postrun
from postrun.model import Evidence, Finding, Severity, State
from postrun.rules import rules
from tests.conftest import ROOT


def train(name: str, folder: Path) -> tuple[postrun.Run, Labels, int]:
    """One real training in a process of its own, as the benchmark does it."""
    command = [sys.executable, "-m", "benchmarks.diagnosis.trainings", name, "4", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    run = postrun.load(next(folder.glob("wandb/offline-run-*")))
    return run, Labels.read(folder / "labels.json"), done.returncode


@pytest.mark.slow
def test_a_fault_is_trained_labelled_and_found(tmp_path: Path) -> None:
    run, labels, code = train("schedule-too-short", tmp_path)
    assert code == 0 and run.state is State.FINISHED and run.history.height == 800
    assert labels.must == {"OPT014": 400} and not labels.healthy
    score = Score()
    score.add(labels, said(postrun.diagnose(run)))
    assert score.recall == 1 and score.onset_error == 0


@pytest.mark.slow
def test_a_process_that_raises_leaves_its_labels(tmp_path: Path) -> None:
    run, labels, code = train("raises", tmp_path)
    assert code == 1 and run.state is State.FAILED and set(labels.must) == {"RUN001"}
    (found,) = [f for f in postrun.diagnose(run) if f.rule == "RUN001"]
    assert "ValueError at processes.py" in found.message


def test_scores() -> None:
    def finding(rule: str, start: float, severity: Severity = Severity.WARNING) -> Finding:
        return Finding(
            rule, rule, severity, 0.9, "m", evidence=(Evidence("m", None, start, 100.0),)
        )

    score = Score()
    labels = Labels("a", {"OPT002": 50.0, "OPT001": None}, may=("GEN",), span=100.0)
    symptom = finding("GEN004", 60)
    cause = Finding("OPT002", "x", Severity.WARNING, 0.9, "m", symptoms=(symptom,),
                    evidence=(Evidence("m", None, 54.0, 100.0),))  # fmt: skip
    good = finding("OPT007", 0, Severity.GOOD)
    score.add(labels, said([cause, good, finding("PERF001", 1)]))
    assert (score.hits.total(), score.misses.total(), score.alarms.total()) == (1, 1, 1)
    assert score.precision == 0.5 and score.recall == 0.5
    assert score.onset_error == pytest.approx(0.04)
    assert score.lost == [("a", "OPT001")] and score.false == [("a", "PERF001")]
    healthy = Labels("b", healthy=True)
    score.add(healthy, said([finding("OPT001", 1, Severity.CRITICAL)]))
    assert score.critical_on_healthy == 1 and score.healthy == 1


def test_labels_name_rules_that_there_are() -> None:
    codes = {rule.code for rule in rules()}
    for case in CASES.values():
        assert set(case.must) <= codes, case.name
        assert all(any(code.startswith(m) for code in codes) for m in case.may), case.name
        assert case.train.__doc__
    assert sum(case.healthy for case in CASES.values()) >= 8 and len(CASES) >= 24
    for _, labels in curves.cases(range(1)):
        assert set(labels.must) <= codes and labels.healthy == (not labels.must)


def test_curves_with_seeds_of_this_test_alone() -> None:
    """A small, fixed part of the benchmark as a regression test; the report has other seeds."""
    score = Score()
    for run, labels in curves.cases(range(900, 902)):
        score.add(labels, said(postrun.diagnose(run)))
    assert score.precision >= 0.95 and score.recall >= 0.95, (score.lost, score.false)
    assert score.critical_on_healthy == 0
