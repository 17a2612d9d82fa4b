"""One run in the few numbers that a table of many runs shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from postrun.metrics import RunView, role_rank
from postrun.model import Finding, Severity
from postrun.records.reading import record_of
from postrun.records.record import RunRecord
from postrun.report.carrying import shown
from postrun.report.warm_up import steady
from postrun.stats.robust import Floats, bin_medians
from postrun.training.end_words import state_words

#: Metrics of one run whose curves are kept, and the levels of each curve.
_METRICS, LEVELS = 12, 48


@dataclass(frozen=True, slots=True)
class Levels:
    """A curve in at most 48 levels: medians of consecutive groups of rows, and their places on the axis."""

    x: Floats
    y: Floats


@dataclass(slots=True)
class Glance:
    """A run in brief.

    Attributes:
        record: Its settings, times, metrics and ending.
        state: Its state in the words of every report.
        findings: What the rules found, worst first.
        curves: Its most important metrics, by name.
        steps: The last step on the trainer's axis; None without history.
    """

    record: RunRecord
    state: str
    findings: list[Finding] = field(default_factory=list)
    curves: dict[str, Levels] = field(default_factory=dict)

    @property
    def steps(self) -> float | None:
        """The last step on the trainer's axis; None without history."""
        return self.record.last_step

    @property
    def worst(self) -> Finding | None:
        """The worst finding that is no praise, or None."""
        found = [f for f in self.findings if f.severity > Severity.GOOD]
        return max(found, key=lambda f: (f.severity, f.confidence), default=None)


def glance(view: RunView, findings: list[Finding]) -> Glance:
    """Return a run in brief; what it holds can be sent from one process to another."""
    infos = [i for i in view.metrics.values() if i.central and i.role and shown(i)]
    infos.sort(key=lambda i: (role_rank(i.role), i.key))
    curves = {}
    for info in infos[:_METRICS]:
        series = steady(view.series(info.key))
        if len(series):
            with np.errstate(all="ignore"):
                x, y, _ = bin_medians(series.x, series.y, LEVELS)
            curves[info.key] = Levels(x, y)
    return Glance(record_of(view), state_words(view), findings, curves)
