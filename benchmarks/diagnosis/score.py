"""Precision, recall and onset error of any diagnosis on labelled cases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.diagnosis.labels import Labels
from postrun.model import Finding, Severity

#: An answer to one case: which rules spoke, how gravely, and from which step on.
Said = dict[str, tuple[Severity, float | None]]


def said(findings: Sequence[Finding]) -> Said:
    """The rules that spoke, symptoms included; "good" findings are no alarms."""
    out: Said = {}
    for finding in findings:
        for part in finding.with_symptoms():
            if part.severity is Severity.GOOD:
                continue
            start = part.window[0] if part.window else None
            if part.rule not in out or part.severity > out[part.rule][0]:
                out[part.rule] = (part.severity, start)
    return out


@dataclass(slots=True)
class Score:
    """Counts over many cases; `rules` by rule, `lost` and `false` name the cases."""

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    onsets: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lost: list[tuple[str, str]] = field(default_factory=list)
    false: list[tuple[str, str]] = field(default_factory=list)
    critical_on_healthy: int = 0
    cases: int = 0
    healthy: int = 0

    def add(self, labels: Labels, answer: Said) -> None:
        """Count one case."""
        self.cases += 1
        self.healthy += labels.healthy
        for code, start in labels.must.items():
            if code not in answer:
                self.misses[code] += 1
                self.lost.append((labels.name, code))
                continue
            self.hits[code] += 1
            found = answer[code][1]
            if start is not None and found is not None:
                self.onsets[code].append(abs(found - start) / labels.span)
        for code, (severity, _) in answer.items():
            if not labels.allows(code):
                self.alarms[code] += 1
                self.false.append((labels.name, code))
                self.critical_on_healthy += labels.healthy and severity is Severity.CRITICAL

    @property
    def precision(self) -> float:
        """Of all alarms that count, the share that is right."""
        hits, alarms = self.hits.total(), self.alarms.total()
        return hits / (hits + alarms) if hits + alarms else 1.0

    @property
    def recall(self) -> float:
        """Of all faults, the share that is found."""
        hits, misses = self.hits.total(), self.misses.total()
        return hits / (hits + misses) if hits + misses else 1.0

    @property
    def onset_error(self) -> float:
        """Median distance of the found onset from the true one, as a share of the run."""
        every = [e for values in self.onsets.values() for e in values]
        return float(np.median(every)) if every else float("nan")

    def table(self) -> str:
        """Per rule, as Markdown."""
        lines = [
            "| rule | found | missed | false alarms | median onset error |",
            "|---|---:|---:|---:|---:|",
        ]
        for code in sorted({*self.hits, *self.misses, *self.alarms}):
            errors = self.onsets.get(code)
            onset = f"{100 * float(np.median(errors)):.1f}%" if errors else "–"
            lines.append(
                f"| {code} | {self.hits[code]} | {self.misses[code]} | {self.alarms[code]} | {onset} |"
            )
        return "\n".join(lines)
