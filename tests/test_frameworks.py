"""Which framework a run was made with, and what shows it: names, settings, packages, programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from postrun.metrics import RunView
from postrun.model import Identity, MetricDefinition, Run


def view(*names: str, config: dict[str, Any] | None = None, **fields: Any) -> RunView:
    frame = pl.DataFrame({"_step": [0, 1], **{name: [1.0, 2.0] for name in names}})
    return RunView(replace(Run.from_frame(frame, config=config), **fields))


@pytest.mark.parametrize(
    ("framework", "made", "evidence"),
    [
        ("PufferLib", view("losses/approx_kl", "performance/env_sps", "performance/misc_time"),
         "metric names (performance/env_sps"),
        ("PufferLib", view(requirements=["pufferlib==0.7.3"]), "package pufferlib"),
        ("CleanRL", view("charts/SPS", "charts/episodic_length", "losses/approx_kl"), "metric names"),
        ("tinker-cookbook", view("env/all/reward/total", "env/all/by_group/frac_mixed"), "metric names"),
        ("Tianshou", view("test/reward_std", "update/gradient_step", "test/reward"), "metric names"),
        ("Tianshou", view("test/reward_std", requirements=["tianshou==0.5"]), "package tianshou and its"),
        ("skrl", view("Reward / Total reward (mean)", "Loss / Policy loss"), "metric names"),
        ("RSL-RL (Isaac Lab)", view("Loss/surrogate", "Perf/total_fps", "Train/mean_reward"), "metric names"),
        ("rl_games", view("rewards/step", "losses/a_loss", "info/last_lr"), "metric names"),
        ("ML-Agents", view("Environment/Cumulative Reward", "Losses/Policy Loss"), "metric names"),
        ("OpenMMLab (MMEngine)", view("coco/bbox_mAP", "loss_rpn_bbox", "data_time"), "metric names"),
        ("StyleGAN", view("Loss/scores/fake", "Loss/scores/real", "Progress/kimg"), "metric names"),
        ("SLIME", view("rollout/raw_reward", "perf/train_wait_time", "train/pg_loss"), "metric names"),
        ("fairseq", view("train/gnorm", "valid/nll_loss", "train/wps"), "metric names"),
        ("verl", view(requirements=["verl==0.7.0.dev0"]), "the package verl"),
        ("verl", view(environment={"program": "/home/me/verl/trainer/main_ppo.py"}), "the program main_ppo.py"),
    ],
)  # fmt: skip
def test_recognised(framework: str, made: RunView, evidence: str) -> None:
    assert made.framework == framework and evidence in made.framework_evidence


#: Settings that Hugging Face's TrainingArguments always have.
HF = dict.fromkeys(
    ["per_device_train_batch_size", "remove_unused_columns", "logging_first_step"], 1
)
AXIS = [MetricDefinition("*", glob=True, x_axis="train/global_step")]


def imported(*modules: str, features: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return {"imports": list(modules), "features": list(features)}


@pytest.mark.parametrize(
    ("framework", "made", "evidence"),
    [
        ("Hugging Face Trainer", view("train/loss", metrics=AXIS), "its x axis train/global_step"),
        ("Hugging Face Trainer", view(config=HF), "its settings (per_device_train_batch_size, "),
        ("Hugging Face Trainer", view(identity=Identity("r", project="huggingface"),
                                      requirements=["transformers==4.51"]), "the project huggingface"),
        ("PyTorch Lightning", view("loss", metrics=[MetricDefinition("*", True, "trainer/global_step")]),
         "its x axis trainer/global_step"),
        ("TRL SFT", view("train/loss", config=HF | {"dataset_text_field": "text", "packing": True}),
         "dataset_text_field"),
        ("TRL DPO", view("train/rewards/chosen", "train/rewards/rejected", "train/rewards/margins",
                         "train/logps/chosen", metrics=AXIS, config=HF), "train/logps/chosen"),
        ("TRL KTO", view("train/rewards/chosen", "train/rewards/rejected", "train/rewards/margins",
                         "train/logps/chosen", "train/kl"), "train/kl"),
        ("TRL Online DPO", view("train/objective/kl", "train/objective/scores", "train/rewards/chosen",
                                "train/objective/scores_margin", "train/rewards/margins",
                                "train/logps/chosen"), "train/objective/kl"),
        ("TRL PPO", view("train/objective/kl", "train/objective/scores", "train/objective/entropy",
                         "train/policy/approxkl_avg", "train/loss/policy_avg", "train/loss/value_avg"),
         "train/loss/policy_avg"),
        ("TRL PPO (before 0.12)", view("ppo/loss/policy", "ppo/policy/entropy", "env/reward_mean"), "ppo/"),
        ("TRL Reward", view("train/mean_reward", "train/margin", "train/min_reward", "train/accuracy"),
         "train/margin"),
        ("TRL GRPO", view("train/completions/mean_length", "train/reward_std", "train/reward",
                          metrics=AXIS, config=HF), "train/completions/mean_length"),
        ("TRL DDPO", view("reward_mean", config={"sample_num_steps": 50, "sample_eta": 1.0,
                                                 "train_learning_rate": 3e-4}), "sample_num_steps"),
        ("Unsloth", view("train/loss", metrics=AXIS, config=HF | {"unsloth_num_chunks": -1}), "unsloth"),
        ("axolotl", view("train/loss", environment={"program": "-m axolotl.cli.train"}, metrics=AXIS),
         "the program"),
        ("LLaMA-Factory", view("train/loss", metrics=AXIS, config=HF | {
            "finetuning_args": {"stage": "sft"}, "generating_args": {"do_sample": True}}), "finetuning_args"),
        ("ms-swift", view("train/token_acc", "train/memory(GiB)", "train/loss", metrics=AXIS), "token_acc"),
        ("Hugging Face script without Trainer", view("train_loss", "perplexity", config={
            "with_tracking": True, "checkpointing_steps": "epoch", "num_warmup_steps": 0,
            "per_device_train_batch_size": 8, "num_train_epochs": 3}), "with_tracking"),
        ("diffusers", view("train_loss", config={
            "enable_xformers_memory_efficient_attention": False, "checkpoints_total_limit": None,
            "lr_warmup_steps": 500, "pretrained_model_name_or_path": "sd"}), "its settings"),
        ("Llama cookbook", view("train/loss", "train/step", config={
            "batching_strategy": "packing", "batch_size_training": 4, "run_validation": True}), "batching"),
        ("verl", view("reward", config={"actor_rollout_ref": {"rollout": {"name": "vllm"}},
                                        "algorithm": {"adv_estimator": "grpo"}}), "actor_rollout_ref"),
        ("verl", view(environment={"program": "main.py", "args": ["actor_rollout_ref.rollout.name=vllm",
                                                                  "algorithm.adv_estimator=grpo"]}),
         "its settings"),
        ("OpenRLHF", view("train/policy_loss", environment={
            "program": "-m openrlhf.cli.train_ppo_ray"}), "the program"),
        ("prime-rl", view("reward/all/mean", "off_policy_level/all/mean", "scheduler/async_level",
                          "mismatch_kl/mean", "optim/lr"), "its metric names"),
        ("ColossalAI (Coati)", view("metrics/ans_acc", "metrics/format_acc", "train/loss"), "ans_acc"),
        ("SLIME", view("rollout/raw_reward", "perf/update_weights_time", config={
            "tensor_model_parallel_size": 2, "pipeline_model_parallel_size": 1, "train_iters": 9,
            "micro_batch_size": 1}), "its metric names"),
        ("tinker-cookbook", view("train_mean_nll", requirements=["tinker==0.1"]), "the package tinker"),
        ("Stable-Baselines3", view("rollout/ep_rew_mean", telemetry=imported("torch", features=("sb3",))),
         "the W&B integration sb3"),
        ("RLlib", view("custom/x", telemetry=imported("ray"), config={
            "rollout_fragment_length": 200, "train_batch_size": 4000, "num_workers": 2}), "its settings"),
        ("Tianshou", view(identity=Identity("r", project="tianshou"), requirements=["tianshou==0.5"]),
         "the package tianshou and the project tianshou"),
        ("DreamerV3", view("episode/score", "train/loss/dyn", "train/loss/rep"), "its metric names"),
        ("Keras", view("loss", "val_loss", telemetry=imported("keras", features=("keras",))), "integration"),
        ("XGBoost", view("holdout-logloss", telemetry=imported("xgboost")), "the import of xgboost"),
        ("LightGBM", view("holdout_rmse", telemetry=imported(
            "lightgbm", features=("lightgbm_wandb_callback",))), "lightgbm_wandb_callback"),
        ("Ultralytics YOLO", view("x", telemetry=imported(features=("ultralytics_yolov8",))), "integration"),
        ("YOLOv5 family", view("metrics/mAP_0.5", "x/lr0", "train/obj_loss"), "x/lr0"),
        ("Detectron2", view("total_loss", "loss_box_reg", "loss_rpn_loc", "loss_rpn_cls", "eta_seconds",
                            "data_time", "time"), "loss_box_reg"),
        ("nanoGPT", view("loss", config=dict.fromkeys(
            ["always_save_checkpoint", "wandb_log", "init_from", "block_size"], 1)), "its settings"),
        ("nanochat", view("train/lrm", "train/dt", "val/bpb"), "train/lrm"),
        ("LitGPT", view("iter_time", "remaining_time", "total_tokens", "loss"), "iter_time"),
        ("torchtitan", view("loss_metrics/global_avg_loss", "throughput(tps)"), "throughput(tps)"),
        ("Megatron-LM", view(config=dict.fromkeys(
            ["tensor_model_parallel_size", "pipeline_model_parallel_size", "train_iters",
             "micro_batch_size"], 1)), "tensor_model_parallel_size"),
        ("fastai", view("train_loss", "lr_0", telemetry=imported("fastai", "torch"),
                        requirements=["fastai==2.7"]), "the import of fastai"),
        ("JAX (Flax)", view("loss", telemetry=imported("jax", "flax")), "the import of flax"),
    ],
)  # fmt: skip
def test_recognised_by_any_of_its_marks(framework: str, made: RunView, evidence: str) -> None:
    assert made.framework == framework and evidence in made.framework_evidence


@pytest.mark.parametrize(
    "made",
    [
        view("loss", "val_loss", "epoch"),
        view("train/loss", "val/loss", requirements=["transformers==4.40", "torch==2.4", "wandb"]),
        view("reward", requirements=["tianshou==0.5", "stable-baselines3==2.0"]),
        view("loss", requirements=["mmcv==2.0", "fairseq==0.12"]),
        view("time", "memory", "loss"),
        view(environment={"program": "/home/me/train.py"}),
        # A loop of its own around a model of transformers, with some of the Trainer's names.
        view("train/loss", "train/epoch", "eval/loss", requirements=["transformers==4.45", "trl==0.11"],
             telemetry=imported("transformers", "accelerate", "peft")),
        view("train/loss", "train/learning_rate", telemetry=imported("transformers")),
        view("loss", config={"per_device_train_batch_size": 8, "num_train_epochs": 3,
                             "gradient_accumulation_steps": 1}),
        # Its environment is called verl, and it has verl installed, but it logs something else.
        view("distill/loss", requirements=["verl==0.5"], environment={
            "program": "/opt/envs/verl/lib/python3.10/site-packages/ray/_private/workers/default_worker.py"}),
        # Two trainers are installed, and nothing says which ran.
        view(requirements=["verl==0.5", "openrlhf==0.8"]),
        # Many packages, and names that everybody uses.
        view("val_auc", "test_rmse", "val-accuracy", requirements=["lightgbm==4", "xgboost==2"]),
        view("epoch/loss", "epoch/val_loss"),
        view("losses/policy_loss", "losses/value_loss", "losses/approx_kl"),
        view("training_iteration", "timesteps_total", "time_this_iter_s", requirements=["ray==2.9"]),
        view("loss_bbox", "loss_giou", "loss_ce"),
        view("train/reward", "train/kl", "train/loss", "train/lr"),
        view("loss", telemetry=imported("jax", "tensorflow", "keras", "transformers")),
    ],
)  # fmt: skip
def test_no_framework_is_better_than_a_wrong_one(made: RunView) -> None:
    assert (made.framework, made.framework_evidence) == ("", "")


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (view("train/completions/mean_length", "train/reward_std", metrics=AXIS, config=HF),
         ["trl-grpo", "hf-trainer"]),
        (view("train/rewards/chosen", "train/rewards/margins", "train/logps/chosen", "train/kl"),
         ["trl-kto", "trl-preference", "hf-trainer"]),
        (view("train/completions/mean_length", "train/reward_std",
              config=HF | {"unsloth_num_chunks": -1}), ["unsloth", "trl-grpo", "hf-trainer"]),
        (view("reduced_train_loss", "consumed_samples", "trainer/global_step"), ["nemo", "lightning"]),
        (view("trainer/global_step", "rollout/ep_rew_mean", "rollout/ep_len_mean"), ["stable-baselines3"]),
    ],
)  # fmt: skip
def test_one_trainer_and_what_it_is_built_on(made: RunView, names: list[str]) -> None:
    assert [pack.name for pack in made.packs if not pack.normalised] == names


def test_evidence_names_two_marks_at_most() -> None:
    made = view("train/completions/mean_length", "train/reward_std", metrics=AXIS,
                config=HF | {"num_generations": 8, "max_completion_length": 9, "scale_rewards": 1},
                telemetry=imported("trl"))  # fmt: skip
    assert made.framework_evidence == (
        "its metric names (train/completions/mean_length, train/reward_std) and its settings "
        "(num_generations, max_completion_length, scale_rewards, ...)"
    )


def test_a_metric_that_the_user_declared_is_no_evidence() -> None:
    declared = [
        MetricDefinition(name, role="lr") for name in ("rewards/step", "losses/a_loss", "info/kl")
    ]
    assert view("loss", metrics=declared).framework == ""


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["performance/env_sps", "performance/misc_time", "performance/eval_time", "performance/eval_memory"],
         {"performance/eval_time": ("time.generate", "train"),
          "performance/eval_memory": ("memory.host", "train")}),
        (["env/all/reward/total", "env/all/by_group/frac_all_bad", "test/env/all/reward/total"],
         {"env/all/reward/total": ("reward", "train"), "test/env/all/reward/total": ("reward.eval", "test"),
          "env/all/by_group/frac_all_bad": ("fraction.solve_none", "train")}),
        (["rewards/step", "losses/a_loss", "losses/c_loss", "info/kl"],
         {"losses/a_loss": ("loss.policy", "train"), "losses/c_loss": ("loss.value", "train"),
          "info/kl": ("kl.step", "train")}),
        (["Loss/surrogate", "Loss/value_function", "Perf/total_fps", "Episode_Reward/track_lin_vel"],
         {"Episode_Reward/track_lin_vel": ("reward.component", "train"),
          "Perf/total_fps": ("throughput.steps", "train")}),
        (["Reward / Total reward (max)", "Loss / Policy loss", "Loss / Value loss"],
         {"Loss / Policy loss": ("loss.policy", "train")}),
        (["rollout/raw_reward", "perf/train_wait_time", "perf/update_weights_time", "train/ppo_kl"],
         {"perf/update_weights_time": ("time.sync", "train"), "train/ppo_kl": ("kl.step", "train")}),
        (["coco/bbox_mAP", "coco/bbox_mAP_50", "data_time", "time"],
         {"coco/bbox_mAP": ("score.eval", "eval"), "time": ("time.step", "train")}),
    ],
)  # fmt: skip
def test_a_packs_names_are_read_as_it_says(
    names: list[str], roles: dict[str, tuple[str, str]]
) -> None:
    metrics = view(*names).metrics
    assert {key: (metrics[key].role, metrics[key].split) for key in roles} == roles
