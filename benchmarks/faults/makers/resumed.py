"""One training of the Hugging Face Trainer that was stopped and resumed in the same W&B run."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import wandb
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback

from benchmarks.faults.makers.hf import LENGTH, VOCABULARY, Rows, arguments, chains

STOPPED_AT, STEPS = 120, 240


class Stop(TrainerCallback):
    """The first part ends halfway, with a checkpoint."""

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        control.should_training_stop = state.global_step == STOPPED_AT


class Rate(TrainerCallback):
    """The second part begins with another peak rate than its checkpoint holds."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        schedule = more["lr_scheduler"]
        schedule.base_lrs = [rate * self.factor for rate in schedule.base_lrs]


def train(factor: float = 1.0) -> None:
    """Train 120 steps, stop, and go on to step 240 from the checkpoint."""
    random = np.random.default_rng(3)
    torch.manual_seed(3)
    tokens, held_out = chains(4000, random), chains(256, random)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    for part, callback in enumerate((Stop(), Rate(factor))):
        wandb.init(project="huggingface", id="resumed1", resume="allow")
        settings = arguments(5e-3, STEPS, True, save_strategy="steps", save_steps=STOPPED_AT)
        trainer = Trainer(
            GPT2LMHeadModel(config), settings, callbacks=[callback],
            train_dataset=Rows(tokens, tokens), eval_dataset=Rows(held_out, held_out),
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=bool(part))
        wandb.finish()
