"""Real runs of strangers, where they lie beside the project: none of them is in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from benchmarks.faults.consistency import contradictions, praised

import postrun
from postrun.metrics import RunView
from postrun.model import Severity, State
from postrun.report.story import verdict


def index(shared: Path) -> list[dict[str, str]]:
    with (shared / "runs" / "INDEX.csv").open() as file:
        return list(csv.DictReader(file))


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


@pytest.mark.slow
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
        elif "_wandb" in json.loads(_text(path.parent / "files" / "wandb-summary.json") or "{}"):
            # An incomplete copy: the summary file has the run time that is written at the end.
            assert run.state in (State.FINISHED, State.FAILED), path
            assert run.completeness.truncated, path
        else:
            assert run.state is State.CRASHED, path
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
    assert "masked" in mismatch.message
    assert "grad_norm" in {proof.role for proof in mismatch.evidence}
    assert found["RUN003"].severity is Severity.GOOD
    assert found["PERF001"].evidence[0].step_from == pytest.approx(70, abs=40)
    speed = " ".join(f.message for f in postrun.diagnose(run, select=["PERF001"]))
    assert "each step holds fewer tokens" in speed and "dips every 100 steps" in speed
    assert found["RL002"].message.startswith("entropy/mean fell from 0.93")
    assert not {"OPT002", "OPT004", "OPT006", "OPT005"} & set(found)


def test_the_orchestrator_of_the_seed(shared: Path) -> None:
    run = postrun.load(shared / "seed_run" / "29hn8w98")
    assert not run.completeness.sampled and run.completeness.rows == 1000
    found = {f.rule: f for f in postrun.diagnose(run)}
    assert "exact_match_reward" in found["DAT004"].message
    assert "pattern_reward" in found["DAT004"].message
    assert "90% of its gain" in found["OPT003"].message
    assert "completion_len/mean fell" in found["PERF001"].message
    assert "truncated completions fell" in found["RL003"].message


def test_the_seeds_training_read_as_one(shared: Path) -> None:
    """All that an expert sees in it, from trainer and orchestrator together, and nothing false."""
    runs = [postrun.load(shared / "seed_run" / name) for name in ("7nikv4vp", "29hn8w98")]
    joined = postrun.join(runs)
    top = postrun.diagnose(joined)
    found = [part for f in top for part in f.with_symptoms()]
    says = " | ".join(f.message for f in found)
    by_code = {f.rule: f for f in found}

    assert top[0].rule == "RL001" and top[0].severity is Severity.CRITICAL
    start = top[0].evidence[0].step_from
    assert start is not None and 20 <= start <= 60
    assert {e.run for e in top[0].evidence} == {"7nikv4vp"}
    for words in (
        "500 rows of 999",
        "28% of tokens are masked",
        "completion_len/mean fell",
        "not slower hardware",
        "dips every 100 steps",
        "ckpt.interval",
        "perf/mfu has a median of 2.6%",
        "metrics/exact_match_reward, metrics/pattern_reward are each 0 in all 1,000 rows",
        "reward/mean made 90% of its gain",
        "truncated completions fell from",
        "entropy/mean fell from 0.93",
        "Completed all 1,000 planned steps",
    ):
        assert words in says, words
    # A policy-gradient loss near zero, falling or not, is neither success nor fault.
    assert not {"OPT002", "OPT004", "OPT005", "OPT006", "OPT011", "OPT012", "GEN001"} & set(by_code)
    assert "loss/mean" not in says and "learning rate" not in says
    good = [f.message for f in found if f.severity is Severity.GOOD]
    assert all("loss" not in message for message in good)


def test_the_seeds_runs_are_found_to_be_one_training(shared: Path, tmp_path: Path) -> None:
    targets = [shared / "seed_run" / name for name in ("7nikv4vp", "29hn8w98")]
    done = postrun.analyze(targets, tmp_path, plots=False)
    assert [r.id for r in done] == ["7nikv4vp", "29hn8w98", "7nikv4vp+29hn8w98"]
    insights = done[0].analysis["insights"]
    for words in (
        "Finished after",
        "1.54 hours",
        "of 999 steps",
        "9.26e-06",
        "throughput",
        "MFU",
        "entropy",
    ):
        assert any(words in text for text in insights), words


def test_whose_memory_filled_the_gpu(shared: Path) -> None:
    (folder,) = (shared / "runs").glob("*/run-20260117_122345-*")
    (finding,) = [f for f in postrun.diagnose(postrun.load(folder)) if f.rule == "RUN001"]
    assert "other processes held 44.8 of the GPU's 47.5 GiB, this one 2.7 GiB" in finding.message


@pytest.mark.slow
def test_optimizers_of_a_real_project(shared: Path) -> None:
    """32 runs, many of them cut copies: what an expert says of them."""
    project = postrun.project(shared / "runs" / "aorvieto__VerySimpleTransformer")
    found = postrun.compare(project, "train_loss_local", by="optimizer.method")
    assert "at each one's best optimizer.lr" in found.headline[0]
    best = found["tuned"].to_dicts()[0]
    assert (best["group"], best["best_setting"]) == ("signum", "optimizer.lr=3e-05")
    # Nothing of this can be shown with one run per setting, and it is not claimed.
    assert "first is better" not in found["pairs"]["verdict"].to_list()
    aside = found["runs"].filter(found["runs"]["note"].str.starts_with("set aside"))
    assert set(aside["state"]) <= {
        "failed (an exception)", "stopped by the user", "killed (no exit record)",
    }  # fmt: skip

    search = postrun.sweep(project, "train_loss_local")
    top = search["configurations"].to_dicts()[0]
    assert (top["optimizer.method"], top["optimizer.lr"]) == ("signum", "3e-05")
    assert top["p_best"] < 0.6 and top["expected"] > top["mean"]
    assert any("largest tried with it" in line for line in search.headline)
    assert any("equal settings" in c for c in search.caveats)

    over_time = postrun.progress(project, "train_loss_local")
    assert over_time["records"]["id"].to_list()[-1] == "6a0em794"
    assert over_time["records"]["within_noise"].to_list()[1:] == [False, True, True, False]


def test_seed_pair_over_tokens_and_time(shared: Path) -> None:
    """Trainer and orchestrator of the seed, as two runs of a project: each is read, neither is a failure."""
    project = postrun.project(shared / "seed_run")
    assert {r.id for r in project.records} == {"7nikv4vp", "29hn8w98"}
    assert not any(r.ending.failed for r in project.records)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["frameworks", "labelled", "runs"])
def test_no_finding_contradicts_another_of_its_run(shared: Path, part: str) -> None:
    """Improved and overfitted, flat and still improving, healthy and critical, over all real runs at hand."""
    found: list[str] = []
    for folder in sorted(path for path in (shared / part).iterdir() if path.is_dir()):
        for ref in postrun.runs(folder):
            view = RunView(ref.load())
            findings = postrun.diagnose(view)
            found += [f"{ref.id}: {c}" for c in contradictions(findings)]
            found += [
                f"{ref.id}: praised, but {f.message}"
                for f in praised(verdict(view, findings), findings)
            ]
    assert found == []
