"""Packs and roles: real keys of the frameworks, and names that must have no role."""

from __future__ import annotations

import polars as pl
import pytest

from postrun.metrics import MetricInfo, Pack, RunView, packs, roles
from postrun.metrics.grammar import read
from postrun.metrics.packs_loader import normalise, parse_pack
from postrun.model import Identity, MetricDefinition, PostrunError, Run


def by_grammar(key: str) -> MetricInfo | None:
    """What a name says if no pack knows it."""
    return next(iter(read(key)), None)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("loss", "loss.train"), ("train/loss", "loss.train"), ("Loss/train", "loss.train"),
        ("train_loss_epoch", "loss.train"), ("trainLoss", "loss.train"), ("avg_loss", "loss.train"),
        ("val_loss", "loss.eval"), ("valid/loss", "loss.eval"), ("Loss/val", "loss.eval"),
        ("eval/loss", "loss.eval"), ("test loss", "loss.eval"), ("validation.loss", "loss.eval"),
        ("policy_loss", "loss.policy"), ("losses/policy_loss", "loss.policy"),
        ("losses/value_loss", "loss.value"), ("critic_loss", "loss.value"),
        ("acc", "accuracy.train"), ("val/accuracy", "accuracy.eval"), ("test_acc", "accuracy.eval"),
        ("te_loss", "loss.eval"), ("te_acc", "accuracy.eval"), ("knn_top1", "accuracy.eval"),
        ("neg_elbo", "loss.train"), ("val/neg_elbo", "loss.eval"), ("val/COCOAP50", "score.eval"),
        ("val/COCOAP50_95", "score.eval"), ("train/iou_loss", "loss.component"),
        ("lr", "lr"), ("train/lr", "lr"), ("learning_rate", "lr"), ("optim/lr", "lr"),
        ("charts/learning_rate", "lr"), ("lr_group_0", "lr"),
        ("grad_norm", "grad_norm"), ("train/global_grad_norm", "grad_norm"),
        ("gradient_norm", "grad_norm"), ("gradnorm", "grad_norm"),
        ("reward", "reward"), ("rollout/ep_rew_mean", "reward"), ("train/reward", "reward"),
        ("charts/episodic_return", "reward"), ("entropy", "entropy"), ("losses/entropy", "entropy"),
        ("losses/approx_kl", "kl.step"), ("charts/SPS", "throughput.steps"),
        ("tokens_per_sec", "throughput.tokens"), ("train/tokens_per_second", "throughput.tokens"),
        ("mfu", "mfu"), ("perf/mfu", "mfu"), ("step_time", "time.step"), ("epoch", "progress.epoch"),
        ("train_mse", "loss.train"), ("val/rmse", "loss.eval"), ("val/bpb", "loss.eval"),
        ("val_psnr", "score.eval"), ("FID", "score.eval"), ("test/wer", "score.eval"),
        ("val/mAP50-95", "score.eval"), ("val_top5", "accuracy.eval"), ("total_reward", "reward"),
        ("tokens/sec", "throughput.tokens"), ("gpu_mem_gb", "memory.gpu"), ("v_loss", "loss.value"),
        ("val/perplexity", "perplexity.eval"), ("val_f1", "score.eval"),
        ("completions/mean_length", "length.completion"), ("response_length/mean", "length.completion"),
        ("train_neg_sisnr", "loss.train"), ("val/neg_si_sdr", "loss.eval"), ("val_sisnr", "score.eval"),
        ("codebook_perplexity", "codes.used"), ("vq/active_codes", "codes.used"),
        ("router_entropy", "router.entropy"), ("moe/gate_entropy", "router.entropy"),
        ("moe/max_expert_load", "router.load"), ("tokens_per_expert", None),
    ],
)  # fmt: skip
def test_generic_names(key: str, role: str | None) -> None:
    info = by_grammar(key)
    assert (info.role if info else None) == role


