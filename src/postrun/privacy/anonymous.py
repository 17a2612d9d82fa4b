"""Paths, e-mail addresses, host and user names, which `--anonymize` masks."""

from __future__ import annotations

import re
from collections.abc import Callable

from postrun.model import Run

_MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)
_PATH = re.compile(r"(?<![\w:/.>…])~?/(?:[^\s/\"'<>|:,;()\[\]]+/)+([^\s/\"'<>|:,;()\[\]]*)")
_FILE_URL = re.compile(r"file://\S+")
_WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:\\(?:[^\\\s\"'<>|:,;]+\\)*([^\\\s\"'<>|:,;]*)")
_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\)([^/\\\s\"']+)")


def anonymous(text: str, people: re.Pattern[str] | None, count: Callable[[str], None]) -> str:
    """Return a text without paths, addresses and the names that `people` matches; `count` takes each kind."""

    def short(match: re.Match[str]) -> str:
        count("path")
        return f"…/{match[1]}" if match[1] else "…"

    def gone(kind: str) -> Callable[[re.Match[str]], str]:
        def masked(match: re.Match[str]) -> str:
            count(kind)
            return f"[{kind}]"

        return masked

    text = _MAIL.sub(gone("e-mail address"), text)
    text = _FILE_URL.sub(gone("path"), text)
    text = _WINDOWS.sub(short, _PATH.sub(short, text))
    return people.sub(gone("name"), text) if people else text


def without_paths(text: str) -> str:
    """Return a text with each absolute path cut to its last part: "/home/me/train.py" becomes "train.py"."""

    def last(match: re.Match[str]) -> str:
        return str(match[1])

    text = re.sub(r"file://(?=/)", "", text)
    return _WINDOWS.sub(last, _PATH.sub(last, text))


def people_of(run: Run) -> re.Pattern[str] | None:
    """Return a pattern of the names of the user and the machine, None if the run tells none."""
    names: set[str] = set()
    for part in (run, *run.parts):
        names.add(part.identity.host)
        for key, value in part.environment.items():
            if isinstance(value, str):
                names.update(_HOME.findall(value))
                if key.lower() in ("username", "user", "host", "hostname"):
                    names.add(value)
    known = sorted((n for n in names if len(n) >= 3 and n != "root"), key=len, reverse=True)
    if not known:
        return None
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, known))})(?![\w-])")
