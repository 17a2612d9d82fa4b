"""Scores of one tool on one source, from the truth and its answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.faults.cases import Case, Truth
from benchmarks.faults.statements import Answer, Level, Statement

#: Words that call a curve flat.
FLAT = re.compile(
    r"flat since|plateau|no improvement|bought nothing|stagnat|completely flat", re.IGNORECASE
)


_CODE = re.compile(r"[A-Z]+\d{3}\b")


@dataclass(slots=True)
class Tally:
    """`hits` of `of`, and the names of those that do not count as hits (or of those that do: `named`)."""

    hits: int = 0
    of: int = 0
    missed: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)

    def add(self, name: str, hit: bool) -> None:
        """Count one."""
        self.of += 1
        self.hits += hit
        (self.named if hit else self.missed).append(name)

    def __str__(self) -> str:
        return f"{self.hits} of {self.of}" if self.of else "–"


Scores = dict[str, Tally]
#: A case and what one tool says about it.
Asked = tuple[Case, Answer]


def alarms(case: Case, answer: Answer) -> list[Statement]:
    """Return warnings about a healthy training, without those that its truth allows."""
    allowed = [cause.kind for cause in case.causes if cause.kind is not None]
    return [
        said
        for said in answer.at_least(Level.WARNING)
        if not any(kind.told_by(said) for kind in allowed)
    ]


def told(case: Case, answer: Answer, group: str = "") -> list[tuple[str, bool]]:
    """Return each cause (of a group) and whether the tool tells it in the right words."""
    return [
        (cause.words, cause.kind is not None and cause.kind.told(answer.statements))
        for cause in case.causes
        if not group or cause.group == group
    ]


def faults(asked: Iterable[Asked]) -> Scores:
    """Score trainings that either have one fault or are healthy."""
    out = _tallies("curve faults, any warning", "curve faults, right words", "all faults, right words",
                   "healthy, any warning")  # fmt: skip
    for case, answer in asked:
        if case.truth is Truth.HEALTHY:
            out["healthy, any warning"].add(case.name, bool(alarms(case, answer)))
            continue
        right = all(hit for _, hit in told(case, answer))
        out["all faults, right words"].add(case.name, right)
        if all(cause.curve for cause in case.causes):
            out["curve faults, right words"].add(case.name, right)
            warned = bool(answer.at_least(Level.WARNING))
            out["curve faults, any warning"].add(case.name, warned)
    return out


def algoperf(asked: Iterable[Asked]) -> Scores:
    """Score clean logs, those with a gradient that is not finite, and those that got worse."""
    out = _tallies("clean, any warning", "nonfinite, any warning", "nonfinite, critical and in right words",
                   "got worse, any warning", "got worse, right words")  # fmt: skip
    for case, answer in asked:
        if case.truth is Truth.HEALTHY:
            out["clean, any warning"].add(case.name, bool(alarms(case, answer)))
            continue
        what = "nonfinite" if case.label == "nonfinite" else "got worse"
        out[f"{what}, any warning"].add(case.name, bool(answer.at_least(Level.WARNING)))
        if what == "nonfinite":
            grave = Answer.of(answer.at_least(Level.CRITICAL))
            hit = all(hit for _, hit in told(case, grave))
            out["nonfinite, critical and in right words"].add(case.name, hit)
        else:
            hit = all(hit for _, hit in told(case, answer))
            out["got worse, right words"].add(case.name, hit)
    return out


def records(asked: Iterable[Asked]) -> Scores:
    """Score runs with which nothing is wrong and which improve to the end."""
    out = _tallies("any warning", "called flat")
    for case, answer in asked:
        out["any warning"].add(case.name, bool(alarms(case, answer)))
        flat = any(FLAT.search(s.text) for s in answer.statements if s.level > Level.GOOD)
        out["called flat"].add(case.name, flat)
    return out


def programs(asked: Iterable[Asked]) -> Scores:
    """Score programs with a bug of which only the training's history is known."""
    out = _tallies("any warning", "right words")
    for case, answer in asked:
        out["any warning"].add(case.name, bool(answer.at_least(Level.WARNING)))
        out["right words"].add(case.name, all(hit for _, hit in told(case, answer)))
    return out


def fixes(asked: Iterable[Asked]) -> Scores:
    """Score bugs against their fixes, each trained with several seeds.

    A pair is told apart if most seeds of the buggy program are warned and most of the fixed one are not.
    """
    warned: dict[tuple[str, str], list[bool]] = defaultdict(list)
    visible: set[str] = set()
    for case, answer in asked:
        buggy = case.label == "buggy"
        hit = bool(answer.at_least(Level.WARNING) if buggy else alarms(case, answer))
        warned[case.pair, case.label].append(hit)
        if buggy and case.truth is Truth.FAULT:
            visible.add(case.pair)
    out = _tallies("visible bugs told apart from their fix", "visible bugs warned in most seeds",
                   "fixed programs warned in most seeds", "fixed runs warned")  # fmt: skip
    for (pair, label), hits in sorted(warned.items()):
        if label == "fixed":
            out["fixed programs warned in most seeds"].add(pair, _most(hits))
            for hit in hits:
                out["fixed runs warned"].add(pair, hit)
        elif pair in visible:
            out["visible bugs warned in most seeds"].add(pair, _most(hits))
            fixed = warned.get((pair, "fixed"))
            if fixed:
                apart = _most(hits) and not _most(fixed)
                out["visible bugs told apart from their fix"].add(pair, apart)
    return out


def strangers(asked: Sequence[Asked]) -> Scores:
    """Score the causes of strangers' runs, by their class."""
    groups = sorted({cause.group for case, _ in asked for cause in case.causes})
    out = _tallies(*groups, "all causes", "healthy, any warning")
    for case, answer in asked:
        if case.truth is Truth.HEALTHY:
            out["healthy, any warning"].add(case.name, bool(alarms(case, answer)))
        for group in groups:
            for words, hit in told(case, answer, group):
                name = f"{case.name}: {words}"
                out[group].add(name, hit)
                out["all causes"].add(name, hit)
    return out


def own(asked: Sequence[Asked]) -> Scores:
    """Score curves whose truth is a rule's code: tools without such codes are asked for warnings only."""
    out = _tallies("faults, any warning", "faults, told by the rule", "healthy, any warning")
    coded = any(_CODE.match(s.check) for _, answer in asked for s in answer.statements)
    for case, answer in asked:
        if case.truth is Truth.HEALTHY:
            out["healthy, any warning"].add(case.name, bool(alarms(case, answer)))
            continue
        out["faults, any warning"].add(case.name, bool(answer.at_least(Level.WARNING)))
        if coded:
            right = all(hit for _, hit in told(case, answer))
            out["faults, told by the rule"].add(case.name, right)
    return out


def _most(hits: Sequence[bool]) -> bool:
    return 2 * sum(hits) > len(hits)


def _tallies(*names: str) -> Scores:
    return {name: Tally() for name in names}


#: How each source is scored.
SCORES = {
    "made": faults,
    "made-after": faults,
    "made-later": faults,
    "frameworks": faults,
    "benchdl4real": fixes,
    "deepmufl": programs,
    "algoperf": algoperf,
    "nanogpt": records,
    "strangers": strangers,
    "own-curves": own,
}
