"""Findings: what a rule says about a run, and what it says it on."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from postrun.model.display import badge, notebook, table
from postrun.model.text import number, places


class Severity(enum.IntEnum):
    """How much a finding matters; ordered, so that the worst is the greatest."""

    GOOD = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def label(self) -> str:
        """Lower-case name, as it is written in files and on the command line."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Severity of a name, in any case; ValueError with the valid names otherwise."""
        try:
            return cls[text.strip().upper()]
        except KeyError:
            names = ", ".join(s.label for s in cls)
            raise ValueError(f"unknown severity {text!r}; it is one of {names}") from None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric over one window.

    `step_from`/`step_to` are on the run's axis (`axis` names the column that counts it, `unit` what one of it
    is called), `row_from`/`row_to` the rows of the history that these are; `before`/`after` are in the
    metric's unit, `effect` is the size that the rule names in its docs (a ratio, a difference in noise
    units, a share), `n` the number of points looked at. `run` is the id of the run that logged the metric
    if several runs of one training are read together. `of` names the metrics if it is about several: for a
    difference "A - B", A and B.
    """

    metric: str
    role: str | None = None
    step_from: float | None = None
    step_to: float | None = None
    before: float | None = None
    after: float | None = None
    effect: float | None = None
    n: int | None = None
    run: str = ""
    of: tuple[str, ...] = ()
    axis: str = "_step"
    unit: str = "step"
    row_from: int | None = None
    row_to: int | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it is about."""
        return self.of or (self.metric,)

    @property
    def span(self) -> str:
        """The window in words: "steps 70 to 479", "epoch 12" for one place, "" where it is not told."""
        if self.step_from is None or self.step_to is None:
            return ""
        return places(self.unit, self.step_from, self.step_to)

    def as_dict(self) -> dict[str, Any]:
        """Return the contract's evidence object; `run` and `of` only if they say something."""
        out = {name: getattr(self, name) for name in self.__slots__ if name not in ("run", "of")}
        if self.run:
            out["run"] = self.run
        return {**out, "of": list(self.of)} if self.of else out


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about a run, with the evidence that shows it.

    `symptoms` are findings of other rules that this one explains: they are not said beside it. `preview` is
    True if the rule is in preview: its findings may change in any version.
    """

    rule: str
    name: str
    severity: Severity
    confidence: float
    message: str
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()
    links: tuple[str, ...] = ()
    symptoms: tuple[Finding, ...] = ()
    preview: bool = False

    @property
    def window(self) -> tuple[float, float] | None:
        """First and last step of the first piece of evidence that names both, or None."""
        for proof in self.evidence:
            if proof.step_from is not None and proof.step_to is not None:
                return proof.step_from, proof.step_to
        return None

    def with_symptoms(self) -> list[Finding]:
        """This finding and those under it."""
        return [self, *(f for s in self.symptoms for f in s.with_symptoms())]

    def as_dict(self) -> dict[str, Any]:
        """Return the contract's finding object; `preview` only if it is true."""
        out: dict[str, Any] = {
            "rule": self.rule,
            "name": self.name,
            "severity": self.severity.label,
            "confidence": round(self.confidence, 3),
            "message": self.message,
            "remedy": self.remedy,
            "evidence": [e.as_dict() for e in self.evidence],
            "links": list(self.links),
            "symptoms": [s.as_dict() for s in self.symptoms],
        }
        return {**out, "preview": True} if self.preview else out

    def _repr_html_(self) -> str:
        rows = [
            [
                e.metric,
                e.span,
                number(e.before),
                number(e.after),
                "" if e.n is None else f"{e.n:,}",
            ]
            for e in self.evidence
        ]
        parts = [
            f"<p>{badge(self.severity.label)} {escape(self.message)}<br><small>{escape(self.rule)} "
            f"{escape(self.name)}, confidence {self.confidence:.0%}</small></p>"
        ]
        if rows:
            parts.append(table(["evidence", "where", "before", "after", "n"], rows))
        parts += [f"<p>with it: {escape(s.message)} ({escape(s.rule)})</p>" for s in self.symptoms]
        if self.remedy:
            parts.append(f"<p><b>What to do:</b> {escape(self.remedy)}</p>")
        return "".join(parts)


class Findings(list[Finding]):
    """Findings of one run, in the order in which people should read them; a notebook shows them with charts.

    `view` is the view of the run that they are about, which has its curves; None if it is not known.
    """

    def __init__(self, findings: Iterable[Finding] = (), view: object = None) -> None:
        super().__init__(findings)
        self.view = view

    def _repr_html_(self) -> str:
        return notebook(self)


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order in which people should read them: worst and surest first."""
    return sorted(findings, key=lambda f: (-f.severity, -f.confidence, f.rule, f.message))
