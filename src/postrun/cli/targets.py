"""Targets on the command line."""

from __future__ import annotations

from pathlib import Path

from postrun.model import RunRef, TargetError
from postrun.report.terminal import complain
from postrun.sources import newest_below, resolve_all


def find(targets: tuple[str, ...]) -> tuple[list[RunRef], list[str]]:
    """Runs behind targets, and the messages of those that are none.

    Without targets: the newest run under ./wandb. TargetError where there is none.
    """
    if not targets:
        newest = list(newest_below(Path("wandb")))
        if not newest:
            raise TargetError(
                "./wandb",
                "no run here",
                "Start postrun beside the wandb/ folder of a training, or name a target: "
                "`postrun analyze path/to/run`.",
            )
        return newest, []
    refs, errors = resolve_all(targets)
    unique = {(ref.path, ref.id): ref for ref in refs}
    return list(unique.values()), [str(error) for error in errors]


def report_errors(errors: list[str]) -> int:
    """Print errors to stderr; the exit code."""
    for error in errors:
        complain(error)
    return 3 if errors else 0
