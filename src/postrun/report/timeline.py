"""A run over its own axis: the metrics that carry its story, what happened when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.machine import standstills
from postrun.model import Finding, Severity
from postrun.report.carrying import best_value, carrying, lead
from postrun.report.story import COURSE, clause, learned_nothing, onset
from postrun.rules.perf.evaluations import evaluated_rows
from postrun.stats.curve import Phase
from postrun.stats.robust import Floats, bin_medians
from postrun.training.checkpoints import saved_at
from postrun.training.end_words import state_words
from postrun.training.ending import FAILED, FINISHED, KILLED, how_it_ended

#: Phases of which less is sure are not told apart from no move.
_SURE = 0.5
#: Ticks of one kind that are drawn; of more, every so many.
_TICKS = 120
#: A phase that takes less of the axis than this is not shaded.
_NARROW = 0.01
#: A metric has settled where its level first comes within the first of these shares of its whole change from
#: where it ends and then stays within the second, for at least the third of the stretch; read in so many
#: groups of values.
_NEAR, _STAYS, _LONG, _LEVELS = 0.12, 0.2, 0.3, 40


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase of the metric that the run is judged by.

    `tone` is "good" where it gets better, "bad" where it gets worse, "broken" where it is not finite, and
    "plain" otherwise; `words` say what it does ("rising").
    """

    start: float
    stop: float
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Onset:
    """Where a finding begins. `finding` is its position in the list of findings."""

    finding: int
    x: float
    severity: Severity
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a picture of a run shows.

    Attributes:
        start: The first step of the run's axis.
        stop: The last one.
        lanes: The metrics, the lead first: finite values without warm-up.
        phases: Those of the lead, in order.
        onsets: Where findings begin, in order of their place.
        ticks: Places of "evaluations", "checkpoints" and "stalls"; kinds without any are left out.
        end: How the run ended, in words.
        tone: "good" if it ended well, "bad" if it did not, else "plain".
    """

    start: float
    stop: float
    lanes: tuple[Series, ...]
    phases: tuple[Stretch, ...]
    onsets: tuple[Onset, ...]
    ticks: dict[str, list[float]]
    end: str
    tone: str


@np.errstate(all="ignore")
def timeline(view: RunView, findings: Sequence[Finding]) -> Timeline | None:
    """Return the timeline of a run; None if fewer than two steps or no metric that varies are known."""
    start, stop = view.first_x, view.last_x
    lanes = carrying(view, findings)
    if start is None or stop is None or stop <= start or not lanes:
        return None
    kind = how_it_ended(view).kind
    ticks = {
        "evaluations": [view.x_of(int(row)) for row in evaluated_rows(view)],
        "checkpoints": saved_at(view),
        "stalls": [x for s in standstills(view) if (x := view.step_at(s.start)) is not None],
    }
    return Timeline(
        start=start,
        stop=stop,
        lanes=tuple(lanes),
        phases=tuple(_phases(view, findings)),
        onsets=tuple(_onsets(view, findings)),
        ticks={name: _thinned(at) for name, at in ticks.items() if len(at)},
        end=state_words(view),
        tone={FINISHED: "good", FAILED: "bad", KILLED: "bad"}.get(kind, "plain"),
    )


def _phases(view: RunView, findings: Sequence[Finding]) -> list[Stretch]:
    series = lead(view)
    if series is None or len(series) < COURSE:
        return []
    sign = 0 if learned_nothing(findings) else series.info.sign
    found = _parted(series, sign) if view.curve(series.key).turned else _as_read(view, series, sign)
    joined: list[Stretch] = []
    for at, part in enumerate(found):
        stop = found[at + 1].start if at + 1 < len(found) else part.stop
        whole = Stretch(part.start, stop, part.tone, part.words)
        if joined and joined[-1].words == whole.words:
            whole = Stretch(joined.pop().start, stop, part.tone, part.words)
        joined.append(whole)
    span = (view.last_x or 0.0) - (view.first_x or 0.0)
    return [p for p in joined if p.stop - p.start >= _NARROW * span]


def _parted(series: Series, sign: int) -> list[Stretch]:
    """Return the stretches before and after the best value of a metric that turned."""
    _, at = best_value(series)
    better, worse = ("rising", "falling") if series.info.sign > 0 else ("falling", "rising")
    tones = ("good", "bad") if sign else ("plain", "plain")
    ends = ((float(series.x[0]), at, tones[0], better), (at, float(series.x[-1]), tones[1], worse))
    return [
        Stretch(x, stop, tone, f"{series.key} {words}") for x, stop, tone, words in ends if x < stop
    ]


def _as_read(view: RunView, series: Series, sign: int) -> list[Stretch]:
    """Return the phases of a metric that did not turn, with where it settles."""
    curve, key, found = view.curve(series.key), series.key, list[Stretch]()
    for phase in curve.phases:
        rows = slice(phase.start, phase.stop)
        x, y = curve.x[rows], curve.y[rows]
        tone, words = _told(phase, sign)
        settled = _settled(x, y) if words in ("falling", "rising") else None
        found.append(Stretch(float(x[0]), float(x[-1]), tone, f"{key} {words}"))
        if settled is not None:
            found.append(Stretch(settled, float(x[-1]), "plain", f"{key} changing little"))
    return found


def _settled(x: Floats, y: Floats) -> float | None:
    """Return from where on a moving stretch stays near the level of its end; None if not for long."""
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    at, level, _ = bin_medians(x, y, _LEVELS)
    if len(level) < _LEVELS:
        return None
    away = np.abs(level - level[-1]) / (abs(float(level[-1] - level[0])) or 1.0)
    first = int(np.argmax(away <= _NEAR))
    if not 0 < first < (1 - _LONG) * len(level) or float(away[first:].max()) > _STAYS:
        return None
    return float(x[np.searchsorted(x, at[first])])


def _told(phase: Phase, sign: int) -> tuple[str, str]:
    """Return the tone of a phase and what the metric does in it."""
    if phase.kind == "broken":
        return "broken", "not finite"
    if phase.kind in ("falling", "rising") and phase.confidence >= _SURE:
        better = sign * (1 if phase.kind == "rising" else -1)
        return {1: "good", -1: "bad"}.get(better, "plain"), phase.kind
    if phase.kind == "oscillating":
        return "plain", "up and down"
    if phase.kind == "stepwise":
        return "plain", "in steps"
    return "plain", "flat" if phase.confidence >= _SURE else "without a clear move"


def _onsets(view: RunView, findings: Sequence[Finding]) -> list[Onset]:
    found = [
        Onset(n, x, f.severity, clause(view, f))
        for n, f in enumerate(findings)
        if f.severity > Severity.GOOD and (x := onset(view, f)) is not None
    ]
    return sorted(found, key=lambda o: o.x)


def _thinned(at: Sequence[float]) -> list[float]:
    places = np.unique(np.asarray(at, np.float64))
    places = places[np.isfinite(places)]
    return [float(x) for x in places[:: -(-len(places) // _TICKS)]]
