"""The library's function that writes findings back to runs on a W&B server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from postrun.api import Rules, Target, chosen, placed
from postrun.model import Severity, UsageError
from postrun.sources import Choice

if TYPE_CHECKING:
    from postrun.publishing import Published


def publish(
    target: Target | Sequence[Target],
    *,
    alert: str = "",
    report: bool = False,
    undo: bool = False,
    dry_run: bool = False,
    select: Rules = (),
    ignore: Rules = (),
    **choice: Unpack[Choice],
) -> list[Published]:
    """Write findings back to runs on a W&B server, as `postrun publish`: notes, tags, a verdict.

    Your own notes and tags stay. Secrets are masked. A second call writes only what has changed since. A run
    that is still running is left alone.

    Args:
        target: entity/project/run, entity/project or a page's URL, or several of them.
        alert: Send a W&B alert if a finding is at least this severe: "info", "warning" or "critical".
        report: Write a W&B Report of each run, with panels at the evidence.
        undo: Take away what was published, the Report too; alerts stay sent.
        dry_run: Write nothing.
        select: Rules to run, as in `diagnose`.
        ignore: Rules to leave out.
        choice: Which runs, as in `runs`.

    Returns:
        What was written to each run, or would be: `run`, `changes`, `written`, and `error` if a run or a target
        could not be written to.

    Raises:
        TargetError: None of the targets is there.
        UsageError: A severity, code or name that does not exist, or `undo` beside `alert` or `report`.
    """
    from postrun.publishing import Published, Wish, publish_each

    if undo and (alert or report):
        raise UsageError("undo writes nothing: leave out alert and report")
    try:
        least = Severity.parse(alert) if alert else None
    except ValueError as error:
        raise UsageError(f"alert: {error}") from None
    found, failed = placed(target, choice)
    wish = Wish(chosen(select, ignore), least, report, undo, dry_run)
    missing = [Published(error.target, (), False, str(error)) for error in failed]
    return [*publish_each(found, wish), *missing]
