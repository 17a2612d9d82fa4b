"""From a target, as people type it, to runs."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

from postrun.model import RunRef, TargetError
from postrun.sources.base import Source
from postrun.sources.exported.source import Exported
from postrun.sources.stored import find_stored
from postrun.sources.wandb_api.options import RemoteOptions
from postrun.sources.wandb_api.source import WandbApi
from postrun.sources.wandb_local.source import WandbLocal


def sources(remote: RemoteOptions | None = None) -> list[Source]:
    """All sources but stores, postrun's own first, then those of the `postrun.sources` entry points."""
    own: list[Source] = [WandbLocal(), Exported(), WandbApi(remote)]
    return own + [entry.load()() for entry in entry_points(group="postrun.sources")]


def resolve(target: str | Path, remote: RemoteOptions | None = None) -> list[RunRef]:
    """Runs behind a target, newest first, without reading their histories.

    `remote` chooses among the runs of a project on a server.

    Raises TargetError, with what to do, where nothing is there or nothing is a run.
    """
    path = Path(target).expanduser()
    # Before all others: what is in a store is no file, and its filters have a "?".
    stored = find_stored(path.as_posix(), remote or RemoteOptions())
    if stored is not None:
        return stored
    if not path.exists() and any(c in str(target) for c in "*?["):
        return _resolve_glob(str(path))
    explicit = str(target).startswith((".", "~", "/"))  # a path, whether it is there or not
    for source in sources(remote):
        if explicit and not path.exists():
            break
        if source.claims(path):
            return list(source.find(path))
    if not path.exists():
        raise TargetError(target, "no such file or folder", _WHERE)
    if path.is_dir() and not any(path.iterdir()):
        raise TargetError(path, "the folder is empty", _WHERE)
    kind = "no run in this folder" if path.is_dir() else "not a run that postrun can read"
    raise TargetError(path, kind, _WHERE)


def resolve_all(
    targets: Iterable[str | Path], remote: RemoteOptions | None = None
) -> tuple[list[RunRef], list[TargetError]]:
    """Runs behind several targets, in their order, and the errors of those that are none."""
    refs: list[RunRef] = []
    errors: list[TargetError] = []
    for target in targets:
        try:
            refs += resolve(target, remote)
        except TargetError as error:
            refs += error.found
            errors.append(error)
    return refs, errors


_WHERE = (
    "Give a run-ID.wandb file, a run folder, a folder of run folders such as ./wandb, "
    "an exported folder, a CSV or Parquet history, a store, or entity/project[/run] on a W&B server."
)


def _resolve_glob(pattern: str) -> list[RunRef]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - may be absolute
    refs, _ = resolve_all(matches)
    if not refs:
        raise TargetError(pattern, "no run matches this pattern", _WHERE)
    unique = {ref.path: ref for ref in refs}
    return sorted(unique.values(), key=lambda r: (r.modified, r.id), reverse=True)


def newest_below(folder: Path) -> Iterator[RunRef]:
    """The newest run below a folder, or nothing."""
    if folder.is_dir():
        try:
            yield from resolve(folder)[:1]
        except TargetError:
            return
