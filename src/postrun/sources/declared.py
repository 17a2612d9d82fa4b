"""References whose runs are loaded with what the user declared about their metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from postrun.metrics.declared import digest, with_declared
from postrun.model import MetricDefinition, Run, RunRef


def declare(refs: Sequence[RunRef], declarations: Sequence[MetricDefinition]) -> list[RunRef]:
    """Return references whose runs know the declarations; the same ones if there are none.

    Their version tells which declarations these are. What a store computed of a run is left out: it was
    computed without them.
    """
    if not declarations:
        return list(refs)
    mark = f"+{digest(declarations)}"
    return [_declared(ref, tuple(declarations), mark) for ref in refs]


def _declared(ref: RunRef, declarations: tuple[MetricDefinition, ...], mark: str) -> RunRef:
    def wrapped(load: Any) -> Any:
        return load and partial(_load, load, declarations)

    return replace(
        ref,
        loader=wrapped(ref.loader),
        part_loader=wrapped(ref.part_loader),
        continue_from=wrapped(ref.continue_from),
        version=f"{ref.version}{mark}" if ref.version else "",
        kept=None,
    )


def _load(load: Callable[..., Run], declarations: tuple[MetricDefinition, ...], *known: Any) -> Run:
    return with_declared(load(*known), declarations)
