"""The trainer's own axis: which column counts the steps, and that findings, rows and advice go by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import Axis, RunView
from postrun.metrics.axis import filled
from postrun.model import Artifact, Finding, MetricDefinition, Run, RunFile
from postrun.model.completeness import Seam
from postrun.training.checkpoints import go_back, saved_before, saves
from tests.conftest import ROOT
from tests.rule_cases import FIRES

N = 40


def run(columns: Mapping[str, object], **fields: object) -> Run:
    frame = pl.DataFrame({"_step": np.arange(N), "train/loss": np.linspace(3, 1, N), **columns})
    return replace(Run.from_frame(frame), **fields)  # type: ignore[arg-type]


def every(step: int, start: int = 0) -> np.ndarray:
    return start + step * np.arange(N)


@pytest.mark.parametrize(
    ("columns", "key", "unit"),
    [
        ({}, "_step", "step"),
        ({"train/global_step": every(10, 10)}, "train/global_step", "step"),
        ({"trainer/global_step": every(50, 49), "epoch": every(1) // 8}, "trainer/global_step", "step"),
        ({"epoch/epoch": every(1)}, "_step", "epoch"),  # equal to _step: the unit is what is new
        ({"epoch": every(1, 1)}, "epoch", "epoch"),
        ({"global_step": every(2048, 2048), "time/fps": every(1, 500)}, "global_step", "step"),
        ({"iter": every(250)}, "iter", "iteration"),
        ({"timesteps_total": every(4000)}, "timesteps_total", "environment step"),
        ({"tokens_seen": every(1_000_000)}, "_step", "step"),  # counts too, but nobody calls it a step
        ({"round": every(1, 1)}, "round", "round"),
        ({"episode": every(5)}, "episode", "episode"),
        ({"batch": every(1) % 8}, "_step", "step"),  # starts again in each epoch
        ({"epoch": every(1) // 20}, "_step", "step"),  # too coarse: two epochs for forty rows
        ({"global_step": np.full(N, 7)}, "_step", "step"),  # does not count
        ({"global_step": every(-1, 100)}, "_step", "step"),  # counts down
        ({"zorp": every(3)}, "_step", "step"),  # nobody says that it counts
        ({"train/global_step": every(10), "train/epoch": every(1) / 4}, "train/global_step", "step"),
    ],
)  # fmt: skip
def test_which_column_counts(columns: dict[str, object], key: str, unit: str) -> None:
    assert RunView(run(columns)).axis == Axis(key, unit)


def test_a_declared_axis_comes_first() -> None:
    declared = [MetricDefinition("train/*", glob=True, x_axis="train/step")]
    columns = {"train/step": every(4), "global_step": every(8)}
    assert RunView(run(columns, metrics=declared)).axis.key == "train/step"
    assert RunView(run(columns)).axis.key == "global_step"
    tokens = [MetricDefinition("*", glob=True, x_axis="tokens_seen")]
    assert RunView(run({"tokens_seen": every(512)}, metrics=tokens)).axis == Axis(
        "tokens_seen", "token"
    )


def test_a_counter_that_goes_back_is_an_axis_only_of_a_resumed_run() -> None:
    counter = np.r_[every(10)[:25], every(10)[20:35]]
    done = run({}).completeness
    resumed = replace(done, seams=[Seam(60, 59, 60, 10.0, "")])
    assert RunView(run({"global_step": counter})).axis.key == "_step"
    wide = pl.DataFrame({"_step": range(80), "train/loss": np.linspace(3, 1, 80),
                         "global_step": np.r_[np.arange(60) * 10, np.arange(58, 78) * 10]})  # fmt: skip
    view = RunView(replace(Run.from_frame(wide), completeness=resumed))
    assert view.axis.key == "global_step"
    series = view.series("train/loss")
    assert (np.diff(series.x) >= 0).all() and len(series) == 80


def test_rows_of_one_step_share_its_place() -> None:
    """A trainer logs training and evaluation of one step in two rows."""
    counter = np.repeat(every(10, 10)[: N // 2], 2)
    held_out = [None if i % 2 == 0 else float(i) for i in range(N)]
    view = RunView(run({"train/global_step": counter, "eval/loss": held_out}))
    assert view.series("eval/loss").x.tolist() == every(10, 10)[: N // 2].tolist()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            [10, None, 20, None, 30, 40],
            [10, 10, 20, 20, 30, 40],
        ),  # a row without it follows its step
        ([None, 5, 6, 7], [5, 5, 6, 7]),
        ([0, None, None, None, None, 50], [0, 10, 20, 30, 40, 50]),  # sparse: between its rows
        ([None, None], [None, None]),
    ],
)
def test_rows_without_the_counter(given: list[float | None], wanted: list[float | None]) -> None:
    floats = np.array([np.nan if v is None else v for v in given], dtype=float)
    assert np.array_equal(
        filled(floats), [np.nan if v is None else v for v in wanted], equal_nan=True
    )


def with_counter(case: Run, stride: int) -> Run:
    """The same run of a trainer that counts its own steps: `stride` a row."""
    counter = pl.Series("train/global_step", stride * np.arange(1, case.history.height + 1))
    return replace(case, history=case.history.with_columns(counter))


def shape(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.rule, f.severity.label) for top in findings for f in top.with_symptoms()]


CASES = [
    (code, case) for code, _, case, _ in FIRES
    if code.startswith(("OPT", "GEN", "PREF")) and not case.parts
    and "global_step" not in " ".join(case.history.columns) and "epoch" not in case.history.columns
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "case"), CASES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(CASES)]
)
def test_findings_go_by_the_trainers_steps(code: str, case: Run) -> None:
    """Another stride of the counter changes the steps in findings and nothing else."""
    one, seven = (postrun.diagnose(with_counter(case, stride), select=[code]) for stride in (1, 7))
    assert shape(one) == shape(seven)
    for a, b in zip(one, seven, strict=True):
        for p, q in zip(a.evidence, b.evidence, strict=True):
            assert (p.row_from, p.row_to) == (q.row_from, q.row_to)
            if (
                q.axis == "train/global_step"
                and p.step_from is not None
                and q.step_from is not None
            ):
                assert q.step_from == pytest.approx(7 * p.step_from)


def test_no_rule_writes_a_step_by_itself() -> None:
    """Steps in messages go through the run's axis; W&B's own steps are those of the DAT and RUN rules."""
    own = {"axis_back", "data_quality", "dropped_rows", "run_end", "resume"}
    for path in (ROOT / "src/postrun/rules").rglob("*.py"):
        if path.stem not in own:
            assert not re.search(r"steps? \{|steps? \"\s*\n\s*f\"\{", path.read_text()), path


# --------------------------------------------------------------------------------- checkpoints
def saved(run_: Run) -> tuple[float | None, bool]:
    view = RunView(run_)
    return saved_before(view, 25.0), saves(view)


@pytest.mark.parametrize(
    ("fields", "before", "any_"),
    [
        ({}, None, False),
        ({"config": {"save_steps": 10}}, 20.0, True),
        ({"config": {"save_steps": 10, "save_strategy": "no"}}, None, False),
        ({"config": {"save_steps": 500, "save_strategy": "epoch"}}, None, False),
        ({"files": [RunFile("out/checkpoint-15/model.safetensors", 1)]}, 15.0, True),
        ({"files": [RunFile("out/best.pt", 1)]}, None, True),
        ({"artifacts": [Artifact("model-abc", "model", "output")]}, None, True),
        ({"artifacts": [Artifact("model-abc", "model", "input")]}, None, False),
        ({"console": pl.DataFrame({"line": ["Saving model checkpoint to out/checkpoint-24"]})}, 24.0, True),
        ({"files": [RunFile("out/checkpoint-9000/model.pt", 1)]}, None, True),  # after the end: another run's
    ],
)  # fmt: skip
def test_what_a_run_saved(fields: dict[str, object], before: float | None, any_: bool) -> None:
    assert saved(run({}, **fields)) == (before, any_)


def test_a_checkpoint_is_advised_only_where_one_can_be() -> None:
    assert (
        go_back(RunView(run({}, config={"save_steps": 10})), 25)
        == "Go back to the checkpoint of step 20."
    )
    assert "shows none" in go_back(RunView(run({})), 25)
    told = go_back(RunView(run({}, files=[RunFile("best.pt", 1)])), 25)
    assert told == "Go back to the last checkpoint before step 25."


def test_the_terminal_names_the_unit(tmp_path: Path) -> None:
    from postrun.report.terminal import evidence_line

    proof = postrun.Evidence("val_loss", step_from=3.0, step_to=12.5, axis="epoch")
    assert evidence_line(proof).startswith("val_loss, epochs 3–12.5")
