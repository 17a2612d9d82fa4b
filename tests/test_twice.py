"""Trainings that were logged to W&B and to TensorBoard in separate folders: one run if the values prove it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from postrun.sources import resolve
from tests import event_files as tb
from tests import logs

STARTED = 1_704_067_260  # a minute after the name of the W&B folder, in UTC


def folder(root: Path, shift: float = 0.0, hours: float = 0.0, every: int = 1) -> Path:
    rng = np.random.default_rng(0)
    losses = [float(v) for v in np.exp(-np.arange(40) / 10) + 0.01 * rng.standard_normal(40)]
    run = root / "wandb" / "run-20240101_000000-r1"
    run.mkdir(parents=True)
    rows = [{"_step": i, "loss": v} for i, v in enumerate(losses)]
    records = [logs.run_record("r1"), *logs.rows(rows), logs.exit_record()]
    logs.write(run / "run-r1.wandb", records)
    events = [
        tb.event(i, [tb.simple("train/loss", float(np.float32(v + shift)))])
        for i, v in enumerate(losses)
        if i % every == 0
    ]
    began = int(STARTED + 3600 * hours)
    tb.write(root / "tb" / "exp" / f"events.out.tfevents.{began}.host", events)
    return root


@pytest.mark.parametrize(("hours", "every"), [(0, 1), (-5.5, 1), (0, 4)])
def test_equal_values_at_equal_steps_are_one_run(tmp_path: Path, hours: float, every: int) -> None:
    (ref,) = resolve(folder(tmp_path, hours=hours, every=every))
    assert ref.source == "wandb_local"
    (note,) = [n for n in ref.load().completeness.notes if "TensorBoard" in n]
    assert "which was not read" in note and "exp" in note


def test_other_values_or_another_time_are_two_runs(tmp_path: Path) -> None:
    assert len(resolve(folder(tmp_path / "a", shift=0.01))) == 2
    assert len(resolve(folder(tmp_path / "b", hours=0.2))) == 2
    # Too few values in common prove nothing.
    assert len(resolve(folder(tmp_path / "c", every=8))) == 2
