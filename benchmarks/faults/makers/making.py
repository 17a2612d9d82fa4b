"""How a training is made: in a process of its own, once for each version of its code."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.makers.registry import Maker

#: Seconds that one training may take before it counts as not made.
TIMEOUT = 600
_DONE = "made_by.txt"


def made(maker: Maker, out: Path) -> Path | None:
    """Return a training's folder, trained now unless it is there already; None if it did not end as it should.

    The folder appears when the training is whole. The process's output is kept in output.txt beside the run.
    """
    folder = out / maker.name
    known = folder / _DONE
    if not known.exists() or known.read_text() != version(maker):
        working = out / f"{maker.name}.{os.getpid()}"
        if not _trained(maker, working):
            return None
        shutil.rmtree(folder, ignore_errors=True)
        working.rename(folder)
    return folder


def version(maker: Maker) -> str:
    """Return a digest of what a training is made by: its module, its function and its arguments."""
    source = Path(__file__).with_name(f"{maker.module}.py").read_bytes()
    told = f"{maker.function} {sorted(maker.changes.items())} {maker.exits}"
    return hashlib.sha256(source + told.encode()).hexdigest()


def _trained(maker: Maker, folder: Path) -> bool:
    """Train in a folder of its own and return True if the process ended as it should."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.faults.makers", maker.name, str(folder)]
    environment = {**os.environ, **_quiet(folder)}
    with (folder / "output.txt").open("w") as output:
        try:
            done = subprocess.run(
                command, stdout=output, stderr=output, env=environment, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    for log in folder.rglob("*.wandb"):  # a log that was written just now counts as running
        os.utime(log, (time.time() - 86_400,) * 2)
    (folder / _DONE).write_text(version(maker))
    return done.returncode == maker.exits and any(folder.glob("wandb/offline-run-*"))


def _quiet(folder: Path) -> dict[str, str]:
    """Return the environment of a training: offline, on one core, without a network."""
    return {
        "WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_SILENT": "true",
        "WANDB_DISABLE_CODE": "true", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
        "KERAS_BACKEND": "torch", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
