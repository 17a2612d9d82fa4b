"""The trainer's own axis: which column counts the steps of a run, and where its rows lie on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from postrun.metrics import Axis, RunView
from postrun.metrics.axis import filled
from postrun.model import MetricDefinition, Run
from postrun.model.completeness import Seam
from postrun.training.joining import join
from tests.curves import decay, make_run

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
        ({"epoch/epoch": every(1)}, "epoch/epoch", "epoch"),
        ({"train/step": every(1)}, "_step", "step"),  # nothing new
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
        ({"train/step": np.tile(every(1)[:10], 4)}, "_step", "step"),  # starts again in each epoch
        ({"update": every(1, 1)}, "update", "update"),
        ({"train/global_step": [None] * 20 + list(range(20))}, "_step", "step"),  # half of the rows are nowhere
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


def test_a_counter_may_go_back_a_little_but_not_start_again() -> None:
    """A run that was resumed on the server shows no seam: its counter goes back to the last checkpoint."""
    resumed = np.r_[every(10)[:25], every(10)[20:35]]
    assert RunView(run({"global_step": resumed})).axis.key == "global_step"
    far_back = np.r_[every(10)[:25], every(10)[10:25]]
    assert RunView(run({"global_step": far_back})).axis.key == "_step"
    again = np.r_[every(10)[:35], every(10)[:5]]
    assert RunView(run({"global_step": again})).axis.key == "_step"


def test_a_counter_goes_back_where_the_log_shows_a_resume() -> None:
    done = replace(run({}).completeness, seams=[Seam(60, 59, 60, 10.0, "")])
    columns = {
        "train/loss": np.linspace(3, 1, 80),
        "global_step": np.r_[np.arange(60) * 10, np.arange(10, 30) * 10],
    }
    view = RunView(replace(make_run(columns), completeness=done))
    assert view.axis.key == "global_step"
    series = view.series("train/loss")
    assert (np.diff(series.x) >= 0).all() and len(series) == 80
    assert view.last_x == 590 and view.x_of(79) == 290


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
        ([0, None, None, 1, None, None, 2], [0, 0, 0, 1, 1, 1, 2]),  # three rows make one step
        ([None, None], [None, None]),
    ],
)
def test_rows_without_the_counter(given: list[float | None], wanted: list[float | None]) -> None:
    floats = np.array([np.nan if v is None else v for v in given], dtype=float)
    assert np.array_equal(
        filled(floats), [np.nan if v is None else v for v in wanted], equal_nan=True
    )


# ------------------------------------------------------------------- as frameworks and people log
ROWS = 60


def spread(values: np.ndarray, every_: int = 1, start: int = 0) -> list[float | None]:
    """Values in every n-th row of a history, nothing between them."""
    out: list[float | None] = [None] * ROWS
    for row, value in zip(range(start, ROWS, every_), values, strict=False):
        out[row] = float(value)
    return out


def hugging_face() -> Run:
    """Training is logged every 10 steps, then the evaluation of the same step in a row of its own."""
    counter = np.repeat(np.arange(10, 310, 10), 2)
    return make_run(
        {
            "train/loss": spread(decay(30), 2), "eval/loss": spread(decay(30), 2, 1),
            "train/learning_rate": spread(np.linspace(1e-3, 0, 30), 2), "train/epoch": counter / 75,
            "train/global_step": counter,
        },
        metrics=[MetricDefinition("*", glob=True, x_axis="train/global_step")],
    )  # fmt: skip


def trl() -> Run:
    """Five rows of timings at each step before the trainer's own row."""
    counter = np.arange(ROWS) // 6 + (np.arange(ROWS) % 6 == 5)
    timings = {f"profiling/{name}": spread(decay(10), 6, i) for i, name in enumerate("abcde")}
    return make_run(
        {"train/global_step": counter, "train/reward": spread(decay(10), 6, 5), **timings}
    )


def lightning() -> Run:
    """One key a row; each row has the counter, which begins at 49."""
    counter = np.repeat(np.arange(49, 1049, 50), 3)
    return make_run(
        {
            "trainer/global_step": counter, "epoch": counter // 200, "train_loss": spread(decay(20), 3),
            "lr-Adam": spread(decay(20), 3, 1), "val_loss": spread(decay(20), 3, 2),
        },
        metrics=[MetricDefinition("*", glob=True, x_axis="trainer/global_step")],
    )  # fmt: skip


def keras() -> Run:
    epochs = np.arange(ROWS)
    return make_run({"epoch/epoch": epochs, "epoch/loss": decay(ROWS), "epoch/val_loss": decay(ROWS)},
                    metrics=[MetricDefinition("epoch/*", glob=True, x_axis="epoch/epoch")])  # fmt: skip


def stable_baselines() -> Run:
    counter = np.arange(2048, 2048 * (ROWS + 1), 2048)
    return make_run({"global_step": counter, "rollout/ep_rew_mean": decay(ROWS),
                     "time/fps": decay(ROWS), "train/n_updates": np.arange(ROWS) * 10})  # fmt: skip


def nano_gpt() -> Run:
    counter = np.arange(0, 250 * ROWS, 250)
    return make_run({"iter": counter, "train/loss": decay(ROWS), "val/loss": decay(ROWS), "lr": decay(ROWS),
                     "mfu": decay(ROWS)})  # fmt: skip


def boosting() -> Run:
    """One row a round, and a table of importances at the end."""
    names = ("train-logloss", "validation-logloss")
    curves = {name: [*decay(ROWS - 1), None] for name in names}
    return make_run({"epoch": [*range(ROWS - 1), None], **curves})


