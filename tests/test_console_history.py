"""Metrics out of consoles: what trainers print is read, what only looks like it is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import polars as pl
import pytest

from postrun.training.console_history import console_history


def read(lines: Sequence[str]) -> pl.DataFrame:
    found = console_history("\n".join(lines))
    assert found is not None
    return found


def loss(i: int) -> float:
    return round(2.3 - i / 10, 4)


def test_nanogpt() -> None:
    found = read(
        [f"iter {i * 100}: loss {loss(i):.4f}, time {50 + i}.20ms, mfu 7.1%" for i in range(6)]
    )
    assert found.columns == ["iteration", "loss", "time", "mfu"]
    assert found["iteration"].to_list() == [0, 100, 200, 300, 400, 500]
    assert found["loss"].to_list() == pytest.approx([loss(i) for i in range(6)])
    assert found["time"].to_list() == pytest.approx([0.0502 + i / 1000 for i in range(6)])
    assert found["mfu"].to_list() == [7.1] * 6


def test_evaluations_that_call_the_count_by_another_word_are_on_it() -> None:
    lines = [f"iter {i}: loss {loss(i):.4f}, time 50.20ms, mfu 7.1%" for i in range(12)]
    evals = [f"step {i}: train loss {loss(i):.4f}, val loss {loss(i):.4f}" for i in range(0, 12, 2)]
    for i, line in enumerate(evals):
        lines.insert(3 * i, line)  # before "iter 0", "iter 2", ...
    found = read(lines)
    assert found.columns[0] == "iteration" and "step" not in found.columns
    assert found.filter(pl.col("val loss").is_not_null())["iteration"].to_list() == [
        *range(0, 12, 2)
    ]
    # Two counts of their own stay two: an optimizer's steps every 8 iterations.
    two = [f"iter {8 * i}: loss {loss(i):.4f}\nstep {i}: grad_norm {loss(i):.4f}" for i in range(8)]
    assert read("\n".join(two).splitlines()).columns[:2] == ["step", "iteration"]


@pytest.mark.parametrize("quote", ["", "'"])
def test_hugging_face_prints_dictionaries(quote: str) -> None:
    rows = [
        {"loss": loss(i), "learning_rate": 5 / 10 ** (i + 1), "epoch": i / 10} for i in range(1, 7)
    ]
    found = read(
        ["{" + ", ".join(f"'{k}': {quote}{v}{quote}" for k, v in row.items()) + "}" for row in rows]
    )
    assert found.columns == ["epoch", "loss", "learning_rate"]
    assert found.select("loss", "learning_rate", "epoch").rows() == [
        tuple(r.values()) for r in rows
    ]


def keras_2(epoch: int) -> str:
    states = [f"{k}/100 [==>......] - ETA: 0:0{k % 9} - loss: 9.{k}" for k in (1, 50)]
    last = f"100/100 [==============================] - 3s 2ms/step - loss: {loss(epoch)} - val_loss: 0.{epoch}"
    return f"Epoch {epoch}/6\n" + "\r".join([*states, last])


def keras_3(epoch: int) -> str:
    bar = "\x1b[1m100/100\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m"
    return (
        f"Epoch {epoch}/6\n{bar} {900 + epoch}us/step - loss: {loss(epoch)} - val_loss: 0.{epoch}"
    )


@pytest.mark.parametrize("lines", [keras_2, keras_3])
def test_keras_bars_count_when_they_are_full(lines: Callable[[int], str]) -> None:
    found = read([lines(epoch) for epoch in range(1, 7)])
    assert found.columns == ["epoch", "loss", "val_loss"]
    assert found["epoch"].to_list() == [1, 2, 3, 4, 5, 6]
    assert found["loss"].to_list() == pytest.approx([loss(epoch) for epoch in range(1, 7)])


@pytest.mark.parametrize(
    "prefix",
    [
        "2026-03-01 12:30:{i:02d},123 - INFO - trainer - step={i} loss={loss}",
        "2026-03-01 12:30:{i:02d}.123 | INFO     | __main__:train_loop:42 - step {i} | loss {loss}",
        "[2026-03-01 12:30:{i:02d},123][__main__][INFO] - step {i}: loss={loss}",
    ],
)
def test_prefixes_of_loggers_are_times_and_no_metrics(prefix: str) -> None:
    found = read([prefix.format(i=i, loss=loss(i)) for i in range(6)])
    assert found.columns == ["step", "_timestamp", "loss"]
    assert found["_timestamp"].diff().drop_nulls().to_list() == pytest.approx([1.0] * 5)


def test_dates_and_levels_are_no_part_of_a_name() -> None:
    found = read([f"05/{i:02d} 02:32:56 PM train_acc {i}.5" for i in range(10, 20)])
    assert found.columns == ["train_acc"]
    found = read([f"INFO:root:loss: {i}.5" for i in range(9)])
    assert found.columns == ["loss"]


def test_tables_of_names_and_values_are_rows() -> None:
    table = (
        "----------------------------------\n"
        "| rollout/           |           |\n"
        "|    ep_rew_mean     | {i}2.8    |\n"
        "| train/             |           |\n"
        "|    loss            | 0.{i}     |\n"
        "|    learning_rate   | 0.0003    |\n"
        "----------------------------------"
    )
    found = read([table.format(i=i) for i in range(1, 7)])
    assert found.columns == ["rollout/ep_rew_mean", "train/loss", "train/learning_rate"]
    assert found["rollout/ep_rew_mean"].to_list() == [12.8, 22.8, 32.8, 42.8, 52.8, 62.8]


def test_splits_before_the_names_keep_the_metrics_apart() -> None:
    one = read(
        [f"Epoch {e} | Train: loss 0.{e}1 acc 0.{e} | Val: loss 0.{e}5" for e in range(1, 7)]
    )
    assert one.columns == ["epoch", "train/loss", "train/acc", "val/loss"]
    two = read(
        [
            f"Epoch {e}/5\n----------\ntrain Loss: 0.{e} Acc: 0.1\nval Loss: 0.{e} Acc: 0.2"
            for e in range(6)
        ]
    )
    assert two.columns == ["epoch", "train Loss", "train/Acc", "val Loss", "val/Acc"]
    assert two["epoch"].to_list() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert set(two["val/Acc"].drop_nulls()) == {0.2}


def test_places_within_an_epoch_count_on_over_all() -> None:
    found = read(
        [
            f"Train Epoch: {e} [{b}/1000 ({b / 10:.0f}%)]\tLoss: {loss(e)}"
            for e in (1, 2)
            for b in (0, 500, 900)
        ]
    )
    assert found.columns == ["step", "epoch", "train/Loss"]
    assert found["step"].to_list() == [0, 500, 900, 1000, 1500, 1900]


def test_means_in_parentheses_and_counts_of_right_answers() -> None:
    found = read(
        [
            f"Epoch: [0][ {b}/500]\tTime  0.32 ( 0.41)\tLoss 6.{b}e+00 (7.00e+00)\tAcc@1   {b}.10 (  0.00)"
            for b in range(1, 7)
        ]
    )
    assert found.columns == ["step", "epoch", "Loss", "Acc@1"]
    assert found["Acc@1"].to_list() == [1.1, 2.1, 3.1, 4.1, 5.1, 6.1]
    tests = read([f"Test set: Accuracy: {9000 + e}/10000 ({90 + e}%)" for e in range(6)])
    assert tests["test/Accuracy"].to_list() == [90, 91, 92, 93, 94, 95]


def test_boosting_rounds() -> None:
    found = read(
        [f"[{i}]\tvalidation_0-logloss:0.{60 - i}\tvalidation_1-logloss:0.7" for i in range(6)]
    )
    assert found.columns == ["round", "validation_0-logloss", "validation_1-logloss"]


def test_nan_is_a_value() -> None:
    found = read([f"step {i} loss {'nan' if i > 3 else loss(i)}" for i in range(6)])
    assert [math.isnan(x) for x in found["loss"]] == [False] * 4 + [True] * 2


def test_digits_within_a_name_belong_to_it() -> None:
    found = read([f"step {i} loss: 1.5 | f1: 0.{i} | acc@5: {i}.9" for i in range(6)])
    assert found.columns == ["step", "loss", "f1", "acc@5"]
    assert found["acc@5"].to_list() == [0.9, 1.9, 2.9, 3.9, 4.9, 5.9]


def test_one_name_with_two_meanings_is_that_of_most_lines() -> None:
    lines = [f"step {i} loss {loss(i)}" for i in range(20)] + [
        f"Epoch {e} loss 9.{e}" for e in range(5)
    ]
    assert read(lines)["loss"].drop_nulls().max() == loss(0)


@pytest.mark.parametrize(
    "line",
    [
        '  File "train.py", line {i}, in step',
        "Downloading model: {i}% 1.{i}MB",
        "torch version: 2.{i}.1",
        "2026-03-0{i} 12:00:00",
        "100%|██████████| {i}/8 [00:0{i}<00:00, 2.{i}it/s]",
        "(BatchNorm): BatchNorm2d({i}, eps=1e-05, momentum=0.1)",
        "GPU 0: {i}00 MiB",
        "worker pid={i} rank={i} port: 2950{i}",
        "Saved best model (val acc=0.{i})",
        "                 Class     Images     Labels          P          R     mAP@.5 mAP@.5:.95: 100%",
        "Tensor size: 3,64,{i}",
        "the loss was nice in experiment {i}",
    ],
)
def test_what_only_looks_like_a_metric_is_none(line: str) -> None:
    assert console_history("\n".join(line.format(i=i) for i in range(1, 9))) is None


def test_a_console_without_numbers_or_with_few_lines_has_no_history() -> None:
    assert console_history("") is None
    assert console_history("hello\nworld\n" * 20) is None
    assert console_history("\n".join(f"step {i} loss 1.{i}" for i in range(4))) is None
    assert console_history("\n".join(f"wandb: loss 0.{i}" for i in range(9))) is None


def test_thousands_are_read_where_they_cannot_be_a_decimal_comma() -> None:
    found = read([f"step {i},000: loss 1,23{i}.5 reward 1,23{i}" for i in range(1, 8)])
    assert found["step"].to_list()[:2] == [1000, 2000]
    assert found["loss"].to_list()[:2] == [1231.5, 1232.5]
    assert found["reward"].null_count() == 7


def test_rewards_of_single_actions_are_no_returns() -> None:
    lines = [f"{{'allowed': [0], 'infected': [{i % 7}], 'reward': -{i % 5}}}" for i in range(40)]
    assert console_history("\n".join(lines)) is None
    counted = [f"episode {i} reward: -{i % 5}.5" for i in range(40)]
    told = console_history("\n".join(counted))
    assert told is not None and "reward" in told.columns
