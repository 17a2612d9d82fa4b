"""The values vote: readings of names that the values contradict are dropped."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrun.metrics import RunView
from postrun.metrics.grammar import read
from postrun.metrics.readings import candidates
from postrun.metrics.values import Span, contradiction, spans
from postrun.model import MetricDefinition, Run


@pytest.mark.parametrize(
    ("name", "span", "contradicted"),
    [
        ("val_acc", Span(0.1, 0.9), False),
        ("val_acc", Span(10.0, 92.0), False),
        ("val_acc", Span(-3.0, 0.9), True),
        ("val_acc", Span(0.0, 4000.0), True),
        ("grad_norm", Span(-1.0, 3.0), True),
        ("global_step", Span(0, 1000, falls=0.0), False),
        ("global_step", Span(0, 1000, falls=0.4), True),
        ("val/ppl", Span(0.2, 0.7), True),
        ("lr", Span(1e-5, 1e-3), False),
        ("lr", Span(0.0, 1e7), True),
        ("val_mcc", Span(-0.2, 0.9), False),
        ("val_mcc", Span(0.0, 55.0), True),
        ("reward", Span(-1e9, 1e9), False),
        ("acc_std", Span(-0.5, 0.5), True),
        ("rollout/num_steps", Span(128, 128, rows=100), True),
        ("rollout/num_steps", Span(128, 128, rows=3), False),
        ("epoch", Span(0, 0, rows=100), False),
    ],
)
def test_values_contradict_a_name(name: str, span: Span, contradicted: bool) -> None:
    assert bool(contradiction(read(name)[0], span)) is contradicted


def view(**columns: object) -> RunView:
    names = {name.replace("__", "/"): values for name, values in columns.items()}
    return RunView(Run.from_frame(pl.DataFrame({"_step": range(50), **names})))


def test_a_contradicted_reading_is_dropped_and_said() -> None:
    info = view(val_acc=np.linspace(-5, 5, 50)).metrics["val_acc"]
    assert info.role is None and not info.understood and "contradict" in info.why


@pytest.mark.parametrize(
    ("name", "values", "quantity"),
    [
        ("time/step", np.arange(50.0), "step counter"),
        ("time/step", 0.3 + 0.1 * np.sin(np.arange(50.0)), "step time"),
        ("timing/train/step", 0.3 + 0.1 * np.sin(np.arange(50.0)), "step time"),
        ("time_step", 0.3 + 0.1 * np.sin(np.arange(50.0)), ""),
    ],
)
def test_the_time_of_a_step_is_told_from_a_time_step(
    name: str, values: np.ndarray, quantity: str
) -> None:
    assert view(**{name: values}).metrics[name].quantity == quantity


def test_percent_is_seen_in_the_values() -> None:
    seen = view(val_acc=np.linspace(10, 90, 50), test_acc=np.linspace(0.1, 0.9, 50)).metrics
    assert (seen["val_acc"].unit, seen["test_acc"].unit) == ("%", "")


def test_values_that_are_not_finite_contradict_nothing() -> None:
    y = np.linspace(0.1, 0.9, 50)
    y[[3, 4, 5]] = np.nan, np.inf, -np.inf
    assert view(val_acc=y).metrics["val_acc"].role == "accuracy.eval"


def test_names_that_polars_takes_for_patterns() -> None:
    run = Run.from_frame(
        pl.DataFrame({"_step": [0, 1], "*": [1.0, 2.0], "^.*acc$": [0.1, 0.2], "acc": [7.0, 900.0]})
    )
    assert (
        RunView(run).metrics["acc"].role is None
    )  # 900 is no accuracy; the others do not confuse it


def test_define_metric_decides_the_direction() -> None:
    run = Run.from_frame(pl.DataFrame({"_step": [0, 1], "zorp": [1.0, 2.0], "blarg": [1.0, 2.0]}))
    run.metrics += [
        MetricDefinition("zorp", goal="minimize"),
        MetricDefinition("bl*", glob=True, summary=["max"]),
    ]
    metrics = RunView(run).metrics
    assert (metrics["zorp"].better, metrics["blarg"].better) == ("lower", "higher")


def test_a_step_counter_that_never_changes_is_a_setting() -> None:
    info = view(num_steps=np.full(50, 128)).metrics["num_steps"]
    assert info.role is None and not info.understood and "a setting" in info.why
    assert view(num_steps=np.arange(50) * 128).metrics["num_steps"].role == "progress.step"


def test_explain_and_the_rules_see_the_same_readings() -> None:
    seen = view(
        val_acc=np.linspace(-5, 5, 50), reward_std=np.linspace(-1, 1, 50), f1=np.linspace(0, 1, 50)
    )
    for name in ("val_acc", "reward_std", "f1"):
        told = candidates(seen.run, name, [])
        assert bool(told) is seen.metrics[name].understood


def test_booleans_whole_numbers_and_empty_columns_have_spans() -> None:
    frame = pl.DataFrame({"success": [True, False], "step": [1, 2], "acc": [None, None]},
                         schema={"success": pl.Boolean, "step": pl.Int64, "acc": pl.Float64})  # fmt: skip
    found = spans(frame, {name: read(name)[0] for name in frame.columns})
    assert found == {"success": Span(0.0, 1.0), "step": Span(1.0, 2.0, rows=2)}


@given(st.lists(st.floats(), max_size=20))
def test_any_values_are_judged(values: list[float]) -> None:
    names = ("val_acc", "global_step", "lr")
    frame = pl.DataFrame(dict.fromkeys(names, values), schema=dict.fromkeys(names, pl.Float64))
    infos = {name: read(name)[0] for name in frame.columns}
    finite = [value for value in values if np.isfinite(value)]
    found = spans(frame, infos)
    assert bool(found) is bool(finite)
    for name, span in found.items():
        assert (span.low, span.high) == (min(finite), max(finite))
        assert isinstance(contradiction(infos[name], span), str)
