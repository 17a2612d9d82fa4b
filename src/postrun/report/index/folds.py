"""Equal findings of many runs, folded into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postrun.model import Finding, Severity, UsageError
from postrun.report.index.glance import Glance
from postrun.report.index.shared import Shared, shared_setting
from postrun.rules import find_rule

#: Causes that one sentence names.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Fold:
    """One rule's findings over many runs.

    Attributes:
        finding: The surest of them, as the example.
        runs: Numbers of the runs that have it.
        who: The run's label, or how many runs of all these are.
        causes: Errors with which the runs failed, if that is what the rule tells, and how often.
        shared: The setting that these runs share and others do not.
    """

    finding: Finding
    runs: tuple[int, ...]
    who: str
    causes: Counter[str]
    shared: Shared | None

    @property
    def what(self) -> str:
        """What the runs have, in words: "KeyError (3), MemoryError (2)"; of one run, the finding's message."""
        if len(self.runs) == 1:
            return self.finding.message.rstrip(".")
        if not self.causes:
            return _what(self.finding)
        if len(self.causes) == 1:
            cause = next(iter(self.causes))
            return f"{cause[0].upper()}{cause[1:]}"
        named = [f"{name} ({n:,})" for name, n in self.causes.most_common(_NAMED)]
        more = len(self.causes) - _NAMED
        return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")

    @property
    def example(self) -> str:
        """The message of one of several runs; "" if `what` says it."""
        return "" if len(self.runs) == 1 else self.finding.message


def folds(
    glances: Sequence[Glance], labels: Sequence[str], varying: Mapping[str, Sequence[Any]]
) -> list[Fold]:
    """Return the findings of runs, one for each rule: worst first, then the commonest.

    A rule's notes, and its praise, are not folded with its warnings: they mean something else.

    Args:
        glances: The runs.
        labels: Their labels.
        varying: Settings that differ among them, to the value in each.
    """
    found: dict[tuple[str, Severity], dict[int, Finding]] = {}
    for i, one in enumerate(glances):
        for finding in one.findings:
            own = found.setdefault((finding.rule, min(finding.severity, Severity.WARNING)), {})
            if i not in own or _weight(own[i]) < _weight(finding):
                own[i] = finding
    out = []
    for by_run in found.values():
        runs = tuple(by_run)
        example = max(by_run.values(), key=_weight)
        who = labels[runs[0]] if len(runs) == 1 else f"{len(runs):,} of {len(glances):,} runs"
        causes = _causes(example, [glances[i] for i in runs])
        out.append(Fold(example, runs, who, causes, shared_setting(runs, varying)))
    return sorted(out, key=lambda f: (-f.finding.severity, -len(f.runs), f.finding.rule))


def _weight(finding: Finding) -> tuple[int, float]:
    return finding.severity, finding.confidence


def _causes(finding: Finding, glances: Sequence[Glance]) -> Counter[str]:
    """Return the errors of runs that failed; empty for a finding of another kind, or of one run."""
    if finding.rule != "RUN001" or len(glances) < 2:
        return Counter()
    return Counter(one.record.ending.exception or one.state for one in glances)


def _what(finding: Finding) -> str:
    """Return what a rule finds, in words; a plug-in's rule that is not installed here has only its name."""
    try:
        return find_rule(finding.rule).summary().rstrip(".")
    except UsageError:
        return finding.name