@pytest.mark.parametrize(
    "key",
    [
        "values", "alpha_loss", "loss_D_real", "lossless", "colors", "blr",
        "accumulate", "lr_scheduler_name", "time", "gpu", "weights.loss_fn.bias", "grad_norm_square",
        "test", "num_loss_terms", "rewarded", "best_val_loss_step", "score", "error", "ratio",
    ],
)  # fmt: skip
def test_a_wrong_role_is_worse_than_none(key: str) -> None:
    info = by_grammar(key)
    assert info is None or info.role is None


def test_a_plain_kl_is_the_policys_if_there_is_a_reward() -> None:
    assert view(["losses/kl", "reward"]).metrics["losses/kl"].role == "kl.policy"
    assert view(["losses/kl", "recon_loss"]).metrics["losses/kl"].role == "kl.other"


def test_statistics_in_names() -> None:
    info = by_grammar("loss/std")
    assert info is not None and info.stat == "std"
    info = by_grammar("mismatch_kl/mean")
    assert info is not None and info.stat == "mean"


def view(columns: list[str], **fields: object) -> RunView:
    history = pl.DataFrame({"_step": [0, 1], **{c: [1.0, 2.0] for c in columns}})
    return RunView(Run(Identity("x"), history=history, **fields))  # type: ignore[arg-type]


def test_frameworks_are_recognised() -> None:
    prime = view(["mismatch_kl/mean", "is_masked/mean", "inference_probs/mean", "loss/mean"])
    assert prime.framework == "prime-rl"
    assert prime.metrics["loss/mean"].role == "loss.policy"
    trainer = view(
        ["train/global_step", "train/learning_rate", "train/epoch", "train/loss", "eval/loss"]
    )
    assert trainer.framework == "Hugging Face Trainer"
    lightning = view(["trainer/global_step", "val_loss", "lr-AdamW"])
    assert lightning.framework == "PyTorch Lightning"
    assert lightning.metrics["lr-AdamW"].role == "lr"
    assert lightning.metrics["val_loss"].role == "loss.eval"
    assert view(["loss"]).framework == ""


