"""The runs of a project side by side: in which order, by which metric, and what is said of them all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from statistics import median
from typing import Any

from postrun.model import Severity, UsageError
from postrun.model.text import number, unique_labels
from postrun.records.cache import Cache
from postrun.records.project import Project
from postrun.records.record import MetricFacts
from postrun.report.index.folds import Fold, folds
from postrun.report.index.glance import Glance
from postrun.report.index.shared import shared_setting
from postrun.studies.groups import Group, group_runs, settings
from postrun.studies.naming import value_text
from postrun.studies.siblings import only_among, standing

#: Metrics that a table offers, the first of which runs are judged by.
_METRICS = 8
#: Settings of a group that a sentence names.
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of a workspace: what is known of it, and the link to its report ("" without one)."""

    glance: Glance
    link: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Runs of one training that were read together: their ids, the verdict and the link to the report."""

    members: tuple[str, ...]
    verdict: str
    link: str = ""


def workspace(
    entries: Sequence[Entry],
    joined: Sequence[Joined] = (),
    errors: Sequence[str] = (),
    masked: str = "",
) -> Workspace:
    """Return runs in the order in which they are to be looked at: worst findings first, then worst results."""
    try:
        judge = _project(entries).main_metric()
    except UsageError:
        judge = ""
    ordered = sorted(entries, key=lambda entry: _badness(entry.glance, judge))
    return Workspace(ordered, judge, list(joined), list(errors), masked)


@dataclass
class Workspace:
    """Many runs, the worst first.

    Attributes:
        entries: The runs.
        judge: The metric that runs are judged by; "" if none has a better direction.
        joined: Trainings that several of the runs are parts of.
        errors: Messages of runs that could not be read.
        masked: What was kept out of names and settings, as a sentence; "" for nothing.
    """

    entries: list[Entry]
    judge: str = ""
    joined: list[Joined] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    masked: str = ""

    @cached_property
    def glances(self) -> list[Glance]:
        """The runs in brief."""
        return [entry.glance for entry in self.entries]

    @cached_property
    def project(self) -> Project:
        """The runs as records, without their curves."""
        return _project(self.entries)

    @cached_property
    def labels(self) -> list[str]:
        """One label per run that no other run has."""
        return unique_labels((g.record.name, g.record.id) for g in self.glances)

    @cached_property
    def name(self) -> str:
        """The project, or how many there are."""
        names = self._projects
        known = names - {""}
        if len(known) == 1:
            return known.pop() if len(names) == 1 else f"{known.pop()} and others"
        return f"{len(known)} projects" if known else "runs"

    @property
    def one_project(self) -> bool:
        """Whether all runs are of one project, or none of them tells one."""
        return len(self._projects) == 1

    @cached_property
    def _projects(self) -> set[str]:
        """The projects of the runs; "" is that of runs which tell none."""
        return {g.record.project for g in self.glances}

    @cached_property
    def metrics(self) -> list[str]:
        """Metrics that most runs have a curve of, at most 8; the first one is what runs are judged by."""
        counts = Counter(key for g in self.glances for key in g.curves)
        order = [key for key in self.project.metrics() if key in counts]
        order.sort(key=lambda key: key != self.judge)
        return order[:_METRICS]

    @property
    def metric(self) -> str:
        """The metric that runs are judged by, or the commonest; "" if no run has any."""
        return self.metrics[0] if self.metrics else ""

    @cached_property
    def varying(self) -> dict[str, list[Any]]:
        """Settings that differ among the runs and mean something, to the value in each."""
        return settings(self.project.records)

    @cached_property
    def folds(self) -> list[Fold]:
        """The findings, equal ones together: worst first."""
        return folds(self.glances, self.labels, self.varying)

    @cached_property
    def states(self) -> Counter[str]:
        """How many runs are in each state, in the words of the reports."""
        return Counter(g.state.partition(" (")[0] for g in self.glances)

    @property
    def counted(self) -> str:
        """How the runs ended: "56 finished, 4 failed"."""
        return ", ".join(f"{count:,} {words}" for words, count in self.states.most_common())

    @property
    def period(self) -> str:
        """From when to when runs were started, as dates (UTC); "" if no start is known."""
        starts = [g.record.started for g in self.glances if g.record.started]
        if not starts:
            return ""
        days = [
            datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d") for t in (min(starts), max(starts))
        ]
        return days[0] if days[0] == days[1] else f"{days[0]} to {days[1]}"

    def facts(self, at: int, metric: str) -> MetricFacts | None:
        """Return how a metric of one run went; None if the run has not logged it."""
        metrics = self.glances[at].record.metrics
        return metrics.get(metric)

    @cached_property
    def verdict(self) -> list[str]:
        """The project in at most four sentences: its best result, what is wrong most often, who is stuck."""
        return [text for text in (*self._leader(), self._trouble(), self._stuck()) if text]

    def _leader(self) -> tuple[str, ...]:
        """Return the setting, or the run, with the best last level of the metric; never the best of one run.

        A single run that beats all runs of the best setting is told first, as one run.
        """
        metric, sign = self.judge, self._sign
        if not metric or not sign or metric not in self.metrics or len(self._projects) > 1:
            return ()  # results of other projects are results of something else
        levels = [self._final(i, metric) for i in range(len(self.entries))]
        word = "highest" if sign > 0 else "lowest"
        grouping = group_runs(self.project)
        known = [[i for i in g.members if math.isfinite(levels[i])] for g in grouping.groups]
        told = [
            (sign * median([levels[i] for i in runs]), len(runs), _label(group), runs)
            for group, runs in zip(grouping.groups, known, strict=True)
            if len(runs) > 1
        ]
        finite = [(sign * level, i) for i, level in enumerate(levels) if math.isfinite(level)]
        if len(told) > 1:
            level, count, label, own = max(told)
            single, at = max(finite)
            if [at] in known and single > max(sign * levels[i] for i in own):
                beside = self._beside(levels, metric, single)
                return (
                    f"{self.labels[at]} ends with the {word} {metric}{beside}: {number(sign * single)}, "
                    "in one run.",
                    f"Of the settings that ran twice or more, {label} is best: {number(sign * level)}, "
                    f"the median of {count} runs.",
                )
            beside = self._beside(levels, metric, level)
            text = f"{label} ends with the {word} {metric}{beside}: {number(sign * level)}"
            return (f"{text}, the median of {count} runs.",)
        if not finite or len(finite) == 1 < len(levels):
            return ()
        level, at = max(finite)
        beside = self._beside(levels, metric, level)
        return (
            f"{self.labels[at]} ends with the {word} {metric}{beside}: {number(sign * level)}.",
        )

    def _beside(self, levels: list[float], metric: str, best: float) -> str:
        """Return among which runs a level is the best; "" if none of the others shows a better one."""
        left_out = [
            facts.final
            for i, level in enumerate(levels)
            if not math.isfinite(level) and (facts := self.facts(i, metric))
        ]
        if not any(self._sign * value > best for value in left_out if math.isfinite(value)):
            return ""
        count = sum(map(math.isfinite, levels))
        return f" of the {count:,} runs that ended well with a complete history"

    @property
    def _sign(self) -> int:
        return self.better(self.judge)

    def better(self, metric: str) -> int:
        """Return 1 if higher values of a metric are better, -1 if lower ones are, 0 if neither is known."""
        try:
            return self.project.better(metric)
        except UsageError:
            return 0

    def _final(self, at: int, metric: str) -> float:
        """Return the last level of a run that ended well and whose history is whole, else NaN."""
        record, facts = self.glances[at].record, self.facts(at, metric)
        ended = record.whole and record.ending.kind in ("finished", "stopped")
        return math.nan if facts is None or facts.bad or not ended else facts.final

    def _trouble(self) -> str:
        """Return how many runs have a critical finding, else a warning, and the commonest."""
        for severity, words in (
            (Severity.CRITICAL, "critical findings"),
            (Severity.WARNING, "warnings"),
        ):
            bad = [f for f in self.folds if f.finding.severity is severity]
            if not bad:
                continue
            runs = {run for fold in bad for run in fold.runs}
            first = bad[0]
            have = "has" if len(runs) == 1 else "have"
            text = f"{len(runs):,} of {len(self.entries):,} runs {have} {words}"
            if len(bad) > 1:
                return f"{text}, most often {first.finding.name} ({len(first.runs):,})."
            return f"{text}: {first.finding.name}."
        return f"None of the {len(self.entries):,} runs has a warning or a critical finding."

    def _stuck(self) -> str:
        """Return which runs stand at one level while their siblings learned, and what tells them apart."""
        found = standing(self.project.records)
        if found is None:
            return ""
        worst, best = (number(value, 3) for value in found.reached)
        text = (
            f"{len(found.stuck):,} runs stand at {found.metric} = {number(found.level, 3)} while "
            f"{len(found.learned):,} siblings reach {worst} to {best}"
        )
        shared = shared_setting(found.stuck, self.varying)
        if shared is not None:
            return f"{text}; of those that stand, {shared.words}."
        own = only_among(found.learned, found.stuck, self.varying)
        return f"{text}; only these siblings have {own}." if own else f"{text}."


def _label(group: Group) -> str:
    """Return the settings of a group in at most three, or its own label."""
    told = [f"{key}={value_text(v)}" for key, v in group.settings.items() if v is not None]
    more = len(told) - _TOLD
    if more > 1:
        return f"{', '.join(told[:_TOLD])} and {more} more settings"
    return ", ".join(told) or group.label


def _project(entries: Sequence[Entry]) -> Project:
    records = [entry.glance.record for entry in entries]
    return Project(records, [""] * len(records), Cache.temporary())


def _badness(one: Glance, metric: str) -> tuple[float, ...]:
    """Return what runs are sorted by: severe findings, how many, the level of a metric, then the newest."""
    levels = [f.severity for f in one.findings if f.severity > Severity.INFO]
    metrics = one.record.metrics
    facts = metrics.get(metric)
    sign = {"higher": 1, "lower": -1}.get(facts.better, 0) if facts else 0
    level = sign * facts.final if facts and math.isfinite(facts.final) else -math.inf
    return (-max(levels, default=0), -len(levels), level, -(one.record.started or 0.0))
