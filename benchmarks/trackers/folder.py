"""A folder with one run of each tracker, each written by the tracker's own library.

python -m benchmarks.trackers.folder OUT [--only TRACKER ...]

Install the libraries with `pip install 'postrun[trackers]'` (a CPU build of torch first). Each training has a
rate and a seed of its own, so that no two runs log the same values. Then `postrun analyze OUT` reads them all.
Neptune's exporter needs a Neptune server: its files are written with pyarrow by the schema that it documents.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

STEPS, EVERY = 120, 10
FEATURES, CLASSES = 16, 4


def training(seed: int, rate: float, steps: int = STEPS) -> Iterator[tuple[int, dict[str, float]]]:
    """Train a linear classifier by gradient descent; yield what each step logs."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=(FEATURES, CLASSES))
    x = random.normal(size=(4000, FEATURES))
    y = (x @ truth + random.gumbel(size=(4000, CLASSES))).argmax(1)
    weight = np.zeros((FEATURES, CLASSES))
    for step in range(1, steps + 1):
        batch = random.integers(0, 3000, 64)
        now = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        loss, _, gradient = judged(weight, x[batch], y[batch])
        weight -= now * gradient
        row = {
            "train/loss": loss,
            "train/grad_norm": float(np.linalg.norm(gradient)),
            "train/lr": now,
        }
        if step % EVERY == 0:
            row["val/loss"], row["val/accuracy"], _ = judged(weight, x[3000:], y[3000:])
        yield step, row


def judged(weight: Any, x: Any, y: Any) -> tuple[float, float, Any]:
    """Return the loss and the accuracy of a linear classifier, and the gradient of the loss."""
    scores = x @ weight
    chance = np.exp(scores - scores.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    loss = float(-np.log(chance[np.arange(len(y)), y]).mean())
    right = float((scores.argmax(1) == y).mean())
    chance[np.arange(len(y)), y] -= 1
    return loss, right, x.T @ chance / len(y)


def tensorboard(out: Path) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(out / "classifier")) as writer:
        writer.add_text("hyperparameters", json.dumps({"lr": 0.5, "seed": 1}))
        for step, row in training(1, 0.5):
            for name, value in row.items():
                writer.add_scalar(name, value, step)


def hugging_face(out: Path) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    class Rows(torch.utils.data.Dataset[dict[str, Any]]):
        def __init__(self, count: int, seed: int) -> None:
            random = np.random.default_rng(seed)
            self.tokens = random.integers(2, 64, (count, 8))
            self.tokens[random.random(count) < 0.5, 3] = 1

        def __len__(self) -> int:
            return len(self.tokens)

        def __getitem__(self, index: int) -> dict[str, Any]:
            tokens = self.tokens[index]
            return {"input_ids": torch.as_tensor(tokens), "labels": int((tokens == 1).any())}

    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=8, num_labels=2,
    )  # fmt: skip
    arguments = TrainingArguments(
        str(out / "bert-tiny"), max_steps=200, logging_steps=5, eval_strategy="steps", eval_steps=20,
        save_steps=100, learning_rate=2e-3, per_device_train_batch_size=16, report_to=[], use_cpu=True,
        disable_tqdm=True,
    )  # fmt: skip
    Trainer(
        BertForSequenceClassification(config), arguments, train_dataset=Rows(2000, 1), eval_dataset=Rows(200, 2)
    ).train()  # fmt: skip


