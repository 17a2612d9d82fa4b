"""What is made when it is first used, so that starting a command does not pay for it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
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


def attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__` that imports a name from its home when it is first used.

    Args:
        package: The package's `__name__`.
        homes: The full name of the module that each name comes from. No submodule of the package may have the
            name of one of them: importing it would hide the name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
