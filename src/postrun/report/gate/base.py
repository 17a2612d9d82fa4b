"""What a gate found, for every format that tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from postrun.model import Finding, Severity
from postrun.model.lazily import pattern
from postrun.rules.coverage import Coverage

#: A finding beside a baseline: only this run has it, the baseline has it as well, or there is no baseline.
NEW, KNOWN, NO_BASELINE = "new", "known", ""
_NOT_XML = pattern("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Checked:
    """One run that was judged.

    Attributes:
        path: Where it lies, as text; entity/project/run for one on a server.
        worse: What got worse against the baseline, as findings of the rules BASE001 and BASE002.
        known: Positions in `findings` that the baseline has as well.
        not_compared: Why metrics of the baseline could not be compared, a sentence each.
    """

    id: str
    name: str
    path: str
    state: str
    verdict: str
    completeness: str
    findings: list[Finding]
    coverage: Coverage
    worse: list[Finding] = field(default_factory=list)
    known: frozenset[int] = frozenset()
    not_compared: tuple[str, ...] = ()

    def told(self) -> Iterator[tuple[Finding, str]]:
        """Yield each finding and whether the baseline has it: what got worse first."""
        for finding in self.worse:
            yield finding, NEW
        for at, finding in enumerate(self.findings):
            yield finding, KNOWN if at in self.known else NEW


@dataclass(frozen=True, slots=True)
class Gate:
    """The result of `postrun check`.

    Attributes:
        limit: The gate fails on findings that are at least this severe.
        baseline: Names of the runs that this one is held against, empty without a baseline.
        errors: Messages of what could not be read.
    """

    runs: Sequence[Checked]
    limit: Severity
    baseline: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def state_of(self, state: str) -> str:
        """Return the state of a finding, which says nothing without a baseline."""
        return state if self.baseline else NO_BASELINE

    def fails(self, finding: Finding, state: str) -> bool:
        """Return whether a finding fails the gate: it is severe enough, and the baseline lacks it."""
        return finding.severity >= self.limit and state != KNOWN

    @property
    def failed(self) -> bool:
        """Whether any finding of any run fails the gate."""
        return any(self.fails(f, state) for run in self.runs for f, state in run.told())


def xml_text(text: str) -> str:
    """Return text with "�" for each character that XML 1.0 cannot hold, halves of characters among them."""
    return _NOT_XML.sub("�", text)


def evidence_words(finding: Finding) -> list[str]:
    """Return the evidence of a finding, a line each."""
    from postrun.report.terminal import evidence_line

    return [evidence_line(proof) for proof in finding.evidence]