def lightning(out: Path) -> None:
    import lightning
    import torch
    from lightning.pytorch.loggers import CSVLogger
    from torch.utils.data import DataLoader, TensorDataset

    class Line(lightning.LightningModule):
        def __init__(self, lr: float) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(FEATURES, 1)
            self.lr = lr

        def training_step(self, batch: Any, index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.lr)

    torch.manual_seed(3)
    x = torch.randn(1280, FEATURES)
    data = TensorDataset(x, x.sum(1, keepdim=True) + 0.3 * torch.randn(1280, 1))
    held_out = TensorDataset(*data[1024:])
    trainer = lightning.Trainer(
        max_epochs=8, accelerator="cpu", logger=CSVLogger(str(out), "line"), log_every_n_steps=2,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(
        Line(0.02),
        DataLoader(TensorDataset(*data[:1024]), 64, shuffle=True),
        DataLoader(held_out, 256),
    )


def stable_baselines(out: Path) -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.logger import configure

    envs = make_vec_env("CartPole-v1", 2, seed=4, monitor_dir=str(out / "monitors"))
    model = PPO("MlpPolicy", envs, n_steps=128, batch_size=64, seed=4, device="cpu")
    model.set_logger(configure(str(out / "ppo"), ["csv"]))
    model.learn(8192, log_interval=1)


def json_lines(out: Path) -> None:
    with (out / "metrics.jsonl").open("w") as file:
        for step, row in training(5, 0.1):
            file.write(json.dumps({"step": step, "time": time.time(), **row}) + "\n")


def trackio(out: Path) -> None:
    os.environ["TRACKIO_DIR"] = str(out)
    import trackio as library

    library.init(project="digits", name="baseline", config={"lr": 0.3, "seed": 6})
    for step, row in training(6, 0.3):
        library.log(row, step=step)
    library.finish()


def _mlflow(address: str, seed: int, rate: float) -> None:
    import mlflow

    mlflow.set_tracking_uri(address)
    mlflow.set_experiment("digits")
    with mlflow.start_run(run_name=f"rate-{rate}"):
        mlflow.log_params({"lr": rate, "seed": seed})
        for step, row in training(seed, rate):
            mlflow.log_metrics(row, step=step)


def mlflow_files(out: Path) -> None:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    _mlflow((out / "mlruns").resolve().as_uri(), 7, 0.7)


def mlflow_sqlite(out: Path) -> None:
    _mlflow(f"sqlite:///{out.resolve() / 'mlflow.db'}", 8, 0.9)


def swanlab(out: Path) -> None:
    os.environ.setdefault("SWANLAB_MODE", "offline")
    import swanlab as library

    library.init(project="digits", name="larger-rate", logdir=str(out), mode="offline",
                 config={"lr": 0.6, "seed": 9})  # fmt: skip
    for step, row in training(9, 0.6):
        library.log(row, step=step)
    library.finish()


def neptune(out: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    text, number = pyarrow.string(), pyarrow.float64()
    schema = pyarrow.schema(
        [("project_id", text), ("run_id", text), ("attribute_path", text), ("attribute_type", text),
         ("step", pyarrow.decimal128(18, 6)), ("timestamp", pyarrow.timestamp("ms", "UTC")),
         ("int_value", pyarrow.int64()), ("float_value", number), ("string_value", text),
         ("bool_value", pyarrow.bool_()), ("datetime_value", pyarrow.timestamp("ms", "UTC")),
         ("string_set_value", pyarrow.list_(text))]
    )  # fmt: skip
    run = {"project_id": "team/digits", "run_id": "DIG-1"}
    began = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {**run, "attribute_path": "sys/name", "attribute_type": "string", "string_value": "small-rate"},
        {**run, "attribute_path": "sys/creation_time", "attribute_type": "datetime", "datetime_value": began},
        {**run, "attribute_path": "config/lr", "attribute_type": "float", "float_value": 0.05},
        {**run, "attribute_path": "config/seed", "attribute_type": "int", "int_value": 10},
    ]  # fmt: skip
    for step, row in training(10, 0.05):
        at = {"step": Decimal(step), "timestamp": began + timedelta(seconds=step)}
        rows += [
            {**run, **at, "attribute_path": name, "attribute_type": "float_series", "float_value": value}
            for name, value in row.items()
        ]  # fmt: skip
    parquet.write_table(
        pyarrow.Table.from_pylist(rows, schema=schema), out / "DIG-1_part_0.parquet"
    )


def console_log(out: Path) -> None:
    with (out / "train.log").open("w") as file, contextlib.redirect_stdout(file):
        print("tokens per iteration will be: 1,024")
        for step, row in training(11, 0.4):
            if "val/loss" in row:
                print(
                    f"step {step}: train loss {row['train/loss']:.4f}, val loss {row['val/loss']:.4f}"
                )
            print(f"iter {step}: loss {row['train/loss']:.4f}, time 12.50ms, mfu 34.01%")


def wandb(out: Path) -> None:
    import wandb as library

    with library.init(
        project="digits", name="slow-rate", mode="offline", dir=str(out), config={"lr": 0.2, "seed": 12}
    ) as run:  # fmt: skip
        for step, row in training(12, 0.2):
            run.log(row, step=step)


MAKERS: dict[str, Callable[[Path], None]] = {
    made.__name__: made
    for made in (
        tensorboard, hugging_face, lightning, stable_baselines, json_lines, trackio, mlflow_files,
        mlflow_sqlite, swanlab, neptune, console_log, wandb,
    )
}  # fmt: skip


def make(name: str, out: Path) -> None:
    """Write one tracker's run into a folder of its own, which the process makes its working folder."""
    folder = (out / name).resolve()
    folder.mkdir(parents=True)
    os.chdir(folder)
    MAKERS[name](folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trackers.folder")
    parser.add_argument("out", type=Path, help="Where the folder of each tracker is made.")
    parser.add_argument("--only", nargs="+", choices=[*MAKERS], default=[*MAKERS])
    asked = parser.parse_args()
    failed = []
    for name in asked.only:
        # A process each: several of the libraries keep one run per process.
        process = multiprocessing.get_context("spawn").Process(target=make, args=(name, asked.out))
        process.start()
        process.join()
        if process.exitcode:
            failed.append(name)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
