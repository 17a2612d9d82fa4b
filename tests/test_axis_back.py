"""An x axis that goes back: restarts, sawteeth, and what only looks like one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.model import Finding, MetricDefinition, Run, Seam, Severity
from postrun.rules import Selection, diagnose
from tests.curves import decay, make_run

N = 70
X = np.arange(N)
TWICE = np.r_[np.arange(30), np.arange(40)].astype(float)


def declared(
    axis: str = "epoch", metrics: str = "*", glob: bool = True, **more: Any
) -> dict[str, Any]:
    return {"metrics": [MetricDefinition(metrics, glob=glob, x_axis=axis)], **more}


def found(run: Run) -> list[Finding]:
    parts = [part for f in postrun.diagnose(run) for part in f.with_symptoms()]
    return [f for f in parts if f.rule == "DAT008"]


def over(values: Any, **fields: Any) -> Run:
    return make_run({"loss": decay(len(values)), "epoch": values}, **declared(), **fields)


def test_two_trainings_in_one_run() -> None:
    (finding,) = found(over(TWICE))
    assert finding.severity is Severity.WARNING
    assert finding.message == (
        "epoch, the x axis of loss, goes back from 29 to 0 after step 29: "
        "2 trainings overlay each other in one run"
    )
    (proof,) = finding.evidence
    assert (proof.metric, proof.step_from, proof.step_to) == ("epoch", 29, 30)
    assert (proof.before, proof.after, proof.effect, proof.n) == (29, 0, 1, N)


@pytest.mark.parametrize(
    ("metrics", "glob"), [("loss", False), ("lo*", True), ("lo*", False), ("*", True)]
)
def test_each_form_of_a_declaration(metrics: str, glob: bool) -> None:
    run = make_run({"loss": decay(N), "x": TWICE}, **declared("x", metrics, glob))
    (finding,) = found(run)
    assert finding.message.startswith("x, the x axis of loss, goes back from 29 to 0")


def test_an_axis_that_no_metric_uses_is_named_all_the_same() -> None:
    run = make_run({"loss": decay(N), "x": TWICE}, **declared("x", "other"))
    assert found(run)[0].message.startswith("x, a declared x axis, goes back from 29 to 0")


def test_five_folds_and_a_rewind() -> None:
    (finding,) = found(over(np.tile(np.arange(14.0), 5)))
    assert finding.severity is Severity.WARNING and "5 trainings overlay" in finding.message
    assert "after step 13 (the first of 4 times)" in finding.message
    assert len(finding.evidence) == 4
    (finding,) = found(over(np.r_[np.arange(50.0), np.arange(30.0, 50.0)]))
    assert finding.severity is Severity.WARNING
    assert finding.message.endswith("goes back from 49 to 30 after step 49: charts over it overlap")


def test_a_sawtooth_is_no_fault() -> None:
    (finding,) = found(over(np.tile(np.arange(10.0), 7)))
    assert finding.severity is Severity.INFO
    assert finding.message == (
        "epoch, the x axis of loss, goes back 6 times, about every 10 rows: "
        "charts over it draw 7 curves on top of each other"
    )


def test_batches_within_a_few_epochs() -> None:
    batch = np.tile(np.arange(25.0), 3)
    columns = {"loss": decay(75), "batch": batch, "epoch": np.arange(75) // 25}
    (finding,) = found(make_run(columns, **declared("batch", "loss", False)))
    assert finding.severity is Severity.INFO
    assert "goes back from 24 to 0 after step 24 (the first of 2 times)" in finding.message


def test_the_axis_may_have_rows_of_its_own() -> None:
    axis = [v if i % 2 else None for i, v in enumerate(np.repeat(TWICE, 2))]
    loss = [None if i % 2 else v for i, v in enumerate(decay(2 * N))]
    (finding,) = found(make_run({"loss": loss, "epoch": axis}, **declared()))
    assert finding.severity is Severity.WARNING and "from 29 to 0 after step 59" in finding.message


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("it only grows", X * 1.0),
        ("ties", X // 7 * 1.0),
        ("NaN", np.where(X % 5 == 2, np.nan, X * 1.0)),
        ("noise of floats", X / N + np.where(X % 2 == 0, 1e-9, 0)),
        ("loggers that are a step behind", X - (X % 10 == 9) * 1.4),
        ("one value", np.ones(N)),
        ("a falling quantity", 10.0 - X / 10),
        ("no counter at all", np.random.default_rng(0).random(N)),
        ("all missing", np.full(N, np.nan)),
    ],
)
def test_no_fall(name: str, values: Any) -> None:
    assert not found(over(values)), name


def test_two_paces_are_no_fall() -> None:
    """Training and evaluation log one axis in rows of their own; each of them only grows."""
    train, late = X % 2 == 0, X % 2 == 1
    columns = {
        "loss": [float(v) if t else None for v, t in zip(decay(N), train, strict=True)],
        "val/loss": [float(v) if t else None for v, t in zip(decay(N), late, strict=True)],
        "epoch": np.where(late, X / 2, X * 1.0),
    }
    assert not found(make_run(columns, **declared()))


def test_seams_and_steps_that_go_back_are_told_elsewhere() -> None:
    seam = {"completeness": {"seams": [Seam(30, 29, 30, 60.0, "b")]}}
    assert not found(over(TWICE, **seam))
    assert not found(over(TWICE, steps=np.r_[0:30, 0:40]))
    later = {"completeness": {"seams": [Seam(20, 19, 20, 60.0, "b")]}}
    assert found(over(TWICE, **later))


def test_a_counter_that_is_not_declared() -> None:
    (finding,) = found(make_run({"loss": decay(N), "epoch": TWICE}))
    assert finding.severity is Severity.WARNING
    assert finding.message == (
        "The counter epoch goes back from 29 to 0 after step 29: "
        "2 trainings overlay each other in one run"
    )
    for values in (
        np.tile(np.arange(10.0), 7),  # within an epoch
        np.r_[np.arange(50.0), np.arange(30.0, 50.0)],  # not to its beginning
        np.r_[np.arange(68.0), 0, 1],  # a last evaluation
    ):
        assert not found(make_run({"loss": decay(N), "epoch": values}))
    assert not found(make_run({"loss": decay(N), "strange": TWICE}))


@pytest.mark.parametrize(("drop", "told"), [(1.3, False), (1.5, True)])
def test_the_size_of_a_fall(drop: float, told: bool) -> None:
    """2% of a range of 69: 1.38."""
    values = X * 1.0
    values[40] = values[39] - drop
    assert bool(found(over(values))) is told


@pytest.mark.parametrize(("drop", "severity"), [(6.8, Severity.INFO), (7.0, Severity.WARNING)])
def test_a_small_fall_is_worth_knowing(drop: float, severity: Severity) -> None:
    """10% of a range of 69: 6.9."""
    values = X * 1.0
    values[40] = values[39] - drop
    assert found(over(values))[0].severity is severity


@pytest.mark.parametrize(("parts", "severity"), [(5, Severity.WARNING), (6, Severity.INFO)])
def test_how_many_falls_are_few(parts: int, severity: Severity) -> None:
    assert found(over(np.tile(np.arange(12.0), parts)))[0].severity is severity


def test_thresholds() -> None:
    run = over(np.tile(np.arange(10.0), 7))
    more = Selection(thresholds={"DAT008": {"few": 6}})
    (finding,) = [f for f in diagnose(run, more) if f.rule == "DAT008"]
    assert finding.severity is Severity.WARNING and "7 trainings overlay" in finding.message


def test_rows_of_unknown_steps_are_left_out() -> None:
    run = over(TWICE)
    unknown = pl.when(pl.col("_step") == 29).then(None).otherwise("_step")
    run.history = run.history.with_columns(unknown.alias("_step"))
    (finding,) = found(run)
    assert "goes back from 28 to 0 after step 28" in finding.message
