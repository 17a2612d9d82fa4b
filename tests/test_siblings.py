"""Runs that stand where siblings learned."""

from __future__ import annotations

from typing import Any

from postrun.records.record import RunRecord
from postrun.studies.siblings import only_among, standing


def record(place: int, **summary: float) -> RunRecord:
    return RunRecord(f"r{place}", f"r{place}", summary=dict(summary))


def test_runs_at_one_level_beside_siblings_that_learned() -> None:
    losses = [0.693, 0.694, 0.6925, 0.1, 0.4, 1.8]
    found = standing([record(i, val_loss=loss) for i, loss in enumerate(losses)])
    assert found is not None
    assert (found.metric, found.stuck, found.learned) == ("val_loss", (0, 1, 2), (3, 4))
    assert found.reached == (0.4, 0.1)


def test_an_accuracy_is_judged_by_its_error() -> None:
    scores = [0.5, 0.5, 0.502, 0.85, 0.7]
    found = standing([record(i, val_acc=score) for i, score in enumerate(scores)])
    assert found is not None and found.stuck == (0, 1, 2) and found.reached == (0.7, 0.85)


def test_results_that_differ_or_are_alike_are_no_standing() -> None:
    assert standing([record(i, val_loss=0.4 + 0.05 * i) for i in range(8)]) is None
    assert standing([record(i, val_loss=0.693 + 0.001 * i) for i in range(8)]) is None
    assert standing([record(i, lr=0.1) for i in range(8)]) is None
    assert standing([]) is None


def test_settings_that_only_those_have() -> None:
    varying: dict[str, list[Any]] = {
        "lr": [1e-3, 1e-3, 1e-4, 3e-5],
        "optimizer": ["sgd", "lion", "lion", "lion"],
    }
    assert only_among((2, 3), (0, 1), varying) == "lr=3e-05 or 0.0001"
    assert only_among((0, 1), (2, 3), {"seed": [1, 2, 1, 2]}) == ""
