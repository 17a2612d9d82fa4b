"""What was found in a run so far, so that each finding is told once, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from postrun.model import Finding, Severity
from postrun.watch.event import Kind

#: A rule, and the metric that its first evidence is on.
Key = tuple[str, str]
#: Looks in a row that must find something, or miss it, before that is told.
LOOKS = 2


@dataclass(frozen=True, slots=True)
class Change:
    """A finding that is new, graver, milder or gone."""

    kind: Kind
    finding: Finding


@dataclass(slots=True)
class _Entry:
    """What is known of one finding: how gravely it was told, and how often it was seen or missed since."""

    finding: Finding
    since: Finding
    told: Severity | None = None
    seen: int = 0
    missed: int = 0
    recoveries: int = 0


def key_of(finding: Finding) -> Key:
    """Return what makes two findings of different looks the same: their windows grow."""
    return finding.rule, finding.evidence[0].metric if finding.evidence else ""


def _has_more(finding: Finding, before: Finding) -> bool:
    """Return whether a finding rests on values that came after those of an earlier one."""
    if not finding.evidence or not before.evidence:
        return True
    new, old = finding.evidence[0], before.evidence[0]
    if new.step_to is not None and old.step_to is not None and new.step_to > old.step_to:
        return True
    if new.n is not None and old.n is not None:
        return new.n > old.n
    return new.step_to is None or old.step_to is None


def _family(rule: str) -> str:
    return rule.rstrip("0123456789")


def _metrics(finding: Finding) -> set[str]:
    return {metric for proof in finding.evidence for metric in (proof.metric, *proof.metrics)}


class Ledger:
    """Findings of one run over many looks at it.

    A finding is told when `LOOKS` looks in a row had it, the later ones with new values of its metric, and gone
    when as many had not; each recovery doubles the looks that it takes to be told again. `causes` are codes of
    rules by the code of what they explain.
    """

    def __init__(self, causes: Mapping[str, Collection[str]] | None = None) -> None:
        self._causes = causes or {}
        self._entries: dict[Key, _Entry] = {}

    @property
    def open(self) -> list[Finding]:
        """What was told and is not gone, the worst first."""
        found = [e.finding for e in self._entries.values() if e.told is not None]
        return sorted(found, key=lambda f: (-f.severity, f.rule))

    def replaced(self, gone: Finding, seen: Iterable[Finding]) -> bool:
        """Return whether another finding says what one said that is gone.

        It does if it explains it, or if it warns of the same metric by a rule of the same family: a loss that
        diverged and then stays at chance has not recovered.
        """
        rule, metric = key_of(gone)
        return any(
            f.severity >= Severity.WARNING
            and (
                f.rule in self._causes.get(rule, ())
                or (_family(f.rule) == _family(rule) and metric in _metrics(f))
            )
            for f in seen
            if f.rule != rule
        )

    @property
    def pending(self) -> bool:
        """Whether another look is to confirm something."""
        return any(e.seen or e.missed for e in self._entries.values())

    def look(
        self, findings: Iterable[Finding], seen: Iterable[Finding], at_once: frozenset[str]
    ) -> list[Change]:
        """Return what changed since the last look.

        Args:
            findings: What this look found and may be told.
            seen: All that is known to be there: symptoms, what may not be told yet and what this look did not
                look for as well. None of it is gone.
            at_once: Codes of rules that are told at the first look.
        """
        now = {key_of(f): f for f in sorted(findings, key=lambda f: f.severity)}
        every = list(seen)
        present = {key_of(f) for f in every} | now.keys()
        out: list[Change] = []
        for key, finding in now.items():
            entry = self._entries.setdefault(key, _Entry(finding, finding))
            change = self._present(entry, finding, finding.rule in at_once)
            entry.finding = finding
            out += [change] if change else []
        for key in self._entries.keys() - now.keys():
            entry = self._entries[key]
            if key in present:
                entry.missed = 0
                continue
            entry.seen = 0
            if entry.told is not None and self.replaced(entry.finding, every):
                entry.told = None
            elif entry.told is not None:
                entry.missed += 1
                if entry.missed >= LOOKS:
                    entry.told, entry.missed = None, 0
                    entry.recoveries += 1
                    out.append(Change(Kind.RECOVERED, entry.finding))
            elif not entry.recoveries:
                del self._entries[key]
        return sorted(out, key=lambda c: (-c.finding.severity, c.finding.rule))

    @staticmethod
    def _present(entry: _Entry, finding: Finding, at_once: bool) -> Change | None:
        entry.missed = 0
        if entry.told == finding.severity:
            entry.seen = 0
            return None
        if not entry.seen:
            entry.since = finding
        elif not _has_more(finding, entry.since):
            return None
        entry.seen += 1
        looks = 1 if at_once else LOOKS << min(entry.recoveries, 6)
        if entry.seen < looks:
            return None
        before, entry.told, entry.seen = entry.told, finding.severity, 0
        if before is None:
            return Change(Kind.FOUND, finding)
        return Change(Kind.ESCALATED if finding.severity > before else Kind.EASED, finding)
