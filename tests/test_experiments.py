"""Several runs of one training: found, joined and read together; causes above their symptoms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run, Severity, State, UsageError
from postrun.rules import Selection, diagnose
from postrun.rules.causes import under_causes
from postrun.training import experiments, join, signature
from tests.curves import decay, make_run, noise
from tests.printed import results_of

N = 400
X = np.arange(N)


def named(run: Run, run_id: str, name: str = "", **identity: Any) -> Run:
    run.identity.id, run.identity.name = run_id, name
    for key, value in identity.items():
        setattr(run.identity, key, value)
    return run


def trainer() -> Run:
    ramp = np.clip((X - 150) / 40, 0, 1)
    columns = {
        "mismatch_kl/mean": 1e-3 + 2 * ramp + np.abs(noise(N, 2e-4)),
        "is_masked/mean": 0.3 * ramp,
        "trainer_probs/mean": 0.6 + noise(N, 0.01),
        "inference_probs/mean": 0.6 + 0.2 * ramp + noise(N, 0.01),
        "optim/lr": np.full(N, 1e-6),
        "loss/mean": noise(N, 1e-4),
        "perf/mfu": 20 + noise(N, 0.1),
        "time/step": 5 + noise(N, 0.05),
        "perf/throughput": np.where(X < 150, 9000, 5000) * np.exp(noise(N, 0.02)),
    }
    return named(make_run(columns), "t1", "exp-7-trainer", project="p")


def orchestrator() -> Run:
    columns = {
        "reward/mean": 0.5 * (1 - np.exp(-X / 60)) + noise(N, 0.01),
        "batch/solve_none": np.zeros(N),
        "completion_len/mean": np.where(X < 150, 400, 90) + noise(N, 3),
        "time/wait_for_weight_ckpt": np.zeros(N),
        "time/update_weights": 0.1 + noise(N, 0.01),
        "time/generate_completions": 3 + noise(N, 0.1),
        "time/step": 6 + noise(N, 0.05),
        "metrics/exact_reward": np.zeros(N),
    }
    return named(make_run(columns), "o1", "exp-7-orchestrator", project="p")


def pairs(*runs: Run) -> list[list[int]]:
    return experiments([signature(RunView(run)) for run in runs])


def test_parts_of_one_training_are_found() -> None:
    assert pairs(orchestrator(), trainer()) == [[1, 0]]  # the trainer first
    nameless = named(orchestrator(), "o1", "", project="")
    assert pairs(trainer(), nameless) == [[0, 1]]  # by what the framework logs, and by their times


def test_what_does_not_belong_together_is_left_apart() -> None:
    other = named(orchestrator(), "o1", "exp-8-orchestrator", project="p")
    assert pairs(trainer(), other) == []
    elsewhere = named(orchestrator(), "o1", "exp-7-orchestrator", project="q")
    assert pairs(trainer(), elsewhere) == []
    later = orchestrator()
    later.history = later.history.with_columns(_timestamp=later.history["_timestamp"] + 1e6)
    assert pairs(trainer(), later) == []
    seeds = [
        named(make_run({"loss": decay(N)}), f"s{i}", f"net-seed{i}", group="g") for i in range(3)
    ]
    assert pairs(*seeds) == []
    twice = [
        trainer(),
        orchestrator(),
        named(orchestrator(), "o2", "exp-7-orchestrator", project="p"),
    ]
    assert pairs(*twice) == []  # which of the two is not known: nothing is guessed
    grouped = [
        named(trainer(), "t1", "trainer", group="g"),
        named(orchestrator(), "o1", "eval", group="g"),
    ]
    assert pairs(*grouped) == [[0, 1]]


def test_joined_on_step() -> None:
    a = named(
        make_run({"loss": [1.0, 2.0, 3.0], "time": [1.0, 1, 1]}, steps=[0, 1, 1]), "a", "x-trainer"
    )
    b = named(make_run({"reward": [5.0, 6.0], "time": [2.0, 2.0]}, steps=[1, 2]), "b", "x-eval")
    b.state, b.config, a.config = State.FAILED, {"lr": 2, "k": 1}, {"lr": 1}
    run = join([a, b])
    assert run.id == "a+b" and run.name == "x" and run.state is State.FAILED
    assert run.config == {"lr": 1, "k": 1}
    rows = run.history.select("_step", "loss", "reward", "time", "time (eval)").rows()
    assert rows == [(0, 1.0, None, 1.0, None), (1, 3.0, 5.0, 1.0, 2.0), (2, None, 6.0, None, 2.0)]
    assert run.origin["time (eval)"] == (1, "time")
    with pytest.raises(UsageError, match="at least two"):
        join([a])


def test_read_together() -> None:
    run = postrun.join([trainer(), orchestrator()])
    view = RunView(run)
    assert view.framework == "prime-rl"
    assert view.metrics["loss/mean"].role == "loss.policy" and view.metrics["loss/mean"].run == "t1"
    assert view.metrics["time/step (orchestrator)"].role == "time.step"
    found = {f.rule: f for f in diagnose(view)}
    speed = found["PERF001"]
    assert "completion_len/mean fell" in speed.message and "not slower hardware" in speed.message
    assert [e.run for e in speed.evidence] == ["t1", "o1"]
    assert found["RL001"].as_dict()["evidence"][0]["run"] == "t1"
    assert found["DAT004"].evidence[0].run == "o1"
    alone = diagnose(RunView(trainer()))
    assert all("run" not in e for f in alone for e in f.as_dict()["evidence"])


def test_rules_on_processes_read_each_part() -> None:
    first, second = trainer(), orchestrator()
    second.state, second.exit_code = State.FAILED, 1
    (finding,) = [f for f in diagnose(join([first, second])) if f.rule == "RUN001"]
    assert finding.message.startswith("exp-7-orchestrator: Failed")
    assert {e.run for e in finding.evidence} == {"o1"}


def finding(rule: str, severity: Severity, start: float, end: float) -> Finding:
    return Finding(rule, rule, severity, 0.8, "m", evidence=(Evidence("m", None, start, end),))


def test_one_cause_is_one_finding() -> None:
    cause = finding("RL001", Severity.WARNING, 100, 1000)
    symptom = finding("OPT008", Severity.CRITICAL, 150, 1000)
    (top,) = under_causes([symptom, cause])
    assert top.rule == "RL001" and [s.rule for s in top.symptoms] == ["OPT008"]
    assert top.severity is Severity.CRITICAL  # as severe as its worst symptom
    assert [f.rule for f in top.with_symptoms()] == ["RL001", "OPT008"]
    before = finding("OPT008", Severity.WARNING, 100, 300)
    late = finding("RL001", Severity.WARNING, 600, 1000)
    assert len(under_causes([before, late])) == 2  # what ended before is not explained by it
    chain = [finding(code, Severity.WARNING, 100, 1000) for code in ("GEN004", "OPT002", "OPT001")]
    (root,) = under_causes(chain)
    assert root.rule == "OPT001" and len(root.with_symptoms()) == 3


def test_severities_can_be_set() -> None:
    run = make_run({"reward": noise(100), "metrics/a_reward": np.zeros(100)})
    assert {
        f.severity
        for f in diagnose(run, Selection(severity={"DAT": "critical"}))
        if f.rule == "DAT004"
    } == {Severity.CRITICAL}
    with pytest.raises(UsageError, match="unknown severity"):
        Selection(severity={"DAT": "awful"}).active()
    with pytest.raises(UsageError, match="no rule matches"):
        Selection(severity={"XXX": "info"}).active()
    with pytest.raises(UsageError, match="no rule is called"):
        Selection(thresholds={"XXX001": {"a": 1.0}}).active()


def exported(run: Run, folder: Path) -> None:
    """As the seed's scripts export a run: a CSV and a summary beside it."""
    path = folder / run.id
    path.mkdir(parents=True)
    run.history.write_csv(path / f"{run.id}_history.csv")
    (path / f"{run.id}_summary.json").write_text(json.dumps({"_step": N - 1}))


