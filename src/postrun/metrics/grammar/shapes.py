"""Names that differ in numbers alone are read once: "block_3/loss" and "block_7/loss" have one shape.

A model that logs each of its layers has thousands of names and dozens of shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice

from postrun.metrics.grammar.lexicon import lexicon

#: The words of each segment of a name, with stand-ins for numbers.
Shape = tuple[tuple[str, ...], ...]
#: Stand-ins for the first numbers of a name: digits that no word of a name has (see `tokens.segments`).
_STAND_INS = [chr(0x660 + i) for i in range(10)]


def shape_of(parts: Sequence[tuple[str, ...]]) -> tuple[Shape, dict[int, str]]:
    """Return the shape of a name, and the number for each stand-in, as `str.translate` takes them.

    A number that may belong to a phrase stays: it says which quantity it is ("top 5 accuracy").
    """
    words = [word for part in parts for word in part]
    numbers: dict[int, str] = {}
    for i, word in enumerate(words):
        if not word.isdigit() or len(numbers) == len(_STAND_INS):
            continue
        beside = _neighbours().get(word)
        if beside is None or beside.isdisjoint(words[max(0, i - 1) : i + 2]):
            words[i] = stand_in = _STAND_INS[len(numbers)]
            numbers[ord(stand_in)] = word
    if not numbers:
        return tuple(parts), numbers
    found = iter(words)
    return tuple([tuple(islice(found, len(part))) for part in parts]), numbers


@cache
def _neighbours() -> dict[str, frozenset[str]]:
    """Return the words that stand beside a number in phrases of the lexicon, by number."""
    found: dict[str, set[str]] = {}
    for phrase in lexicon().terms:
        for i, word in enumerate(phrase):
            if word.isdigit():
                found.setdefault(word, set()).update(
                    phrase[max(0, i - 1) : i], phrase[i + 1 : i + 2]
                )
    return {number: frozenset(words) for number, words in found.items()}
