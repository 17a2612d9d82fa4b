"""A run that goes on, looked at again and again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from postrun.diagnosis import Diagnosis, diagnosis
from postrun.metrics import RunView
from postrun.model import Finding, Run, State
from postrun.model.finding import ranked
from postrun.privacy import Privacy, protected
from postrun.rules import Rule, Selection, diagnose
from postrun.watch.ledger import Change, Ledger
from postrun.watch.unfinished import at_once, causes, tellable
from postrun.watch.zoom import unplaced, zoomed

#: The share by which a run grows between two looks at all of it; those between see its past thinned.
#: What was found is confirmed after the smaller share. Each look at a run of few rows is at all of it.
WHOLE, CONFIRM = 0.05, 0.01
FEW = 2_000


@dataclass(slots=True)
class Judge:
    """Judges one run at each look: all rules on all of it, or some rules on its recent past.

    Attributes:
        last: The last diagnosis of the whole run, masked; None before the first.
        ledger: What was told.
        reached: The last step of the run at the last look, on the axis of `last`; None if it has none.
        beside: Returns what other runs show of this one, asked of each whole look; None for nothing.
    """

    privacy: Privacy = field(default_factory=Privacy)
    selection: Selection = field(default_factory=Selection)
    ledger: Ledger = field(default_factory=lambda: Ledger(causes()))
    last: Diagnosis | None = None
    reached: float | None = None
    beside: Callable[[RunView], Finding | None] | None = None
    _compared: list[Finding] = field(default_factory=list)
    _next_whole: int = 0
    _lasting: list[Rule] | None = None

    def look(self, run: Run, urgent: bool = False) -> list[Change]:
        """Return what changed; `urgent`: look at all of the run, whatever it grew by."""
        rows = run.history.height
        recent = self._recent(run)
        fresh, whole = list(recent), False
        if urgent or rows >= self._next_whole or self.last is None:
            self.last = diagnosis(run, self.privacy, self.selection)
            whole = True
            found = self.beside(self.last.view) if self.beside else None
            self._compared = [found] if found else []
            fresh += [*self.last.findings, *self._compared]
        view = self.last.view
        self.reached = _reached(view, run)
        known = [*recent, *self.last.findings, *self._compared]
        every = [part for finding in known for part in finding.with_symptoms()]
        changes = self.ledger.look(tellable(view, fresh), every, at_once())
        if whole:
            growth = CONFIRM if self.ledger.pending else WHOLE
            self._next_whole = rows + 1 if rows < FEW else math.ceil(rows * (1 + growth))
        return changes

    def findings(self) -> list[Finding]:
        """Return what is told of the run now: of the whole run, and what only its recent past shows."""
        whole = list(self.last.findings) if self.last else []
        known = {(f.rule, f.evidence[:1]) for w in whole for f in w.with_symptoms()}
        rules = {rule for rule, _ in known}
        return ranked([*whole, *(f for f in self.ledger.open if f.rule not in rules)])

    def _recent(self, run: Run) -> list[Finding]:
        short = zoomed(run)
        if short is None:
            return []
        if self._lasting is None:
            self._lasting = [rule for rule in self.selection.active() if rule.lasting]
        found = diagnose(RunView(short), self.selection, self._lasting)
        if found:
            found = protected(short, found, self.privacy)[1]
        return [unplaced(finding) for finding in found]


def _reached(view: RunView, run: Run) -> float | None:
    """Return the last step of a run on the axis of a view of it."""
    if view.axis.key not in run.history.columns or not run.history.height:
        return view.last_x
    last = run.history[view.axis.key].max()
    return float(last) if isinstance(last, int | float) else view.last_x


def warm_up() -> None:
    """Load all that judging needs and that is loaded once, by judging a few made-up rows."""
    steps = list(range(12))
    frame = pl.DataFrame({"_step": steps, "train/loss": [1.0 / (1 + s) for s in steps]})
    Judge().look(Run.from_frame(frame, state=State.RUNNING))