@pytest.mark.parametrize(
    ("framework", "roles_of"),
    [
        ("TRL GRPO", {"train/loss": "loss.policy", "train/reward": "reward", "train/kl": "kl.policy",
            "train/reward_std": "reward.std",
            "train/frac_reward_zero_std": "fraction.zero_std",
            "train/completions/mean_length": "length.completion",
            "train/rewards/format/mean": "reward.component", "train/learning_rate": "lr",
            "train/completions/clipped_ratio": "fraction.truncated", "train/global_step": "progress.step"}),
        ("TRL DPO", {"train/loss": "loss.train", "eval/loss": "loss.eval",
            "train/rewards/chosen": "reward.chosen",
            "train/rewards/rejected": "reward.rejected", "train/rewards/margins": "reward.margin",
            "train/rewards/accuracies": "accuracy.preference", "train/logps/chosen": "logp.chosen",
            "train/global_step": "progress.step", "train/grad_norm": "grad_norm"}),
        ("TRL PPO", {"objective/kl": "kl.policy", "objective/scores": "reward", "lr": "lr",
            "policy/approxkl_avg": "kl.step", "loss/policy_avg": "loss.policy",
            "loss/value_avg": "loss.value", "policy/entropy_avg": "entropy"}),
        ("verl", {"actor/pg_loss": "loss.policy", "actor/ppo_kl": "kl.step", "actor/lr": "lr",
            "critic/rewards/mean": "reward", "critic/vf_loss": "loss.value",
            "response_length/mean": "length.completion", "perf/mfu/actor": "mfu",
            "timing_s/gen": "time.generate", "timing_s/step": "time.step",
            "training/rollout_probs_diff_mean": "prob.gap", "rollout_corr/kl": "kl.mismatch"}),
        ("Stable-Baselines3", {"rollout/ep_rew_mean": "reward", "rollout/ep_len_mean": "length.episode",
            "train/loss": "loss.policy", "train/value_loss": "loss.value", "time/fps": "throughput.steps",
            "train/explained_variance": "explained_variance", "eval/mean_reward": "reward.eval",
            "train/entropy_loss": None}),
        ("CleanRL", {"charts/episodic_return": "reward", "charts/SPS": "throughput.steps",
            "losses/policy_loss": "loss.policy", "losses/td_loss": "loss.value",
            "losses/entropy": "entropy", "charts/learning_rate": "lr"}),
        ("Keras", {"epoch/loss": "loss.train", "epoch/val_loss": "loss.eval",
            "epoch/accuracy": "accuracy.train", "epoch/val_accuracy": "accuracy.eval",
            "epoch/epoch": "progress.epoch", "epoch/learning_rate": "lr"}),
        ("prime-rl", {"mismatch_kl/mean": "kl.mismatch", "is_masked/mean": "fraction.masked",
            "trainer_probs/mean": "prob.trainer", "time/wait_for_batch": "time.wait",
            "time/load_data": "time.data", "time/save_ckpt": "time.save", "time/step": "time.step",
            "batch/solve_none": "fraction.solve_none", "metrics/format_reward": "reward.component"}),
        ("TRL SFT", {"train/loss": "loss.train", "train/mean_token_accuracy": "accuracy.train",
            "eval/mean_token_accuracy": "accuracy.eval", "train/num_tokens": "progress.tokens"}),
        ("OpenRLHF", {"train/policy_loss": "loss.policy", "train/critic_loss": "loss.value",
            "train/kl": "kl.policy", "train/ppo_kl": "kl.step", "train/vllm_kl": "kl.mismatch",
            "train/ppo_clip_ratio": "fraction.clipped", "train/reward": "reward",
            "train/response_length": "length.completion", "train/actor_lr": "lr"}),
        ("torchtune", {"loss": "loss.train", "lr": "lr", "tokens_per_second_per_gpu": "throughput.tokens",
            "peak_memory_alloc": "memory.gpu", "rewards/chosen": "reward.chosen",
            "log_probs/rejected": "logp.rejected", "rewards/accuracies": "accuracy.preference"}),
        ("nanoGPT", {"iter": "progress.step", "train/loss": "loss.train", "val/loss": "loss.eval",
            "lr": "lr", "mfu": "mfu"}),
        ("Megatron-LM", {"lm loss": "loss.train", "lm loss validation": "loss.eval",
            "learning-rate": "lr", "grad-norm": "grad_norm", "params-norm": "weight_norm",
            "loss-scale": "loss_scale", "iteration-time": "time.step",
            "mem-allocated-bytes": "memory.gpu", "num-zeros": None}),
        ("NeMo", {"reduced_train_loss": "loss.train", "val_loss": "loss.eval",
            "train_step_timing in s": "time.step", "consumed_samples": "progress.samples"}),
        ("timm", {"train_loss": "loss.train", "eval_loss": "loss.eval", "eval_top1": "accuracy.eval",
            "eval_top5": "accuracy.eval", "epoch": "progress.epoch"}),
        ("fastai", {"train_loss": "loss.train", "raw_loss": "loss.train", "valid_loss": "loss.eval",
            "accuracy": "accuracy.eval", "error_rate": "score.eval", "lr_0": "lr", "mom_0": "momentum",
            "train_samples_per_sec": "throughput.samples"}),
        ("axolotl", {"train/loss": "loss.train", "train/ppl": "perplexity.train",
            "train/tokens_per_second_per_gpu": "throughput.tokens",
            "train/memory/max_active (GiB)": "memory.gpu", "train/grad_norm": "grad_norm",
            "train/tokens/train_per_sec_per_gpu": "throughput.tokens"}),
        ("RLlib", {"episode_reward_mean": "reward", "episode_len_mean": "length.episode",
            "info/learner/default_policy/learner_stats/policy_loss": "loss.policy",
            "info/learner/default_policy/learner_stats/vf_explained_var": "explained_variance",
            "info/learner/default_policy/learner_stats/kl": "kl.step",
            "training_iteration": "progress.step"}),
        ("RLlib", {"env_runners/episode_return_mean": "reward", "training_iteration": "progress.step",
            "learners/default_policy/gradients_default_optimizer_global_norm": "grad_norm",
            "learners/default_policy/entropy": "entropy"}),
        ("XGBoost", {"train-logloss": "loss.train", "validation-auc": "score.eval",
            "test-rmse": "loss.eval", "epoch": "progress.epoch"}),
        ("LightGBM", {"training_binary_logloss": "loss.train", "valid_0_binary_logloss": "loss.eval",
            "valid_0_auc": "score.eval", "iteration": "progress.step"}),
        ("Ultralytics YOLO", {"train/box_loss": "loss.train", "val/cls_loss": "loss.eval",
            "metrics/mAP50-95(B)": "score.eval", "lr/pg0": "lr", "train/cls_loss": "loss.train"}),
    ],
)  # fmt: skip
def test_frameworks_keys(framework: str, roles_of: dict[str, str | None]) -> None:
    run = view(list(roles_of))
    assert run.framework == framework
    assert {key: run.metrics[key].role for key in roles_of} == roles_of