def yolo() -> Run:
    return make_run(
        {
            "train/box_loss": decay(ROWS),
            "train/dfl_loss": decay(ROWS),
            "val/box_loss": decay(ROWS),
            "metrics/precision(B)": decay(ROWS),
            "metrics/mAP50(B)": decay(ROWS),
            "lr/pg0": decay(ROWS),
        }
    )


def declared() -> Run:
    return make_run({"custom_iter": np.arange(0, 5 * ROWS, 5), "loss": decay(ROWS), "acc": decay(ROWS)},
                    metrics=[MetricDefinition("*", glob=True, x_axis="custom_iter")])  # fmt: skip


def given() -> Run:
    """The user passes step= every 50 batches, and logs the coarser updates beside it."""
    updates = np.arange(0, 6 * ROWS, 6)
    return make_run(
        {"train/update_step": updates, "loss": decay(ROWS)}, steps=np.arange(0, 50 * ROWS, 50)
    )


def epochs() -> Run:
    return make_run({"epoch": np.arange(1, ROWS + 1), "loss": decay(ROWS), "val_acc": decay(ROWS)})


def batches() -> Run:
    """Thirty batches an epoch: the epoch is too coarse, and the batch starts again."""
    return make_run(
        {"epoch": np.arange(ROWS) // 30, "batch": np.arange(ROWS) % 30, "loss": decay(ROWS)}
    )


def accumulated() -> Run:
    """Every batch is logged, and four make a step."""
    return make_run({"global_step": np.arange(ROWS) // 4, "loss": decay(ROWS)})


def nothing() -> Run:
    return make_run({"loss": decay(ROWS), "accuracy": decay(ROWS)})


def one_row() -> Run:
    return make_run({"train/global_step": [1], "train/loss": [2.0]})


@pytest.mark.parametrize(
    ("made", "axis", "first", "last"),
    [
        (hugging_face(), Axis("train/global_step", "step"), 10, 300),
        (trl(), Axis("train/global_step", "step"), 0, 10),
        (lightning(), Axis("trainer/global_step", "step"), 49, 999),
        (keras(), Axis("epoch/epoch", "epoch"), 0, 59),
        (stable_baselines(), Axis("global_step", "environment step"), 2048, 2048 * ROWS),
        (nano_gpt(), Axis("iter", "iteration"), 0, 250 * (ROWS - 1)),
        (boosting(), Axis("epoch", "round"), 0, ROWS - 2),
        (yolo(), Axis("_step", "epoch"), 0, ROWS - 1),
        (declared(), Axis("custom_iter", "iteration"), 0, 5 * (ROWS - 1)),
        (given(), Axis("_step", "step"), 0, 50 * (ROWS - 1)),
        (epochs(), Axis("epoch", "epoch"), 1, ROWS),
        (batches(), Axis("_step", "step"), 0, ROWS - 1),
        (accumulated(), Axis("global_step", "step"), 0, ROWS // 4 - 1),
        (nothing(), Axis("_step", "step"), 0, ROWS - 1),
        (one_row(), Axis("train/global_step", "step"), 1, 1),
    ],
    ids=lambda value: value.key if isinstance(value, Axis) else None,
)
def test_each_convention(made: Run, axis: Axis, first: float, last: float) -> None:
    view = RunView(made)
    assert view.axis == axis
    assert (view.first_x, view.last_x) == (first, last)


def test_the_rows_of_one_step_in_trl_lie_on_it() -> None:
    view = RunView(trl())
    assert view.series("train/reward").x.tolist() == list(range(1, 11))
    assert view.series("profiling/b").x.tolist() == list(range(10))


def test_an_evaluation_lies_at_the_step_that_it_evaluates() -> None:
    view = RunView(hugging_face())
    assert view.series("eval/loss").x.tolist() == view.series("train/loss").x.tolist()


def test_rows_lost_in_sampling_are_no_sign_that_steps_were_passed() -> None:
    sampled = replace(given(), completeness=replace(given().completeness, sampled=True))
    assert RunView(sampled).axis.key == "train/update_step"


def test_labels_name_the_column_that_counts() -> None:
    assert Axis().label == "step" and Axis("epoch/epoch", "epoch").label == "epoch"
    assert Axis("epoch", "epoch").label == "epoch"
    assert Axis("global_step", "environment step").label == "environment step (global_step)"


def test_joined_runs_meet_at_their_trainers_steps() -> None:
    """A trainer logs four rows a step, its orchestrator one: the step is what they share."""
    losses = {f"loss/{i}": [1.0 if r % 4 == i else None for r in range(40)] for i in range(4)}
    trainer = make_run({"trainer/global_step": np.repeat(np.arange(10), 4), **losses})
    orchestrator = make_run({"trainer/global_step": np.arange(10), "reward/mean": decay(10)})
    joined = RunView(join([trainer, orchestrator]))
    assert joined.run.history.height == 10 and joined.axis == Axis("_step", "step")
    assert (
        joined.series("loss/3").x.tolist()
        == joined.series("reward/mean").x.tolist()
        == list(range(10))
    )
    assert joined.run.completeness.last_step == 9


def test_joined_runs_that_count_differently_meet_at_wandbs_steps() -> None:
    by_epoch = make_run({"epoch": np.arange(1, 41), "loss": decay(40)})
    by_step = make_run({"global_step": np.arange(10, 410, 10), "reward/mean": decay(40)})
    joined = RunView(join([by_epoch, by_step]))
    assert joined.axis == Axis() and joined.series("reward/mean").x.tolist() == list(range(40))
