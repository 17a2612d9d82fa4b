"""Pairs of findings of one run that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

from postrun import Finding, Severity

Claim = Callable[[Finding, str], bool]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two findings that cannot both be true of one metric ("" if they are about the whole run)."""

    metric: str
    claim: str
    against: str
    first: Finding
    second: Finding

    def __str__(self) -> str:
        return (
            f"{self.metric or 'the run'}: {self.claim} ({self.first.rule}: {self.first.message}) "
            f"but {self.against} ({self.second.rule}: {self.second.message})"
        )


def _improved(finding: Finding, metric: str) -> bool:
    return finding.rule == "OPT007" or finding.message.startswith("Improved")


def _still_improving(finding: Finding, metric: str) -> bool:
    after = rf"{re.escape(metric)}(?![\w/])[^;]*?still (improving|falling|rising)"
    return re.search(after, finding.message) is not None


def _flat(finding: Finding, metric: str) -> bool:
    return finding.rule == "OPT003" or "flat since" in finding.message


def _overfit(finding: Finding, metric: str) -> bool:
    return finding.rule == "GEN001" and metric == subject(finding)


def _never_learned(finding: Finding, metric: str) -> bool:
    words = r"never (learn|improve|move)|does not (fall|improve)|not reached|stays at chance"
    return metric == subject(finding) and re.search(words, finding.message) is not None


def _lost(finding: Finding, metric: str) -> bool:
    bad = finding.severity is Severity.CRITICAL and finding.rule in ("OPT001", "OPT002", "RL007")
    return bad and metric == subject(finding)


#: Pairs of claims that exclude each other for one metric.
_EXCLUDE: tuple[tuple[str, Claim, str, Claim], ...] = (
    ("it improved", _improved, "it overfits", _overfit),
    ("it improved", _improved, "it never learned", _never_learned),
    ("it improved", _improved, "its values are lost", _lost),
    ("it is flat", _flat, "it is still improving", _still_improving),
    ("it is flat", _flat, "it overfits", _overfit),
    ("it is flat", _flat, "it never learned", _never_learned),
)


def contradictions(findings: Sequence[Finding]) -> list[Contradiction]:
    """Return the pairs of findings, symptoms included, that contradict each other."""
    said = [part for finding in findings for part in finding.with_symptoms()]
    out = []
    for first, second in permutations(said, 2):
        shared = _named(first) & _named(second)
        for metric in sorted(shared):
            for claim, a, against, b in _EXCLUDE:
                if a(first, metric) and b(second, metric):
                    out.append(Contradiction(metric, claim, against, first, second))
        out += _split(first, second)
    return out


def _split(first: Finding, second: Finding) -> list[Contradiction]:
    """Return where one metric of an evaluation (or of training) is called flat and another still improves."""
    flat = [m for m in _named(first) if _flat(first, m)]
    rising = [m for m in _named(second) if _still_improving(second, m)]
    return [
        Contradiction(f"{a} and {b}", "one is flat", "the other is still improving", first, second)
        for a in sorted(flat)
        for b in sorted(rising)
        if a != b and _side(first, a) and _side(first, a) == _side(second, b)
    ]


def _side(finding: Finding, metric: str) -> str:
    """Return "eval" or "train" by the metric's role, "" if it is neither."""
    roles = [p.role for p in finding.evidence if metric in p.metrics and p.role]
    last = roles[0].rsplit(".", 1)[-1] if roles else ""
    return last if last in ("eval", "train") else ""


def praised(verdict: str, findings: Sequence[Finding]) -> list[Finding]:
    """Return the critical findings of a run whose verdict calls it healthy."""
    if not re.search(r"\bhealthy\b|\bno problems?\b|nothing (is )?wrong", verdict, re.IGNORECASE):
        return []
    return [finding for finding in findings if finding.severity is Severity.CRITICAL]


def subject(finding: Finding) -> str:
    """Return the metric that a finding is about: the first of its evidence, "" if it has none."""
    return finding.evidence[0].metrics[0] if finding.evidence else ""


def _named(finding: Finding) -> set[str]:
    return {metric for proof in finding.evidence for metric in proof.metrics}