def test_a_loss_beside_rewards_is_a_policy_loss() -> None:
    assert view(["loss"]).metrics["loss"].role == "loss.train"
    together = view(["loss", "reward"])
    assert together.metrics["loss"].role == "loss.policy"
    assert together.metrics["loss"].better == "neither"


def test_a_loss_beside_a_divergence_is_no_policy_loss() -> None:
    """A variational autoencoder logs loss and kl, and no policy."""
    autoencoder = view(["loss", "kl", "recon_loss", "val_loss"])
    assert autoencoder.metrics["loss"].role == "loss.train"
    assert view(["loss", "kl", "approx_kl"]).metrics["loss"].role == "loss.policy"


def test_a_shared_recipe_log_with_rewards_has_a_policy_loss() -> None:
    ppo = ["loss", "policy_loss", "scores", "rlhf_reward", "approx_policy_kl", "kl", "lr"]
    run = view([*ppo, "tokens_per_second_per_gpu", "peak_memory_active"])
    assert run.framework == "torchtune" and run.metrics["loss"].role == "loss.policy"
    sft = view(["loss", "lr", "tokens_per_second_per_gpu", "peak_memory_active"])
    assert sft.metrics["loss"].role == "loss.train"


def test_a_common_name_makes_no_framework() -> None:
    assert view(["train/loss", "train/ppl", "val/loss", "lr", "epoch"]).framework == ""
    assert view(["loss", "lr", "grad_norm"]).framework == ""


def test_config_settings() -> None:
    run = view(["loss"], config={"optim": {"lr": 0.1}, "max_steps": 10, "epochs": None})
    assert run.number("lr") == ("optim.lr", 0.1)
    assert run.number("max_steps") == ("max_steps", 10.0)
    assert run.setting("epochs") is None
    assert view(["loss"], config={"max_steps": -1}).number("max_steps") is None


def test_defined_goals_and_axes_win() -> None:
    run = view(
        ["a", "val/x"],
        metrics=[
            MetricDefinition("a", goal="maximize"),
            MetricDefinition("val/*", glob=True, x_axis="epoch"),
        ],
    )
    assert run.metrics["a"].better == "higher"
    assert run.metrics["val/x"].x_axis == "epoch"


def test_series_in_order_of_step_without_gaps() -> None:
    history = pl.DataFrame(
        {"_step": [0, 2, 1, 2, None], "loss": [0.0, 2.0, None, 2.5, 9.0], "flag": [True] * 5}
    )
    run = RunView(Run(Identity("x"), history=history))
    series = run.series("loss")
    assert series.x.tolist() == [0, 2, 2] and series.y.tolist() == [0, 2, 2.5]
    assert series.rows.tolist() == [0, 1, 3]
    assert run.series("flag").y.tolist() == [1, 1, 1, 1]


def test_companions() -> None:
    run = view(
        ["mismatch_kl/mean", "is_masked/mean", "trainer_probs/mean", "entropy/mean", "entropy/std"]
    )
    companion = run.companion("entropy/mean", "std")
    assert companion is not None and companion.key == "entropy/std"
    assert run.companion("mismatch_kl/mean", "std") is None


