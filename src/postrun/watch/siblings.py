"""The finished runs beside watched ones, read one at a time when a forecast is to be held against them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from postrun.gather import gather
from postrun.metrics import RunView
from postrun.metrics.axis import STEP
from postrun.model import FAILURES, RunRef, State
from postrun.privacy import Privacy
from postrun.records.cache import Cache
from postrun.records.record import RunRecord
from postrun.sources import RemoteOptions, resolve
from postrun.watch.pace import BURST, SHARE

#: Runs that are read at most: the best, if the listing shows values, else the newest. Those of a server cost
#: a download each.
_MOST, _MOST_REMOTE = 20, 3


@dataclass(slots=True)
class Siblings:
    """Finished runs behind one target, or beside one run.

    Reading them is no part of what judging a run may take: it has as much time again, and waits until that is
    there. Records are kept in the cache that `compare` and others use.

    Attributes:
        privacy: What is kept out of the records.
        records: What was read so far.
    """

    privacy: Privacy
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    clock: Callable[[], float] = time.time
    records: list[RunRecord] = field(default_factory=list)
    _refs: dict[str, RunRef] = field(default_factory=dict)
    _looked_at: dict[str, str] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    _wanted: tuple[str, int, frozenset[str]] | None = None
    _place: str = ""
    _since: float = math.nan
    _spent: float = 0.0

    def offer(self, refs: Iterable[RunRef]) -> None:
        """Take note of runs that were found; those that have finished may be read later."""
        for ref in refs:
            if self._looked_at.get(ref.id) != ref.version or not ref.version:
                self._looked_at[ref.id] = ref.version
                if ref.id not in self._refs and ref.state is State.FINISHED:
                    self._refs[ref.id] = ref

    def beside(self, ref: RunRef) -> None:
        """Look beside a run that was named alone: where its folder lies, or in its project."""
        if ref.remote:
            self._place = str(ref.path).rpartition("/")[0]
        elif ref.follow is not None:
            self._place = str(ref.path.absolute().parent.parent)

    def want(self, view: RunView, metric: str) -> None:
        """Note that a run has a forecast of a metric: runs that log it are read from now on."""
        needed = frozenset({metric, view.axis.key} - {STEP})
        self._wanted = metric, view.metrics[metric].sign, needed

    def step(self) -> None:
        """Read one more run, if one is wanted and the time for it is there. What fails is left out."""
        if self._wanted is None:
            return
        now = self.clock()
        self._since = now if math.isnan(self._since) else self._since
        if self._spent > BURST + SHARE * (now - self._since):
            return
        started = time.thread_time()
        if self._place:
            place, self._place = self._place, ""
            with suppress(*FAILURES):
                self.offer(resolve(place, self.remote))
        ref = self._next()
        if ref is not None:
            self._read.add(ref.id)
            only = self._wanted[2] if ref.remote else None
            with suppress(*FAILURES):
                project, _ = gather([ref], self.privacy, 1, Cache.usable(), only=only)
                self.records += project.records
        self._spent += time.thread_time() - started

    def _next(self) -> RunRef | None:
        """Return the run to be read next: the one that ended best, as far as listing shows, else the newest."""
        assert self._wanted is not None
        metric, sign, _ = self._wanted
        left = [ref for ref in self._refs.values() if ref.id not in self._read]
        if not left or len(self._read) >= (_MOST_REMOTE if left[0].remote else _MOST):
            return None
        return max(left, key=lambda r: (sign * r.values.get(metric, -sign * math.inf), r.modified))
