"""Records over time, what changed at each, regressions and pace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from tests.projects import flat, made_project


def runs(levels: list[float], **fields: list[Any]) -> list[dict[str, Any]]:
    return [
        {"metrics": {"loss": flat(level)}, **{k: v[i] for k, v in fields.items()}}
        for i, level in enumerate(levels)
    ]


def study(described: list[dict[str, Any]], **more: Any) -> Any:
    return progress_study(score(made_project(described), "loss", **more))


def test_records_and_what_changed_at_each() -> None:
    configs = [
        {"lr": 1.0, "bs": 8},
        {"lr": 0.5, "bs": 8},
        {"lr": 0.5, "bs": 16},
        {"lr": 0.1, "bs": 16},
    ]
    found = study(runs([3.0, 2.0, 2.5, 1.0], config=configs, commit=["a1", "a1", "a1", "b2"]))
    rows = found["records"].to_dicts()
    assert [r["value"] for r in rows] == [3.0, 2.0, 1.0]
    assert [r["gain"] for r in rows] == [None, 1.0, 1.0]
    assert rows[1]["changed"] == "lr 1 → 0.5"
    assert rows[2]["changed"] == "bs 8 → 16; lr 0.5 → 0.1; commit a1 → b2"
    assert rows[2]["closest_earlier"] == "run 2 (2.5)" and rows[2]["runs"] == 2
    assert "3 records in 4 runs" in found.headline[0]


def test_the_order_is_that_of_ends_not_of_starts() -> None:
    described = runs([1.0, 2.0], started=[0.0, 100.0], runtime=[10_000.0, 50.0])
    assert study(described)["records"]["value"].to_list() == [2.0, 1.0]


def test_records_within_noise_are_told() -> None:
    rng = np.random.default_rng(0)
    levels = [2 + 0.1 * rng.normal() for _ in range(12)]
    found = study(runs(levels, config=[{"lr": 1, "seed": i} for i in range(12)]))
    doubtful = found["records"]["within_noise"].drop_nulls()
    assert len(doubtful) and doubtful.all()
    assert any("chance alone sets records" in line for line in found.headline)


def test_runs_that_diverged_do_not_hide_records_behind_their_noise() -> None:
    levels = [level + noise for level in (2.0, 1.9, 1.8, 1.7, 1.0) for noise in (0.0, 0.01, -0.01)]
    levels += [1e30, 1e20]
    configs = [{"lr": i // 3, "seed": i % 3} for i in range(17)]
    found = study(runs(levels, config=configs))
    assert not all(found["records"]["within_noise"].drop_nulls())
    assert not any("e+" in line for line in found.headline)


def test_regressions_of_a_repeated_configuration() -> None:
    levels = [1.0, 1.02, 0.98, 1.01, 5.0, 1.6]
    configs = [{"lr": 1, "seed": i} for i in range(4)] + [{"lr": 9}, {"lr": 1, "seed": 7}]
    found = study(runs(levels, config=configs, commit=["a"] * 5 + ["b"]), use="final")
    # The bad run widens the noise that it is judged by, and must still stand out of several good ones.
    assert found.tables.get("regressions") is None or found["regressions"]["id"].to_list() == [
        "r0005"
    ]
    many = [1.0 + 0.01 * (i % 3) for i in range(20)] + [2.0]
    found = study(
        runs(many, config=[{"lr": 1, "seed": i} for i in range(21)], commit=["a"] * 20 + ["b"])
    )
    (row,) = found["regressions"].to_dicts()
    assert row["id"] == "r0020" and "commit a → b" in row["changed"] and row["earlier_runs"] == 20


def test_effort_since_the_last_record_and_pace() -> None:
    found = study(runs([1.0, 2.0, 2.0], runtime=[3600.0] * 3, gpus=[2] * 3))
    assert any("2 runs and 2.0 h without a better one" in line for line in found.headline)
    pace = found["pace"]
    assert pace["runs"].sum() == 3 and pace["gpu_hours"].sum() == 6.0
    assert pace["record"].to_list()[-1] == 1.0


def test_few_values_set_no_records() -> None:
    described = [*runs([2.0, 1.5]), {"metrics": {"loss": [0.01]}}]
    found = study(described)
    assert found["records"]["value"].to_list() == [2.0, 1.5]
    assert any(c.startswith("1 runs have no value") for c in found.caveats)


def test_best_instead_of_final() -> None:
    dip = [*flat(3.0, 40), *flat(1.0, 40), *flat(2.0, 40)]
    described = [{"metrics": {"loss": dip}}]
    assert study(described)["records"]["value"][0] == pytest.approx(2.0)
    assert study(described, use="best")["records"]["value"][0] == pytest.approx(1.0)
