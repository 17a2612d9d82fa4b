"""Names of metrics by grammar: quantity, split, statistic and direction of names that no pack lists."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from postrun.cli.main import cli
from postrun.metrics.grammar import read
from postrun.metrics.grammar.reader import _read_shape
from postrun.metrics.grammar.tokens import segments
from tests.printed import results_of

#: name, quantity, split, statistic, direction
NAMES = """
count_success | success count | train | | neither
accuracy at threshold 0.5 | accuracy | train | | higher
no_improve_epochs | no improve epochs | none | | neither
match/num_wins | number of wins | train | | neither
n_crashed_cars | crashed car count | train | | lower
total_collisions | collisions | train | | lower
decode_abort_rate | decode abort rate | train | | lower
frac_completed_levels | fraction of completed levels | train | | higher
no_collision_rate | no collision rate | train | | higher
valid_move_ratio | valid move ratio | train | | higher
frac_valid | fraction of valid | train | | higher
selected_rows | selected row count | train | | neither
failed_attempts | failed attempt count | train | | lower
loss_main_beta_weighted | main loss | train | | lower
loss_grad_match | gradient loss | train | | lower
episode_cost_return | episode cost | train | | lower
cost_return_mean | episode cost | train | mean | lower
reward/mean_int | intrinsic reward | train | mean | neither
curiosity_reward_sum | intrinsic reward | train | sum | neither
reward_energy | energy reward | train | | higher
length_penalty | length penalty | train | | neither
reward_weight | reward weight | train | | neither
head.fusion_weight | fusion weight | train | | neither
fc2.bias | parameter | train | | neither
val_bias | bias | eval | | neither
d_fake_acc | discriminator accuracy | train | | neither
real_output | discriminator output | train | | neither
loss_3d_velocity | velocity loss | train | | lower
loss_mask_dice | mask Dice loss | train | | lower
loss_style_adv | style adversarial loss | train | | neither
gen_loss_mel | mel-spectrogram loss | train | | lower
loss_gen_kl | KL loss | train | | neither
kl_val_loss | KL loss | eval | | neither
sr_loss | sr loss | train | | lower
pos_loss | position loss | train | | lower
comm_cost | comm cost | train | | lower
rot_err | rotation error | eval | | lower
IS_std | inception score | eval | std | neither
worst_psnr | PSNR | eval | min | higher
dead_latents | dead latents | train | | lower
TPR@FPR=1% | recall | eval | | higher
recall_at_precision_90 | recall | eval | | higher
val_P | precision | eval | | higher
Accuracy with dropout=0.5 | accuracy | train | | higher
test/flow - psnr | PSNR | test | | higher
timing/encode | encode time | train | | lower
encode_ms | encode time | train | | lower
solver_time | solver time | train | | lower
time_per_scene | time per scene | train | | lower
train/wall_time | wall-clock time | train | | neither
val_size | sample count | eval | | neither
queue_size | queue size | train | | neither
attn_entropy | attn entropy | train | | neither
encoder_norm | encoder norm | train | | neither
agent/score | score | train | | higher
evl/acc | accuracy | eval | | higher
Training Loss | loss | train | | lower
qloss | value loss | train | | lower
loss/g/mel | mel-spectrogram loss | train | | lower
loss_coeff/energy_mse | loss weight | train | | neither
optimizer_state_norms/1_exp_avg | optimizer state norm | train | mean | neither
pct_grad_zeros/block.0.attn.weight | share of zero gradients | train | | neither
train/gpu_max_cached_mem_gb | GPU memory | train | max | neither
time/sample_in_epoch | samples seen | train | | neither
critic_q2 | Q-value | train | | neither
fish_count | fish count | train | | neither
val_smape | symmetric mean absolute percentage error | eval | | lower
perdidas_prueba | loss | test | | lower
lr-DecoupledAdamW/group1 | learning rate | train | | neither
train/buffer_current_size | replay buffer size | train | last | neither
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
loss_vlb_q3 | variational bound loss | train | | lower
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
hits@10 | hit rate | eval | | higher
eval_rougeLsum | ROUGE | eval | | higher
test_wer | word error rate | test | | lower
val/ppl | perplexity | eval | | lower
Metrics/fid50k_full | FID | eval | | lower
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
kl_coef | KL coefficient | train | | neither
loss_weight | loss weight | train | | neither
val_top3_acc | top-3 accuracy | eval | | higher
Val/MacroF1 | F1 score | eval | | higher
initial_accuracy | accuracy | eval | first | higher
val_mrr | mean reciprocal rank | eval | | higher
valid_MR | mean rank | eval | | lower
test/db_score | Davies-Bouldin index | test | | lower
hd95_liver | Hausdorff distance (95%) | eval | | lower
val_bpd | bits per dimension | eval | | lower
render/psnr_render | PSNR | eval | | higher
mAP-val-audio | mean average precision | eval | | higher
router_z_loss | router z-loss | train | | lower
aux_loss | auxiliary loss | train | | lower
vq_loss | vector-quantisation loss | train | | lower
D_A | discriminator loss | train | | neither
D_hinge | discriminator loss | train | | neither
g_hinge | generator loss | train | | neither
loss/d_bce | discriminator loss | train | | neither
G_GAN | generator loss | train | | neither
idt_B | identity loss | train | | lower
train/critic1 | value loss | train | | lower
D(G(z)) | discriminator output | train | | neither
delta_loss | change of loss | train | | neither
rewards_0/helpfulness_score | helpfulness reward | train | | higher
collision_rate | collision rate | train | | lower
failure_rate | failure rate | train | | lower
battle_lost_rate_draws | draw rate | train | | neither
Number of steps per episode | episode length | train | | neither
replay_buffer_size | replay buffer size | train | | neither
batch_size | batch size | train | | neither
num_gpus | gpu count | none | | neither
model/GFLOPs | floating-point operations total | train | | neither
inference_time_ms | inference time | train | | lower
latency_p99 | inference time | train | p99 | lower
time/iterations | step counter | train | | neither
timer/step | step time | train | | lower
round_time | round time | train | | lower
profiling/Time taken: Trainer.step | time | train | | lower
gradients/global_norm | gradient norm | train | | neither
test/sample_images | images | test | | neither
reward_plot | plot | none | | neither
best_epoch | best epoch | train | best | neither
best_loss | loss | eval | best | lower
Validaton Loss | loss | eval | | lower
episode_lenght | episode length | train | | neither
tok/sec | throughput tokens/s | train | | higher
ms_per_batch | step time | train | | lower
val_fn_rate | false negative rate | eval | | lower
loss_var | variance loss | train | | lower
val/audio | audio | eval | | neither
test_nsd | surface Dice | test | | higher
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in NAMES.strip().splitlines()]


