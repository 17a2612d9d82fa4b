"""Quantities that are made of a name's own words: times, weights, precision by its letter."""

from __future__ import annotations

from dataclasses import replace

from postrun.metrics.grammar.lexicon import Term, lexicon
from postrun.metrics.grammar.parse import Match, Name
from postrun.metrics.grammar.words import SPLITS, WRAPPERS, statistic

#: A term that is made of a name's words, with its quantity.
Told = tuple[Term, str]
TIME_GROUPS = frozenset(
    {"time", "timing", "timings", "timer", "timers", "times", "duration", "durations"}
)
A_TIME = Term("time", "time.part", "lower", unit="s", range="positive")
#: Letters that stand for a score where a split stands before them: "val_P", "test/R".
_LETTERS = {"p": ("precision",), "r": ("recall",)}
_INTRINSIC = frozenset({"intrinsic", "curiosity", "intr"})
#: Words that turn what follows: "no_collision_rate".
_NOT = frozenset({"no", "non", "not"})
_OTHER = {"lower": "higher", "higher": "lower"}
#: Sizes, which are those of the words before them: "population_size".
_OF_WHAT = {("size",): "size", ("length",): "length", ("len",): "length"}
#: Words before "norm" that leave it a gradient's.
_TOTAL = frozenset({"total", "global", "grad", "gradient", "clip"})
#: Words of an entropy that is none of a policy.
_NO_POLICY = frozenset(
    """attn attention router routing gate gating expert experts assignment cluster codebook mask prediction
    predictive pred class label softmax output marginal conditional usage spectral""".split()  # noqa: SIM905
)
#: More words before "time" or "weight" are a sentence.
_LONGEST = 3


def group_time(name: Name, head: Match | None) -> tuple[Match, Told] | None:
    """Return the time of what stands in a group of times, "timing/backward"; None for other names."""
    vague = head is None or (head.term.weak and head.term.role == "time.part")
    if name.words[0] not in TIME_GROUPS or name.places[0] == name.places[-1] or not vague:
        return None
    at = next(i for i, place in enumerate(name.places) if place != name.places[0])
    rest = [w for w in name.words[at:] if not (w.isdigit() or statistic(w) or w in SPLITS)]
    if not rest or "total" in rest or any(m.term.counts for m in name.matches):
        return None
    quantity = f"{' '.join(rest)} time"
    return Match(A_TIME, name.places[-1], at, len(rest), tuple(rest)), (A_TIME, quantity)


def unit_time(name: Name) -> tuple[Match, Told] | None:
    """Return the time that only its unit tells: "forward_ms"; None for other names."""
    last = next((i for i in reversed(range(len(name.words))) if not statistic(name.words[i])), 0)
    if last == 0 or name.words[last] not in ("ms", "msec"):
        return None
    nouns = [w for w in name.words[:last] if _is_noun(w)]
    sure = [m for m in name.matches if not (m.term.loss_only or m.term.weak)]
    if sure or not 0 < len(nouns) <= _LONGEST:
        return None
    quantity = f"{' '.join(nouns)} time"
    return Match(A_TIME, name.places[last], last, 1, ("ms",)), (A_TIME, quantity)


def letter_score(name: Name) -> Match | None:
    """Return the score that a single letter after a split names; None for other names."""
    words = [w for w in name.words if not (w.isdigit() or statistic(w) or w in WRAPPERS)]
    if len(words) != 2 or words[0] not in SPLITS or words[1] not in _LETTERS:
        return None
    at = name.words.index(words[1])
    name.unknown = [(place, word) for place, word in name.unknown if word != words[1]]
    phrase = _LETTERS[words[1]]
    return Match(replace(lexicon().terms[phrase], weak=True), name.places[at], at, 1, (words[1],))


def told_by_words(name: Name, match: Match) -> Told | None:
    """Return what a match is together with the words before it: "aggregation time", "reward weight"."""
    if match.at and name.words[match.at - 1] in _NOT and match.term.better in _OTHER:
        quantity = f"no {match.term.quantity}"
        return Term(quantity, better=_OTHER[match.term.better]), quantity
    own = [i for i, place in enumerate(name.places) if place == match.segment and i < match.at]
    before = [name.words[i] for i in own if _is_noun(name.words[i])]
    if match.term.weak and match.words == ("time",):
        return _time_of(name, match, before)
    if match.words in _OF_WHAT and match.term.weak:
        return _made(before, _OF_WHAT[match.words], Term("size"))
    if match.words == ("norm",) and match.term.weak and not _TOTAL.issuperset(before):
        return _made(before, "norm", Term("norm", range="positive"))
    if (
        match.term.role == "entropy"
        and match.words[0] == "entropy"
        and _NO_POLICY.intersection(before)
    ):
        return _made(before, "entropy", Term("entropy"))
    if match.term.quantity == "parameter" and match.words in (("weight",), ("weights",)):
        return _made(before, "weight", Term("weight", "coefficient"))
    if match.term.role == "reward" and not _INTRINSIC.isdisjoint(name.words):
        return lexicon().terms["intrinsic", "reward"], "intrinsic reward"
    return None


def _made(before: list[str], noun: str, term: Term) -> Told | None:
    quantity = f"{' '.join(before)} {noun}"
    return (replace(term, quantity=quantity), quantity) if 0 < len(before) <= _LONGEST else None


def _time_of(name: Name, match: Match, before: list[str]) -> Told | None:
    """Return the time of what stands beside it: "aggregation_time", "time_per_item"; None if it is known."""
    per = name.words[match.at + 1 : match.at + 3]
    if len(per) == 2 and per[0] == "per" and not per[1].isdigit():
        quantity = f"time per {per[1]}"
        return replace(A_TIME, quantity=quantity), quantity
    at = match.at - 1
    counted = any(m.term.counts and m.at <= at < m.at + m.width for m in name.matches)
    own = at >= 0 and name.places[at] == match.segment and _is_noun(name.words[at])
    return _made(before, "time", A_TIME) if own and not counted else None


def _is_noun(word: str) -> bool:
    return not (word in SPLITS or word in WRAPPERS or statistic(word) or word.isdigit())
