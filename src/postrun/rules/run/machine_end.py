"""What the last system samples say about the end of a run."""

from __future__ import annotations

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Evidence
from postrun.model.text import number
from postrun.rules.perf.machine import WHOLE_PERCENT, at_steps
from postrun.training.crash import Cause

_OOM = "gpu-out-of-memory"
#: Role, the level (%) from which it bears on an end, the kinds of end that it bears on ("" for one
#: whose cause the console does not show), and its words.
_SIGNS = (
    (
        "system.memory",
        95.0,
        ("", "killed", "host-out-of-memory"),
        "host memory was {}% full in the last samples",
    ),
    ("system.gpu_memory", 95.0, (_OOM,), "GPU memory was {}% full in the last samples"),
    ("system.disk", 98.0, ("disk-full",), "the disk was {}% full in the last samples"),
    ("system.disk", 99.5, ("",), "the disk was {}% full in the last samples"),
)
#: GPU memory crept up if it grew by this many points after the run's first quarter, in several rises of which
#: none makes up most of it.
_CREPT, _RISE, _LARGEST_RISE = 15.0, 2.0, 0.7
#: Fewer samples show no creeping: their last three quarters have room for few rises.
_CREPT_SAMPLES = 8
#: A GPU was full from the first sample on (%), and not working (%).
_FULL, _NOT_BUSY = 98.0, 15.0


def machine_at_end(view: RunView, cause: Cause | None) -> tuple[str, list[Evidence]]:
    """Return what the machine showed that bears on a cause: words to add to a sentence, and evidence.

    Samples of the last tenth of the run count (three at the least). They are 10 to 30 s apart, and
    memory can fill within one interval: a low value proves nothing and is not told.
    """
    kind = cause.kind.name if cause is not None and cause.kind is not None else ""
    if cause is not None and not kind:
        return "", []  # an ordinary exception
    found = [_level(view, *sign) for sign in _SIGNS if kind in sign[2]]
    if kind == _OOM:
        found.append(_crept(view))
    if not kind and not view.run.history.height:
        found.append(_full_from_the_start(view))
    told = [(words, proof) for words, proof in found if words and proof is not None]
    return "".join(f"; {words}" for words, _ in told), [proof for _, proof in told]


def idle_at_end(view: RunView) -> float:
    """Return for how many seconds the machine was still sampled after the last row; 0.0 if not known."""
    rows, samples = view.run.history["_timestamp"], view.run.system
    if not rows.count() or "_timestamp" not in samples.columns or not samples["_timestamp"].count():
        return 0.0
    return max(0.0, _latest(samples["_timestamp"].to_numpy()) - _latest(rows.to_numpy()))


def _latest(times: np.ndarray) -> float:
    return float(np.nanmax(np.asarray(times, dtype=np.float64)))


def _level(
    view: RunView, role: str, level: float, kinds: tuple[str, ...], words: str
) -> tuple[str, Evidence | None]:
    """Return how full something was at the end, if it was."""
    for series in view.system(role):
        whole = series.finite
        y = whole.take(slice(-max(3, len(whole) // 10), None))
        high = float(y.y.max()) if len(y) else 0.0
        if level <= high <= WHOLE_PERCENT:
            proof = at_steps(view, y, before=float(whole.y[0]), after=high)
            return words.format(number(high, 3)), proof
    return "", None


def _crept(view: RunView) -> tuple[str, Evidence | None]:
    """Return by how much a GPU's memory crept up, if one did."""
    best: tuple[float, Series] | None = None
    for series in view.system("system.gpu_memory"):
        whole = series.finite
        late = whole.take(slice(len(whole) // 4, None))
        if len(whole) < _CREPT_SAMPLES:
            continue
        rises = np.diff(np.maximum.accumulate(late.y))
        grown = float(rises.sum())
        steep = grown < _CREPT or float(rises.max()) > _LARGEST_RISE * grown
        if not steep and (rises >= _RISE).sum() > 1 and (best is None or grown > best[0]):
            best = grown, late
    if best is None:
        return "", None
    y = best[1]
    first, last = float(y.y[0]), float(y.y.max())
    words = f"GPU memory had crept up from {first:.0f}% to {last:.0f}%"
    return words, at_steps(view, y, before=first, after=last)


def _full_from_the_start(view: RunView) -> tuple[str, Evidence | None]:
    """Return that a GPU was full before the training began and did nothing, if one was."""
    busy = {s.key.rsplit(".", 1)[0]: s.finite for s in view.system("system.gpu_utilisation")}
    for series in view.system("system.gpu_memory"):
        y, use = series.finite, busy.get(series.key.rsplit(".", 1)[0])
        if not len(y) or use is None or not len(use) or y.y.min() < _FULL:
            continue
        used = float(use.y.mean())
        if used < _NOT_BUSY:
            full = f"GPU memory was {number(float(y.y[0]), 3)}% full from the first sample on"
            words = f"{full} and the GPU {used:.0f}% busy"
            return words, at_steps(view, y, before=float(y.y[0]), after=float(y.y[-1]))
    return "", None
