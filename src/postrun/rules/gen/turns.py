"""Where an evaluation was best, if the end is worse beyond noise; and whether one event did it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.metrics import RunView, Series
from postrun.stats.robust import median, noise_sigma

#: A rise of which one interval between evaluations holds this share happened at one place.
_AT_ONCE = 0.6
#: A trend since the best value: values, tau and noise levels that it needs; longer ones show in the curve.
_LEAST, _MANY, _TAU, _SIGMAS = 5, 200, 0.6, 4.0


@dataclass(frozen=True, slots=True)
class Turned:
    """An evaluation that was significantly better than it is at the end.

    Attributes:
        at: Step of the best logged value.
        best: That value.
        first: The first value.
        end: The level at the end.
        certainty: How far the end is behind, over what noise does in one series of a hundred.
        index: Index of the best value in the series.
    """

    at: float
    best: float
    first: float
    end: float
    certainty: float
    index: int


def turn(view: RunView, series: Series, *, beside: bool = False) -> Turned | None:
    """Return where a metric was best, or None if the end is as good.

    `beside`: something else shows that it went on (a training loss that falls): a trend since the best value is
    enough then, where the curve by itself might be slow noise.
    """
    curve, sign = view.curve(series.key), series.info.sign
    if not sign or not len(series.finite):
        return None
    found = curve.turned
    certainty = (
        found.certainty if found is not None else _trend(series.finite, sign) if beside else 0.0
    )
    if not certainty:
        return None
    k = int(np.argmax(np.where(np.isfinite(series.y), series.y * sign, -np.inf)))
    return Turned(
        at=float(series.x[k]),
        best=float(series.y[k]),
        first=float(series.finite.y[0]),
        end=curve.last.value,
        certainty=certainty,
        index=k,
    )


def _trend(series: Series, sign: int) -> float:
    """Return how surely a metric gets worse since its best value (at least 1), 0 if that is not sure.

    Kendall's tau of at least 0.6 over the values since then, of which there are 5 or more (one in a hundred by
    chance; Kendall 1938), and a loss of more than 4 standard deviations of single values.
    """
    y = -series.y * sign
    y = y[int(np.argmin(y)) :]
    m = len(y)
    if m < _LEAST:
        return 0.0
    pairs = np.sign(y[None, :] - y[:, None])[np.triu_indices(m, 1)] if m <= _MANY else np.zeros(1)
    lost = median(y[-max(3, m // 10) :]) - float(y[0])
    noise = noise_sigma(series.y)
    if float(pairs.mean()) < _TAU or lost <= _SIGMAS * noise:
        return 0.0
    return max(1.0, lost / (_SIGMAS * noise)) if noise else 10.0


def steering(view: RunView, *roles: str) -> list[Series]:
    """Return the evaluations that a training is steered by: those on test data only if there are no others."""
    found = view.by_role(*roles)
    held_out = [series for series in found if series.info.split != "test"]
    return held_out or found


def damaged(view: RunView, series: Series, turned: Turned) -> tuple[float, float] | None:
    """Return the steps between which an evaluation got worse at once, as the training loss jumped, or None.

    That is damage to the weights (a bad batch, a step that was too large), no overfitting.
    """
    y = series.finite
    after = np.flatnonzero(y.x >= turned.at)
    if len(after) < 2:
        return None
    k = int(after[0])
    losses = -np.diff(y.y[k:]) * series.info.sign
    j = int(np.argmax(losses))
    lost = abs(turned.end - turned.best)
    later = float(losses[j + 1 :].clip(min=0).sum())
    if losses[j] < _AT_ONCE * lost or later > losses[j]:
        return None
    start, stop = float(y.x[k + j]), float(y.x[k + j + 1])
    for train in view.by_role("loss.train"):
        curve = view.curve(train.key)
        events = [int(e.at) for e in curve.jumps if e.size > 0]
        events += [int(b.start) for b in curve.bursts if b.height > 0]
        if any(start <= train.x[e] <= stop for e in events):
            return start, stop
    return None
