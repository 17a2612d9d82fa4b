"""Whether any installed package offers something to postrun, told from files' names and a few bytes."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.machinery import PathFinder


def offered() -> bool:
    """Return whether any installed package may add something; False is certain."""
    return _offered(tuple(sys.path))


@lru_cache(maxsize=8)
def _offered(path: tuple[str, ...]) -> bool:
    """Return whether a package on a path may offer something.

    True if that cannot be told from folders: for an archive, or a finder that has packages of its own.
    """
    if any(
        hasattr(finder, "find_distributions") and finder is not PathFinder
        for finder in sys.meta_path
    ):
        return True
    for place in path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208 - names alone
        except NotADirectoryError:
            return True
        except OSError:
            continue
        for name in names:
            if name.lower().endswith((".dist-info", ".egg-info", ".egg")) and _names_group(
                place, name
            ):
                return True
    return False


def _names_group(place: str, name: str) -> bool:
    inner = "EGG-INFO" if name.endswith(".egg") else ""
    try:
        with open(os.path.join(place, name, inner, "entry_points.txt"), "rb") as file:  # noqa: PTH118, PTH123
            return b"[postrun." in file.read()
    except NotADirectoryError:
        return name.endswith(".egg")  # an archive
    except OSError:
        return False
