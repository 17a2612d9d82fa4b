"""Targets on the command line."""

from __future__ import annotations

import os
from pathlib import Path

from postrun.cli.settings import declarations
from postrun.model import RunRef, TargetError
from postrun.privacy import Masker, Privacy
from postrun.report.terminal import complain
from postrun.sources import RemoteOptions, declare, newest_below, resolve, resolve_all

#: Errors that are printed.
_MOST_ERRORS = 20


def find(
    targets: tuple[str, ...], remote: RemoteOptions | None = None
) -> tuple[list[RunRef], list[str]]:
    """Return runs behind targets, with what the user declared, and the messages of targets that are none.

    Without targets: the newest run under ./wandb, else the newest of $WANDB_ENTITY/$WANDB_PROJECT.

    Raises:
        TargetError: No target is given, and no newest run is found.
    """
    refs, errors = _find(targets, remote or RemoteOptions())
    return declare(refs, declarations()), errors


def _find(targets: tuple[str, ...], remote: RemoteOptions) -> tuple[list[RunRef], list[str]]:
    if not targets:
        newest = list(newest_below(Path("wandb")))
        if newest:
            return newest, []
        project = "/".join(os.environ.get(f"WANDB_{n}", "") for n in ("ENTITY", "PROJECT"))
        if not project.strip("/") or project.startswith("/") or project.endswith("/"):
            raise TargetError(
                "./wandb",
                "no run here",
                "Start postrun beside the wandb/ folder of a training, name a target "
                "(`postrun analyze path/to/run`, `postrun analyze entity/project/run`), or set "
                "WANDB_ENTITY and WANDB_PROJECT.",
            )
        return resolve(project, RemoteOptions(limit=1, sample=remote.sample)), []
    refs, errors = resolve_all(targets, remote)
    unique = {(ref.path, ref.id): ref for ref in refs}
    return list(unique.values())[: remote.limit or None], [_said(error) for error in errors]


def find_each(
    targets: tuple[str, ...], remote: RemoteOptions
) -> tuple[list[RunRef], list[str], list[str]]:
    """Return runs behind targets, each once, the target of each, and the messages of targets that are none."""
    refs: dict[tuple[Path, str], tuple[RunRef, str]] = {}
    errors: list[str] = []
    for target in targets:
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
    for error in errors[:_MOST_ERRORS]:
        complain(error)
    if len(errors) > _MOST_ERRORS:
        complain(f"and {len(errors) - _MOST_ERRORS} more that could not be read (--json lists all)")
    return 3 if errors else 0
