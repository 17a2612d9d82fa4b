"""How a case trains: its log, its labels, and the list of all cases."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis.labels import Labels

Array = np.ndarray[Any, np.dtype[np.float64]]
Rng = np.random.Generator


@dataclass(slots=True)
class Log:
    """What a training writes to: the W&B run, and the truth that only the script knows.

    `truth` maps a rule to the step at which the fault really began.
    """

    run: Any
    truth: dict[str, float] = field(default_factory=dict)
    step: int = -1

    def __call__(self, step: int, **metrics: float) -> None:
        """Log one row; "__" in names stands for "/"."""
        self.step = step
        self.run.log({k.replace("__", "/"): float(v) for k, v in metrics.items()}, step=step)

    def config(self, **values: Any) -> None:
        """Add to the run's config."""
        self.run.config.update(values)


@dataclass(frozen=True, slots=True)
class Training:
    """One case. `must` and `may` as in Labels; `ends` is the state in which the run must end."""

    name: str
    train: Callable[[Log, Rng], None]
    must: tuple[str, ...]
    may: tuple[str, ...]
    ends: str = "finished"

    @property
    def healthy(self) -> bool:
        """True where no rule must fire."""
        return not self.must


TRAININGS: dict[str, Training] = {}
#: True of most good trainings as well: gains come early, evaluations are noisy and take time (the
#: true validation curve is measured between the rows), the end is reached.
NORMAL = ("OPT003", "GEN005", "RUN003", "PERF006")


def training(
    *must: str, may: tuple[str, ...] = (), ends: str = "finished"
) -> Callable[[Callable[[Log, Rng], None]], Callable[[Log, Rng], None]]:
    """Register a training; its docstring documents the fault."""

    def register(function: Callable[[Log, Rng], None]) -> Callable[[Log, Rng], None]:
        name = function.__name__.replace("_", "-")
        TRAININGS[name] = Training(name, function, must, (*NORMAL, *may), ends)
        return function

    return register


def run(name: str, seed: int, folder: Path) -> Labels:
    """Train one case, logged by the real SDK in offline mode into `folder`; its labels."""
    import wandb

    case = TRAININGS[name]
    folder.mkdir(parents=True, exist_ok=True)
    logged = wandb.init(
        mode="offline",
        dir=str(folder),
        project="diagnosis-benchmark",
        name=f"{name}-{seed}",
        config={"seed": seed},
        settings=wandb.Settings(x_disable_stats=True, silent=True),
    )
    log = Log(logged)
    rng = np.random.default_rng([seed, sum(name.encode())])
    labels = folder / "labels.json"

    def write() -> Labels:
        done = Labels(
            f"{name}-{seed}",
            {code: log.truth.get(code) for code in case.must},
            case.may,
            case.healthy,
            float(max(log.step, 1)),
        )
        done.write(labels)
        return done

    write()  # a case that kills its process writes nothing afterwards
    try:
        case.train(log, rng)
    except BaseException:
        write()
        raise
    done = write()
    logged.finish()
    return done


def pause(seconds: float) -> None:
    """Spend real time, as a slow disk or loader does."""
    time.sleep(seconds)
