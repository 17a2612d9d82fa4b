"""How much a training planned and did: config, arguments, console, counters; the finest plan decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from postrun.metrics import RunView
from postrun.model import Run, State
from postrun.training.console_progress import console_progress, planned_steps
from postrun.training.plan import plan_of


def bar(done: int, total: int, words: str = "") -> str:
    return f"{words}{100 * done // total:3d}%|{'█' * 5:10}| {done}/{total} [00:10<01:30,  1.00it/s]"


@pytest.mark.parametrize(
    ("lines", "unit", "done", "total"),
    [
        (["step 50/900"], "step", 50, 900),
        (["iter 1330 / 5000"], "iteration", 1330, 5000),
        (["Epoch [3/10]", "Epoch: 4/10 loss 0.1"], "epoch", 4, 10),
        (["Training Epoch: 2/3, step 50/900 completed (loss: 1.8)"], "step", 950, 2700),
        ([bar(130, 1218)], "step", 130, 1218),
        ([bar(1, 9), bar(2, 9), bar(3, 9)], "step", 3, 9),  # redrawn without a terminal
        ([bar(6, 6), bar(6, 6), bar(2, 6)], "inner loop", 2, 6),  # it begins anew
        ([bar(30, 391, "Epoch 2: ")], "batch", 30, 391),
        ([bar(2, 2, "Loading checkpoint shards: "), bar(3, 40, "Evaluating: ")], None, 0, 0),
        (["Downloading 3/10", "loss 0.5"], None, 0, 0),
        (["Episode 12 of 3,000"], "episode", 12, 3000),
        (["Epoch 0/19: 100%", "Epoch 19/19: 100%"], "epoch", 20, 20),  # the last one's number
        (["Epoch 0/20", "Epoch 7/20"], "epoch", 8, 20),  # counted from 0
        (["Epoch 19/19 ━━━━━━━━━━━━━━━ 63/63 0:00:00"], "epoch", 20, 20),  # the bar of Lightning and rich
        (["Epoch 16/200 loss: 0.3", bar(85, 125, "Epoch 17 (mask 50%): ")], "epoch", 17, 200),
        (["Epoch 2/10, step 1000/9000", "Epoch 2/10, step 1800/9000"], "step", 1800, 9000),  # over all epochs
        (["Preparing dataset 3/10", bar(3, 10, "Computing metrics: ")], None, 0, 0),
    ],
)  # fmt: skip
def test_progress_by_the_console(lines: list[str], unit: str | None, done: int, total: int) -> None:
    found = console_progress(lines)
    if unit is None:
        assert found == []
    else:
        assert (found[0].unit, found[0].done, found[0].total) == (unit, done, total)


def test_steps_that_a_trainer_announces() -> None:
    assert planned_steps(["  Total optimization steps = 1,218", "step 1"]) == 1218
    assert planned_steps(["nothing"]) is None


def run(
    columns: dict[str, Any],
    config: dict[str, Any],
    lines: tuple[str, ...] = (),
    rows: int = 50,
    **fields: Any,
) -> RunView:
    frame = pl.DataFrame({"_step": range(rows), "loss": np.linspace(2, 1, rows), **columns})
    made = Run.from_frame(frame, config=config, state=State.FINISHED, console=lines)
    return RunView(replace(made, **fields))


ROWS = np.arange(50)


@pytest.mark.parametrize(
    ("columns", "config", "words", "complete"),
    [
        ({"global_step": 20 * ROWS + 20}, {"max_steps": 1000}, "step 1,000 of 1,000 (100%)", True),
        ({"global_step": 10 * ROWS + 10}, {"max_steps": 1000}, "step 500 of 1,000 (50%)", False),
        ({"epoch": (ROWS + 1) / 50}, {"num_train_epochs": 1}, "epoch 1 of 1 (100%)", True),
        ({"epoch": (ROWS + 1) / 100}, {"num_train_epochs": 1}, "epoch 0.5 of 1 (50%)", False),
        ({"epoch": ROWS}, {"epochs": 50}, "epoch 50 of 50 (100%)", True),  # counted from 0
        ({"epoch": ROWS + 1}, {"num_epochs": 50}, "epoch 50 of 50 (100%)", True),  # from 1
        ({"epoch": ROWS / 10}, {"num_train_epochs": 10}, "epoch 4.9 of 10 (49%)", False),
        ({"epoch": np.ones(50)}, {"num_epochs": 1}, "epoch 1 of 1", None),  # the first epoch is under way
        ({"global_step": 20 * ROWS + 20, "epoch": ROWS / 20}, {"max_steps": 1000, "num_train_epochs": 3},
         "step 1,000 of 1,000 (100%)", True),  # steps override epochs
        ({"global_step": 20 * ROWS}, {"env.num_steps": 128, "eval.max_steps": 10}, "", None),
        ({"global_step": 2048 * (ROWS + 1)}, {"total_timesteps": 102_400},
         "environment step 102,400 of 102,400 (100%)", True),
        ({}, {"num_rounds": 200}, "50 of 200 rounds (25%)", None),  # a row may be every fourth round's
        ({}, {"num_rounds": 50}, "50 of 50 rounds (100%)", True),
        ({}, {"max_steps": 500, "log_interval": 10}, "", None),  # rows are no steps
        ({}, {"max_steps": 500}, "step 49 of 500 (10%)", None),  # they may be
        ({"epoch": ROWS}, {"epochs": 100}, "50 of 100 epochs (50%)", False),
        ({"global_step": 20 * ROWS + 20}, {"run": "Namespace(seed=1, max_steps=2000, lr=0.1)"},
         "step 1,000 of 2,000 (50%)", False),
        ({"global_step": 20 * ROWS + 20}, {"env": "Namespace(max_steps=2000)"}, "", None),
        ({}, {"max_steps": 50}, "step 50 of 50 (100%)", True),
        ({}, {"max_steps": -1}, "", None),
        ({}, {"lr": 0.1}, "", None),
    ],
)  # fmt: skip
def test_plans(
    columns: dict[str, Any], config: dict[str, Any], words: str, complete: bool | None
) -> None:
    plan = plan_of(run(columns, config))
    assert (plan.words(), plan.complete) == (words, complete)


def test_the_console_is_finer_than_an_epoch_counter() -> None:
    view = run({"epoch": np.ones(50)}, {"num_epochs": 1}, ("Training Epoch: 1/1, step 50/900",))
    assert plan_of(view).words() == "step 50 of 900 (6%)"


def test_the_console_may_know_more_than_the_last_row() -> None:
    view = run({"iter": 25 * ROWS}, {"max_iters": 5000}, ("iter 1330: loss 1.2",))
    assert plan_of(view).words() == "iteration 1,330 of 5,000 (27%)"


def test_arguments_are_a_plan() -> None:
    view = run(
        {"global_step": 20 * ROWS + 20}, {}, environment={"args": ["--max_steps", "1000", "--lr=1"]}
    )
    assert plan_of(view).complete


def test_the_trainers_own_summary_ends_the_training() -> None:
    view = run({"global_step": 20 * ROWS}, {"max_steps": 5000}, summary={"train_runtime": 12.0})
    assert plan_of(view).complete


@pytest.mark.parametrize(
    ("config", "lines", "told"),
    [
        ({"early_stopping_patience": 3}, (), "early_stopping_patience = 3"),
        ({"load_best_model_at_end": True}, (), "load_best_model_at_end = True"),
        ({"load_best_model_at_end": False, "early_stopping": None}, (), ""),
        ({}, ("Epoch 22: early stopping",), 'the console says "early stopping"'),
    ],
)
def test_early_stopping(config: dict[str, Any], lines: tuple[str, ...], told: str) -> None:
    assert plan_of(run({}, config, lines)).early == told


def test_an_epoch_that_had_begun_is_not_done() -> None:
    lines = ("Epoch 3/3",)
    fine = plan_of(run({}, {}, lines))
    killed = plan_of(run({}, {}, lines, state=State.CRASHED))
    assert (fine.complete, killed.complete) == (True, False)


@pytest.mark.parametrize(
    ("config", "lines", "words"),
    [
        # The bar of the epochs and that of the batches, in whichever order they were drawn.
        ({"epochs": 30}, (bar(48, 59), bar(22, 30)), "epoch 23 of 30"),
        ({"epochs": 30}, (bar(22, 30), bar(48, 59)), "epoch 23 of 30"),
        ({"epochs": 200}, (bar(237, 250, "Epoch 1 (mask 50%): "),), "epoch 1 of 200"),
        # An epoch is told before the bar of its batches, from 0 on.
        ({"epochs": 10}, (" epoch 0", bar(625, 625), " epoch 1", bar(300, 625)), "epoch 1 of 10"),
        # Results stand on the line of an epoch that has ended.
        ({"epochs": 30}, ("Epoch 3/30 | Loss: 3.2 Acc: 30.4% | Val Loss: 2.0",), "epoch 3 of 30 (10%)"),
        ({"epochs": 30}, ("Epoch 3/30 [10/391] loss: 3.2",), "epoch 3 of 30"),
        ({"num_rounds": 150}, ("0-th round completed!", "4-th round completed!"), "5 of 150 rounds (3%)"),
        # Epochs of other times than now.
        ({"epochs": 30}, ("epoch 4 lr 0.1", "best epoch 2", "resuming from epoch 1"), "epoch 4 of 30"),
    ],
)  # fmt: skip
def test_what_bars_and_counters_of_a_killed_run_count(
    config: dict[str, Any], lines: tuple[str, ...], words: str
) -> None:
    made = Run.from_frame(
        pl.DataFrame({"_step": []}), config=config, state=State.CRASHED, console=lines
    )
    assert plan_of(RunView(made)).words() == words


def test_the_batch_of_an_epoch_is_known() -> None:
    lines = (bar(48, 59), bar(22, 30))
    made = Run.from_frame(
        pl.DataFrame({"loss": [1.0, 0.5]}),
        config={"epochs": 30},
        state=State.CRASHED,
        console=lines,
    )
    inner = plan_of(RunView(made)).inner
    assert inner is not None and inner.place() == "batch 48 of 59"


def test_one_bar_of_a_trainer_that_draws_one_counts_its_steps() -> None:
    empty = pl.DataFrame({"_step": []})
    lines = (bar(11, 489),)
    made = Run.from_frame(empty, config={"num_train_epochs": 1}, state=State.CRASHED, console=lines)
    assert plan_of(RunView(made)).words() == "step 11 of 489 (2%)"
    other = Run.from_frame(empty, config={"epochs": 1}, state=State.CRASHED, console=lines)
    inner = plan_of(RunView(other)).inner
    assert inner is not None and inner.place() == "batch 11 of 489"


def test_a_bar_that_is_behind_the_logged_rows_counts_something_else() -> None:
    frame = pl.DataFrame({"_step": range(932), "loss": np.linspace(2, 1, 932)})
    made = Run.from_frame(frame, state=State.CRASHED, console=(bar(33, 400),))
    assert plan_of(RunView(made)).words() == "33 of 400 in its progress bar (8%)"


@pytest.mark.parametrize(
    "line",
    [
        "`Trainer.fit` stopped: `max_epochs=20` reached.",
        "Training completed.",
        "INFO: Training is complete!",
    ],
)
def test_a_trainer_says_that_its_loop_ended(line: str) -> None:
    view = run({"epoch": ROWS // 5}, {"epochs": 20}, (line,))
    assert plan_of(view).complete
    assert not plan_of(
        run({"epoch": ROWS // 5}, {"epochs": 20}, ("Training of epoch 3 done",))
    ).complete


def test_a_longest_time_that_was_used_up_ends_a_run_as_planned() -> None:
    config = {"max_steps": 1000, "trainer.max_time": "00:02:00:00"}
    columns = {"global_step": 10 * ROWS + 10}
    assert plan_of(run(columns, config, runtime=7190.0)).early == "trainer.max_time = 00:02:00:00"
    assert plan_of(run(columns, config, runtime=600.0)).early == ""
    assert plan_of(run(columns, {"max_hours": 2}, runtime=7190.0)).early == "max_hours = 2"


def test_the_patience_of_a_learning_rate_is_no_early_stopping() -> None:
    assert plan_of(run({}, {"scheduler.patience": 5})).early == ""
    assert plan_of(run({}, {"patience": 5})).early == "patience = 5"


def test_a_bar_of_a_run_without_rows_is_no_finished_training() -> None:
    view = run({}, {}, (bar(6, 6),), rows=0)
    assert plan_of(view).complete is None
