"""How far a training came by its console: progress bars and counters such as "step 50/900"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from postrun.model.lazily import pattern
from postrun.model.text import position
from postrun.training.console_words import NOT_NOW, OTHER_WORK, UNIT_PATTERN, unit_of_word

#: Lines from either end of the console that are looked through.
_TAIL = 3000
_BAR = pattern(r"(?P<percent>\d{1,3})%\s*\|[^|]*\|\s*(?P<done>\d+)/(?P<total>\d+)\s*\[")
#: Bars that begin again with each epoch.
_INNER = pattern(r"epoch|train|batch|iter\b", re.IGNORECASE)
_COUNTER = pattern(
    rf"\b(?P<unit>{UNIT_PATTERN})s?\b[\s:=#\[(]{{0,4}}"
    r"(?P<done>\d[\d,]*)\s*(?:/|of)\s*(?P<total>\d[\d,]*)(?P<bar>\s*[━╸╺])?",
    re.IGNORECASE,
)
_BARE = pattern(
    r"\b(?:(?P<unit>step|iter(?:ation)?|episode|round|update|epoch)\s*[:=#]?\s*#?(?P<done>\d[\d,]*)"
    r"\b(?!\s*[/.\d]|\s*of\b)|(?P<nth>\d+)(?:-th|th) (?P<what>round|epoch|episode)\b)",
    re.IGNORECASE,
)
_TOTAL = pattern(
    r"total (?:optimization|training|train) steps\s*[:=]\s*(?P<total>\d[\d,]*)", re.IGNORECASE
)
#: How Lightning says that its loop has ended.
_REACHED = pattern(r"max_(?P<unit>epoch|step)s=(?P<total>\d+)`? reached")
_COMPLETED = pattern(
    r"^\W*(?:\w+\W+)?training (?:is |was |has )?(?:now )?(?:completed?|finished|done|ended)\b"
    r"(?!.*\b(?:epoch|round|fold)\b)",
    re.IGNORECASE,
)
#: Results that follow a counter ("Epoch 3/10 loss: 0.2"), and a place within what it counts.
_RESULT = pattern(
    r"\b\w*(?:loss|acc|accuracy|reward|return|score|f1|m?iou|dice|auc|ppl|psnr)\b['\"]?\s*[:=]?\s*-?\d",
    re.IGNORECASE,
)
_INSIDE = pattern(r"\d+\s*/\s*\d+|\d%\||\bit/s\b|\b(?:batch|step|iter)", re.IGNORECASE)
#: Counters that are printed when one begins.
_BEGUN = ("epoch", "stage", "round")
#: What counts the steps of an optimizer, or something as fine.
STEPS = ("step", "iteration", "update")
#: The unit of a bar that counts something that nothing names.
LOOP = "loop"
#: The same for a bar that begins anew again and again.
INNER = "inner loop"


@dataclass(frozen=True, slots=True)
class Progress:
    """An amount done of an amount planned.

    Attributes:
        unit: What is counted: "step", "epoch", ...; "batch" for a loop within an epoch, "loop" for a progress
            bar of which nothing tells what it counts, "inner loop" if it begins anew again and again.
        done: How many were done, the one under way included.
        total: How many were planned.
        where: The words or the setting in which the plan was read.
        under_way: True if the last one that `done` counts had only begun.
        at: The trainer's own count, if it differs from `done` because it begins at 0.
        of_rows: True if nothing but the number of logged rows shows how many were done.
        rough: True if more may have been done than is shown: rows may be logged at an interval, and lines of a
            console may hide behind a progress bar.
    """

    unit: str
    done: float
    total: float
    where: str
    under_way: bool = False
    at: float | None = None
    of_rows: bool = False
    rough: bool = False

    @property
    def share(self) -> float:
        """The share that was done, between 0 and 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def count(self) -> float:
        """The position as the trainer itself counts it."""
        return self.done if self.at is None or self.done >= self.total else self.at

    def words(self) -> str:
        """Return the progress in words: "step 130 of 1,218 (11%)", "epoch 3 of 30"."""
        return f"{self.place()}{'' if self.under_way else f' ({self.percent()})'}"

    def place(self) -> str:
        """Return the place in words, without the share: "step 130 of 1,218"."""
        if self.unit in (LOOP, INNER):
            return f"{self.done:,.0f} of {self.total:,.0f} in its progress bar"
        counts_from_0 = self.unit in _BEGUN and self.at not in (None, self.done)
        if self.of_rows or (counts_from_0 and not self.under_way and self.done < self.total):
            return f"{self.done:,.0f} of {self.total:,.0f} {self.unit}s"
        return f"{self.unit} {position(self.count)} of {self.total:,.0f}"

    def whole(self) -> str:
        """Return all that was planned in words: "all 1,218 steps"."""
        if self.unit == LOOP:
            return f"all {self.total:,.0f} iterations of its progress bar"
        if self.total == 1:
            return f"the planned {self.unit}"
        return f"all {self.total:,.0f} {self.unit}s"

    def percent(self) -> str:
        """Return the share in words: "11%", "<1%"."""
        percent = 100 * self.share
        if 0 < percent < 0.5 and self.count:
            return "<1%"
        return ">99%" if 99.5 < percent < 100 else f"{percent:.0f}%"


