"""What of a run was understood and what could not be judged, in every output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import Run
from postrun.report.story import verdict
from postrun.rules.coverage import coverage
from tests.printed import results_of

ROWS = 80


def run(*names: str) -> Run:
    """A run whose metrics have these names and values that no rule has a word on."""
    rng = np.random.default_rng(1)
    steps = np.arange(ROWS)
    columns = {name: 1 / (1 + steps) + 0.01 * rng.random(ROWS) for name in names}
    return Run.from_frame(pl.DataFrame({"_step": steps, **columns}))


def gaps(*names: str) -> set[str]:
    return set(coverage(RunView(run(*names))).gaps)


def test_a_run_of_which_nothing_is_understood_is_not_healthy() -> None:
    view = RunView(run("zorp", "blarg", "quux/fnord"))
    seen = coverage(view)
    assert (seen.understood, seen.metrics, seen.thin) == (0, 3, True)
    assert verdict(view, []).endswith(
        "too little is understood to judge the training (0 of 3 metrics)."
    )
    assert (
        seen.sentences()[0] == "Understood 0 of 3 metrics. Not understood: zorp, blarg, quux/fnord."
    )
    assert "learning (no loss, score or reward that is understood)" in seen.sentences()[1]


def test_a_run_that_is_understood_has_a_clean_verdict() -> None:
    view = RunView(run("train/loss", "eval/loss", "train/grad_norm", "train/learning_rate"))
    assert verdict(view, []).endswith("no problem found.")
    assert coverage(view).understood == 4


def test_the_verdict_counts_what_was_looked_at() -> None:
    view = RunView(run("train/loss", "eval/loss", "zorp"))
    assert verdict(view, []).endswith("no problem found in the 2 of 3 metrics that are understood.")


@pytest.mark.parametrize(
    ("names", "topic", "judged"),
    [
        (["train/loss"], "overfitting", False),
        (["train/loss", "eval/loss"], "overfitting", True),
        (["train/loss"], "gradients", False),
        (["train/loss", "grad_norm"], "gradients", True),
        (["train/loss"], "learning rate", False),
        (["train/loss", "lr"], "learning rate", True),
        (["train/loss"], "reward", True),  # no reinforcement learning: nobody asks
        (["train/policy_loss"], "reward", False),
        (["train/policy_loss", "reward"], "reward", True),
        (["train/policy_loss", "reward"], "policy updates", False),
        (["train/policy_loss", "reward", "entropy"], "policy updates", True),
        (["train/loss"], "hardware use", False),
    ],
)
def test_topics(names: list[str], topic: str, judged: bool) -> None:
    assert (topic not in gaps(*names)) is judged


def test_trees_have_no_gradients() -> None:
    assert "gradients" not in gaps("validation_0-logloss", "validation_1-logloss")


def test_a_sentence_lists_a_few_names_and_counts_the_others() -> None:
    seen = coverage(RunView(run("train/loss", *(f"zorp{i}x" for i in range(20)))))
    assert seen.sentences()[0].endswith("and 14 more.")


def test_every_output_tells_the_coverage(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    run("zorp", "blarg").history.select("_step", "zorp", "blarg").write_csv(path)
    done = CliRunner().invoke(
        cli, ["analyze", str(path), "--out", str(tmp_path / "out"), "--no-plots"]
    )
    told = "Understood 0 of 2 metrics. Not understood: blarg, zorp."
    assert told in " ".join(done.stdout.split())
    (folder,) = (p for p in (tmp_path / "out").iterdir() if p.is_dir())
    assert told in (folder / "report.md").read_text()
    assert told in (folder / "report.html").read_text()
    data = json.loads((folder / "detailed_analysis.json").read_text())
    assert data["coverage"]["not_understood"] == ["blarg", "zorp"]


def test_check_is_not_silent_on_a_run_that_it_does_not_understand(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    run("zorp", "blarg").history.select("_step", "zorp", "blarg").write_csv(path)
    done = CliRunner().invoke(cli, ["check", str(path)])
    assert done.exit_code == 0 and "Understood 0 of 2 metrics." in done.stdout
    (told,) = results_of(CliRunner().invoke(cli, ["check", str(path), "--json"]).stdout)["runs"]
    assert told["coverage"]["understood"] == 0
    assert {gap["topic"] for gap in told["coverage"]["not_judged"]} >= {"learning", "hardware use"}


def test_the_coverage_is_part_of_a_result(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    run("train/loss", "zorp").history.select("_step", "train/loss", "zorp").write_csv(path)
    (result,) = postrun.analyze(path, None)
    assert result.coverage.counted == "1 of 2 metrics"
