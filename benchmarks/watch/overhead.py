"""What a callback costs a training: microseconds per step.

    python -m benchmarks.watch.overhead [--steps 4000] [--frameworks]

Steps of 50 ms would hide a cost of microseconds in their noise, so the call itself is timed, while the process
that watches runs beside it. `--frameworks` trains small models with real frameworks where they are installed,
and times their hooks.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import postrun
from postrun.watch.training import Watch

#: The step of which a callback may cost a thousandth, in microseconds.
_STEP = 50_000.0


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--frameworks", action="store_true")
    given = parser.parse_args()
    print("| call | µs, median | µs, mean | µs, 99% | mean as a share of a step of 50 ms |")
    print("|---|---:|---:|---:|---:|")
    for name, count in (("watch.log, 5 values", 5), ("watch.log, 100 values", 100)):
        watch = Watch(name, quiet=True)
        _row(name, _calls(watch.log, count, given.steps))
        watch.close()
    if given.frameworks:
        frameworks(given.steps)


def _calls(log: Callable[[dict[str, float], int], None], count: int, steps: int) -> list[float]:
    """Return the microseconds of each call, one a millisecond."""
    out = []
    for step in range(steps):
        values = {f"train/metric_{i}": math.sin(step / 50 + i) for i in range(count)}
        started = time.perf_counter()
        log(values, step)
        out.append(1e6 * (time.perf_counter() - started))
        time.sleep(0.001)
    return out


def _row(name: str, took: list[float]) -> None:
    mean = statistics.fmean(took)
    last = statistics.quantiles(took, n=100)[98]
    print(
        f"| {name} | {statistics.median(took):.1f} | {mean:.1f} | {last:.1f} | {100 * mean / _STEP:.4f}% |"
    )


def frameworks(steps: int) -> None:
    """Print the cost of the hooks in real trainings."""
    print("\n| framework | hook calls | µs in hooks per step | share of a step of 50 ms |")
    print("|---|---:|---:|---:|")
    ways: list[tuple[str, str, Callable[[int], tuple[int, int, float]]]] = [
        ("transformers", "Hugging Face Trainer, logs each step", hugging_face),
        ("lightning", "Lightning, logs each 50 steps (its default)", lightning),
        (
            "lightning",
            "Lightning, logs each step of 50 ms",
            partial(lightning, every=1, seconds=0.05),
        ),
        ("keras", "Keras", keras),
        ("stable_baselines3", "Stable-Baselines3", stable_baselines),
    ]
    for module, name, train in ways:
        if importlib.util.find_spec(module) is None or importlib.util.find_spec("torch") is None:
            print(f"| {name} | not installed | | |")
            continue
        try:
            done, calls, seconds = train(steps)
        except Exception as error:
            print(f"| {name} | {type(error).__name__}: {str(error)[:80]} | | |")
            continue
        each = 1e6 * seconds / max(1, done)
        print(f"| {name} | {calls:,} in {done:,} steps | {each:.1f} | {100 * each / _STEP:.4f}% |")


class Timed:
    """Adds up the time that is spent in an object's hooks; beginning and end of a training are left out."""

    def __init__(self, target: Any, *names: str) -> None:
        self.calls, self.seconds = 0, 0.0
        for name in names:
            setattr(target, name, self._timed(getattr(target, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **more: Any) -> Any:
            started = time.perf_counter()
            result = function(*values, **more)
            self.seconds += time.perf_counter() - started
            self.calls += 1
            return result

        return call


def hugging_face(steps: int) -> tuple[int, int, float]:
    import tempfile

    import torch
    from transformers import Trainer, TrainingArguments

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(8, 1)

        def forward(self, x: Any, labels: Any) -> Any:
            return {"loss": ((self.line(x)[:, 0] - labels) ** 2).mean()}

    rows = [{"x": torch.randn(8), "labels": torch.randn(())} for _ in range(64)]
    callback = postrun.HuggingFaceCallback(quiet=True)
    timed = Timed(callback, "on_log")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=steps, logging_steps=1, report_to=[], save_strategy="no",
            disable_tqdm=True, use_cpu=True, log_level="error",
        )  # fmt: skip
        trainer = Trainer(Net(), arguments, train_dataset=rows, callbacks=[callback])
        from transformers.trainer_callback import PrinterCallback

        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return steps, timed.calls, timed.seconds


def lightning(steps: int, every: int = 50, seconds: float = 0.0) -> tuple[int, int, float]:
    """Train; a step waits for some seconds, since the callback asks for metrics by the clock."""
    import torch
    from lightning.pytorch import LightningModule, Trainer

    class Net(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(8, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = (self.line(batch[0]) ** 2).mean()
            self.log("train_loss", loss)
            time.sleep(seconds)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01)

    data = torch.utils.data.TensorDataset(torch.randn(4_096, 8))
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    steps = min(steps, 400) if seconds else steps
    callback = postrun.LightningCallback(quiet=True)
    timed = Timed(callback, "on_train_batch_end")
    trainer = Trainer(
        max_steps=steps, callbacks=[callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, accelerator="cpu", log_every_n_steps=every,
    )  # fmt: skip
    trainer.fit(Net(), loader)
    return steps, timed.calls, timed.seconds


def keras(steps: int) -> tuple[int, int, float]:
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras as framework
    import numpy as np

    model = framework.Sequential([framework.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = postrun.KerasCallback(quiet=True)
    timed = Timed(callback, "on_train_batch_end", "on_epoch_end")
    per_epoch = 200
    x = np.random.default_rng(0).normal(size=(per_epoch * 8, 8))
    epochs = max(1, steps // per_epoch)
    model.fit(x, x[:, :1], batch_size=8, epochs=epochs, verbose=0, callbacks=[callback])
    return epochs * per_epoch, timed.calls, timed.seconds


def stable_baselines(steps: int) -> tuple[int, int, float]:
    from stable_baselines3 import PPO

    callback = postrun.StableBaselines3Callback(quiet=True)
    timed = Timed(callback, "_on_step", "_on_rollout_end")
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=256, device="cpu", verbose=0)
    model.learn(steps, callback=callback)
    return steps, timed.calls, timed.seconds


if __name__ == "__main__":
    main()
