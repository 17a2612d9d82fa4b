"""Fetching runs so that a second time only what is new is fetched.

Beside a run's exported files lies `pull.json`, written last: what the server told of the run when its
files were written. A run whose files are as new as the server's record is left alone; of one that went
on, only later steps are asked for. Each file is written aside and renamed and holds the whole history, so
that a process that is killed at any moment leaves no row out and none twice: at worst a run is asked for
again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.job import Options, Result, run_job
from postrun.model import PostrunError, Run, RunRef
from postrun.privacy import Masker, Privacy
from postrun.report.files import safe_name, write_json
from postrun.sources import prefetched
from postrun.sources.frames.files import read_whole

MANIFEST = "pull.json"


@dataclass(slots=True)
class Pulled:
    """What became of one run: `status` is "new", "updated", "unchanged", "deleted" or "failed".

    `folder` is where it is now: a folder of its own, or the root of a store.
    """

    id: str
    status: str
    folder: Path | str
    result: Result | None = None


def pull_all(
    refs: list[RunRef],
    names: list[str],
    options: Options,
    workers: int | None = None,
    files: Sequence[str] = (),
    force: bool = False,
) -> Iterator[Pulled]:
    """Pull runs into `options.out`, in order; those that are unchanged cost no request.

    `files`: patterns of further files of remote runs to put into their folder `files/`. `anew`: whatever was
    pulled before.
    """
    assert options.out is not None
    masker = Masker(options.privacy)
    asked = [options.privacy.key, *sorted(files)]
    known = [{} if force else _read(options.out / name / MANIFEST) for name in names]
    wanted = [
        _continued(ref, options.out / name, manifest, asked, masker)
        for ref, name, manifest in zip(refs, names, known, strict=True)
    ]
    fetched = prefetched([ref for ref in wanted if ref is not None], workers)
    for ref, later, name, manifest in zip(refs, wanted, names, known, strict=True):
        folder = options.out / name
        if later is None:
            yield Pulled(ref.id, "unchanged", folder)
            continue
        result = run_job(next(fetched), name, options)
        if result.error:
            yield Pulled(ref.id, "failed", folder, result)
            continue
        if files and ref.download is not None:
            try:
                result.files += ref.download(folder / "files", files)
            except PostrunError as error:
                result.error = str(error)
                result.files += getattr(error, "found", ())
                yield Pulled(ref.id, "failed", folder, result)
                continue
        if ref.remote:
            told = {"version": ref.version, "path": _place(ref), "asked": asked}
            write_json(folder / MANIFEST, told)
        yield Pulled(ref.id, "updated" if manifest else "new", folder, result)


def _continued(
    ref: RunRef, folder: Path, manifest: dict[str, Any], asked: list[Any], masker: Masker
) -> RunRef | None:
    """The reference to read, from its known rows on where there are some; None for nothing to do.

    What was pulled in another way (masked, or with other files) is read anew.
    """
    if not ref.remote or manifest.get("path") != _place(ref) or manifest.get("asked") != asked:
        return ref
    same = ref.version != "" and manifest.get("version") == ref.version
    if same and not manifest.get("deleted"):
        return None
    path = folder / f"{safe_name(masker.text(ref.id))}_history.parquet"
    if ref.continue_from is None or not path.is_file():
        return ref
    return replace(ref, loader=partial(from_known, ref, partial(read_whole, path)))


def from_known(ref: RunRef, read: Callable[[], pl.DataFrame]) -> Run:
    """The run, from the rows of an earlier pull on; these are read only now, for one run at a time."""
    assert ref.continue_from is not None
    try:
        rows = read()
    except (pl.exceptions.PolarsError, OSError):
        return ref.load()
    return ref.continue_from(rows)


def mark_deleted(out: Path, project: str, refs: list[RunRef]) -> list[Pulled]:
    """Mark the runs of a project that were pulled once and are not on its server any more."""
    here = {_place(ref) for ref in refs}
    found = []
    for path in sorted(out.glob(f"*/{MANIFEST}")):
        manifest = _read(path)
        where = str(manifest.get("path", ""))
        if where.rpartition("/")[0] == project and where not in here:
            if not manifest.get("deleted"):
                write_json(path, manifest | {"deleted": True})
            found.append(Pulled(where.rpartition("/")[2], "deleted", path.parent))
    return found


def _place(ref: RunRef) -> str:
    """Return where a run lies on its server, without a secret that its name may be."""
    return Masker(Privacy()).text(str(ref.path))


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
