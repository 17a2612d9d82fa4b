"""Trainings of TRL: GRPO and supervised fine-tuning of a tiny model on made-up words."""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

WORDS = [f"w{i}" for i in range(28)]


def _tokenizer() -> PreTrainedTokenizerFast:
    names = ["<pad>", "<eos>", "<unk>", "<bos>", *WORDS]
    inner = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        bos_token="<bos>",
    )


def _model(tokenizer: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    torch.manual_seed(1)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_positions=128, n_embd=32, n_layer=1, n_head=2,
            bos_token_id=3, eos_token_id=1, pad_token_id=0,
        )
    )  # fmt: skip


def _prompts(count: int) -> list[str]:
    random = torch.Generator().manual_seed(1)
    picks = torch.randint(0, len(WORDS), (count, 4), generator=random)
    return [" ".join(WORDS[i] for i in row) for row in picks.tolist()]


def _share(completions: list[Any], **more: Any) -> list[float]:
    """Reward the share of words with an even number."""
    words = [text.split() for text in completions]
    return [
        sum(w[1:] in {str(i) for i in range(0, 28, 2)} for w in t) / max(1, len(t)) for t in words
    ]


def _constant(completions: list[Any], **more: Any) -> list[float]:
    """Reward everything alike."""
    return [1.0] * len(completions)


def grpo(rate: float = 1e-3, reward: str = "share") -> None:
    """Train with GRPO for 40 steps of 4 groups of 4."""
    tokenizer = _tokenizer()
    settings = GRPOConfig(
        "model", learning_rate=rate, max_steps=40, per_device_train_batch_size=16, num_generations=4,
        max_completion_length=64, logging_steps=1, report_to="wandb", use_cpu=True, save_strategy="no",
        bf16=False, seed=1, beta=0.0, disable_tqdm=True, lr_scheduler_type="constant",
    )  # fmt: skip
    GRPOTrainer(
        _model(tokenizer), _constant if reward == "constant" else _share, settings,
        train_dataset=Dataset.from_dict({"prompt": _prompts(400)}), processing_class=tokenizer,
    ).train()  # fmt: skip


def sft() -> None:
    """Fine-tune on sentences in which each word is followed by one of the next three."""
    tokenizer = _tokenizer()
    random = torch.Generator().manual_seed(2)
    places = torch.randint(1, 4, (1200, 12), generator=random).cumsum(1)
    texts = [" ".join(WORDS[i % 28] for i in row) for row in places.tolist()]
    settings = SFTConfig(
        "model", learning_rate=3e-3, max_steps=120, per_device_train_batch_size=16, logging_steps=4,
        eval_strategy="steps", eval_steps=12, report_to="wandb", use_cpu=True, save_strategy="no",
        bf16=False, seed=1, disable_tqdm=True, max_length=16,
    )  # fmt: skip
    SFTTrainer(
        _model(tokenizer), settings, processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"text": texts[:1000]}),
        eval_dataset=Dataset.from_dict({"text": texts[1000:]}),
    ).train()  # fmt: skip
