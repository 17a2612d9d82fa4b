"""Columns and logs: only the lines that might hold a secret are looked at one by one."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from postrun.privacy.shapes import HINT

#: A blank and another letter. Unicode's classes would make the pattern large and slow.
_BLANK, _LETTER, _WORD = r"[ \t\n\r]", r"[!-~]", r"[A-Za-z0-9_.-]"
_MORE = r"\x{80}-\x{10FFFF}"
_HEAD = (
    r"(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credential|authorization|session|_pass|auth|pat|jwt|dsn|sig"
    rf"|signature|code){_WORD}*[\"'\]\\]*"
)
_OPEN = r"(?:[rbuf]?\\*[\"'`])?"
_SIGN = rf"{_BLANK}*-?(?:[=>:│┃|]|%3D)>?{_BLANK}*{_OPEN}"
_IS = rf"{_BLANK}+(?:(?:is|was){_BLANK}+)?{_OPEN}"
#: A name that speaks of secrets, and a value that is no small number; without a sign between, a long value.
_NAMED = (
    rf"(?i:{_HEAD}(?:{_SIGN}(?:[0-9.,]*[!#-&(-+/:-_a-~{_MORE}-][!#-&(-_a-~{_MORE}]{{2}}|[0-9]{{6}})"
    rf"|{_IS}[!#-&(-_a-~]{{16}})"
    rf"|(?:passw(?:or)?d|passphrase|pwd){_IS}[!#-&(-_a-~]{{8}}|login{_BLANK}+{_LETTER}+{_BLANK}+password{_BLANK}"
    rf"|-{_WORD}*{_HEAD}{_BLANK}+{_LETTER}{{4}})"
)
#: What a text worth a closer look contains. Polars' engine has no look-around.
MAYBE = "|".join(
    (
        HINT,
        _NAMED,
        r"[A-Za-z]://[!#-&(-;=?-~]*@",
        rf"(?i:bearer|basic)[ =:]+{_LETTER}{{8}}",
        rf"(?i:cookie[\"']?{_BLANK}*[:=])",
        rf"(?:^|{_BLANK})-[uUpPaw][ =]?[\"']?[!-,.-~]{_LETTER}{{3}}",
        rf"{_BLANK}--(?:user|proxy-user|creds)[ =]",
        r"(?i:key|token|login|wandb|password|secret|credential)[^\n]{0,72}[0-9a-f]{40}",
        r"(?i:\x1b|\\x1b|\\033|\\e|\\u001b)\[",
    )
)
_BEGIN = r"-----BEGIN [A-Z ]*PRIVATE KEY"
_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY")
_BODY = re.compile(r"[A-Za-z0-9+/=\s]{20,}")
#: Lines of one private key at most.
_LONGEST = 200


def plain_texts(texts: set[str]) -> set[str]:
    """Return those of many texts that hold no secret, unless the names under which they stand say so."""
    values = list(texts)
    suspect = pl.Series("text", values, dtype=pl.String).str.contains(MAYBE).to_list()
    return {text for text, hit in zip(values, suspect, strict=True) if not hit}


def masked_column(column: pl.Series, mask: Callable[[str], str], every: bool) -> pl.Series:
    """Return a column of text with the values that `mask` changes; `every`: all of them are looked at."""
    texts_of = column.alias("x")  # Polars reads names such as "^a$" as patterns
    looked_at = texts_of.is_not_null() if every else texts_of.str.contains(MAYBE)
    if not looked_at.any():
        return column
    at = looked_at.fill_null(False).arg_true()
    chosen = texts_of.gather(at)
    texts: dict[str, str] = {text: mask(text) for text in chosen.unique().to_list()}
    if all(text == new for text, new in texts.items()):
        return column
    values = column.to_list()
    for i in at.to_list():
        values[i] = texts[values[i]]
    return pl.Series(column.name, values, dtype=pl.String)


def without_key_blocks(lines: pl.Series, masked: Callable[[str], str]) -> pl.Series:
    """Return lines of a log; those of a private key, which has one a line, become empty after the first.

    `masked` gives what stands for a key.
    """
    found = lines.str.contains(_BEGIN)
    if not found.any():
        return lines
    starts = found.fill_null(False).arg_true().to_list()
    values = lines.to_list()
    for start in starts:
        if not values[start]:
            continue
        stop = min(start + _LONGEST, len(values))
        end = next((i for i in range(start, stop) if _END.search(values[i] or "")), None)
        if end == start:  # on one line: its shape tells it
            continue
        head, _, _ = values[start].partition("-----BEGIN")
        if end is None:  # cut off: as long as it looks like base64
            end = start
            while end + 1 < stop and _BODY.fullmatch(values[end + 1] or ""):
                end += 1
        values[start] = head + masked("\n".join(line or "" for line in values[start : end + 1]))
        for i in range(start + 1, end + 1):
            values[i] = ""
    return pl.Series(lines.name, values, dtype=pl.String)
