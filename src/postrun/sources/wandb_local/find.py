"""Where runs lie on disk: `.wandb` logs, and run folders that hold files but no log.

A *place* is one segment of a run: the path of its log, or the path of its folder if it has none.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from postrun.store.storage import MARKER

#: How the SDK names a run's folder; `dryrun-` is the offline mode of SDK 0.8 and 0.9.
_FOLDER = re.compile(r"^(?:offline-|dry)?run-(\d{8}_\d{6})-(.+)$")
_SKIP = {"files", "logs", "tmp", ".git", "node_modules", "__pycache__", "artifacts"}
_MAX_DEPTH = 6
#: Files that only the SDK writes: they make any folder a run's folder.
MARKS = ("wandb-history.jsonl", "wandb-metadata.json", "wandb-summary.json")
#: Files of a run, in `files/` or, before SDK 0.10, in the run's folder itself.
FILES = (*MARKS, "config.yaml", "output.log", "requirements.txt", "wandb-events.jsonl")
#: The log of SwanLab, whose folders have the same names and files.
_SWANLAB = ".swanlab"
#: Endings of the files of an export, which keeps a run's own files beside them.
_EXPORTED = ("_history.parquet", "_history.csv", "_summary.json")


def places(target: Path) -> Iterator[Path]:
    """Yield the places at or below a target, by name; what `latest-run` leads to comes last."""
    if target.is_file():
        yield target
    elif target.name == "files" and (_FOLDER.match(target.parent.name)):
        yield from _below(target.parent)
    else:
        yield from _below(target)


def run_id(place: Path) -> str:
    """Return a run's id by the name of its log or folder."""
    log = place.suffix == ".wandb"
    if log and place.stem.startswith("run-"):
        return place.stem[4:]
    folder = place.parent if log else place
    match = _FOLDER.match(folder.name)
    return match.group(2) if match else place.stem if log else place.name


def is_run_folder_name(name: str) -> bool:
    """Return whether a folder is called as the SDK calls those of its runs."""
    return bool(_FOLDER.match(name))


def folder_of(place: Path) -> Path:
    """Return the run folder of a place."""
    return place.parent if place.suffix == ".wandb" else place


def is_dated(folder: Path) -> bool:
    """Return whether a folder is named as the SDK names a run's folder."""
    return _FOLDER.match(folder.name) is not None


def folder_time(place: Path) -> float | None:
    """Return the start of a run by its folder's name, Unix seconds; None if it tells none.

    The SDK writes the machine's local time, which is taken to be this machine's.
    """
    match = _FOLDER.match(folder_of(place).name)
    if match is None:
        return None
    with suppress(ValueError, OverflowError):
        return time.mktime(time.strptime(match.group(1), "%Y%m%d_%H%M%S"))
    return None


def _below(folder: Path | str, depth: int = 0) -> Iterator[Path]:
    """Yield the places below a folder. Entries are listed with their types: one call a folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda e: (e.name == "latest-run", e.name))
    except OSError:
        return
    folders, names, logs = [], {entry.name for entry in entries}, 0
    if MARKER in names:
        return  # a store of runs: thousands of folders, and no log in any
    for entry in entries:
        if entry.name in _SKIP or entry.name.startswith("."):
            continue
        with suppress(OSError):
            if entry.name.endswith(".wandb") and entry.is_file():
                logs += 1
                yield Path(entry.path)
            elif entry.is_dir() and not _is_alias(entry, names):
                folders.append(entry.path)
    if not logs and _is_run_folder(Path(folder), names):
        yield Path(folder)
    if depth < _MAX_DEPTH:
        for path in folders:
            yield from _below(path, depth + 1)


def _is_alias(entry: os.DirEntry[str], names: set[str]) -> bool:
    """True for a link to a folder beside it, as `latest-run` is: that one is looked into anyway."""
    return entry.is_symlink() and os.readlink(entry.path) in names  # noqa: PTH115


def _is_run_folder(folder: Path, names: Collection[str]) -> bool:
    """Return whether a folder without a log holds the files of a run."""
    if any(name.endswith((*_EXPORTED, _SWANLAB)) for name in names):
        return False
    if folder.name == "latest-run" and any(map(_FOLDER.match, os.listdir(folder.parent))):  # noqa: PTH208
        return False  # a copy of the folder beside it that the SDK made it a link to
    if "files" in names:
        try:
            names = {*names, *os.listdir(folder / "files")}  # noqa: PTH208
        except OSError:
            return False
    return not set(FILES if _FOLDER.match(folder.name) else MARKS).isdisjoint(names)
