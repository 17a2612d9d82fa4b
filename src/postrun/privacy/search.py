"""Where secrets are in a text: by their shapes, by the words around them, by the name of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.model.text import MASKED
from postrun.privacy.context import BY_NAME, Span, by_words, cookies
from postrun.privacy.names import Told, told
from postrun.privacy.shapes import BY_MARK
from postrun.privacy.values import is_random, is_secret, is_uuid

#: A text that is shorter holds no name and its secret, and no token.
_SHORTEST = 8
#: What a header's value says before its secret: that is looked for in the text.
_SCHEME = re.compile(r"(?i)^(?:basic|bearer|token)\s+\S")
#: Escaped line ends, quotes and colours: blanks of the same length while secrets are looked for.
_ESCAPES = re.compile(
    r"\\[nrt]|\\+(?=[\"'])|(?:\x1b|\\x1b|\\033|\\e|\\u001b)\[[0-9;]*[A-Za-z]", re.IGNORECASE
)


def named_secret(text: str, name: str) -> list[Span]:
    """Return a text as one secret if the name under which it stands says so, else nothing.

    Args:
        text: A value, as a whole.
        name: Its name, "." between nested ones.
    """
    known = told(name)
    if known is Told.NONE:
        return []
    if name.lower().endswith(("cookie", "cookies")):
        return list(cookies(text, 0, len(text)))
    bare = text.strip().strip("\"'`")
    if not is_secret(known, bare) or _SCHEME.match(bare):
        return []
    start = text.index(bare)
    return [Span(start, start + len(bare), BY_NAME)]


def secrets_in(text: str) -> list[Span]:
    """Return the secrets of a text (a setting, a line of a log, a command) in order, none within another."""
    if len(text) < _SHORTEST:
        return []
    plain = _ESCAPES.sub(_blank, text) if "\\" in text or "\x1b" in text else text
    if "[masked: " in plain:  # masked once: it stays as it is
        plain = MASKED.sub(lambda match: "*" * len(match[0]), plain)
    return _apart([*_by_shape(plain), *by_words(plain)])


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _by_shape(text: str) -> Iterator[Span]:
    tried = set()
    for mark, shapes in BY_MARK.items():
        if mark not in text:
            continue
        for shape in shapes:
            if shape.text in tried:
                continue
            tried.add(shape.text)
            group = "secret" if "(?P<secret>" in shape.text else 0
            for match in shape.pattern.finditer(text):
                if not shape.random or is_random(match[group]) or is_uuid(match[group]):
                    yield Span(*match.span(group), shape.kind)


def _apart(spans: list[Span]) -> list[Span]:
    """Return spans in order; of two that overlap the first, or the longer of two that begin together."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not out or span.start >= out[-1].end:
            out.append(span)
        elif span.end > out[-1].end:  # one begins within another: both go
            out[-1] = out[-1]._replace(end=span.end)
    return out
