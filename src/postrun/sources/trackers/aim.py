"""Aim: repositories (`.aim`), read by Aim's own library, which knows its storage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from postrun.model import Identity, Listing, Run, State, TargetError
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.points import Points, rows_of
from postrun.sources.trackers.system import system_frame

_FOLDER, _CHUNKS = ".aim", ("meta", "chunks")
_INSTALL = "Install postrun with Aim's library: pip install 'postrun[aim]'."
_SYSTEM = "__system__"


class Aim:
    """Repositories of Aim 3, whose runs lie in databases of RocksDB."""

    name = "aim"
    title = "Aim"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the runs of the repository in a folder."""
        chunks = folder.joinpath(_FOLDER, *_CHUNKS)
        if _FOLDER not in names or not chunks.is_dir():
            return
        for run in sorted(p for p in chunks.iterdir() if p.is_dir()):
            files = tuple(sorted(p for p in run.iterdir() if p.suffix in (".sst", ".log")))
            yield Found(
                run,
                files,
                partial(_load, self.name, folder, run.name),
                id=run.name,
                listing=Listing,
                alone=False,
            )

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: the repository is hidden, and other logs may lie beside it."""
        return False


def _load(source: str, folder: Path, run: str, run_id: str) -> Run:
    """Read one run of a repository.

    Raises:
        TargetError: Aim is not installed, or cannot read the run.
    """
    try:
        import aim
    except ImportError:
        raise TargetError(
            folder / _FOLDER, "reading Aim's repositories takes Aim's library", _INSTALL
        ) from None
    try:
        found = aim.Repo.from_path(str(folder)).get_run(run)
        if found is None:
            raise TargetError(
                folder / _FOLDER, f"no run {run}", "List the runs again: postrun list."
            )
        return _run(source, found, folder, run_id)
    except TargetError:
        raise
    except Exception as error:  # whatever its storage raises of another version or a damaged file
        problem = f"Aim cannot read the run {run}: {type(error).__name__}: {error}"
        raise TargetError(
            folder / _FOLDER, problem, "Try `aim storage upgrade` on a copy."
        ) from None


def _run(source: str, found: Any, folder: Path, run_id: str) -> Run:
    names: list[str] = []
    columns: list[tuple[Any, ...]] = []
    for metric in found.metrics():
        step, (value, _, time) = metric.data.sparse_numpy()
        code = np.full(len(step), len(names), np.int64)
        names.append(_named(metric.name, metric.context.to_dict()))
        columns.append(
            (code, step.astype(np.int64), time.astype(np.float64), value.astype(np.float64))
        )
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
    code, step, time, value = (np.concatenate(c) for c in zip(*(columns or [empty]), strict=True))
    order = np.lexsort((step, time))
    machine = np.array([name.startswith(_SYSTEM) for name in names] or [False], np.bool_)
    of_machine = machine[code[order]]
    frames = [
        rows_of(Points(names, code[rows], step[rows], time[rows], value[rows]))[0]
        for rows in (order[~of_machine], order[of_machine])
    ]
    config = {k: v for k, v in found.collect().items() if not k.startswith("__")}
    hparams = config.pop("hparams", {})
    started = found.created_at
    identity = Identity(
        run_id,
        name=str(found.name or ""),
        project=str(found.experiment or ""),
        notes=str(found.description or ""),
        tags=[str(tag) for tag in found.tags],
        started_at=started.replace(tzinfo=UTC) if started else None,
    )
    run = tracker_run(
        source,
        identity,
        frames[0],
        folder / _FOLDER,
        config={**config, **(hparams if isinstance(hparams, dict) else {"hparams": hparams})},
        state=State.UNKNOWN if found.end_time is None else State.FINISHED,
        ended=found.end_time,
    )
    machine_names = {n: n.removeprefix(_SYSTEM) for n in frames[1].columns}
    run.system = system_frame(frames[1].rename(machine_names), run.identity.started_at)
    return run


def _named(name: str, context: dict[str, Any]) -> str:
    """Return a metric's name with its context: "val/loss" for the loss of the subset "val"."""
    subset = context.get("subset")
    others = [f"{key}={value}" for key, value in sorted(context.items()) if key != "subset"]
    return "/".join([*([str(subset)] if subset else []), name, *others])
