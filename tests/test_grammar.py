"""Names of metrics by grammar: quantity, split, statistic and direction of names that no pack lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.metrics.grammar import read
from postrun.metrics.grammar.tokens import segments
from postrun.metrics.values import Span, contradiction
from postrun.model import MetricDefinition, Run

#: name, quantity, split, statistic, direction
NAMES = """
Training Loss | loss | train | | lower
lossTrain | loss | train | | lower
Avg. Test loss | loss | test | mean | lower
valid/running_loss_epoch | loss | eval | | lower
loss/validation | loss | eval | | lower
reward_loss | reward loss | train | | lower
loss_gate | gate loss | train | | lower
val_bce_dice_loss | Dice loss | eval | | lower
nll_loss | cross-entropy loss | train | | lower
test_rmse | root mean squared error | test | | lower
Generator | generator loss | train | | neither
lossD | discriminator loss | train | | neither
critic/loss | value loss | train | | lower
losses/policy | policy loss | train | | neither
Loss/surrogate | policy loss | train | | neither
d0.loss_cls | classification loss | train | | lower
loss_vlb_q3 | denoising loss | train | | lower
Validation Accuracy (%) | accuracy | eval | | higher
Acc@1 | top-1 accuracy | train | | higher
val/top-5 accuracy | top-5 accuracy | eval | | higher
hellaswag/acc_norm | accuracy | eval | | higher
metrics/mAP50-95(B) | mean average precision at IoU 0.5-0.95 | eval | | higher
bbox_AP75 | mean average precision at IoU 0.75 | eval | | higher
val/cityscapes/mIoU | intersection over union | eval | | higher
Dice_mean_val | Dice score | eval | mean | higher
test/macro_f1 | F1 score | test | | higher
val_specificity | specificity | eval | | higher
hits@10 | hits 10 | eval | | higher
eval_rougeLsum | ROUGE | eval | | higher
test_wer | word error rate | test | | lower
val/ppl | perplexity | eval | | lower
Metrics/fid50k_full | fid50k full | eval | | lower
SI-SDR | si sdr | eval | | higher
val_pearson | pearson | eval | | higher
R2 | coefficient of determination | eval | | higher
Episode Reward | episode return | train | | higher
Rewards/mean_episodes | episode return | train | mean | higher
eval/average_episode_rewards | episode return | eval | mean | higher
test/reward_std | reward | test | std | neither
format_reward_func/mean | format reward | train | mean | higher
ep_len_mean | episode length | train | mean | neither
battle_won_mean | win rate | train | mean | higher
success_once | success rate | train | | higher
losses/qf2_loss | value loss | train | | lower
q_taken_mean | Q-value | train | mean | neither
mean_kl | KL of one update (old to new policy) | train | | neither
frac_clipped | clip fraction | train | | neither
epsilon | exploration rate epsilon | train | | neither
Policy/Learning Rate | learning rate | train | | neither
lr_group_1 | learning rate | train | | neither
grad_2.0_norm_total | gradient norm | train | | neither
gnorm | gradient norm | train | | neither
param_norm | weight norm | train | | neither
update_step | parameter update count | train | | neither
num_env_steps | environment step counter | train | | neither
tokens/sec | throughput tokens/s | train | | higher
imgs/s | throughput samples/s | train | | higher
it/s | throughput steps/s | train | | higher
step_time_ms | step time | train | | lower
timing_s/gen | sampling time | train | | lower
val_time | evaluation time | eval | | lower
rss_gb | host memory | train | | neither
peak_gpu_mem_gb | GPU memory | train | | neither
n_params | parameter count | none | | neither
accuracy_improvement | accuracy gain | eval | | higher
best_val_acc | accuracy | eval | best | higher
client_3/loss | loss | train | | lower
Confusion Matrix | confusion matrix | eval | | neither
gradients/layers.0.weight | gradient histogram | train | | neither
trainacc | accuracy | train | | higher
gradnorm | gradient norm | train | | neither
kl_coef | coefficient | train | | neither
loss_weight | coefficient | train | | neither
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in NAMES.strip().splitlines()]


@pytest.mark.parametrize(
    ("name", "quantity", "split", "stat", "better"), ROWS, ids=[r[0] for r in ROWS]
)
def test_names(name: str, quantity: str, split: str, stat: str, better: str) -> None:
    info = read(name)[0]
    assert (info.quantity, info.split, info.stat, info.better) == (quantity, split, stat, better)


@pytest.mark.parametrize(
    "name", ["zorp", "stats/env_id", "visited_pos", "Moving Average", "mode", "idx2_check"]
)
def test_what_no_word_names_is_not_guessed(name: str) -> None:
    assert read(name) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("metrics/mAP_0.5:0.95", [["metrics"], ["map", "0", "5", "0", "95"]]),
        ("trainLoss", [["train", "loss"]]),
        ("pair_GANloss", [["pair", "gan", "loss"]]),
        ("D(G(z))", [["d", "g", "z"]]),
        ("lr0", [["lr", "0"]]),
        ("mIoU", [["miou"]]),
        ("a::b|c", [["a"], ["b"], ["c"]]),
        ("", []),
    ],
)
def test_names_are_taken_apart(name: str, words: list[list[str]]) -> None:
    assert segments(name) == words


@given(st.text(max_size=80))
def test_any_text_is_read(name: str) -> None:
    for info in read(name):
        assert (
            info.quantity
            and 0 < info.confidence <= 1
            and info.better in ("lower", "higher", "neither")
        )
        assert info.split in ("train", "eval", "test", "none") and info.why


@given(
    st.sampled_from([row[0] for row in ROWS]),
    st.sampled_from(["metrics/", "charts/", "log/", "info."]),
)
def test_a_wrapper_changes_nothing(name: str, wrapper: str) -> None:
    plain, wrapped = (
        read(name)[0],
        read(wrapper + name)[0] if "gradients" not in name else read(name)[0],
    )
    assert (plain.quantity, plain.better, plain.split) == (
        wrapped.quantity,
        wrapped.better,
        wrapped.split,
    )


@given(st.sampled_from([row[0] for row in ROWS if "gradients" not in row[0]]))
def test_a_spread_or_a_count_is_never_better_higher(name: str) -> None:
    assert read(f"{name}_std")[0].better == "neither"


# ------------------------------------------------------------------------------- the values vote
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


# ---------------------------------------------------------------------------------------- explain
def explained(*words: str) -> str:
    done = CliRunner().invoke(cli, ["explain", *words])
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_explain_gives_readings_as_json() -> None:
    told = json.loads(explained("test/reward_std", "--json"))
    first = told["readings"][0]
    assert told["metric"] == first["name"] == "test/reward_std"
    wanted = {
        "quantity": "reward",
        "split": "test",
        "statistic": "std",
        "direction": "neither",
        "role": "reward.std",
    }
    assert {key: first[key] for key in wanted} == wanted
    assert json.loads(explained("zorp", "--json"))["readings"] == []


def test_explain_lets_the_values_of_a_run_vote(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    pl.DataFrame({"_step": range(50), "val_acc": np.linspace(-5, 5, 50)}).write_csv(path)
    assert "accuracy" in explained("val_acc")
    assert "Not understood" in explained("val_acc", str(path))


def test_explain_shows_why_and_what_else() -> None:
    told = explained("Rewards/mean_episodes")
    assert "episode return" in told and "Why:" in told and "higher is better" in told
