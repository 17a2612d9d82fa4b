"""From a target, as people type it, to runs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from postrun.model import RunRef, TargetError
from postrun.model.text import did_you_mean
from postrun.plugins import load_plugins
from postrun.sources.base import Source
from postrun.sources.exported.source import Exported
from postrun.sources.guarded import guarded
from postrun.sources.stored import Stored
from postrun.sources.trackers.base import CONSOLE
from postrun.sources.trackers.mlflow.server import MlflowServer
from postrun.sources.trackers.source import Trackers
from postrun.sources.wandb_api.options import RemoteOptions
from postrun.sources.wandb_api.source import WandbApi
from postrun.sources.wandb_local.source import WandbLocal

#: Sources of which one folder may hold runs side by side.
_FOLDERS = (WandbLocal, Trackers, Exported)


def sources(remote: RemoteOptions | None = None) -> list[Source]:
    """Return all sources in the order in which they are asked.

    What is on disk comes first, then plug-ins, then the W&B server, which takes any "name/name". A
    store comes before all: its filters have a "?", which is a pattern elsewhere.
    """
    own: list[Source] = [Stored(remote), WandbLocal(), Trackers(), MlflowServer(), Exported()]
    return [*own, *load_plugins("postrun.sources", guarded), WandbApi(remote)]


def resolve(target: str | Path, remote: RemoteOptions | None = None) -> list[RunRef]:
    """Return the runs behind a target, newest first, without reading their histories.

    `remote` chooses among the runs of a project on a server.

    Raises:
        TargetError: Nothing is there, or nothing is a run; with what to do.
    """
    text = str(target)
    path = Path(text).expanduser()
    explicit = text.startswith((".", "~", "/"))  # a path, whether it is there or not
    for source in sources(remote):
        if isinstance(source, WandbApi) and (explicit or _is_pattern(text)):
            continue
        if source.claims(text):
            mixed = isinstance(source, _FOLDERS) and path.is_dir()
            found = _of_folder(text) if mixed else list(source.find(text))
            return _chosen(text, found, remote)
    if not path.exists() and _is_pattern(text):
        return _resolve_glob(str(path), remote)
    if not path.exists():
        raise TargetError(target, "no such file or folder", f"{_near(path)}{_WHERE}")
    if path.is_dir() and not any(path.iterdir()):
        raise TargetError(path, "the folder is empty", _WHERE)
    kind = "no W&B run in this folder" if path.is_dir() else "not a run that postrun can read"
    raise TargetError(path, kind, _WHERE)


def _of_folder(target: str) -> list[RunRef]:
    """Return the runs in a folder, of W&B, of other trackers and of exports, newest first.

    A console log is no run of its own if other runs lie in its folder or below: it is likely theirs. A training
    that was logged to W&B and to TensorBoard is one run.

    Raises:
        TargetError: A file cannot be read; with the runs of the others.
    """
    found: list[RunRef] = []
    errors: list[TargetError] = []
    for kind in _FOLDERS:
        try:
            found += kind().find(target)
        except TargetError as error:
            found += error.found
            errors.append(error)
    logs = {ref.path for ref in found if ref.source == CONSOLE}
    above = {folder for ref in found if ref.path not in logs for folder in ref.path.parents}
    kept = [ref for ref in found if ref.path not in logs or ref.path.parent not in above]
    if len({ref.source for ref in kept}) > 1:
        from postrun.sources.twice import without_twins

        kept = without_twins(kept)
    kept.sort(key=lambda ref: (ref.modified, ref.id), reverse=True)
    if errors:
        raise TargetError(errors[0].target, errors[0].problem, errors[0].remedy, kept)
    return kept


def _near(path: Path) -> str:
    """Return "Did you mean a? " with files and folders beside a path that are called like it, or ""."""
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names alone
    except OSError:
        return ""
    near = did_you_mean(path.name, (name for name in names if not name.startswith(".")))
    return f"{near.strip()} " if near else ""


def _chosen(target: str, found: list[RunRef], options: RemoteOptions | None) -> list[RunRef]:
    """Return the runs that the options choose; TargetError if that leaves none."""
    if options is None:
        return found
    kept = options.of(found)
    if found and not kept:
        raise TargetError(
            target, "no run fits these filters", "See which runs there are: postrun list."
        )
    return kept


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[")


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
    "Pass a folder of runs such as ./wandb, a run's folder, log or CSV, another tracker's logs, a store, or "
    "entity/project."
)


def _resolve_glob(pattern: str, remote: RemoteOptions | None) -> list[RunRef]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - may be absolute
    refs, _ = resolve_all(matches)
    if not refs:
        raise TargetError(pattern, "no run matches this pattern", _WHERE)
    unique = {(ref.path, ref.id): ref for ref in refs}
    newest = sorted(unique.values(), key=lambda r: (r.modified, r.id), reverse=True)
    return _chosen(pattern, newest, remote)
