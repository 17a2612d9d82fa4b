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


def letter_score(name: Name) -> Match | None:
    """Return the score that a single letter after a split names; None for other names."""
    words = [word for word in name.words if not word.isdigit()]
    if len(words) != 2 or words[0] not in SPLITS or words[1] not in _LETTERS:
        return None
    at = name.words.index(words[1])
    phrase = _LETTERS[words[1]]
    return Match(replace(lexicon().terms[phrase], weak=True), name.places[at], at, 1, (words[1],))


def told_by_words(name: Name, match: Match) -> Told | None:
    """Return what a match is together with the words before it: "aggregation time", "reward weight"."""
    own = [i for i, place in enumerate(name.places) if place == match.segment and i < match.at]
    before = [name.words[i] for i in own if _is_noun(name.words[i])]
    if match.term.weak and match.words == ("time",) and _unknown_before(name, match):
        return _made(before, "time", A_TIME)
    if match.term.quantity == "parameter" and match.words in (("weight",), ("weights",)):
        return _made(before, "weight", Term("weight", "coefficient"))
    if match.term.role == "reward" and not _INTRINSIC.isdisjoint(name.words):
        return lexicon().terms["intrinsic", "reward"], "intrinsic reward"
    return None


def _made(before: list[str], noun: str, term: Term) -> Told | None:
    quantity = f"{' '.join(before)} {noun}"
    return (replace(term, quantity=quantity), quantity) if 0 < len(before) <= _LONGEST else None


def _unknown_before(name: Name, match: Match) -> bool:
    """Return whether the word right before a match is not understood."""
    at = match.at - 1
    return at >= 0 and (name.places[at], name.words[at]) in name.unknown


def _is_noun(word: str) -> bool:
    return not (word in SPLITS or word in WRAPPERS or statistic(word) or word.isdigit())