def console_progress(lines: Sequence[str]) -> list[Progress]:
    """Return the last progress that a console tells, the finest first.

    A bar or counter within an epoch is put together with the epoch's own ("Epoch 3/10, step 50/900" is
    step 1,850 of 9,000). Bars of downloads, evaluations and the like are no progress of the training.
    """
    counters: dict[str, list[Progress]] = {}
    bars: dict[int, list[tuple[str, int]]] = {}
    for line in _ends(lines):
        for p in _counters(line):
            counters.setdefault(p.unit, []).append(p)
        for words, done, total in _bars(line):
            bars.setdefault(total, []).append((words, done))
    found = {unit: _last_of(seen) for unit, seen in counters.items()}
    _put_together(found, counters)
    for unit, p in found.items():
        later = reached(lines, unit)
        if later is not None and p.at is None and p.done < later.count <= p.total:
            found[unit] = replace(p, done=later.count, under_way=unit in _BEGUN and not later.ended)
    drawn = [_bar(words[-1][0], [d for _, d in words], total) for total, words in bars.items()]
    order = ("step", "iteration", "update", "episode", "round", "epoch", "stage", INNER, "batch")
    every = [*found.values(), *drawn]
    return sorted(every, key=lambda p: (order.index(p.unit), -p.total))


def _bar(words: str, done: list[int], total: int) -> Progress:
    """Return the progress of a bar that was drawn at these counts; `words` stand before it."""
    where = f"the console's progress bar ({done[-1]:,}/{total:,})"
    if _INNER.search(words):
        return Progress("batch", done[-1], total, where)
    return Progress(INNER if _restarts(done, total) else "step", done[-1], total, where)


def _ends(lines: Sequence[str]) -> Iterable[str]:
    """Return the first and the last lines: where counters begin, and where they stand."""
    return lines if len(lines) <= 2 * _TAIL else [*lines[:_TAIL], *lines[-_TAIL:]]


def _last_of(seen: list[Progress]) -> Progress:
    """Return the last of a counter, brought to a count of what was done if it began at 0."""
    last = seen[-1]
    same = [p.done for p in seen if p.total == last.total]
    if last.at is not None or last.unit not in _BEGUN or min(same) > 0:
        return last
    # "Epoch 0/19" to "Epoch 19/19" are 20 epochs, "Epoch 0/20" to "Epoch 19/20" too.
    total = last.total + (max(same) == last.total)
    return replace(last, done=last.done + 1, total=total, at=last.done)


