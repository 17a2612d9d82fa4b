"""Findings of many runs written back, one run at a time: what goes wrong with one costs that one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from postrun.diagnosis import diagnosis
from postrun.job import failure
from postrun.model import FAILURES, RunRef, Severity, TargetError
from postrun.privacy import Privacy
from postrun.publishing.content import content
from postrun.publishing.writing import Published, publish, undo
from postrun.rules import Selection
from postrun.sources.wandb_api.address import Address, parse


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of each run.

    Attributes:
        alert: The least severity of which an alert is sent; None for none.
        report: Whether a W&B Report is written.
        undo: Take away what was published instead.
        dry_run: Write nothing.
    """

    selection: Selection
    alert: Severity | None = None
    report: bool = False
    undo: bool = False
    dry_run: bool = False


def publish_each(found: Iterable[tuple[RunRef, str]], wish: Wish) -> Iterator[Published]:
    """Write back to runs, each given with the target that named it; `error` tells why one was not written."""
    for ref, place in found:
        try:
            yield _published(ref, _address(ref, place), wish)
        except FAILURES as error:
            yield Published(ref.id, (), False, failure(ref, error))


def _published(ref: RunRef, address: Address, wish: Wish) -> Published:
    if wish.undo:
        return undo(address, wish.dry_run)
    said = content(diagnosis(ref.load(), Privacy(), wish.selection))
    return publish(address, said, wish.alert, wish.dry_run, wish.report)


def _address(ref: RunRef, place: str) -> Address:
    """Return a run's address on the server that its target names; TargetError if it is on none."""
    asked, own = parse(place), parse(str(ref.path))
    if ref.source != "wandb_api" or asked is None or own is None:
        raise TargetError(
            str(ref.path),
            "not on a W&B server, so there is nothing to write to",
            "Sync it first (`wandb sync`), then name it: postrun publish entity/project/run",
        )
    return replace(own, base=asked.base)
