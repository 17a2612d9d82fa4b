"""Groups of runs against each other: what is said of runs whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrun.model import UsageError
from postrun.records.project import Curve, Project
from postrun.studies.align import (
    area,
    common_ground,
    divergence,
    grid,
    level_at,
    levels_along,
)
from postrun.studies.groups import group_runs
from postrun.studies.scores import score
from postrun.studies.versus import compare_study
from tests.projects import flat, made_project


def curve(y: Any, x: Any = None) -> Curve:
    y = np.asarray(y, dtype=float)
    x = np.arange(len(y), dtype=float) if x is None else np.asarray(x, dtype=float)
    return Curve("loss", x, x, x, y)


def seeds(levels: dict[str, float], count: int = 6, spread: float = 0.05) -> Project:
    """Some seeds of some optimizers, each with its own true level."""
    rng = np.random.default_rng(4)
    runs = [
        {
            "config": {"optimizer": name, "seed": seed, "output_dir": f"/tmp/{name}{seed}"},
            "metrics": {"loss": flat(level + spread * rng.normal(), noise=0.01, seed=seed)},
        }
        for name, level in levels.items()
        for seed in range(count)
    ]
    return made_project(runs)


def study(project: Project, *by: str, **more: Any) -> Any:
    return compare_study(score(project, "loss"), group_runs(project, by), **more)


def test_seeds_are_found_by_equal_configs() -> None:
    grouping = group_runs(seeds({"adam": 1.0, "sgd": 2.0}))
    assert [(g.label, len(g.members)) for g in grouping.groups] == [
        ("optimizer=adam", 6),
        ("optimizer=sgd", 6),
    ]
    assert not grouping.varying


def test_the_better_group_is_told_with_its_size() -> None:
    found = study(seeds({"adam": 1.0, "sgd": 1.5}), "optimizer")
    (pair,) = found["pairs"].to_dicts()
    assert (pair["first"], pair["second"], pair["verdict"]) == ("adam", "sgd", "first is better")
    assert pair["low"] < -0.5 < pair["high"] < 0 and pair["p_improvement"] == 1.0
    assert pair["p"] < 0.05 and pair["matched"] == 6
    assert "adam is better than sgd by 0.5" in " ".join(found.headline)


def test_equal_groups_are_not_told_apart() -> None:
    found = study(seeds({"adam": 1.0, "sgd": 1.001}, spread=0.1), "optimizer")
    assert found["pairs"]["verdict"].to_list() == ["not told apart"]
    assert "cannot be told apart" in " ".join(found.headline)


def test_one_run_each_says_how_little_it_proves() -> None:
    found = study(seeds({"adam": 1.0, "sgd": 1.5}, count=1))
    assert found["pairs"]["verdict"].to_list() == ["too few runs"]
    assert "not what would happen again with other seeds" in " ".join(found.headline)


def test_groups_that_mix_settings_are_judged_at_their_best() -> None:
    runs = [
        {"config": {"opt": opt, "lr": lr}, "metrics": {"loss": flat(level)}}
        for opt, lr, level in (("a", 0.1, 1.0), ("a", 0.2, 9.0), ("b", 0.1, 2.0), ("b", 0.2, 2.5))
    ]
    found = study(made_project(runs), "opt")
    assert found["tuned"].to_dicts()[0] == {
        "group": "a", "settings_tried": 2, "best_setting": "lr=0.1", "iqm": 1.0, "runs": 1,
    }  # fmt: skip
    assert found.headline[0].startswith("Groups at each one's best lr, by final loss")
    assert any("differ in more than seeds (lr)" in c for c in found.caveats)


def test_runs_that_stopped_early_are_set_aside_and_counted() -> None:
    runs = [
        {"config": {"opt": "a", "seed": i}, "metrics": {"loss": flat(1.0, 100)}} for i in range(4)
    ]
    runs += [
        {"config": {"opt": "b", "seed": i}, "metrics": {"loss": flat(2.0, 100)}} for i in range(3)
    ]
    runs.append({"config": {"opt": "b", "seed": 9}, "metrics": {"loss": flat(0.1, 8)}})
    found = study(made_project(runs), "opt")
    assert {r["group"]: r["used"] for r in found["groups"].to_dicts()} == {"a": 4, "b": 3}
    assert any("1 of 4 in b" in c for c in found.caveats)
    note = found["runs"].filter(found["runs"]["id"] == "r0007")["note"][0]
    assert note == "set aside: ended at 7 of 99"


def test_levels_are_compared_where_all_runs_have_values() -> None:
    falling = list(np.linspace(3, 1, 100))
    runs = [
        {"config": {"opt": "long"}, "metrics": {"loss": [*falling, *([0.2] * 15)]}},
        {"config": {"opt": "short"}, "metrics": {"loss": falling}},
    ]
    found = study(made_project(runs), "opt")
    assert found["pairs"]["difference"][0] == pytest.approx(0.0)
    assert "step 99" in found.headline[0]


def test_time_to_threshold_best_and_area() -> None:
    runs = [
        {"config": {"opt": "fast"}, "metrics": {"loss": [*np.linspace(2, 1, 50), *flat(1.0, 50)]}},
        {"config": {"opt": "slow"}, "metrics": {"loss": list(np.linspace(2, 1, 100))}},
    ]
    project = made_project(runs)
    found = compare_study(score(project, "loss", threshold=1.5), group_runs(project, ["opt"]))
    rows = {r["group"]: r for r in found["runs"].to_dicts()}
    assert rows["fast"]["reached_at"] == pytest.approx(25, abs=2)
    assert rows["slow"]["reached_at"] == pytest.approx(50, abs=2)
    assert rows["fast"]["mean"] == pytest.approx(1.25, abs=0.01)
    assert rows["slow"]["mean"] == pytest.approx(1.5, abs=0.01)
    assert rows["fast"]["reached_seconds"] == rows["fast"]["reached_at"]


def test_tasks_are_strata_and_are_scaled() -> None:
    rng = np.random.default_rng(0)
    runs = [
        {"config": {"opt": opt, "env": env, "seed": s},
         "metrics": {"loss": flat(scale * (level + 0.1 * rng.normal()))}}
        for opt, level in (("a", 1.0), ("b", 2.0))
        for env, scale in (("x", 1.0), ("y", 1000.0))
        for s in range(4)
    ]  # fmt: skip
    found = study(made_project(runs), "opt", task="env")
    groups = {r["group"]: r for r in found["groups"].to_dicts()}
    assert groups["a"]["iqm"] > 0.8 and groups["b"]["iqm"] < 0.2
    assert found["pairs"]["verdict"].to_list() == ["first is better"]
    assert any("own range" in c for c in found.caveats)


def test_many_groups_are_compared_with_the_best() -> None:
    found = study(seeds({f"o{i:02d}": float(i) for i in range(12)}, count=3), "optimizer")
    assert found["pairs"].height == 11 and set(found["pairs"]["first"]) == {"o00"}
    base = study(seeds({"a": 1.0, "b": 2.0, "c": 3.0}, count=3), "optimizer", baseline="b")
    assert set(base["pairs"]["second"]) == {"b"} and base["pairs"].height == 2


def test_grouping_by_fields_of_the_run() -> None:
    runs = [
        {"config": {}, "group": "g1", "tags": ["all", "x"], "metrics": {"loss": flat(1)}},
        {"config": {}, "group": "g2", "tags": ["all"], "metrics": {"loss": flat(2)}},
    ]
    project = made_project(runs)
    assert [g.label for g in group_runs(project, ["group"]).groups] == ["g1", "g2"]
    assert [g.label for g in group_runs(project, ["tag"]).groups] == ["x", "no tag"]
    project.targets = ["one", "two"]
    assert [g.label for g in group_runs(project, ["target"]).groups] == ["one", "two"]
    assert group_runs(project).single
    with pytest.raises(UsageError, match="No run has a setting 'grup'; did you mean group"):
        group_runs(project, ["grup"])


def test_what_differs_says_where() -> None:
    runs = [
        {"config": {"opt": o, "lr": lr, "seed": 1}, "commit": c, "requirements": {"torch": t},
         "metrics": {"loss": flat(1)}}
        for o, lr, c, t in (("a", 1, "abc", "2.0"), ("a", 2, "abc", "2.1"), ("b", 1, "def", "2.1"))
    ]  # fmt: skip
    found = study(made_project(runs), "opt")
    where = dict(found["differences"].select("key", "differs").iter_rows())
    assert where["opt"] == "between groups" and where["git commit"] == "between groups"
    assert where["lr"] == "both" and where["package torch"] == "both" and "seed" not in where
    assert any("git commit" in c for c in found.caveats)


def test_unknown_metrics_and_directions_are_refused_with_a_hint() -> None:
    project = made_project([{"metrics": {"odd": [1, 2]}, "better": "neither"}] * 2)
    with pytest.raises(UsageError, match="Did you mean odd"):
        score(project, "od")
    with pytest.raises(UsageError, match="--goal"):
        score(project, "odd")
    assert score(project, "odd", "max").sign == 1
    with pytest.raises(UsageError, match="No run counts tokens"):
        score(project, "odd", "max", "tokens")


def test_an_axis_that_is_counted_in_other_rows() -> None:
    tokens: list[float] = [100.0 * i for i in range(60)]
    project = made_project(
        [{"metrics": {"loss": flat(1.0), "tokens": tokens}, "axes": {"tokens": "tokens"}}]
    )
    found = project.curve(0, "loss", "tokens")
    assert found is not None and found.x.tolist() == tokens


def test_summary_numbers_and_costs_can_be_compared() -> None:
    runs = [
        {"config": {"a": i}, "summary": {"test/acc": 0.5 + i}, "runtime": 3600.0} for i in range(3)
    ]
    project = made_project(runs)
    found = compare_study(score(project, "test/acc", "max"), group_runs(project, ["a"]))
    assert found["runs"]["level"].to_list() == [2.5, 1.5, 0.5]
    assert score(project, "hours").levels.tolist() == [1.0, 1.0, 1.0]


def test_divergence_of_repeated_runs_is_found_to_the_step() -> None:
    rng = np.random.default_rng(0)
    shared = 1 + 0.05 * rng.normal(size=400)
    other = shared.copy()
    other[200:] += 0.5 + 0.05 * rng.normal(size=200)
    part = divergence([curve(shared)], [curve(other)], 0, 399)
    assert part.equal_to == 199 and part.x == pytest.approx(200, abs=8) and part.lasting
    assert part.difference == pytest.approx(-0.5, abs=0.1)
    same = divergence([curve(shared)], [curve(shared[::-1])], 0, 399)
    assert same.x is None and same.equal_to is None


def test_divergence_between_groups_of_seeds() -> None:
    rng = np.random.default_rng(1)

    def group(level: float) -> list[Curve]:
        shape = np.where(np.arange(300) < 150, 0, level)
        return [
            curve(1 + 0.1 * rng.normal() + 0.05 * rng.normal(size=300) + shape) for _ in range(5)
        ]

    assert divergence(group(1.0), group(0.0), 0, 299).x == pytest.approx(150, abs=12)
    assert divergence(group(0.0), group(0.0), 0, 299).x is None


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(2, 80), st.integers(1, 7)), min_size=1, max_size=6),
    st.integers(0, 1000),
)
def test_nothing_is_invented(shapes: list[tuple[int, int]], seed: int) -> None:
    """Every level on a grid is the median of logged values; outside a run there is none."""
    rng = np.random.default_rng(seed)
    curves = [curve(rng.normal(size=n), np.arange(n) * step) for n, step in shapes]
    ground = common_ground(curves)
    assert ground is not None
    end = max(c.x[-1] for c in curves)
    edges, levels = grid(curves, 0.0, float(end))
    lows = np.concatenate([[0.0], edges[:-1]])
    for row, one in zip(levels, curves, strict=True):
        for low, high, level in zip(lows, edges, row, strict=True):
            inside = (one.x > low) & (one.x <= high) | ((one.x == low) & (low == 0))
            values = one.y[inside]
            assert np.isnan(level) if not len(values) else level == np.median(values)
        assert np.isnan(row[lows > one.x[-1]]).all()


def test_levels_of_rare_values_and_beyond_the_end() -> None:
    rare = curve([3.0, 2.0, 1.0], [0, 100, 200])
    assert level_at(rare, 250) == 1.0 and np.isnan(level_at(rare, 900))
    assert level_at(curve(np.arange(100)), 99) == pytest.approx(97)
    assert area(curve([1.0, 1.0, 3.0]), 0, 2) == pytest.approx(1.5)
    at, levels = levels_along(curve([1.0, 5.0, 2.0]))
    assert at.tolist() == [0, 1, 2] and levels.tolist() == [1.0, 5.0, 2.0]


def test_the_same_study_twice(tmp_path: Path) -> None:
    project = seeds({"adam": 1.0, "sgd": 1.1})
    assert study(project).as_dict() == study(project).as_dict()


def test_a_short_key_groups_and_matches_as_its_full_one() -> None:
    runs = [
        {
            "config": {"optim.name": o, "optim.lr": lr, "seed": s},
            "metrics": {"loss": flat(level + lr)},
        }
        for o, level in (("a", 1.0), ("b", 2.0))
        for lr in (0.1, 0.2)
        for s in range(2)
    ]
    project = made_project(runs)
    assert group_runs(project, ["lr"]).by == ("optim.lr",)
    found = study(project, "lr")
    assert found["pairs"]["matched"].to_list() == [4]
    assert found["pairs"]["difference"][0] == pytest.approx(-0.1)


def test_a_run_that_diverged_sets_no_mean_and_is_told() -> None:
    def runs(lr: float, level: float, worst: float = 0.0) -> list[dict[str, Any]]:
        out = []
        for seed in range(3):
            loss = 2.0 * np.exp(-np.arange(200) / 20) + level + 0.01 * seed
            if worst and seed == 1:
                loss[120:] = np.geomspace(loss[119], worst, 80)
            out.append({"config": {"lr": lr, "seed": seed}, "metrics": {"loss": loss}})
        return out

    found = study(made_project([*runs(0.1, 0.4), *runs(0.3, 0.5), *runs(3.0, 0.8, worst=1e30)]))
    groups = found["groups"].filter(pl.col("group") == "lr=3")
    assert groups["used"].item() == 2
    assert groups["iqm"].item() == pytest.approx(0.81, abs=0.005)
    told = [sentence for sentence in found.caveats if "diverged" in sentence]
    assert len(told) == 1
    assert "1 of 9 runs diverged" in told[0] and "1 of 3 in lr=3" in told[0]
    pair = found["pairs"].filter((pl.col("first") == "lr=0.3") & (pl.col("second") == "lr=3"))
    assert abs(pair["difference"].item()) < 1
    assert pair["p_improvement"].item() == 1  # the run that diverged loses against all
    assert found["curves"]["high"].max() < 3
    notes = found["runs"].filter(pl.col("note").str.starts_with("diverged"))
    assert notes.height == 1


def test_bad_runs_and_late_starts_are_no_divergence() -> None:
    never = [
        0.69 + 0.001 * (i % 3) for i in range(200)
    ]  # never learned, others are 1000 times lower
    fine = [0.69 * np.exp(-np.arange(200) / 10) + 1e-4 for _ in range(4)]
    found = study(
        made_project(
            [{"config": {"lr": i}, "metrics": {"loss": v}} for i, v in enumerate([*fine, never])]
        )
    )
    assert not any("diverged" in sentence for sentence in found.caveats)
    assert found["groups"]["used"].sum() == 5