def _put_together(found: dict[str, Progress], counters: dict[str, list[Progress]]) -> None:
    """Make one counter of the epochs' and that of the steps within each, in place."""
    epoch, step = found.get("epoch"), found.get("step") or found.get("iteration")
    if not epoch or not step or step.total <= epoch.total:
        return
    seen = [p.done for p in counters[step.unit]]
    low, high = (epoch.done - 1) / epoch.total, epoch.done / epoch.total
    fell = any(later < earlier for earlier, later in pairwise(seen))
    if epoch.done > 1 and not fell and low - 0.01 <= step.share <= high + 0.01:
        return  # it counts on over the epochs
    done = (epoch.done - 1) * step.total + step.done
    found[step.unit] = Progress(step.unit, done, epoch.total * step.total, step.where)


def _restarts(done: list[int], total: int) -> bool:
    """Return whether a bar was drawn anew: it fell back, or was full more than once."""
    fell = any(later < earlier for earlier, later in pairwise(done))
    return fell or done.count(total) > 1


@dataclass(frozen=True, slots=True)
class Count:
    """A count without a total: whether it began at 0, and whether what it counts had ended."""

    count: float
    from_zero: bool
    ended: bool


def reached(lines: Sequence[str], unit: str) -> Count | None:
    """Return the last count of a unit that lines tell without a total ("iter 1330: loss 1.2"), or None."""
    last: Count | None = None
    for line in _ends(lines):
        for match in _BARE.finditer(line):
            word = match["unit"] or match["what"]
            before = line[: match.start()][-24:]
            if unit_of_word(word) != unit or NOT_NOW.search(before):
                continue
            if not OTHER_WORK.search(before):
                count = _number(match["done"] or match["nth"])
                zero = count == 0 or (last is not None and last.from_zero)
                last = Count(count, zero, _tells_results(line[match.end() :]))
    return last


def _tells_results(rest: str) -> bool:
    """Return whether the rest of a line tells how an epoch went, which is printed when it has ended."""
    return bool(_RESULT.search(rest)) and not _INSIDE.search(rest)


def planned_steps(lines: Sequence[str]) -> float | None:
    """Return the number of steps that a trainer announces ("Total optimization steps = 900")."""
    for line in lines[:_TAIL]:
        match = _TOTAL.search(line)
        if match:
            return _number(match["total"])
    return None


def ended_by_itself(lines: Sequence[str]) -> tuple[bool, Progress | None]:
    """Return whether a trainer says that its loop ended, and the plan that it says it reached.

    Lightning: "`Trainer.fit` stopped: `max_epochs=20` reached."; others: "Training completed."
    """
    said = False
    for line in reversed(lines[-_TAIL:]):
        match = _REACHED.search(line)
        if match:
            total = float(match["total"])
            where = f'the console ("max_{match["unit"]}s={total:.0f} reached")'
            return True, Progress(match["unit"], total, total, where)
        said = said or bool(_COMPLETED.search(line))
    return said, None


def _counters(line: str) -> list[Progress]:
    found = []
    for match in _COUNTER.finditer(line):
        unit = unit_of_word(match["unit"])
        done, total = _number(match["done"]), _number(match["total"])
        if total > 0 and done <= total and not OTHER_WORK.search(line[: match.start()][-24:]):
            text = " ".join(match[0].split())
            where = f'the console ("{text}")'
            begun = unit in _BEGUN and not _tells_results(line[match.end() :])
            p = Progress(unit, done, total, where, begun)
            if match["bar"] and unit == "epoch":  # Lightning's bar names the last epoch, from 0 on
                p = replace(p, done=done + 1, total=total + 1, at=done)
            found.append(p)
    return found


def _bars(line: str) -> list[tuple[str, int, int]]:
    """Return the bars of a line: the words before each, done, total."""
    if "%" not in line or "|" not in line:
        return []
    found, begin = [], 0
    for match in _BAR.finditer(line):
        words, total = line[begin : match.start()], int(match["total"])
        begin = match.end()
        if total > 1 and not OTHER_WORK.search(words):
            found.append((words, int(match["done"]), total))
    return found


def _number(text: str) -> float:
    return float(text.replace(",", ""))
