"""The same classifier in processes that fail, are killed, or wait."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, pause, training
from benchmarks.diagnosis.trainings.nets import Net
from benchmarks.diagnosis.trainings.supervised import fit


@training("RUN001", may=("RUN003",), ends="failed")
def raises(log: Log, rng: Rng) -> None:
    """A shape error at step 120."""
    log.config(max_steps=400)

    def broken(step: int, net: Net, x: Array, y: Any) -> None:
        if step == 120:
            raise ValueError(f"operands could not be broadcast together with shapes {x.shape} (3,)")

    fit(log, rng, steps=400, before_step=broken)


@training("RUN002", may=("RUN003", "RUN005"), ends="crashed")
def killed(log: Log, rng: Rng) -> None:
    """The process is killed (SIGKILL) at step 250, as the kernel does when memory is gone."""
    log.config(max_steps=600)

    def kill(step: int, net: Net, x: Array, y: Any) -> None:
        if step == 250:
            pause(1.0)
            os.kill(os.getpid(), signal.SIGKILL)

    fit(log, rng, steps=600, before_step=kill)


@training("PERF003", may=("PERF", "GEN"))
def slow_loader(log: Log, rng: Rng) -> None:
    """The loader takes 8 ms per batch, longer than the step itself."""

    def load(step: int) -> dict[str, float]:
        began = time.perf_counter()
        pause(0.008)
        return {"perf__data_time": time.perf_counter() - began}

    fit(log, rng, steps=500, timing=load)


@training("PERF006", may=("PERF", "GEN"))
def slow_checkpoints(log: Log, rng: Rng) -> None:
    """A checkpoint every 40 steps that takes 0.15 s."""
    log.config(ckpt={"interval": 40})

    def save(step: int) -> dict[str, float]:
        pause(0.15 if step and step % 40 == 0 else 0.003)
        return {}

    fit(log, rng, steps=600, timing=save)


@training("PERF001", may=("PERF", "GEN"))
def slows_down(log: Log, rng: Rng) -> None:
    """From step 300 on another job takes half of the time."""
    log.truth["PERF001"] = 300
    last = [time.perf_counter()]

    def speed(step: int) -> dict[str, float]:
        pause(0.004 if step < 300 else 0.012)
        now = time.perf_counter()
        taken, last[0] = now - last[0], now
        return {"perf__samples_per_sec": 64 / taken}

    fit(log, rng, steps=600, timing=speed)
