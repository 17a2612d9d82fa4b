"""What other packages add: rules, metric packs, sources and report formats.

A package offers them as entry points in the groups below. One that cannot be loaded, or is not what
its group wants, costs itself only: it is left out with a warning that names its package, and
`postrun plugins` lists it with its error.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from postrun.model import FAILURES
from postrun.offers import offered

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: What a plug-in's code may raise without ending more than itself; `sys.exit()` among it.
RAISED: tuple[type[BaseException], ...] = (*FAILURES, SystemExit)
T = TypeVar("T")

#: Groups of entry points, and what each adds.
GROUPS = {
    "postrun.rules": "rule",
    "postrun.packs": "metric pack",
    "postrun.sources": "source",
    "postrun.reports": "report format",
}
_warned: set[tuple[str, str, str]] = set()
_quiet = False


class PluginWarning(UserWarning):
    """A plug-in of another package that was left out."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: its group and name, the object it names, its package, and what is wrong with it."""

    group: str
    name: str
    value: str
    package: str
    version: str
    problem: str = ""


def load_plugins(group: str, make: Callable[[str, Any], T]) -> Iterator[T]:
    """Yield what the plug-ins of a group give.

    `make` gets an entry point's name and its object, and returns what the group wants. If the object
    cannot be imported or `make` raises, the plug-in is left out with a PluginWarning.
    """
    for entry in _entries(group):
        try:
            yield make(entry.name, entry.load())
        except RAISED as error:
            if not _quiet:
                plugin_failed(group, entry.name, error)


def plugin_failed(group: str, name: str, error: BaseException) -> None:
    """Warn, once in a process, that a plug-in failed and is left out."""
    entry = next((e for e in _entries(group) if e.name == name), None)
    problem = described(error).rstrip(".")
    if (group, name, problem) in _warned:
        return
    _warned.add((group, name, problem))
    package = "an unknown package" if entry is None else " ".join(_package(entry)).strip()
    warnings.warn(
        f"the {GROUPS[group]} {name} of {package} is left out: {problem}. Update or uninstall {package}, "
        "or run `postrun plugins`.",
        PluginWarning,
        stacklevel=2,
    )


def described(error: BaseException) -> str:
    """Return kind and message of an error; an error of another package may fail to give one."""
    try:
        text = " ".join(str(error).split())
    except RAISED:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def silence_warnings() -> None:
    """Say nothing in this process about plug-ins that cannot be loaded: its parent has said it."""
    global _quiet
    _quiet = True


def installed_plugins(checks: Mapping[str, Callable[[str, Any], object]]) -> list[Plugin]:
    """Return all plug-ins, each loaded and checked by the function of its group."""
    out = []
    for group in GROUPS:
        for entry in _entries(group):
            problem = ""
            try:
                checks[group](entry.name, entry.load())
            except RAISED as error:
                problem = described(error)
            out.append(Plugin(group, entry.name, entry.value, *_package(entry), problem))
    return out


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """Return the entry points of a group, as `importlib.metadata` does, without parsing all packages' files.

    Only if some package's `entry_points.txt` names a group of postrun are the packages asked.
    """
    if not offered():
        return ()
    from importlib.metadata import entry_points as ask

    return ask(group=group)


def _entries(group: str) -> list[EntryPoint]:
    try:
        found = _found(group, tuple(sys.path), entry_points)
    except Exception as error:  # the metadata of some package is damaged, of whatever kind
        warnings.warn(
            f"the plug-ins of installed packages cannot be listed: {described(error)}. Run `pip check`.",
            PluginWarning,
            stacklevel=2,
        )
        return []
    return sorted(found, key=lambda entry: (entry.name, entry.value))


@lru_cache(maxsize=64)
def _found(
    group: str, path: tuple[str, ...], finder: Callable[..., Iterable[EntryPoint]]
) -> tuple[EntryPoint, ...]:
    """Return the entry points on a path, asked for once, not for each target."""
    del path
    return tuple(finder(group=group))


def _package(entry: EntryPoint) -> tuple[str, str]:
    """Return name and version of the package that offers an entry point."""
    return (entry.dist.name, entry.dist.version) if entry.dist else ("an unknown package", "")
