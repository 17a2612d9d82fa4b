"""Which samples of the machine are about the training, and whether its times can be believed.

W&B samples the machine from the start of the process to its end. What the machine does before the first row
(loading), after the last one, and while the process is suspended says nothing about the training.
"""

from __future__ import annotations

import re

import numpy as np

from postrun.metrics import RunView, Series
from postrun.stats.robust import Floats, median
from postrun.training.ending import how_it_ended

_ON_CPU = re.compile(r"\bdevice\b\W{0,4}(?:is |= ?)?['\"]?cpu\b", re.IGNORECASE)
#: Console lines from the start that may tell the device.
_FIRST_LINES = 300
#: Rows that share their time with the row before, as a share of all: rows that were synced in bursts.
_TOGETHER = 0.5
#: A gap this small beside the mean is none.
_NO_GAP = 0.01


def of_training(view: RunView, series: Series) -> Series:
    """Return the samples between the first and the last row, before the process stood still.

    All samples if the run has fewer than two rows with times. Samples that were recorded twice count once.
    """
    new = np.r_[True, np.diff(series.x) > 0] if len(series) else np.zeros(0, bool)
    series = series.take(new)
    how = how_it_ended(view)
    if how.suspended and not how.resumed_work and len(series):
        series = series.between(-np.inf, float(series.x[-1]) - how.suspended)
    _, seconds = view.clock
    if len(seconds) < 2:
        return series
    return series.between(float(seconds[0]), float(seconds[-1]))


def stood_still(view: RunView) -> bool:
    """Return whether the process stood still for long and worked again: its samples say nothing then."""
    return how_it_ended(view).resumed_work


def on_cpu(view: RunView) -> bool:
    """Return whether the run trains on the CPU, by its config or its console, whatever GPUs there are."""
    for key, value in view.flat_config.items():
        name = re.split(r"[./]", key)[-1].lower()
        if name in ("device", "accelerator", "devices") and str(value).lower().startswith("cpu"):
            return True
        if name in ("no_cuda", "use_cpu", "cpu_only", "force_cpu") and value is True:
            return True
    lines = view.run.console["line"].head(_FIRST_LINES).to_list() if view.run.console.height else []
    return any(_ON_CPU.search(line) for line in lines)


def in_bursts(seconds: Floats) -> bool:
    """Return whether rows got their times in bursts, as when TensorBoard files are synced.

    The time between two bursts is then no step's.
    """
    gaps = np.diff(seconds)
    if len(gaps) < 4 or gaps.sum() <= 0:
        return False
    return float(np.mean(gaps <= _NO_GAP * gaps.mean())) >= _TOGETHER


def running_mean(y: Floats) -> bool:
    """Return whether values are a mean since the start: each new one changes it less, as 1 / n.

    The slope of log |second difference| over log n is about -1 for a running mean and 0 for a rate, whatever
    trend either has. The first twentieth is left out.
    """
    moves = np.abs(np.diff(y, 2))
    skip = max(2, len(moves) // 20)
    n = np.arange(1, len(moves) + 1)[skip:]
    moves = moves[skip:]
    moved = moves > 0
    if moved.sum() < 12:
        return False
    groups = np.array_split(np.flatnonzero(moved), 6)
    levels = np.array([np.log(median(moves[g])) for g in groups])
    at = np.array([np.log(median(n[g].astype(float))) for g in groups])
    slope = float(np.polyfit(at, levels, 1)[0])
    return slope < -0.6
