"""The words of a name, and which of them are known phrases, splits and statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postrun.metrics.grammar.lexicon import Lexicon, Term, lexicon
from postrun.metrics.grammar.words import QUALIFIERS, SPLITS, SPREADS, WRAPPERS, singular, statistic

#: Statistics that a metric is told apart by even if they belong to its phrase ("completions max length").
_NOT_CENTRAL = frozenset({"min", "max"})
#: Words of a segment that make "valid" an adjective: "valid_move_ratio", "n_valid".
_OF_VALID = frozenset({"frac", "fraction", "ratio", "pct", "percent", "num", "n", "is", "invalid"})
#: Plurals that group metrics: "losses_entropy" is no entropy loss.
_GROUPS = frozenset({"losses", "logs"})
#: A phrase in a name: its words that are no statistic, its length, where it begins, its width, its words.
_Candidate = tuple[int, int, int, int, tuple[str, ...]]


@dataclass(slots=True)
class Match:
    """A term and the words that name it: `at` in `segment`, `width` words."""

    term: Term
    segment: int
    at: int
    width: int
    words: tuple[str, ...]


@dataclass(slots=True)
class Name:
    """A name's words in order, each with its segment, and what is recognised in them."""

    words: list[str]
    places: list[int]
    matches: list[Match] = field(default_factory=list)
    split: str = ""
    split_word: str = ""
    stat: str = ""
    unknown: list[tuple[int, str]] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


def parse(parts: Sequence[Sequence[str]]) -> Name:
    """Return the words of the segments of a name with what is recognised in them."""
    name = Name(
        [word for part in parts for word in part],
        [i for i, part in enumerate(parts) for _ in part],
    )
    terms, taken = lexicon().terms, set[int]()
    for _, _, start, width, phrase in _candidates(name):
        covered = range(start, start + width)
        if taken.isdisjoint(covered):
            segment = name.places[start + width - 1]
            name.matches.append(Match(terms[phrase], segment, start, width, phrase))
            taken.update(covered)
    name.matches.sort(key=lambda match: match.at)
    within = {i: match for match in name.matches for i in range(match.at, match.at + match.width)}
    for i in range(len(name.words)):
        _classify(name, i, within.get(i))
    return name


def _candidates(name: Name) -> list[_Candidate]:
    """Return all phrases that words of a name could be: those of more words first, then later ones."""
    known = lexicon()
    found = []
    one = [singular(word) for word in name.words]
    if one != name.words:
        found += _plurals(name, one, known)
    for start, first in enumerate(name.words):
        for length in known.lengths.get(first, ()):
            phrase = tuple(name.words[start : start + length])
            if (
                len(phrase) == length
                and phrase in known.terms
                and not _crosses(name, start, length)
            ):
                found.append((known.weights[phrase], length, start, length, phrase))
        if max(known.lengths.get(first, (0,))) > 1 and not statistic(first):
            found += _spread(name.words, start, known)  # "completions/mean_length"
    found.sort(key=lambda item: item[:3], reverse=True)
    return found


def _plurals(name: Name, one: Sequence[str], known: Lexicon) -> list[_Candidate]:
    """Return phrases of several words that a name has in the plural: "task_rewards"."""
    found = []
    for start, first in enumerate(one):
        for length in known.lengths.get(first, ()):
            phrase = tuple(one[start : start + length])
            plain = tuple(name.words[start : start + length])
            if length < 2 or len(plain) < length or phrase not in known.terms or plain == phrase:
                continue
            together = name.places[start] == name.places[start + length - 1]
            if together and plain not in known.terms and not _GROUPS.intersection(plain):
                found.append((known.weights[phrase], length, start, length, phrase))
    return found


def _crosses(name: Name, start: int, length: int) -> bool:
    """Return whether a group that only says "logged" would become part of a quantity: "log/loss"."""
    return name.words[start] == "log" and name.places[start] != name.places[start + length - 1]


def _spread(words: Sequence[str], start: int, known: Lexicon) -> list[_Candidate]:
    """Return phrases that begin at a word and have statistics, splits or numbers between their words."""
    solid = [start, *(k for k in range(start + 1, len(words)) if not _between(words[k]))]
    found = []
    for length in known.lengths[words[start]]:
        if 1 < length <= len(solid) and (width := solid[length - 1] - start + 1) > length:
            phrase = tuple(words[k] for k in solid[:length])
            if phrase in known.terms:
                found.append((length, length, start, width, phrase))
    return found


def _is_adjective(name: Name, i: int) -> bool:
    """Return whether "valid" says what something is, and not which data it is measured on."""
    own = {
        word for word, place in zip(name.words, name.places, strict=True) if place == name.places[i]
    }
    return not _OF_VALID.isdisjoint(own)


def _spread_of(match: Match, stat: str) -> bool:
    """Return whether a word within a phrase makes it the spread of a score: "IS_std", no "zero_std_frac"."""
    return stat in SPREADS and match.term.role.startswith("score.")


def _between(word: str) -> bool:
    """Return whether a word may stand between a phrase's words: "kl_val_loss", "completions/mean_length"."""
    return bool(statistic(word)) or word in SPLITS or word.isdigit()


def _classify(name: Name, i: int, match: Match | None) -> None:
    """Note what a word names: a split or a statistic, also within a quantity; else whether it is unknown."""
    word, stat = name.words[i], statistic(name.words[i])
    if word == "dev" and i and statistic(name.words[i - 1]) == "std":
        return  # "std_dev" is no split
    if word == "valid" and _is_adjective(name, i):
        name.unknown.append((name.places[i], word))  # "frac_valid": no split
    elif word in SPLITS:
        if match is None or not name.split:
            name.split, name.split_word = SPLITS[word], word
    elif stat:
        if (
            match is None
            or word not in match.words
            or stat in _NOT_CENTRAL
            or _spread_of(match, stat)
        ):
            name.stat = stat
    elif match is not None:
        return
    elif word.isdigit():
        name.numbers.append(word)
    elif word not in WRAPPERS and word not in QUALIFIERS:
        name.unknown.append((name.places[i], word))
