"""What runs are held side by side over: budgets that agree in one count and differ in another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from postrun.model.ending import Ending
from postrun.records.batch import samples_per_step
from postrun.records.project import Project
from postrun.studies.align import common_ground
from postrun.studies.basis import choose_basis
from postrun.studies.groups import group_runs
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests.projects import made_project
from tests.test_compare import curve

#: Samples of one epoch; epochs of a whole training.
SAMPLES, EPOCHS = 896, 12


def training(
    batch: int, epochs: float = EPOCHS, level: float = 1.0, counted: str = "epoch", **more: Any
) -> dict[str, Any]:
    """A run whose loss falls over its epochs, whatever its steps; `counted` is what it logs beside them."""
    steps = round(SAMPLES / batch * epochs)
    done = (1 + np.arange(steps)) / steps * epochs
    metrics = {"loss": level + np.exp(-done / 3)}
    if counted:
        metrics[counted] = done if counted == "epoch" else done * SAMPLES
    config = {"batch_size": batch, **more.pop("config", {})}
    axes = {counted: counted} if counted else {}
    return {"config": config, "metrics": metrics, "axes": axes, **more}


def sweep_of(counted: str = "epoch", batches: tuple[int, ...] = (32, 128), **more: Any) -> Project:
    """Learning rates times batch sizes times seeds: the larger batch is better by 0.1."""
    rng = np.random.default_rng(0)
    return made_project(
        [
            training(
                batch,
                level=(1.0 if batch == 32 else 0.9) + 0.02 * lr + 0.005 * rng.normal(),
                counted=counted,
                **{**more, "config": {"lr": lr, "seed": seed, **more.get("config", {})}},
            )
            for lr in (1, 2)
            for batch in batches
            for seed in range(3)
        ]
    )


def test_batch_sizes_are_compared_at_equal_epochs_with_all_runs() -> None:
    project = sweep_of()
    found = compare_study(score(project, "loss"), group_runs(project, ["batch_size"]))
    rows = {r["group"]: r for r in found["groups"].to_dicts()}
    assert [rows[g]["used"] for g in ("batch_size=32", "batch_size=128")] == [6, 6]
    gap = rows["batch_size=32"]["iqm"] - rows["batch_size=128"]["iqm"]
    assert gap == pytest.approx(0.1, abs=0.02)
    told = " ".join(found.headline)
    assert "near epoch 12" in told and not found.caveats[1:]
    assert "Compared at equal epochs because the runs differ in steps (84 to 336)" in told
    assert "all of them agree in epochs (12)" in told


@pytest.mark.slow
def test_a_sweep_sees_the_effect_of_the_batch_size() -> None:
    found = sweep_study(score(sweep_of(), "loss"))
    assert "batch_size=128" in found.headline[0] and "final loss" in found.headline[0]
    assert not any("not vary" in c or "left out" in c for c in found.caveats)
    assert found["importance"]["parameter"][0] == "batch_size"


def test_progress_does_not_call_runs_of_equal_epochs_unequal() -> None:
    assert not any("length" in c for c in progress_study(score(sweep_of(), "loss")).caveats)
    shorter = made_project([training(32), training(128), training(32, epochs=4)])
    (told,) = [c for c in progress_study(score(shorter, "loss")).caveats if "length" in c]
    assert "epoch 4 to epoch 12" in told


@pytest.mark.parametrize(
    ("counted", "config", "axis", "words"),
    [
        ("tokens", {}, "tokens", "all of them agree in tokens"),
        ("samples", {}, "samples", "all of them agree in samples (10,752)"),
        ("", {}, "samples", "taken as steps x batch size"),
        ("", {"num_gpus": 4}, "time", "Compared at equal time"),  # whose batch it is, is not said
        ("", {"num_gpus": 4, "epochs": 12}, "end", "all of them planned 12 epochs"),
    ],
)
def test_other_counts_of_data(counted: str, config: dict[str, Any], axis: str, words: str) -> None:
    project = sweep_of(counted, config=config)
    basis = choose_basis(project, "loss")
    assert basis.axis == axis and words in basis.sentence
    scores = score(project, "loss")
    assert np.isfinite(scores.levels).all()


def test_the_end_of_each_training_leaves_killed_runs_out() -> None:
    project = made_project(
        [
            training(32, counted="", config={"epochs": 12, "gpus": 2}),
            training(128, counted="", config={"epochs": 12, "gpus": 2}),
            training(
                64, epochs=3, counted="", config={"epochs": 12, "gpus": 2}, ending=Ending("killed")
            ),
        ]
    )
    scores = score(project, "loss")
    assert scores.axis == "end" and np.isfinite(scores.levels).tolist() == [True, True, False]
    assert scores.levels[0] == pytest.approx(scores.levels[1], abs=0.01)
    found = compare_study(scores, group_runs(project))
    assert "the end of each run's training" in found.headline[0]
    (note,) = found["runs"].filter(found["runs"]["id"] == "r0002")["note"]
    assert note == "set aside: killed (no exit record)"


def test_equal_steps_need_no_words() -> None:
    project = sweep_of(batches=(32,))
    assert (
        choose_basis(project, "loss").axis == "step" and not choose_basis(project, "loss").sentence
    )


def test_runs_of_one_batch_size_and_other_lengths_keep_their_steps() -> None:
    project = made_project([training(32, epochs=e, counted="") for e in (4, 8, 12)])
    basis = choose_basis(project, "loss")
    assert basis.axis == "step" and "budgets differ (112 to 336 steps)" in basis.sentence


def test_killed_runs_do_not_decide() -> None:
    cut = [training(32, epochs=e, ending=Ending("killed")) for e in (1, 2, 3, 5, 7)]
    project = made_project([training(32), training(128), *cut])
    basis = choose_basis(project, "loss")
    assert basis.axis == "epoch" and "all of them agree in epochs (12)" in basis.sentence
    assert score(project, "loss").ground.short == (2, 3, 4, 5, 6)


def test_what_the_user_asks_for_is_taken() -> None:
    assert choose_basis(sweep_of(), "loss", "time").axis == "time"


def ground_of(*ends: int, complete: tuple[bool, ...] = (), parts: Any = ()) -> Any:
    return common_ground([curve(np.zeros(n + 1)) for n in ends], complete, parts)


def test_common_ground_never_leaves_one_run_alone() -> None:
    both = ground_of(100, 50, complete=(True, False))
    assert both.end == 50 and not both.short
    assert ground_of(100, 8).end == 8


def test_common_ground_of_other_budgets_is_what_all_reached() -> None:
    half = ground_of(50, 50, 50, 100, 100, 100)
    assert half.end == 50 and not half.short


def test_common_ground_without_a_run_that_was_killed_half_way() -> None:
    found = ground_of(100, 100, 50, complete=(True, True, False))
    assert found.end == 100 and found.short == (2,)
    assert ground_of(100, 100, 100, 7).short == (3,)


def test_common_ground_holds_two_groups() -> None:
    ends, parts = (100, 100, 100, 40, 45), [[0, 1, 2], [3, 4]]
    whole = (True, True, True, False, False)
    assert ground_of(*ends, complete=whole).short == (3, 4)
    found = ground_of(*ends, complete=whole, parts=parts)
    assert found.end == 45 and found.short == (3,)


def test_runs_that_went_on_are_told() -> None:
    project = made_project([training(32, epochs=6), training(32, epochs=12)])
    found = compare_study(score(project, "loss"), group_runs(project))
    (told,) = [c for c in found.caveats if "went on" in c]
    assert "1 of 2 compared runs went on after step 167, up to step 335" in told


def test_best_or_final_is_said_and_an_evaluation_counts_as_it_is() -> None:
    dip = [2.0] * 30 + [0.5] + [1.0] * 30
    project = made_project([{"metrics": {"loss": dip}}, {"metrics": {"loss": [1.5] * 61}}])
    assert score(project, "loss").levels.tolist() == [1.0, 1.5]
    best = score(project, "loss", use="best")
    assert best.levels.tolist() == [0.5, 1.5]  # made projects have evaluations
    assert "best loss" in compare_study(best, group_runs(project)).headline[0]
    assert "best loss" in best.name and best.ground.end == 60


@pytest.mark.parametrize(
    ("config", "samples"),
    [
        ({"batch_size": 32}, 32),
        ({"train.batch_size": 32, "eval.batch_size": 8}, 32),
        ({"batch_size": 32, "num_gpus": 1, "gradient_accumulation_steps": 1}, 32),
        ({"batch_size": 32, "num_gpus": 4}, None),
        ({"per_device_train_batch_size": 8, "world_size": 4, "gradient_accumulation_steps": 2}, 64),
        ({"per_device_train_batch_size": 8}, None),
        ({"global_batch_size": 256, "micro_batch_size": 8, "world_size": 4}, 256),
        ({"batch_size": 32, "micro_batch_size": 8}, None),
        ({"batch_size": "32"}, None),
        ({"batch_size": True}, None),
        ({}, None),
    ],
)
def test_samples_of_a_step_only_if_the_config_settles_them(
    config: dict[str, Any], samples: float | None
) -> None:
    assert samples_per_step(config) == samples


def test_fast_runs_are_not_left_out_at_equal_time() -> None:
    curves = [curve(np.zeros(n + 1)) for n in (20, 60, 100, 100)]
    assert common_ground(curves).short == (0,)  # type: ignore[union-attr]
    timed = common_ground(curves, timed=True)
    assert timed is not None and timed.end == 20 and not timed.short
