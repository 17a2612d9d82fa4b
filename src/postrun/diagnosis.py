"""A run as people may see it: read by the rules as it is, then masked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from postrun.metrics import RunView
from postrun.model import Finding, Run
from postrun.privacy import Privacy, masked_sentence, protected
from postrun.rules import Selection, diagnose


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A run's view and findings without what is to be masked; `kinds` counts values masked, by kind."""

    view: RunView
    findings: list[Finding]
    kinds: Counter[str]

    @property
    def run(self) -> Run:
        """The run, masked."""
        return self.view.run

    @property
    def masked(self) -> str:
        """What was masked, as a sentence; "" for nothing."""
        return masked_sentence(self.kinds)


def diagnosis(
    run: Run | RunView, privacy: Privacy, selection: Selection | None = None, judged: bool = True
) -> Diagnosis:
    """Diagnose a run, then mask it and what the rules say of it, which may quote it.

    Rules read the run as it is: a masked path or name tells them less. `judged=False` runs none.
    """
    view = run if isinstance(run, RunView) else RunView(run)
    findings = diagnose(view, selection) if judged else []
    shown, findings, kinds = protected(view.run, findings, privacy)
    return Diagnosis(view if shown is view.run else RunView(shown), findings, kinds)
