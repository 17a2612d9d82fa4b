"""One training of the Hugging Face Trainer that was stopped and resumed in the same W&B run."""

from __future__ import annotations

import numpy as np
import torch
import wandb
from transformers import GPT2Config, GPT2LMHeadModel, Trainer

from benchmarks.faults.makers.hf import LENGTH, VOCABULARY, Rows, arguments, chains


def train(second_rate: float = 2.5e-3) -> None:
    """Train 120 steps, stop, and go on for 120 more from the same weights.

    The healthy second part begins at half the rate, where the first part's decay stood.
    """
    random = np.random.default_rng(3)
    torch.manual_seed(3)
    tokens, held_out = chains(4000, random), chains(256, random)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    for part, rate in enumerate((5e-3, second_rate)):
        wandb.init(project="huggingface", id="resumed1", resume="allow")
        settings = arguments(rate, 120, True, lr_scheduler_type="constant" if part else "linear")
        settings.warmup_steps = 0
        trainer = Trainer(
            model, settings, train_dataset=Rows(tokens, tokens), eval_dataset=Rows(held_out, held_out)
        )
        trainer.train()
        wandb.finish()
