"""What a rule is.

A rule is a class with a code, a name and a `check` that yields findings on a run's view. Its
docstring is its documentation page, with fixed headings: "What it does", "Why it matters",
"How it decides", "What to do", "Example", and "References" where there are any. Numbers that decide
are in `thresholds`, so that users can override them.

Some findings explain others: a rule names in `symptom_of` the rules whose finding, in the same
window, is the cause of its own. One cause is then one finding with its symptoms under it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.stats.robust import median

#: When a finding on a run that still goes on is told (`Rule.live`).
NOW, TWICE, LATE, END = "now", "twice", "late", "end"
#: Whether a rule's findings are settled (`Rule.status`).
STABLE, PREVIEW = "stable", "preview"
#: The version that brought those of postrun's own rules that name no other.
_FIRST = "0.1.0"
_PREVIEW = (
    "Its findings may change in any version. They are at most info, and fail no gate, unless you select the "
    "rule by its code: `--select ALL,{}`."
)


class Rule:
    """Base of all rules.

    Attributes:
        code: Stable code, a prefix for the family and three digits ("OPT001").
        name: Stable name in words ("loss-diverged").
        thresholds: Named numbers that decide, with their defaults.
        needs: Roles without any of which the rule has nothing to look at; empty: always run.
        scope: "training": in an experiment of several runs, the rule reads them joined;
            "process": it reads each run by itself (how it ended, its log, its hardware).
        symptom_of: Codes of rules that explain this one's findings where both hold.
        slack: How far, as a share of all steps that findings name, one may begin before its cause: both onsets
            are estimates.
        beside: True if it asks what others found (`check_beside`): it is run after them.
        live: When a finding on a run that still goes on is told: `NOW`, at once; `TWICE`, when two looks in a
            row found it; `LATE`, the same, but not before enough of the run is done; `END`, when it has ended.
        lasting: True if it looks for a change of values that lasts, whatever the rows' distance: of a run that
            goes on it is also asked with the past thinned, and sees the change sooner.
        of_rows: True if the steps in its findings are W&B's own (`_step`), not the trainer's.
        since: Version that brought the rule: postrun's own, or that of the package that adds it. Left out, it
            is 0.1.0 for postrun's rules and unknown for others.
        status: `STABLE`, or `PREVIEW` for a rule whose findings may change in any version: they are marked, and
            at most info unless the user selects the rule.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    thresholds: ClassVar[Mapping[str, float]] = {}
    needs: ClassVar[tuple[str, ...]] = ()
    scope: ClassVar[str] = "training"
    symptom_of: ClassVar[tuple[str, ...]] = ()
    slack: ClassVar[float] = 0.1
    of_rows: ClassVar[bool] = False
    beside: ClassVar[bool] = False
    live: ClassVar[str] = TWICE
    lasting: ClassVar[bool] = False
    since: ClassVar[str] = ""
    status: ClassVar[str] = STABLE

    def __init__(self, overrides: Mapping[str, float] | None = None) -> None:
        self.limits = {**self.thresholds, **(overrides or {})}

    def check(self, view: RunView) -> Iterator[Finding]:
        """Findings on one run."""
        raise NotImplementedError

    def check_beside(self, view: RunView, found: Sequence[Finding]) -> Iterator[Finding]:
        """Findings on one run, beside what the rules that do not ask for it have `found`.

        For rules that must not contradict others: what one of them doubts cannot be praised.
        """
        del found
        return self.check(view)

    def usable(self, view: RunView, *roles: str) -> Series | None:
        """The first metric of these roles, finite values only; None below `min_rows` of them."""
        series = view.first(*roles)
        if series is None or len(series.finite) < self.limits["min_rows"]:
            return None
        return series.finite

    @classmethod
    def documentation(cls) -> str:
        """Return the rule's page, in Markdown: its docstring and its status."""
        page, since = inspect.cleandoc(cls.__doc__ or ""), cls.first_version()
        if cls.status == PREVIEW:
            status = f"Preview{since and f', since {since}'}. {_PREVIEW.format(cls.code)}"
        elif since:
            status = f"Stable, since {since}."
        else:
            return page
        return f"{page}\n\n## Status\n{status}"

    @classmethod
    def first_version(cls) -> str:
        """Return the version that brought the rule; "" for a plug-in's rule that does not name it."""
        return cls.since or (_FIRST if cls.__module__.startswith("postrun.") else "")

    @classmethod
    def summary(cls) -> str:
        """The page's first line."""
        return cls.documentation().partition("\n")[0]

    @classmethod
    def as_dict(cls) -> dict[str, Any]:
        """Return what a list of rules tells, as JSON takes it."""
        return {
            "code": cls.code,
            "name": cls.name,
            "summary": cls.summary(),
            "needs": list(cls.needs),
            "scope": cls.scope,
            "symptom_of": list(cls.symptom_of),
            "thresholds": dict(cls.thresholds),
            "since": cls.first_version(),
            "status": cls.status,
        }

    def finding(
        self,
        severity: Severity,
        confidence: float,
        message: str,
        remedy: str = "",
        evidence: list[Evidence] | None = None,
        links: tuple[str, ...] = (),
    ) -> Finding:
        """A finding under this rule's code and name."""
        return Finding(
            rule=self.code,
            name=self.name,
            severity=severity,
            confidence=confidence,
            message=message,
            remedy=remedy,
            evidence=tuple(evidence or ()),
            links=links,
        )


def before_and_end(series: Series, step: float) -> tuple[float, float]:
    """Level just before (and at) a step, and at the end: medians of a twentieth, 5 values at the least.

    The first is NaN where the series begins after the step.
    """
    part = max(5, len(series) // 20)
    return median(series.between(-np.inf, step).y[-part:]), median(series.y[-part:])


def evidence(
    series: Series,
    start: float | None = None,
    stop: float | None = None,
    *,
    before: float | None = None,
    after: float | None = None,
    effect: float | None = None,
) -> Evidence:
    """Evidence on one series; without a window, on all of it."""
    if start is None and len(series):
        start = float(series.x[0])
    if stop is None and len(series):
        stop = float(series.x[-1])
    if start is not None and stop is not None and start > stop:
        start = stop
    rows = (None, None) if start is None or stop is None else series.rows_of(start, stop)
    return Evidence(
        metric=series.key,
        role=series.info.role,
        step_from=start,
        step_to=stop,
        before=before,
        after=after,
        effect=effect,
        n=len(series),
        run=series.info.run,
        of=series.info.of,
        axis=series.axis.key,
        unit=series.axis.unit,
        row_from=rows[0],
        row_to=rows[1],
    )
