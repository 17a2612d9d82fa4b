"""Sources of other packages, each guarded: what one raises, or gives that is no run, costs itself only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Listing, Run, RunRef, TargetError
from postrun.plugins import RAISED, described, plugin_failed
from postrun.sources.base import Source


def as_source(name: str, value: Any) -> Source:
    """Return the source that a plug-in's class gives; TypeError if it is none."""
    made = value()
    if not isinstance(made, Source):
        raise TypeError(
            f"{name} has no name, claims() and find(), as postrun.sources.base.Source has"
        )
    return made


def guarded(name: str, value: Any) -> Source:
    """Return a plug-in's source, guarded; TypeError if it is none."""
    return _Guarded(name, as_source(name, value))


class _Guarded:
    """A plug-in's source whose errors cost itself only."""

    def __init__(self, entry: str, source: Source) -> None:
        self.name, self._entry, self._source = source.name, entry, source

    def claims(self, target: str) -> bool:
        """Return whether the source claims a target; False if it fails."""
        try:
            return bool(self._source.claims(target))
        except RAISED as error:
            plugin_failed("postrun.sources", self._entry, error)
            return False

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the runs of the source; what it raises becomes a TargetError that names it."""
        with _blamed(self._entry, target):
            for ref in self._source.find(target):
                yield _guarded_ref(self._entry, ref)


@contextmanager
def _blamed(entry: str, target: object) -> Iterator[None]:
    """Turn what a plug-in's source raises into a TargetError that names the source."""
    try:
        yield
    except TargetError:
        raise
    except RAISED as error:
        problem = f"the source {entry} failed: {described(error)}"
        raise TargetError(target, problem, "`postrun plugins` names its package.") from error


def _guarded_ref(entry: str, ref: Any) -> RunRef:
    """Return a reference whose loaders and listing fail as a target does; TypeError if it is none."""
    if not isinstance(ref, RunRef):
        raise TypeError(f"find() gives {type(ref).__name__}, not a RunRef")
    for name, kind in (("id", str), ("path", Path), ("modified", int | float), ("version", str)):
        if not isinstance(getattr(ref, name), kind):
            raise TypeError(
                f"the {name} of a RunRef is of type {type(getattr(ref, name)).__name__}"
            )
    part = ref.part_loader
    return replace(
        ref,
        loader=partial(_loaded, entry, ref.path, ref.loader),
        part_loader=None if part is None else partial(_loaded, entry, ref.path, part),
        listing=partial(_listed, entry, ref.listing),
    )


def _loaded(entry: str, path: Path, loader: Callable[..., Run], *wanted: frozenset[str]) -> Run:
    with _blamed(entry, path):
        run = loader(*wanted)
        if not isinstance(run, Run):
            raise TypeError(f"a loader gives {type(run).__name__}, not a Run")
        if not isinstance(run.history, pl.DataFrame) or "_step" not in run.history.columns:
            raise TypeError("the history of a run is no Polars frame with a column _step")
        return run


def _listed(entry: str, listing: Callable[[], Listing]) -> Listing:
    """Return what listing shows; nothing if the plug-in fails, which costs no run."""
    try:
        found = listing()
        if not isinstance(found, Listing):
            raise TypeError(f"listing() gives {type(found).__name__}, not a Listing")
        return found
    except RAISED as error:
        plugin_failed("postrun.sources", entry, error)
        return Listing()
