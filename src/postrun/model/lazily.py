"""What is made when it is first used, so that starting a command does not pay for it."""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """A regular expression that is compiled when it is first used."""

    def __init__(self, text: str, flags: int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._given), name)
        setattr(self, name, value)  # so that later uses cost what a compiled pattern costs
        return value


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled when it is first used.

    It has the attributes and methods of `re.Pattern`; `re.error` is raised at the first use, not here.
    """
    return cast("re.Pattern[str]", _Pattern(text, flags))
