"""A search over hyper-parameters whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from postrun.model import UsageError
from postrun.stats.importance import Feature, importance
from postrun.studies.best import rank_configurations
from postrun.studies.parameters import Parameter, parameters
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from tests.projects import flat, made_project


def search(n: int = 80, seed: int = 0) -> list[dict[str, Any]]:
    """Loss by log(lr), strongly; by lr together with the optimizer; by depth, weakly; not by width."""
    rng = np.random.default_rng(seed)
    runs = []
    for i in range(n):
        rate = float(10 ** rng.uniform(-5, -1))
        optimizer = str(rng.choice(["adam", "sgd"]))
        depth, width = int(rng.integers(2, 9)), int(rng.choice([64, 128, 256]))
        best = -4 if optimizer == "adam" else -2
        loss = 1 + 0.5 * (np.log10(rate) - best) ** 2 + 0.04 * depth + 0.05 * rng.normal()
        config = {
            "opt.name": optimizer,
            "opt.lr": rate,
            "opt.rate": rate,
            "depth": depth,
            "width": width,
            "seed": i,
        }
        runs.append({"config": config,
                     "metrics": {"loss": flat(loss)}, "runtime": 3600.0})  # fmt: skip
    return runs


@pytest.mark.slow
def test_what_matters_is_found_in_its_order() -> None:
    found = sweep_study(score(made_project(search()), "loss"))
    order = found["importance"]["parameter"].to_list()
    share = dict(found["importance"].select("parameter", "share").iter_rows())
    assert order[0] in ("opt.lr", "opt.name x opt.lr", "opt.lr x opt.name")
    assert share["opt.lr"] > share["depth"] > share["width"]
    pair = next(k for k in share if " x " in k and "opt.lr" in k and "opt.name" in k)
    assert share[pair] == max(v for k, v in share.items() if " x " in k) and share[pair] > 0.1
    assert any("interact" in line for line in found.headline)
    assert any("opt.lr (= opt.rate)" in c for c in found.caveats)
    table = {r["parameter"]: r for r in found["importance"].to_dicts()}
    assert table["opt.lr"]["scale"] == "log" and table["opt.lr"]["p_chance"] == 0.05
    assert table["width"]["p_chance"] > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_importance_recovers_planted_effects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(150, 4))
    y = 4 * x[:, 0] + 2 * x[:, 1] + 1 * x[:, 2] + 0.3 * rng.normal(size=150)
    result, _ = importance([Feature(f"x{i}", x[:, i]) for i in range(4)], y, seed)
    assert np.argsort(-result.main).tolist() == [0, 1, 2, 3]
    # Of independent uniform inputs the shares are as the squares of the slopes: 16 : 4 : 1 of 21.
    assert result.main[0] == pytest.approx(16 / 21, abs=0.12)
    assert result.r2 > 0.8 and (result.low <= result.high).all()


@pytest.mark.slow
def test_nothing_is_claimed_where_nothing_matters() -> None:
    rng = np.random.default_rng(3)
    runs = search(40)
    for run in runs:
        run["metrics"] = {"loss": flat(1 + 0.1 * rng.normal())}
    found = sweep_study(score(made_project(runs), "loss"))
    assert any("explain little" in c for c in found.caveats)
    assert not any(line.startswith("What matters") for line in found.headline)


def test_few_runs_give_no_importance() -> None:
    found = sweep_study(score(made_project(search(7)), "loss"))
    assert "importance" not in found.tables and any("Fewer than 10" in c for c in found.caveats)
    assert found["configurations"].height == 7


@pytest.mark.slow
def test_conditional_parameters_are_judged_where_they_are_active() -> None:
    rng = np.random.default_rng(5)
    runs = []
    for i in range(90):
        sgd = i % 3 == 0
        momentum = float(rng.uniform(0, 1))
        loss = (3 - 2 * momentum if sgd else 1.5) + 0.05 * rng.normal()
        config: dict[str, Any] = {"opt": "sgd" if sgd else "adam", "noise": float(rng.uniform())}
        runs.append({"config": config | ({"momentum": momentum} if sgd else {}),
                     "metrics": {"loss": flat(loss)}})  # fmt: skip
    found = sweep_study(score(made_project(runs), "loss"))
    table = {r["parameter"]: r for r in found["importance"].to_dicts()}
    assert table["momentum"]["scale"] == "linear, conditional"
    assert table["momentum"]["share"] > 5 * table["noise"]["share"]
    assert found["configurations"].to_dicts()[-1]["momentum"] != "not set"


def test_parameters_and_labels() -> None:
    runs = [
        {"config": {"lr": 10.0**-i, "dropout": 0.1 * i, "act": "relu" if i % 2 else "gelu", "flag": i > 2,
                    "caption": f"text {7 * i}", "seed": i, "output_dir": f"o{i}"}}
        for i in range(6)
    ]  # fmt: skip
    params, labels = parameters(made_project(runs).records)
    assert {p.key: p.kind for p in params} == {
        "act": "category", "dropout": "linear", "flag": "category", "lr": "log",
    }  # fmt: skip
    assert labels == ["caption"]


def _param(values: list[float]) -> Parameter:
    return Parameter("x", "linear", list(values), np.asarray(values, dtype=float))


@pytest.mark.slow
def test_picking_the_best_is_corrected_for_on_average() -> None:
    """Over 300 searches of 30 configurations: what is promised of the picked one is true on average."""
    rng = np.random.default_rng(0)
    naive, expected, inside, chances, right = [], [], 0, [], 0
    for _ in range(300):
        truth = rng.normal(0, 1, 30)
        runs = np.repeat(np.arange(30.0), 3)
        y = np.repeat(truth, 3) + rng.normal(0, 1.5, 90)
        ranking = rank_configurations([_param(list(runs))], y, 1)
        best = ranking.configurations[0]
        true = truth[int(float(best.settings["x"]))]
        assert ranking.source == "seeds"
        naive.append(best.mean - true)
        expected.append(best.shrunk - true)
        inside += abs(best.shrunk - true) <= 1.96 * best.error
        chances.append(best.p_best)
        right += true == truth.max()
    assert np.mean(naive) > 0.5  # the winner's curse
    assert abs(np.mean(expected)) < 0.12
    assert 0.9 <= inside / 300 <= 0.98
    assert np.mean(chances) == pytest.approx(right / 300, abs=0.08)


def test_diverged_runs_do_not_hide_the_noise_of_good_ones() -> None:
    values = np.array([1.0, 1.1, 1.05, 1.2, 1.15, 1e6])
    ranking = rank_configurations([_param(list(range(6)))], values, -1, error=0.2)
    assert ranking.configurations[0].p_best < 0.6 and len(ranking.could_be_best()) >= 4


def test_the_edge_of_the_range_within_its_category() -> None:
    runs = [
        {"config": {"opt": opt, "lr": lr}, "metrics": {"loss": flat(loss)}}
        for opt, lr, loss in (
            ("lion", 1e-5, 3.0), ("lion", 3e-5, 2.0), ("lion", 1e-4, 1.0),
            ("sgd", 1e-2, 4.0), ("sgd", 1e-1, 4.5), ("sgd", 1e-3, 5.0),
        )
    ]  # fmt: skip
    found = sweep_study(score(made_project(runs), "loss"))
    assert any("Its lr (0.0001) is the largest tried with it" in line for line in found.headline)


@pytest.mark.slow
def test_the_next_region_holds_the_planted_optimum() -> None:
    found = sweep_study(score(made_project(search(120)), "loss"))
    region = dict(found["next"].select("parameter", "look_at").iter_rows())
    low, high = (np.log10(float(v)) for v in region["opt.lr"].split(" to "))
    best = -4 if region["opt.name"] == "adam" else -2
    assert low - 0.3 <= best <= high + 0.3 and high - low < 1.5


def test_early_stopping_is_counted_in_hours() -> None:
    x = np.linspace(0, 1, 100)
    runs = [
        {"config": {"a": i}, "metrics": {"loss": list(3 - x * (0.2 * i))}, "runtime": 3600.0}
        for i in range(8)
    ]
    found = sweep_study(score(made_project(runs), "loss"))
    row = next(
        r for r in found["saving"].to_dicts() if r["stop_at"] == "25%" and r["keep"] == "best 50%"
    )
    assert row["stopped"] == 4 and row["best_kept"] and row["top_kept"] == "4/4"
    assert row["hours_saved"] == pytest.approx(3.0, abs=0.05)
    assert row["rank_correlation"] == pytest.approx(1.0)


def test_the_pareto_front() -> None:
    runs = [
        {"config": {"a": i}, "metrics": {"loss": flat(loss)}, "runtime": hours * 3600}
        for i, (loss, hours) in enumerate([(1.0, 5.0), (2.0, 1.0), (2.0, 4.0), (3.0, 3.0)])
    ]
    project = made_project(runs)
    found = sweep_study(score(project, "loss"), [score(project, "hours")])
    assert found["pareto"].select("loss", "hours").rows() == [(1.0, 5.0), (2.0, 1.0)]


@pytest.mark.slow
def test_lost_runs_count_as_the_worst() -> None:
    from postrun.model.ending import Ending

    runs = search(20)
    runs[0]["metrics"], runs[0]["ending"] = {}, Ending("nan")
    found = sweep_study(score(made_project(runs), "loss"))
    assert any("1 runs became NaN" in c for c in found.caveats)
    assert (
        found["runs"].filter(found["runs"]["id"] == "r0000")["loss"][0]
        == found["runs"]["loss"].max()
    )


def test_nothing_to_search_over() -> None:
    with pytest.raises(UsageError, match="No settings differ"):
        sweep_study(score(made_project([{"metrics": {"loss": flat(1)}}] * 3), "loss"))


def test_without_any_noise_nothing_is_said_of_how_sure_the_best_is() -> None:
    runs = [
        {"config": {"lr": lr}, "metrics": {"loss": np.full(40, 1 + lr)}} for lr in (0.1, 0.2, 0.3)
    ]
    found = sweep_study(score(made_project(runs), "loss"))
    assert found.headline[1].startswith("How sure that is cannot be told: no settings were run")
    assert found["configurations"]["p_best"].null_count() == 3
    assert found["configurations"]["mean"].to_list() == pytest.approx([1.1, 1.2, 1.3])


@pytest.mark.parametrize("projects", [["a"] * 4, ["a", "a", "b", ""]])
def test_runs_of_several_projects_are_named(projects: list[str]) -> None:
    runs = [
        {"config": {"lr": i}, "metrics": {"loss": flat(40, 1 + i)}, "project": name}
        for i, name in enumerate(projects)
    ]
    found = sweep_study(score(made_project(runs), "loss"))
    said = [c for c in found.caveats if "several projects" in c]
    assert said == (
        []
        if len(set(projects)) == 1
        else ["The runs are of several projects (2 of a, 1 of b, 1 of no named project): their results may not "
              "compare."]
    )  # fmt: skip
