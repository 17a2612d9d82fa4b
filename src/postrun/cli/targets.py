"""Targets on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from postrun.cli.envelope import keep_errors
from postrun.cli.settings import declarations
from postrun.model import RunRef, TargetError
from postrun.privacy import Masker, Privacy
from postrun.report.console import complain
from postrun.report.progress import waiting
from postrun.sources import RemoteOptions, declare, resolve, resolve_all

F = TypeVar("F", bound=Callable[..., Any])
#: Where runs are looked for if no target is named.
DEFAULT = "wandb"
#: Errors that are printed.
_MOST_ERRORS = 20


def targets_argument(function: F) -> F:
    """`[TARGET]...`, completed as paths."""
    return click.argument("targets", nargs=-1, metavar="[TARGET]...", type=click.Path())(function)


def find(
    targets: tuple[str, ...], remote: RemoteOptions | None = None
) -> tuple[list[RunRef], list[str]]:
    """Return runs behind targets, with what the user declared, and the messages of targets that are none.

    Without targets: the newest run under ./wandb, else the newest of $WANDB_ENTITY/$WANDB_PROJECT; as many as
    the options' limit, if they have one.

    Raises:
        TargetError: No target is given, and no newest run is found.
    """
    with waiting("Looking for runs"):
        refs, errors = _find(targets, remote or RemoteOptions())
    return declare(refs, declarations()), errors


def _find(targets: tuple[str, ...], remote: RemoteOptions) -> tuple[list[RunRef], list[str]]:
    if not targets:
        return _newest(remote), []
    refs, errors = resolve_all(targets, remote)
    unique = {(ref.path, ref.id): ref for ref in refs}
    return list(unique.values())[: remote.limit or None], [_said(error) for error in errors]


def _newest(remote: RemoteOptions) -> list[RunRef]:
    """Return the newest run that the options choose, or as many as they allow.

    Raises:
        TargetError: ./wandb holds none, and the environment names no project.
    """
    project = "/".join(os.environ.get(f"WANDB_{n}", "") for n in ("ENTITY", "PROJECT"))
    named = bool(project.strip("/")) and project[0] != "/" and project[-1] != "/"
    if Path(DEFAULT).is_dir():
        try:
            return resolve(DEFAULT, remote)[: remote.limit or 1]
        except TargetError:
            if not named:
                raise
    if not named:
        raise TargetError(
            f"./{DEFAULT}",
            "no run here",
            "Start postrun beside the wandb/ folder of a training, name a target "
            "(`postrun analyze path/to/run`, `postrun analyze entity/project/run`), or set "
            "WANDB_ENTITY and WANDB_PROJECT.",
        )
    wanted = {name: getattr(remote, name) for name in RemoteOptions.__dataclass_fields__}
    return resolve(project, RemoteOptions(**{**wanted, "limit": remote.limit or 1}))


def newest_note(refs: list[RunRef]) -> str:
    """Return a line that says how many runs ./wandb holds if only the newest was read, else ""."""
    if len(refs) != 1 or refs[0].remote:
        return ""
    count = len(resolve(DEFAULT))
    if count < 2:
        return ""
    return (
        f"This is the newest of {count:,} runs in ./{DEFAULT}. For all: postrun analyze {DEFAULT}\n"
    )


def find_each(
    targets: tuple[str, ...], remote: RemoteOptions
) -> tuple[list[RunRef], list[str], list[str]]:
    """Return runs behind targets, each once, the target of each, and the messages of targets that are none.

    Without targets: all runs under ./wandb.
    """
    refs: dict[tuple[Path, str], tuple[RunRef, str]] = {}
    errors: list[str] = []
    with waiting("Looking for runs"):
        for target in targets or (DEFAULT,):
            try:
                found = resolve(target, remote)
            except TargetError as error:
                errors.append(_said(error))
                found = list(error.found)
            for ref in found:
                refs.setdefault((ref.path, ref.id), (ref, target))
    pairs = list(refs.values())[: remote.limit or None]
    known = declare([ref for ref, _ in pairs], declarations())
    return known, [place for _, place in pairs], errors


def _said(error: TargetError) -> str:
    """Return an error's message without the secrets of the target that was typed."""
    return Masker(Privacy()).text(str(error))


def report_errors(errors: list[str]) -> int:
    """Print errors to stderr, the first of many; the exit code."""
    keep_errors(errors)
    for error in errors[:_MOST_ERRORS]:
        complain(error)
    if len(errors) > _MOST_ERRORS:
        complain(f"and {len(errors) - _MOST_ERRORS} more that could not be read (--json lists all)")
    return 3 if errors else 0