@pytest.mark.parametrize(
    ("name", "quantity", "split", "stat", "better"), ROWS, ids=[r[0] for r in ROWS]
)
def test_names(name: str, quantity: str, split: str, stat: str, better: str) -> None:
    info = read(name)[0]
    assert (info.quantity, info.split, info.stat, info.better) == (quantity, split, stat, better)


@pytest.mark.parametrize(
    "name",
    [
        "zorp",
        "stats/env_id",
        "visited_pos",
        "Moving Average",
        "mode",
        "idx2_check",
        "step_4_eff",
        "x_pos_per_episode",
        "samples/portrait",
        "rewards/sample_details",
        "value",
        "program/depth",
        "mAP_vs_size",
        "noise_frac",
        "overtake_rate",
        "rewards/negative_ratio",
        "memory/oom",
        "f1_minus_rmse",
        "frames until termination",
        "iou_patch_applied_twice",
        "step_max_obj",
    ],
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
    assert segments(name) == [tuple(segment) for segment in words]


@pytest.mark.slow
@given(st.text(max_size=80))
def test_any_text_is_read(name: str) -> None:
    for info in read(name):
        assert (
            info.quantity
            and 0 < info.confidence <= 1
            and info.better in ("lower", "higher", "neither")
        )
        assert info.split in ("train", "eval", "test", "none") and info.why


#: Names whose first word is a group that a wrapper before it would hide.
GROUPED = [
    row[0] for row in ROWS if not row[0].startswith(("gradients", "timer", "timing", "time/"))
]


@given(
    st.sampled_from(GROUPED),
    st.lists(
        st.sampled_from(["metrics", "charts", "info", "stats", "perf"]),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["/", ".", " ", "_", "-"]),
)
def test_a_wrapper_changes_nothing(name: str, wrappers: list[str], separator: str) -> None:
    plain, wrapped = read(name)[0], read(separator.join([*wrappers, name]))[0]
    seen = [(info.quantity, info.better, info.split, info.stat) for info in (plain, wrapped)]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("group", ["log/", "logs/", "logs."])
def test_a_group_of_logs_is_no_logarithm(group: str) -> None:
    assert read(f"{group}loss")[0].quantity == "loss"
    assert read("log_loss")[0].quantity == "cross-entropy loss"


#: Names in which numbers say which part it is, which quantity it is, or both.
NUMBERED = [
    "block_{}/head_{}/val_loss",
    "layers.{}.mlp.{}/grad_norm",
    "top_{}_acc",
    "val/acc{}/class_{}",
    "critic {} loss",
    "metrics/mAP_{}.5:0.{}",
    "D_G_z{} {}",
    "gpu.{}.memory {}",
    "recall@{} fold {}",
    "rewards/{}/format {}",
    "p{} of step {} time",
    "{} {} {} {} {} {} {} {} {} {} {} {} loss",
]


@given(st.sampled_from(NUMBERED), st.lists(st.integers(0, 120), min_size=12, max_size=12))
def test_names_of_one_shape_are_read_as_each_of_them_alone(name: str, numbers: list[int]) -> None:
    key = name.format(*numbers)
    alone = _read_shape.__wrapped__(tuple(segments(key)))
    assert read(key) == tuple(replace(info, key=key) for info in alone)


def test_names_that_differ_in_numbers_are_taken_apart_once() -> None:
    _read_shape.cache_clear()
    for i in range(11, 61):
        assert read(f"shaped_{i}/head_{i + 7}/val_loss")[0].index == f"shaped/{i}/{i + 7}"
    assert _read_shape.cache_info().misses == 1


@given(st.text(max_size=120))
def test_every_letter_of_a_name_is_in_its_words(name: str) -> None:
    words = [word for segment in segments(name) for word in segment]
    assert all(word and not word.isspace() for word in words)
    wanted = "".join(character for character in name.lower() if character in string.ascii_lowercase)
    assert "".join(c for word in words for c in word if c in string.ascii_lowercase) == wanted


@given(
    st.sampled_from(["val", "valid", "test", "train", "eval"]),
    st.sampled_from(["/", "_", " ", "."]),
)
def test_a_split_word_decides_the_split_and_not_the_direction(split: str, separator: str) -> None:
    wanted = {"val": "eval", "valid": "eval"}.get(split, split)
    for name in ("loss", "accuracy", "f1", "psnr", "wer", "perplexity", "reward", "dice"):
        plain, told = read(name)[0], read(f"{split}{separator}{name}")[0]
        assert (told.split, told.better) == (wanted, plain.better)


@given(st.sampled_from([row[0] for row in ROWS if "gradients" not in row[0]]))
def test_a_spread_or_a_count_is_never_better_higher(name: str) -> None:
    assert read(f"{name}_std")[0].better == "neither"


# ---------------------------------------------------------------------------------------- explain
def explained(*words: str) -> str:
    done = CliRunner().invoke(cli, ["explain", *words])
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_explain_gives_readings_as_json() -> None:
    found = results_of(explained("test/reward_std", "--json"))
    first = found["readings"][0]
    assert found["metric"] == first["name"] == "test/reward_std"
    wanted = {
        "quantity": "reward",
        "split": "test",
        "statistic": "std",
        "direction": "neither",
        "role": "reward.std",
    }
    assert {key: first[key] for key in wanted} == wanted
    assert results_of(explained("zorp", "--json"))["readings"] == []


def test_explain_lets_the_values_of_a_run_vote(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    pl.DataFrame({"_step": range(50), "val_acc": [i / 5 - 5 for i in range(50)]}).write_csv(path)
    assert "accuracy" in explained("val_acc")
    told = " ".join(explained("val_acc", str(path)).split())
    assert "Not understood: its values contradict the name (accuracy lies between 0 and 100" in told
    assert "no word of the name" not in told
    assert results_of(explained("val_acc", str(path), "--json"))["readings"] == []


def test_explain_says_if_the_run_has_no_such_metric(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    pl.DataFrame({"_step": range(5), "loss": [5.0, 4.0, 3.0, 2.0, 1.0]}).write_csv(path)
    assert "logged no such metric" in explained("val_acc", str(path))
    assert "logged no such metric" not in explained("loss", str(path))


def test_explain_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    plain = [
        re.sub(r"\x1b\[[0-9;]*m", "", line) for line in explained("test/reward_std").splitlines()
    ]
    assert plain and max(map(len, plain)) <= 80


@pytest.mark.parametrize(
    "name", ["val_acc", "train/lr", "zorp", "gpu.0.temp", "loss-like", "mAP@0.5:0.95"]
)
def test_explain_gives_all_fields_of_each_reading(name: str) -> None:
    fields = {
        "name",
        "quantity",
        "role",
        "split",
        "statistic",
        "direction",
        "unit",
        "confidence",
        "why",
    }
    for reading in results_of(explained(name, "--json"))["readings"]:
        assert fields <= reading.keys() and reading["name"] == name and reading["quantity"]
        assert reading["split"] in ("train", "eval", "test", "none")
        assert reading["direction"] in ("lower", "higher", "neither")


def test_explain_of_a_rule_stays() -> None:
    assert results_of(explained("OPT001", "--json"))["code"] == "OPT001"


def test_explain_shows_why_and_what_else() -> None:
    told = explained("Rewards/mean_episodes")
    assert "episode return" in told and "Why:" in told and "higher is better" in told


def test_a_metric_logged_again_over_another_axis_is_that_metric() -> None:
    for axis in ("samples", "steps", "tokens"):
        assert read(f"lm loss vs {axis}")[0].quantity == "cross-entropy loss"
    assert not read("loss vs accuracy")  # a plot of two metrics


@pytest.mark.parametrize("digits", ["0acc1234", "12f1auc0", "e1234dev", "00000000"])
def test_what_stands_for_a_secret_is_no_word_of_a_name(digits: str) -> None:
    key = f"loss/[masked: GitHub token #{digits}]"
    (found,), (plain,) = read(key), read("loss")
    assert found == replace(plain, key=key)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("losss", "Did you mean loss?"),
        ("train/los", "Did you mean train/loss?"),
        ("overfiting", "A rule is called overfitting"),
        ("loss-divergd", "A rule is called loss-diverged"),
    ],
)
def test_explain_suggests_what_was_meant(typed: str, told: str) -> None:
    output = CliRunner().invoke(cli, ["explain", typed]).output
    assert told in " ".join(output.split())


@pytest.mark.parametrize("typed", ["xyzzy", "my_thing", "train/loss"])
def test_explain_suggests_nothing_far_away(typed: str) -> None:
    output = CliRunner().invoke(cli, ["explain", typed]).output
    assert "Did you mean" not in output and "A rule is called" not in output
