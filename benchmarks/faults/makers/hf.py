"""Trainings of the Hugging Face Trainer: a classifier and a language model, on made-up sequences."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EarlyStoppingCallback,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

VOCABULARY, LENGTH, STEPS = 64, 16, 200


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Sequences of tokens and their labels."""

    def __init__(self, tokens: np.ndarray, labels: np.ndarray) -> None:
        self.tokens, self.labels = torch.as_tensor(tokens), torch.as_tensor(labels)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self.tokens[index], "labels": self.labels[index]}


def arguments(rate: float, steps: int, evaluate: bool, **more: Any) -> TrainingArguments:
    """Return the Trainer's arguments, the same for all cases."""
    return TrainingArguments(
        "model", learning_rate=rate, max_steps=steps, per_device_train_batch_size=16, logging_steps=5,
        eval_strategy="steps" if evaluate else "no", eval_steps=10, report_to="wandb", use_cpu=True, seed=1,
        warmup_steps=10, disable_tqdm=True, **{"save_strategy": "no", **more},
    )  # fmt: skip


def sentences(
    count: int, labels: str, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and classes: 1 if one of six marker words occurs; 5% of the classes are wrong."""
    tokens = random.integers(8, VOCABULARY, (count, LENGTH))
    truth = random.random(count) < 0.5
    marked = np.flatnonzero(truth)
    tokens[marked, random.integers(1, LENGTH, len(marked))] = random.integers(2, 8, len(marked))
    classes = (truth ^ (random.random(count) < 0.05)).astype(int)
    if labels == "shuffled":
        classes = random.permutation(classes)
    if labels == "leaked":
        tokens[:, 0] = classes
    return tokens, classes


class Accident(TrainerCallback):
    """What happens to a training from outside at one step."""

    def __init__(self, fail: str, poison: int) -> None:
        self.fail, self.poison = fail, poison

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == self.poison:
            with torch.no_grad():
                next(more["model"].classifier.parameters()).fill_(float("nan"))
        if state.global_step == 80 and self.fail == "memory":
            torch.empty(1 << 46)
        if state.global_step == 120 and self.fail == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)


class Corrupted(Trainer):
    """A Trainer whose batches have their labels turned over between two steps."""

    between: tuple[int, int] = (0, 0)

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **more: Any) -> Any:
        first, last = self.between
        if model.training and first <= self.state.global_step < last:
            inputs = {**inputs, "labels": 1 - inputs["labels"]}
        return super().compute_loss(model, inputs, *args, **more)


def _accuracy(answer: Any) -> dict[str, float]:
    return {"accuracy": float((answer.predictions.argmax(-1) == answer.label_ids).mean())}


def classify(
    rate: float = 3e-3,
    labels: str = "",
    examples: int = 4000,
    evaluate: bool = True,
    corrupt: tuple[int, int] = (0, 0),
    poison: int = -1,
    fail: str = "",
) -> None:
    """Train a small BERT to tell two classes apart."""
    random = np.random.default_rng(1)
    torch.manual_seed(1)
    train = Rows(*sentences(examples, labels, random))
    held_out = Rows(*sentences(300, labels, random))
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=LENGTH, num_labels=2,
        initializer_range=0.1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    trainer = Corrupted(
        BertForSequenceClassification(config),
        arguments(rate, STEPS, evaluate),
        train_dataset=train,
        eval_dataset=held_out,
        compute_metrics=_accuracy,
        callbacks=[Accident(fail, poison)],
    )
    trainer.between = corrupt
    trainer.train()


def chains(count: int, random: np.random.Generator) -> np.ndarray:
    """Return sequences of a Markov chain: each token has four likely successors."""
    likely = np.random.default_rng(7).integers(0, VOCABULARY, (VOCABULARY, 4))
    tokens = np.empty((count, LENGTH), int)
    tokens[:, 0] = random.integers(0, VOCABULARY, count)
    for i in range(1, LENGTH):
        tokens[:, i] = likely[tokens[:, i - 1], random.integers(0, 4, count)]
    return tokens


def language(
    sequences: int = 4000,
    rate: float = 5e-3,
    width: int = 64,
    evaluate: bool = True,
    stop_early: bool = False,
    steps: int = STEPS,
) -> None:
    """Train a small GPT-2 on sequences of a Markov chain."""
    random = np.random.default_rng(2)
    torch.manual_seed(2)
    tokens, held_out = chains(sequences, random), chains(256, random)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=width, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    more: dict[str, Any] = {}
    if stop_early:
        more = {"load_best_model_at_end": True, "save_strategy": "steps", "save_steps": 10,
                "metric_for_best_model": "eval_loss", "save_total_limit": 1}  # fmt: skip
    Trainer(
        GPT2LMHeadModel(config),
        arguments(rate, steps * (5 if stop_early else 1), evaluate or stop_early, **more),
        train_dataset=Rows(tokens, tokens),
        eval_dataset=Rows(held_out, held_out),
        callbacks=[EarlyStoppingCallback(4)] if stop_early else [],
    ).train()
