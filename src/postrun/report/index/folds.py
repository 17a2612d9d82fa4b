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
        total: How many runs there are.
        causes: Errors with which the runs failed, if that is what the rule tells, and how often.
        shared: The setting that these runs share and others do not.
    """

    finding: Finding
    runs: tuple[int, ...]
    total: int
    causes: Counter[str]
    shared: Shared | None

    @property
    def title(self) -> str:
        """What the runs have, in words: "5 runs failed: KeyError (3), MemoryError (2)"."""
        count = len(self.runs)
        which = f"{count:,} of {self.total:,} runs"
        if len(self.causes) > 1:
            named = [f"{name} ({n:,})" for name, n in self.causes.most_common(_NAMED)]
            more = len(self.causes) - _NAMED
            tail = f" and {more:,} more" if more > 0 else ""
            return f"{which}: {', '.join(named)}{tail}"
        if self.causes:
            return f"{which}: {next(iter(self.causes))}"
        if count == 1:
            return f"{which}: {self.finding.message.rstrip('.')}"
        return f"{which}: {_what(self.finding)}"

    @property
    def example(self) -> str:
        """The message of one of several runs; "" if the title says it."""
        return "" if len(self.runs) == 1 else self.finding.message


def folds(glances: Sequence[Glance], varying: Mapping[str, Sequence[Any]]) -> list[Fold]:
    """Return the findings of runs, one for each rule: worst first, then the commonest.

    A rule's notes, and its praise, are not folded with its warnings: they mean something else.
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
        out.append(
            Fold(example, runs, len(glances), _causes(example, [glances[i] for i in runs]),
                 shared_setting(runs, varying))
        )  # fmt: skip
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
