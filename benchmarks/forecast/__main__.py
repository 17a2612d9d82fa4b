"""How often the 90% interval of a forecast holds the final value, by the share of the training that was seen.

python -m benchmarks.forecast --data FOLDER [--fit]

`FOLDER/faults` holds the published trainings. `--fit` prints the scales of the interval that all of them give.
In the table, each half of the AlgoPerf trainings and record runs is judged by scales that were fitted on the
other half and on all other sources. "none made": the curve cannot be continued, and postrun says why. The
last three columns are medians. "error": how far the final value lies from the forecast, over the side of the
interval on which it lies. "width" of the interval, and "moved": how far the final value lies from the level
when it was forecast, both over the range of the values seen.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.forecast.curves import TESTED, Training, trainings
from postrun.stats.curve import read_curve
from postrun.stats.robust import Floats

SHARES = (0.3, 0.5, 0.7)
#: Share of trainings that each of the two scales is fitted to hold for: more than 95%, for few are seen.
_HELD = 0.965


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast beside what happened.

    Attributes:
        reason: Why there is no forecast, "" if there is one.
        width: Width of the interval over the range of what was seen.
        gap: The distance of the final value from the present level over that range.
        better: Error to the better side over its scale; 0 if the error is to the other.
        worse: The same for the worse side.
    """

    reason: str
    width: float = np.nan
    gap: float = np.nan
    better: float = 0.0
    worse: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One training at one share of its way."""

    one: Training
    share: float
    made: Outcome

    @property
    def tested(self) -> bool:
        """Whether the training is of a source that the table is about."""
        return self.one.source in TESTED

    def held(self, scale: tuple[float, float]) -> bool:
        """Return whether the final value lies within the interval of such scales."""
        return self.error(scale) <= 1

    def error(self, scale: tuple[float, float]) -> float:
        """Return the error over the side of the interval on which it lies."""
        return max(self.made.better / scale[0], self.made.worse / scale[1])


def outcome(one: Training, share: float) -> Outcome:
    """Return the forecast of a training's final value at a share of its way."""
    x, y = one.seen(share)
    curve = read_curve(x, y, one.sign)
    told = curve.forecast(float(one.x[-1]))
    if told is None:
        return Outcome(curve.no_forecast or "no fit")
    truth = one.outcome
    span = float(np.ptp(y[np.isfinite(y)])) or np.nan
    now = curve.last.value
    assert curve._ahead is not None
    level, up, down = curve._ahead.scales(float(one.x[-1]))
    seen = np.log(max(truth, 1e-300)) if curve.log else truth
    error = (seen - level) * one.sign
    return Outcome(
        "", (told.high - told.low) / span, abs(truth - now) / span,
        max(error, 0.0) / up if up else 0.0, max(-error, 0.0) / down if down else 0.0,
    )  # fmt: skip


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the value below which a share of the weight lies."""
    order = np.argsort(values)
    mass = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(mass, share)), len(order) - 1)])


def fit(rows: Sequence[Row]) -> tuple[float, float]:
    """Return both scales: each program counts once at each share of its way, each kind of source as much."""
    rows = [r for r in rows if not r.one.broken and not r.made.reason]
    alike = Counter((r.one.source, r.one.program, r.share) for r in rows)
    programs = Counter(
        kind for kind, _, _ in {(r.tested, r.one.source, r.one.program) for r in rows}
    )
    weights = np.array(
        [1 / alike[r.one.source, r.one.program, r.share] / programs[r.tested] for r in rows]
    )
    better, worse = (np.array([getattr(r.made, n) for r in rows]) for n in ("better", "worse"))
    return weighted_quantile(better, weights, _HELD), weighted_quantile(worse, weights, _HELD)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the table."""
    # Each half is judged by scales that were fitted without it.
    fitted = [fit([r for r in rows if not r.tested or r.one.fold != fold]) for fold in (0, 1)]
    yield "| source | trainings | seen | forecasts | none made | 90% interval holds | error | width | moved |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    groups: list[tuple[str, Callable[[Row], bool]]] = [
        ("AlgoPerf", lambda r: r.one.source == "algoperf" and not r.one.broken),
        ("record runs", lambda r: r.one.source == "nanogpt"),
        ("both", lambda r: r.tested and not r.one.broken),
        ("AlgoPerf that broke or got worse", lambda r: r.one.broken),
        ("all other sources (fitted on)", lambda r: not r.tested),
    ]
    for title, chosen in groups:
        for share in SHARES:
            own = [r for r in rows if chosen(r) and r.share == share]
            told = [r for r in own if not r.made.reason]
            held = 100 * float(np.mean([r.held(fitted[r.one.fold]) for r in told]))
            error = float(np.median([r.error(fitted[r.one.fold]) for r in told]))
            width, gap = (
                float(np.nanmedian([getattr(r.made, n) for r in told])) for n in ("width", "gap")
            )
            programs = len({r.one.program for r in own})
            yield (
                f"| {title} | {programs} | {share:.0%} | {len(told)} | {len(own) - len(told)} | "
                f"{held:.0f}% | {error:.2f} | {width:.2f} | {gap:.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fit", action="store_true")
    asked = parser.parse_args()
    with np.errstate(all="ignore"):
        known = trainings(asked.data)
        rows = [Row(one, share, outcome(one, share)) for one in known for share in SHARES]
        if asked.fit:
            better, worse = fit(rows)
            print(f"_BETTER, _WORSE = {better:.2f}, {worse:.2f}")
        for line in table(rows):
            print(line)


if __name__ == "__main__":
    main()
