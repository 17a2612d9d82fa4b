"""Many runs watched at once: which there are, what each is due for, and when the watch is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postrun.job import folder_names
from postrun.model import RunRef, State, TargetError
from postrun.privacy import Masker
from postrun.sources import RemoteOptions, resolve
from postrun.watch.event import Event
from postrun.watch.judge import warm_up
from postrun.watch.siblings import Siblings
from postrun.watch.watched import Terms, Watched

#: Seconds between two looks at the logs of runs, and at which runs there are: here, and on a server.
LOOK, SEARCH, SEARCH_SERVER = 2.0, 10.0, 30.0
#: States in which a run that is found is no longer followed.
_OVER = (State.FINISHED, State.FAILED, State.CRASHED)
#: The share of one core that all runs together may take.
_ALL = 0.5

Key = tuple[str, str]


@dataclass(slots=True)
class Watcher:
    """Follows the runs behind targets.

    Attributes:
        targets: As people type them.
        every: Seconds between two questions to a server, at least.
        single: Follow the newest run alone, and end with it.
        awaited: Targets that may not be there yet, such as ./wandb before the first training.
        idle: Seconds without a running run after which the watch ends; None: never, if more may appear.
        errors: Messages of targets that could not be read.
    """

    targets: Sequence[str]
    terms: Terms
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    every: float = SEARCH_SERVER
    single: bool = False
    awaited: frozenset[str] = frozenset()
    idle: float | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    runs: dict[Key, Watched] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _siblings: dict[str, Siblings] = field(default_factory=dict)
    _searched: dict[str, float] = field(default_factory=dict)
    _server: set[str] = field(default_factory=set)
    _many: set[str] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    _refused: set[str] = field(default_factory=set)
    _busy: float = 0.0

    def events(self) -> Iterator[Event | None]:
        """Yield what happens, and None after each round, until the watch is over.

        A round looks at each run that is not over. The caller may stop at any time.
        """
        self._busy = self.clock()
        warm_up()  # rules and packs are loaded once: that is no cost of the first run
        while True:
            started = time.thread_time()
            yield from self._search()
            for run in list(self.runs.values()):
                yield from run.step()
            for siblings in self._siblings.values():
                siblings.step()
            yield None
            if self.running:
                self._busy = self.clock()
            elif self._over():
                return
            cost = time.thread_time() - started
            self.sleep(max(LOOK, cost * (1 / _ALL - 1)))

    @property
    def running(self) -> list[Watched]:
        """The runs that are not over."""
        return [run for run in self.runs.values() if not run.ended]

    def close(self) -> Iterator[Event]:
        """End the watch of all runs that go on, and yield their verdicts so far."""
        for run in self.running:
            if run.judge.last is not None:
                yield from run.finish(gone=False)

    def _over(self) -> bool:
        if self.idle is not None:
            return self.clock() - self._busy >= self.idle
        if self.single and self.runs:
            return True
        return not self._many and not self._missing

    def _search(self) -> Iterator[Event]:
        """Look for runs, where that is due; yield what is known of those that moved."""
        for target in self.targets:
            if target in self._refused:
                continue
            wait = self.every if target in self._server else SEARCH
            now = self.clock()
            if now - self._searched.get(target, -1e300) < wait:
                continue
            self._searched[target] = now
            try:
                refs = resolve(target, self.remote)
            except TargetError as error:
                refs = list(error.found)
                self._not_there(target, error)
            else:
                self._missing.discard(target)
            if refs:
                yield from self._found(target, refs)

    def _not_there(self, target: str, error: TargetError) -> None:
        """Wait for what may appear on this disk; anything else is an error, told once."""
        if target in self._missing or any(key[0] == target for key in self.runs):
            return
        path = Path(target).expanduser()
        if path.is_dir() or target.startswith((".", "~", "/")) or target in self.awaited:
            self._missing.add(target)
        elif target not in self._refused:
            self._refused.add(target)
            self.errors.append(Masker(self.terms.privacy).text(str(error)))

    def _found(self, target: str, refs: Sequence[RunRef]) -> Iterator[Event]:
        named = len(refs) == 1 and not self._is_folder(target, refs[0])
        if any(ref.remote for ref in refs):
            self._server.add(target)
        if not named:
            self._many.add(target)
        siblings = self._siblings.get(target)
        if siblings is None:
            siblings = Siblings(self.terms.privacy, self.remote, self.clock)
            self._siblings[target] = siblings
            if named:
                siblings.beside(refs[0])
        if not named:
            siblings.offer(r for r in refs if not self._goes_on(target, r))
        if self.single:
            refs = [r for r in refs if (target, r.id) in self.runs] if self.runs else refs[:1]
        names = folder_names(list(refs), self.terms.privacy)
        for ref, name in zip(refs, names, strict=True):
            key = (target, ref.id)
            known = self.runs.get(key)
            if known is not None:
                yield from known.refresh(ref)
            elif named or self.single or ref.state not in _OVER:
                self.runs[key] = Watched(ref, self.terms, name, self.clock, siblings=siblings)

    def _goes_on(self, target: str, ref: RunRef) -> bool:
        known = self.runs.get((target, ref.id))
        return known is not None and not known.ended

    @staticmethod
    def _is_folder(target: str, ref: RunRef) -> bool:
        """Return whether more runs may appear behind a target: a folder of runs, or a project."""
        path = Path(target).expanduser()
        if ref.remote:
            return target.rstrip("/").split("/")[-1] != ref.id
        return path.is_dir() and path.resolve() not in (
            ref.path.resolve(),
            ref.path.resolve().parent,
        )
