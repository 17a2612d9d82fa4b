"""What is said first of two runs: which is better, the likeliest causes, where the curves part."""

from __future__ import annotations

import math
from collections.abc import Sequence

from postrun.metrics import RunView
from postrun.model.text import number
from postrun.records.finals import final
from postrun.studies.diff.changes import Weight
from postrun.studies.diff.curves import Pair, Shared
from postrun.studies.diff.differences import Differences
from postrun.training.end_words import state_words

#: Causes that a headline names, and names that a list holds.
_NAMED, _LISTED = 4, 8
#: Configs of one program have more than this share of the smaller one's settings in common.
_IN_COMMON = 0.25


def outcome(first: RunView, second: RunView, names: list[str], pairs: list[Pair]) -> str:
    """Return how both ended, and which is better by the metric that they are judged by."""
    ends = [state_words(v) for v in (first, second)]
    ended = "" if ends[0] == ends[1] else f" {names[0]} {_is(ends[0])}, {names[1]} {_is(ends[1])}."
    pair = next((p for p in pairs if p.first.info.sign), None)
    if pair is None:
        return f"The runs share no metric that tells which is better.{ended}"
    (a, b), sign = pair.finals, pair.first.info.sign
    lengths = [float(s.x[-1] - s.x[0]) for s in (pair.first, pair.second)]
    if min(lengths) < 0.8 * max(lengths):
        return f"{_at_common_end(pair, names, first.axis.unit)}{ended}"
    word = "equal" if a == b else "better" if (b - a) * sign > 0 else "worse"
    parting = pair.parting
    within = parting is not None and parting.at is None and a != b
    told = f"{pair.key} ends at {number(b)} instead of {number(a)}"
    if within:
        return f"{told}: within the noise of the curves.{ended}"
    return f"{told}: {names[1]} is {word}.{ended}"


def ended_apart(pairs: list[Pair]) -> bool:
    """Return whether two runs differ in the metric that they are judged by, beyond the noise of its curves.

    True as well if they share no such metric, or too little of it to tell its noise: other metrics may differ.
    """
    pair = next((p for p in pairs if p.first.info.sign), None)
    if pair is None or pair.parting is None:
        return True
    return pair.parting.at is not None


def _at_common_end(pair: Pair, names: list[str], unit: str) -> str:
    """Return which of two runs of other lengths was better where the shorter one ends."""
    a, b = pair.first, pair.second
    begin, end = max(a.x[0], b.x[0]), min(a.x[-1], b.x[-1])
    shorter = names[0] if a.x[-1] <= b.x[-1] else names[1]
    lengths = f"{names[0]} went to {unit} {a.x[-1]:,.0f}, {names[1]} to {b.x[-1]:,.0f}"
    both = [s.between(begin, end) for s in (a, b)]
    if min(len(s) for s in both) < 3:
        return f"{lengths}: {shorter} is too short to say which is better."
    x, y = (float(final(s)[2]) for s in both)
    word = "equal" if x == y else "better" if (y - x) * a.info.sign > 0 else "worse"
    values = f"{pair.key} is {number(y)} instead of {number(x)}"
    return f"{lengths}. At {unit} {end:,.0f} {values}: {names[1]} is {word}."


def _is(words: str) -> str:
    if words.startswith(("killed", "stopped")):
        return f"was {words}"
    known = {"end not recorded": "has no recorded end", "incomplete log": "has an incomplete log"}
    return known.get(words, words)


def other_program(first: RunView, second: RunView) -> str:
    """Return a sentence if two runs are of programs that have hardly a setting in common; else ""."""
    a, b = set(first.flat_config), set(second.flat_config)
    if min(len(a), len(b)) < 4 or len(a & b) >= _IN_COMMON * min(len(a), len(b)):
        return ""
    frameworks = [v.framework for v in (first, second)]
    named = (
        f" ({frameworks[0]} and {frameworks[1]})"
        if all(frameworks) and len(set(frameworks)) > 1
        else ""
    )
    return (
        f"The runs are of different programs{named}: their configs share {len(a & b)} of "
        f"{len(a | b)} settings, so single changes explain little."
    )


def causes(found: Differences, apart: bool) -> str:
    """Return what differs in one sentence: as the likeliest causes if the runs ended `apart`."""
    strong = [c for c in found.changes if c.weight <= Weight.FRAMEWORK]
    seeds = [c for c in found.changes if c.weight is Weight.SEED and c.how == "changed"]
    if strong:
        named = "; ".join(c.words() for c in strong[:_NAMED])
        more = f"; and {len(strong) - _NAMED} more" if len(strong) > _NAMED else ""
        seed = f" The seed differs as well ({seeds[0].words()})." if seeds else ""
        return f"{'Likeliest causes' if apart else 'What differs'}: {named}{more}.{seed}"
    if seeds and not apart:
        return f"Only the seed differs ({seeds[0].words()})."
    if seeds:
        return f"Only the seed differs ({seeds[0].words()}): what parts the runs is chance."
    others = [c for c in found.changes if c.weight in (Weight.MACHINE, Weight.PACKAGE)]
    if others:
        return f"No setting and no code that is known differs; only {some([c.words() for c in others])}."
    if not found.notes and apart:
        return (
            "Nothing that is recorded differs: what parts the runs is chance or was not recorded."
        )
    return "Nothing differs in what both runs recorded."


def partings(shared: Shared, found: Differences) -> list[str]:
    """Return where the curves part: the judged metric first, then the earliest."""
    known = [p for p in shared.pairs if p.parting is not None]
    if not known:
        why = "" if not shared.pairs else " with 8 values or more at common steps"
        return [f"No metric is shared{why}, so nothing shows where the curves part."]
    apart = [p for p in known if p.parting is not None and p.parting.at is not None]
    equal = [p.parting.equal_to for p in known if p.parting is not None]
    out = []
    both = min((e for e in equal if e is not None), default=None)
    if both is not None and all(e is not None for e in equal):
        rest = "" if apart or any(p.parting and p.parting.last for p in known) else " to the end"
        out.append(
            f"All {len(known)} shared metrics have the same digits up to {shared.unit} {both:,.0f}{rest}."
        )
    if not apart:
        return [*out, f"None of {len(known)} shared curves parts from the other beyond its noise."]
    central = [p for p in apart if p.first.info.central] or apart
    judged = known[0] if known[0] in apart else central[0]
    early = min(
        central, key=lambda p: p.parting.at if p.parting and p.parting.at is not None else math.inf
    )
    told = _parts(judged, shared.unit)
    if early is not judged:
        told += f" The first to part: {_parts(early, shared.unit)}"
    out.append(told)
    out.append(f"{len(apart)} of {len(known)} shared curves part beyond their noise.") if len(
        known
    ) > 1 else None
    start = judged.parting is not None and judged.parting.at == float(judged.first.x[0])
    if start and any(c.weight is Weight.SEED for c in found.changes):
        out.append("They differ from the first value on, as runs with different seeds do.")
    elif start:
        out.append(
            "They differ from the first value on: look at what acts from the start (data, model, initial "
            "weights, the loss itself)."
        )
    return out


def _parts(pair: Pair, unit: str) -> str:
    parting = pair.parting
    assert parting is not None and parting.at is not None
    stays = "" if parting.lasting else ", but they meet again"
    return (
        f"{pair.key} parts from {unit} {parting.at:,.0f} on (second minus first: "
        f"{number(-parting.difference, 3)}, noise ±{number(2 * parting.noise, 2)}){stays}."
    )


def some(words: Sequence[str], most: int = _LISTED) -> str:
    """Return the first of some words, and how many more there are."""
    more = f", and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