def test_every_pack_is_valid_and_names_known_roles() -> None:
    assert {p.name for p in packs()} >= {"prime-rl", "hf-trainer", "lightning", "generic"}
    for pack in packs():
        assert all(p.role in roles() or (not p.role and p.quantity) for p in pack.patterns)
    assert all(role.better in ("lower", "higher", "neither") for role in roles().values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "mine.toml"),
        ('name = "x"\n[[metric]]\npattern = "a("\nrole = "lr"', "mine.toml"),
        ('name = "x"\n[[metric]]\npattern = "a"\nrole = "nope"', "unknown role 'nope'"),
    ],
)
def test_a_broken_pack_names_its_file(text: str, words: str) -> None:
    with pytest.raises(PostrunError, match=words):
        parse_pack(text, "mine.toml", compiled=True)


def test_normalise() -> None:
    assert normalise("Train/Loss.Step-1 x") == "train_loss_step_1_x"
    assert normalise("valLoss") == "val_loss"


def test_system_metrics() -> None:
    frame = pl.DataFrame(
        {
            "_timestamp": [1.0, 2.0],
            "_runtime": [5.0, 15.0],
            "gpu.1.temp": [60.0, None],
            "system.gpu.0.gpu": [90.0, 91.0],
            "cpu": [10.0, 20.0],
            "proc.memory.rssMB": [100.0, 110.0],
            "disk./.usagePercent": [50.0, 51.0],
            "gpu.0.memoryClock": [1.0, 2.0],
        }
    )
    run = RunView(Run(Identity("x"), system=frame))
    (heat,) = run.system("system.gpu_temperature")
    assert heat.info.index == "1" and heat.x.tolist() == [5] and heat.info.unit == "°C"
    assert run.system("system.gpu_utilisation")[0].info.index == "0"
    assert run.system("system.memory_process") and run.system("system.disk")
    assert run.has("system.cpu") and not run.has("system.gpu_power", "loss.train")


def test_times_and_steps() -> None:
    history = pl.DataFrame(
        {
            "_step": [0, 10, 20],
            "_runtime": [1.0, None, 9.0],
            "_timestamp": [1.0, 2.0, 3.0],
            "a": [1.0] * 3,
        }
    )
    run = RunView(Run(Identity("x"), history=history))
    assert run.step_at(0.5) is None and run.step_at(1.0) == 0 and run.step_at(99.0) == 20


@pytest.mark.parametrize("pack", packs(), ids=lambda p: p.name)
def test_the_keys_that_recognise_a_framework_are_known_to_its_pack(pack: Pack) -> None:
    """A key that marks a framework is a real one of it: most of them have a role there."""
    if pack.keys:
        known = [key for key in pack.keys if pack.describe(key) is not None]
        assert len(known) >= min(3, len(pack.keys)) or len(known) / len(pack.keys) >= 0.5


def _roles_of(**columns: list[float]) -> dict[str, str | None]:
    run = Run(Identity("test"), history=pl.DataFrame({"_step": [0, 1, 2], **columns}))
    return {key: info.role for key, info in RunView(run).metrics.items()}


def test_the_only_part_of_a_loss_is_the_loss() -> None:
    values = [3.0, 2.0, 1.0]
    assert _roles_of(contrastive_loss=values) == {"contrastive_loss": "loss.train"}
    assert (
        _roles_of(contrastive_loss=values, box_loss=values)["contrastive_loss"] == "loss.component"
    )
    assert _roles_of(contrastive_loss=values, loss=values)["contrastive_loss"] == "loss.component"
    assert _roles_of(penalty_loss=values)["penalty_loss"] != "loss.train"


def test_a_score_beside_a_policys_losses_is_its_return() -> None:
    values = [3.0, 2.0, 1.0]
    assert _roles_of(score=values, actor_loss=values)["score"] == "reward"
    assert _roles_of(score=values, loss=values)["score"] != "reward"
    assert _roles_of(score=values, actor_loss=values, reward=values)["score"] != "reward"
