"""When a run that grows is looked at again: often while it is young, then at intervals that grow with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Rows before the first look, and between looks at the least while a look costs more than its share of the
#: time since the one before.
FIRST, LEAST = 10, 5
#: The share by which a run grows between two looks.
GROWTH = 0.01
#: The share of one core that following one run may take, after its first seconds.
SHARE, BURST = 0.0085, 2.0
#: Seconds after which a run that grew is looked at although it did not grow enough.
PATIENCE = 300.0


@dataclass(slots=True)
class Pace:
    """When one run is due. Times are seconds of any clock, costs seconds of a core.

    A look that found something new is followed by another as soon as there are `LEAST` more rows: it is to be
    confirmed. A young run whose rows come slowly is looked at with each of them.
    """

    share: float = SHARE
    growth: float = GROWTH
    rows: int = 0
    at: float = -math.inf
    since: float = -math.inf
    spent: float = 0.0
    pending: bool = False
    cost: float = math.inf

    def due(self, rows: int, now: float, urgent: bool = False) -> bool:
        """Return whether a run of so many rows is to be looked at; `urgent`: a value is not finite."""
        if self.since == -math.inf:
            self.since = self.at = now
        if urgent:
            return True
        if rows == self.rows or self.spent > BURST + self.share * (now - self.since):
            return False
        if rows < self.rows:
            return True
        grown = rows - self.rows
        if self.rows == 0:
            return rows >= FIRST or now - self.at > PATIENCE
        least = 1 if self.cost <= self.share * (now - self.at) else LEAST
        step = max(least, math.ceil(self.growth * self.rows))
        return grown >= (min(step, LEAST) if self.pending else step) or now - self.at > PATIENCE

    def looked(self, rows: int, now: float, cost: float, pending: bool = False) -> None:
        """Note a look that took `cost` seconds; `pending`: it found something that is to be confirmed."""
        self.rows, self.at, self.pending = rows, now, pending
        self.spent += cost
        self.cost = cost
