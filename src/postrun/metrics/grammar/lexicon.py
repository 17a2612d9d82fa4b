"""The lexicon of quantities: lexicon.toml, indexed by phrase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from postrun.metrics.grammar.words import (
    QUALIFIERS,
    SPLITS,
    STATISTICS,
    WRAPPERS,
    singular,
    statistic,
)
from postrun.metrics.parsed import table
from postrun.metrics.roles import Role, roles


@dataclass(frozen=True, slots=True)
class Term:
    """A quantity and how it is judged; the fields are explained in lexicon.toml."""

    quantity: str
    role: str = ""
    better: str = "neither"
    split: str = ""
    range: str = ""
    unit: str = ""
    weak: bool = False
    named: bool = False
    part: bool = False
    loss_only: bool = False
    alone: bool = False

    @property
    def is_loss(self) -> bool:
        """True for the bare word "loss"."""
        return self.quantity == "loss"

    @property
    def counts(self) -> bool:
        """True for counters, which other quantities of the same name come before."""
        return self.role.startswith("progress.")

    def role_on(self, split: str) -> Role | None:
        """Return the role on a split of the data; None if no rule judges the quantity there."""
        name = self.role
        held_out = split in ("eval", "test")
        if name.endswith(".*"):
            name = f"{name[:-2]}.{'eval' if held_out else 'train'}"
        elif held_out:
            name = _HELD_OUT.get(name, name)
        return roles()[name] if name else None


#: Roles of a quantity that means something else in evaluation ("": not judged there).
_HELD_OUT = {
    "reward": "reward.eval",
    "success": "score.eval",
    "throughput.tokens": "",
    "throughput.samples": "",
    "throughput.steps": "",
    "time.step": "time.evaluate",
    "time.part": "time.evaluate",
    "time.data": "",
    "loss.component": "loss.eval",
    "loss.policy": "",
    "loss.value": "",
    "lr": "",
    "grad_norm": "",
}


@dataclass(frozen=True)
class Lexicon:
    """Terms by phrase (a tuple of words), and every word that is known.

    `weights` counts the words of a phrase that are no statistic, `lengths` maps a word to the lengths of the
    phrases that begin with it.
    """

    terms: dict[tuple[str, ...], Term]
    words: frozenset[str]
    weights: dict[tuple[str, ...], int]
    lengths: dict[str, tuple[int, ...]]


@cache
def lexicon() -> Lexicon:
    """Return the lexicon, read once."""
    terms: dict[tuple[str, ...], Term] = {}
    weights: dict[tuple[str, ...], int] = {}
    for quantity, entry in table("grammar/lexicon.toml").items():
        for phrase, term, weight in _phrases(quantity, entry):
            terms.setdefault(phrase, term)
            weights[phrase] = weight
    words = {word for phrase in terms for word in phrase}
    words |= {*SPLITS, *STATISTICS, *WRAPPERS, *QUALIFIERS}
    lengths: dict[str, set[int]] = {}
    for phrase in terms:
        lengths.setdefault(phrase[0], set()).add(len(phrase))
    return Lexicon(
        terms,
        frozenset(words),
        weights,
        {word: tuple(sorted(found)) for word, found in lengths.items()},
    )


def _phrases(quantity: str, entry: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Term, int]]:
    """Yield phrases with their terms and weights; one that only adds a statistic to another is that other."""
    term, weak = _term(quantity, entry), entry.get("weak", [])
    known, alone, titles = set(entry["phrases"]), entry.get("alone", ()), entry.get("titles", {})
    made: dict[tuple[str, bool, bool], Term] = {}
    for text in entry["phrases"]:
        words = tuple(text.split())
        solid = [word for word in words if not statistic(word)]
        if len(solid) < len(words) and " ".join(solid) in known:
            continue
        named = titles.get(text) or (_title(text) if term.named else quantity)
        key = (named, weak is True or text in weak, text in alone)
        if key not in made:
            made[key] = replace(term, quantity=named, weak=key[1], alone=key[2])
        yield words, made[key], len(solid)


def _term(quantity: str, entry: dict[str, Any]) -> Term:
    by_phrase = ("phrases", "weak", "alone", "titles")
    return Term(quantity, **{name: value for name, value in entry.items() if name not in by_phrase})


def _title(phrase: str) -> str:
    """Return a phrase as the field writes it: short ones are acronyms, numbers of something counts."""
    first, _, rest = phrase.partition(" ")
    if first in ("num", "n") and rest:
        return f"{singular(rest)} count"
    return phrase.upper() if len(phrase) <= 5 and " " not in phrase else phrase
