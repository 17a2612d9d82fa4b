"""How far a training came by its console: progress bars and counters such as "step 50/900"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

#: Lines from the end that are looked through.
_TAIL = 3000
_BAR = re.compile(r"(?P<percent>\d{1,3})%\s*\|[^|]*\|\s*(?P<done>\d+)/(?P<total>\d+)\s*\[")
#: Bars of other work than training.
_OTHER_WORK = re.compile(
    r"download|loading|shard|\bmap\b|tokeni[sz]|fetching|filter|eval|valid|test|predict|generat|extract|"
    r"upload|convert|saving|process|sampl|sanity|inference|metric",
    re.IGNORECASE,
)
#: Bars that begin again with each epoch.
_INNER = re.compile(r"epoch|train|batch|iter\b", re.IGNORECASE)
_COUNTER = re.compile(
    r"\b(?P<unit>epoch|step|iter(?:ation)?|update|episode|round|batch|stage)s?\b[\s:=#\[(]{0,4}"
    r"(?P<done>\d[\d,]*)\s*(?:/|of)\s*(?P<total>\d[\d,]*)",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"\b(?P<unit>step|iter(?:ation)?|episode|round|update)\s*[:=#]?\s*(?P<done>\d[\d,]*)\b(?!\s*[/.\d])",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"total (?:optimization|training|train) steps\s*[:=]\s*(?P<total>\d[\d,]*)", re.IGNORECASE
)
#: Counters that are printed when one begins.
_BEGUN = ("epoch", "stage", "round")
_UNITS = {"iter": "iteration", "batch": "batch"}


@dataclass(frozen=True, slots=True)
class Progress:
    """An amount done of an amount planned.

    `where` says in which words or setting it was read; `under_way` is True if the last one that is counted
    in `done` had only begun.
    """

    unit: str
    done: float
    total: float
    where: str
    under_way: bool = False

    @property
    def share(self) -> float:
        """The share that was done, between 0 and 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def console_progress(lines: Sequence[str]) -> list[Progress]:
    """Return the last progress that a console tells, the finest first.

    A bar or counter within an epoch is put together with the epoch's own ("Epoch 3/10, step 50/900" is
    step 1,850 of 9,000). Bars of downloads, evaluations and the like are no progress of the training.
    """
    found: dict[str, Progress] = {}
    bars: dict[int, list[tuple[str, int]]] = {}
    from_zero: set[str] = set()
    for line in lines[-_TAIL:]:
        for progress in _counters(line):
            found[progress.unit] = progress
            if progress.under_way and not progress.done:
                from_zero.add(progress.unit)
        for words, done, total in _bars(line):
            bars.setdefault(total, []).append((words, done))
    for unit in from_zero:
        if found[unit].done == found[unit].total:  # "Epoch 0/19" to "Epoch 19/19": twenty of them
            last = found[unit]
            found[unit] = replace(last, done=last.done + 1, total=last.total + 1)
    epoch, step = found.get("epoch"), found.get("step") or found.get("iteration")
    if epoch and step and step.total > epoch.total:
        whole = (epoch.done - 1) * step.total + step.done
        found[step.unit] = Progress(step.unit, whole, epoch.total * step.total, step.where)
    for total, seen in bars.items():
        words, done = seen[-1]
        where = f"the console's progress bar ({done:,}/{total:,})"
        unit = "batch" if _INNER.search(words) or _restarts([d for _, d in seen], total) else "step"
        known = found.get(unit)
        if known is None or (unit == "step" and known.total < total):
            found[unit] = Progress(unit, done, total, where)
    order = ("step", "iteration", "update", "episode", "round", "epoch", "stage", "batch")
    return [found[unit] for unit in order if unit in found]


def _restarts(done: list[int], total: int) -> bool:
    """Return whether a bar was drawn anew: it fell back, or was full more than once."""
    fell = any(later < earlier for earlier, later in pairwise(done))
    return fell or done.count(total) > 1


def reached(lines: Sequence[str], unit: str) -> float | None:
    """Return the last count of a unit that lines tell without a total ("iter 1330: loss 1.2"), or None."""
    for line in reversed(lines[-_TAIL:]):
        for match in _BARE.finditer(line):
            word = match["unit"].lower()
            if _UNITS.get(word, word) == unit:
                return _number(match["done"])
    return None


def planned_steps(lines: Sequence[str]) -> float | None:
    """Return the number of steps that a trainer announces ("Total optimization steps = 900")."""
    for line in lines[:_TAIL]:
        match = _TOTAL.search(line)
        if match:
            return _number(match["total"])
    return None


def _counters(line: str) -> list[Progress]:
    found = []
    for match in _COUNTER.finditer(line):
        unit = match["unit"].lower()
        done, total = _number(match["done"]), _number(match["total"])
        if total > 0 and done <= total and not _OTHER_WORK.search(line[: match.start()][-24:]):
            text = " ".join(match[0].split())
            where = f'the console ("{text}")'
            found.append(Progress(_UNITS.get(unit, unit), done, total, where, unit in _BEGUN))
    return found


def _bars(line: str) -> list[tuple[str, int, int]]:
    """Return the bars of a line: the words before each, done, total."""
    if "%" not in line or "|" not in line:
        return []
    found, begin = [], 0
    for match in _BAR.finditer(line):
        words, total = line[begin : match.start()], int(match["total"])
        begin = match.end()
        if total > 1 and not _OTHER_WORK.search(words):
            found.append((words, int(match["done"]), total))
    return found


def _number(text: str) -> float:
    return float(text.replace(",", ""))
