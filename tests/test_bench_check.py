"""The gate over measured ratios: what it fails on, by figures made here instead of measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from benchmarks import check
from benchmarks.check import Row


@pytest.mark.parametrize(
    ("ratios", "code", "times"),
    [([1.2], 0, 1), ([1.3, 1.2], 0, 2), ([1.3, 1.26], 1, 2)],
    ids=["within the band", "worse once", "worse twice"],
)
def test_a_row_fails_if_it_costs_clearly_more_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ratios: list[float], code: int, times: int
) -> None:
    kept = tmp_path / "results.json"
    kept.write_text(json.dumps({"a / b": {"ratio": 1.0}}))
    asked: list[int] = []

    def measured(_: Row, pairs: int) -> dict[str, float]:
        asked.append(pairs)
        names = ("ratio", "wall_ratio", "ours_cpu", "other_cpu", "ours_wall", "other_wall")
        return dict.fromkeys(names, ratios[len(asked) - 1])

    monkeypatch.setattr(check, "KEPT", kept)
    monkeypatch.setattr(check, "OUT", tmp_path / "out")
    monkeypatch.setattr(check, "measured", measured)
    monkeypatch.setattr(check, "rows", lambda: [Row("a / b", [], [])])
    monkeypatch.setattr(sys, "argv", ["check", "--short"])
    assert check.main() == code
    assert asked == [3, 9][:times]
    assert json.loads(kept.read_text()) == {"a / b": {"ratio": 1.0}}
    monkeypatch.setattr(sys, "argv", ["check", "--short", "--keep"])
    asked.clear()
    assert check.main() == 0
    assert json.loads(kept.read_text())["a / b"]["ratio"] == ratios[0]


def test_ratios_are_of_pairs() -> None:
    busy = [sys.executable, "-c", "sum(range(3_000_000))"]
    found = check.measured(Row("itself", busy, busy), 1)
    assert found["ratio"] > 0 and found["ours_cpu"] > 0 and found["other_wall"] > 0


def test_every_ratio_that_is_kept_is_one() -> None:
    kept = json.loads(check.KEPT.read_text())
    assert kept and all(found["ratio"] > 0 for found in kept.values())