def test_analyze_reads_a_training_of_two_runs_as_one(tmp_path: Path) -> None:
    exported(trainer(), tmp_path)
    exported(orchestrator(), tmp_path)
    arguments = [
        str(tmp_path / "t1"),
        str(tmp_path / "o1"),
        "--out",
        str(tmp_path / "out"),
        "--no-plots",
    ]
    done = CliRunner().invoke(cli, ["analyze", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    runs = results_of(done.stdout)["runs"]
    assert [r["run_id"] for r in runs] == ["t1", "o1", "t1+o1"]
    assert (tmp_path / "out" / "t1+o1" / "report.md").exists()
    text = CliRunner().invoke(cli, ["analyze", *arguments]).stdout
    assert text.count("do  Compare log-probabilities of trainer") == 1  # in full once
    pulled = CliRunner().invoke(cli, ["pull", *arguments[:4], "--json"])
    assert len(results_of(pulled.stdout)["runs"]) == 2


def test_thresholds_and_severities_on_the_command_line(tmp_path: Path) -> None:
    exported(trainer(), tmp_path)
    target = str(tmp_path / "t1")
    assert CliRunner().invoke(cli, ["check", target, "--select", "RL001"]).exit_code == 1
    relaxed = ["check", target, "--select", "RL001", "--severity", "RL001=info"]
    assert CliRunner().invoke(cli, relaxed).exit_code == 0
    lax = ["check", target, "--select", "RL001"]
    for limit in ("gap_floor", "kl_floor", "masked_floor"):
        lax += ["--threshold", f"RL001.{limit}=100"]
    assert CliRunner().invoke(cli, lax).exit_code == 0
    wrong = CliRunner().invoke(
        cli, ["check", target, "--threshold", "RL001=x"], standalone_mode=False
    )
    assert isinstance(wrong.exception, UsageError) and "RULE.NAME=NUMBER" in str(wrong.exception)
