"""A metric's name taken apart: segments (between "/" or "."), each of words in lower case."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from postrun.metrics.grammar.lexicon import lexicon
from postrun.metrics.grammar.words import statistic
from postrun.model.text import MASKED

_SEGMENTS = re.compile(r"[/\\|>]+|::|\s-\s|(?<!\d)\.|\.(?!\d)")
#: Words that show that a word was written together of several: "program" is not "pro" and "gram".
_CORE = frozenset(
    """loss losses acc accuracy reward rewards rew norm grad gradient lr kl len length epoch step steps frac
    fraction time score error dice iou ppl perplexity return returns prob probs entropy mse mae rmse f1 auc
    logloss crossentropy rate ratio tokens samples train val test eval mean loss1 loss2""".split()  # noqa: SIM905
)
_WORDS = re.compile(r"[^0-9A-Za-zµ²À-ɏ]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z0-9]+")
#: A letter that says which loss: "qloss", "dloss".
_LETTER_LOSS = re.compile(r"([a-z]\d?)(loss(?:es)?)")
_DIMENSIONS = re.compile(r"[1-4]d")
_LETTERS_DIGITS = re.compile(r"([a-z]+)(\d+)([a-z]*)")
#: Words of fewer letters are not corrected: too many are alike.
_SHORTEST = 6
#: A name longer than this is a path or a sentence; its end says what it is.
_LONGEST = 300


def segments(name: str) -> list[tuple[str, ...]]:
    """Return the words of each segment of a name, empty segments left out.

    What stands for a secret is no word: its digits differ from user to user, and some of them spell "acc".
    """
    if "[masked: " in name:
        name = MASKED.sub("", name)
    return [words for part in _SEGMENTS.split(name[-_LONGEST:]) if (words := _segment(part))]


@lru_cache(maxsize=65_536)
def _segment(part: str) -> tuple[str, ...]:
    return tuple([word for token in _WORDS.split(part) if token for word in _words(token)])


@lru_cache(maxsize=65_536)
def _words(token: str) -> tuple[str, ...]:
    """Return the words of a token without separators: camelCase and words written together."""
    lower = token.lower()
    known = lexicon().words
    if lower in known or lower.isdigit() or statistic(lower):
        return (lower,)
    if _DIMENSIONS.fullmatch(lower):
        return (lower,)
    letter = _LETTER_LOSS.fullmatch(lower)
    if letter:
        return (letter[1], letter[2])
    camel = _joined([piece.lower() for piece in _CAMEL.findall(token)], known)
    together = _segmented(lower)
    if together and len(together) <= len(camel):
        return together
    if len(camel) > 1 and all(piece in known or piece.isdigit() for piece in camel):
        return tuple(camel)
    if together:
        return together
    if len(camel) > 1 and not token.islower():
        return tuple(word for piece in camel for word in (_segmented(piece) or (piece,)))
    split = _LETTERS_DIGITS.fullmatch(lower)
    if split:
        head = _segmented(split[1]) or (split[1],)
        return (*head, split[2], *([split[3]] if split[3] else []))
    return (_corrected(lower),)


def _corrected(word: str) -> str:
    """Return the known word that a slip of the keyboard made this one of, else the word itself.

    A slip is a letter too many, a letter too few, or two that changed places. Another letter is another word
    ("context" is no "content").
    """
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    known = lexicon().words
    for i in range(1, len(word)):
        swapped = word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :]
        if swapped in known:
            return swapped
        shorter = word[:i] + word[i + 1 :]
        plural = i == len(word) - 1 and word[-1] == "s"
        if shorter in known and len(shorter) >= _SHORTEST and not plural:
            return shorter
    return _lacking().get(word, word)


@cache
def _lacking() -> dict[str, str]:
    """Return known words by what is left of them without one letter that is not the first or the last."""
    words = [word for word in lexicon().words if len(word) > _SHORTEST and word.isalpha()]
    return {word[:i] + word[i + 1 :]: word for word in words for i in range(1, len(word) - 1)}


def _joined(pieces: list[str], known: frozenset[str]) -> list[str]:
    """Return the pieces with numbers joined to the word before if that is a known word: "F" and "1"."""
    found: list[str] = []
    for piece in pieces:
        if found and piece.isdigit() and found[-1] + piece in known:
            found[-1] += piece
        else:
            found.append(piece)
    return found


@cache
def _segmented(text: str) -> tuple[str, ...]:
    """Return known words that make up a text ("gradnorm"), as few as possible; () if they do not."""
    known = lexicon().words
    if text in known:
        return (text,)
    if not 5 <= len(text) <= 40:
        return ()
    best: list[tuple[str, ...] | None] = [()] + [None] * len(text)
    for stop in range(1, len(text) + 1):
        for start in range(max(0, stop - 16), stop):
            before, piece = best[start], text[start:stop]
            if before is None or len(before) > 3 or not _piece(piece, known):
                continue
            found = best[stop]
            if found is None or len(before) + 1 < len(found):
                best[stop] = (*before, piece)
    found = best[-1] or ()
    return found if any(piece in _CORE for piece in found) else ()


def _piece(text: str, known: frozenset[str]) -> bool:
    """Return whether a text may be one of several words written together."""
    if text.isdigit():
        return True
    return text in known and (len(text) > 2 or text in ("lr", "kl", "ep", "tr", "l1", "l2", "iou"))
