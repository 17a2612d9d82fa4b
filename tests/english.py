"""The house style, as far as a program can check it: words that are not used, long sentences, percent signs."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words a sentence may have.
MOST_WORDS = 25
#: What is not said, and what is said instead.
NOT_SAID = {
    r"interrupted(?! by the user)": "stopped by the user",
    r"cancell?ed": "stopped by the user",
    r"ended by (?:its|the) user": "stopped by the user",
    r"vanished": "killed (no exit record)",
    r"ended with an error": "failed (exit code N)",
    r"cut copy|cut copies|damaged or ends early": "incomplete log",
    r"held-out|held out": "evaluation metric",
    r"without a role": "not understood",
    r"bought nothing|shows no improvement": "flat since step N",
    r"study part": "group",
    r"record stream": "log file",
    r"anew": "force, or again",
    r"of which": "whose, or a sentence of its own",
    r"at hand": "known, or available",
    r"asked of": "if the run has",
    r"is there where|there where": "if",
    r"again for more|again: and|\(again": "Repeat to give several.",
    r"part from step|apart by step": "disagree from step N",
    r"comes? to nothing|half there": "a plain sentence",
}
_NOT_SAID = [
    (re.compile(rf"(?i)(?<![\w-])(?:{words})(?![\w-])"), use) for words, use in NOT_SAID.items()
]
_SPACED = re.compile(r"\d %")
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
_WORD = re.compile(r"\S*\w\S*")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; lines are sentences of their own."""
    return [part.strip() for part in _END.split(text) if part.strip()]


def faults(text: str) -> list[str]:
    """Return what of a text is not in the house style."""
    found = []
    for sentence in sentences(text):
        words = len(_WORD.findall(sentence))
        if words > MOST_WORDS:
            found.append(f"{words} words: {sentence}")
        if _SPACED.search(sentence):
            found.append(f"a percent sign after a space: {sentence}")
        found += [
            f"{match[0]!r}, say {use!r}: {sentence}"
            for pattern, use in _NOT_SAID
            if (match := pattern.search(sentence))
        ]
    return found


def all_faults(texts: Iterable[str]) -> list[str]:
    """Return the faults of several texts, each once."""
    return list(dict.fromkeys(fault for text in texts for fault in faults(text)))
