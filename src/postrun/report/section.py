"""A section of a Markdown text that postrun writes again, inside a text that is the user's."""

from __future__ import annotations

import re

END = "<!-- postrun:end -->"
#: A begin without its end is not the start of a section: what follows it would be lost.
_SECTION = re.compile(
    r"<!-- postrun:begin(?:(?!<!-- postrun:begin).)*?-->"
    r"(?:(?!<!-- postrun:begin).)*?<!-- postrun:end -->",
    re.S,
)


def begin(command: str) -> str:
    """Return the first line of a section that a command writes."""
    return f"<!-- postrun:begin (made by `{command}`; what is outside of this section is yours) -->"


def with_section(text: str, section: str) -> tuple[str, bool]:
    """Return the text with this section, and whether it replaced one; what is outside of it stays."""
    if _SECTION.search(text):
        return _SECTION.sub(lambda _: section, text, count=1), True
    return (f"{text.rstrip()}\n\n{section}" if text.strip() else section), False


def without_section(text: str) -> str:
    """Return the text without the section and the empty lines before it."""
    found = _SECTION.search(text)
    if found is None:
        return text
    before, after = text[: found.start()].rstrip(), text[found.end() :]
    return before + after if before else after.lstrip()
