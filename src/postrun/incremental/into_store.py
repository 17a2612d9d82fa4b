"""Runs into a store: read, diagnosed and kept, each once, again only where it or the rules changed.

A job writes a run's files and gives its rows; who called writes the rows, a batch every few seconds. So a job
that is done twice (a worker died, two pulls at a time) leaves the same files, and one row counts.
"""

from __future__ import annotations

import io
import platform
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.diagnosis import diagnosis
from postrun.execution.pool import map_runs
from postrun.gather import masked_record
from postrun.incremental.folders import Pulled, from_known
from postrun.job import Result, lost
from postrun.metrics import RunView
from postrun.model import FAILURES, Run, RunRef
from postrun.privacy import Masker, Privacy
from postrun.records.features import features_version
from postrun.records.reading import record_of
from postrun.store.pack import origin_of, where, write_run
from postrun.store.roots import near_storage
from postrun.store.schema import check
from postrun.store.storage import Storage, StoreError
from postrun.store.store import Store
from postrun.store.stored_runs import load_stored
from postrun.store.tables import Rows, Tables, collected, rewrite

#: What is asked of a run that is in the store, beside what its key columns tell.
_KNOWN = ("entry", "written", "version", "features", "history", "gone")


@dataclass(slots=True)
class StoreEntry:
    """What a job gives: rows for the tables, or the error that kept the run out.

    `stop` is what makes going on useless: the store itself cannot be written.
    """

    result: Result
    rows: Rows | None = None
    stop: StoreError | None = None


#: Origin and version under which a run is kept.
Key = tuple[str, str]


def pull_into(
    store: Store,
    refs: Sequence[RunRef],
    privacy: Privacy,
    workers: int | None = None,
    cluster: str = "",
    force: bool = False,
) -> Iterator[Pulled]:
    """Bring runs into a store, in their order; the ones that are unchanged cost nothing.

    Args:
        store: The store, opened to be written.
        refs: The runs.
        privacy: What is kept out of the store.
        workers: As in `map_runs`.
        cluster: As in `map_runs`; its workers write into the store themselves.
        anew: Read all of them, whatever is in the store.

    Raises:
        StoreError: The store cannot be written; what was written before is in it.
        ClusterError: The cluster is gone; the same.
    """
    tables = store.tables()
    known = _known(tables)
    privacy = replace(privacy, salt=store.salt)
    versions = (f"{ref.version} {privacy.key}" if ref.version else "" for ref in refs)
    keys = list(zip(_origins(store, refs), versions, strict=True))
    features = features_version()
    plan = [
        ref if force else _planned(store, tables, ref, key, known, features)
        for ref, key in zip(refs, keys, strict=True)
    ]
    job = partial(store_job, root=store.root, privacy=privacy, features=features)
    yield from _entered(store, refs, plan, keys, known, job, workers, cluster)


def _origins(store: Store, refs: Sequence[RunRef]) -> list[str]:
    """Return the keys of runs in a store: where they come from, without the secrets in paths and names."""
    masker = Masker(Privacy(salt=store.salt))
    return [masker.text(origin_of(ref)) for ref in refs]


def _entered(
    store: Store,
    refs: Sequence[RunRef],
    plan: Sequence[RunRef | None],
    keys: Sequence[Key],
    known: Container[str],
    job: Callable[[RunRef, Key], StoreEntry],
    workers: int | None,
    cluster: str,
) -> Iterator[Pulled]:
    """What became of each run; `plan` says how it is read, None that there is nothing to do."""
    folder, writer = store.root, store.writer
    wanted = [(ref, key) for ref, key in zip(plan, keys, strict=True) if ref is not None]
    chosen, given = [ref for ref, _ in wanted], [key for _, key in wanted]
    try:
        with closing(map_runs(chosen, given, job, _lost, workers, cluster=cluster)) as results:
            for ref, planned, (origin, _) in zip(refs, plan, keys, strict=True):
                if planned is None:
                    yield Pulled(ref.id, "unchanged", folder)
                    continue
                entered = next(results)
                if entered.stop is not None:
                    raise entered.stop
                if entered.rows is None:
                    yield Pulled(ref.id, "failed", folder, entered.result)
                    continue
                writer.add(entered.rows)
                status = "updated" if origin in known else "new"
                yield Pulled(ref.id, status, folder, entered.result)
    finally:  # whatever ends this, what was done counts
        writer.flush()
    writer.close()


def _known(tables: Tables) -> dict[str, dict[str, Any]]:
    """What is known of the runs in the store by their origins, and where their rows lie."""
    known = collected(tables.runs(tables.kept).select(_KNOWN), tables.storage.root)
    rows = tables.kept.join(known, on=["entry", "written"])
    return {row["origin"]: row for row in rows.iter_rows(named=True)}


def _planned(
    store: Store,
    tables: Tables,
    ref: RunRef,
    key: Key,
    known: Mapping[str, Mapping[str, Any]],
    features: str,
) -> RunRef | None:
    """The reference to read; None for nothing to do."""
    origin, version = key
    row = known.get(origin)
    if row is None:
        return ref
    if version and row["version"] == version and not row["gone"]:
        if row["features"] == features:
            return None
        # The run is the same, the rules are others: what is in the store is as good as its source, and nearer.
        return replace(ref, loader=_loader(tables, row), remote=False)
    same = _privacy_of(row["version"]) == _privacy_of(version)
    if ref.continue_from is None or not row["history"] or not same:
        return ref
    return replace(ref, loader=partial(from_known, ref, partial(_rows, store.root, row["history"])))


def _privacy_of(version: str) -> str:
    """Return the last word of a version: `Privacy.key` of how the run was kept."""
    return version.rpartition(" ")[2]


def _rows(root: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(near_storage(root).read(name)))


def store_job(ref: RunRef, key: Key, root: str, privacy: Privacy, features: str) -> StoreEntry:
    """Read a run, diagnose it, and write its files into the store."""
    try:
        _seen(root)
        return store_run(near_storage(root), ref.load(), key, privacy, features)
    except StoreError as error:
        return StoreEntry(Result(ref.id), stop=error)
    except FAILURES as error:  # one run must not stop the others
        return _lost(ref, error)


@cache
def _seen(root: str) -> None:
    """StoreError where the store is not to be seen from this process: its files would go elsewhere."""
    if not check(near_storage(root)):
        raise StoreError(
            root,
            f"a worker on {platform.node()} does not see the store",
            "Put it on a disk that all workers share, or into an object store (s3://...).",
        )


def store_run(where_to: Storage, run: Run, key: Key, privacy: Privacy, features: str) -> StoreEntry:
    """The job on a run that is read."""
    view = RunView(run)
    told = diagnosis(view, privacy)
    shown, findings = told.run, told.findings
    record = masked_record(record_of(view), Masker(privacy, run))
    rows = write_run(
        where_to,
        shown,
        origin=key[0],
        version=key[1],
        features=features,
        record=record.as_dict(),
        findings=findings,
        framework=view.framework,
        ending=record.ending.kind,
        failed=record.ending.failed,
        masked=told.masked,
    )
    done = run.completeness
    result = Result(
        shown.id, shown.name, shown.state, done.rows, done.sentence(), findings=findings,
        masked=rows.runs[0]["masked"],
    )  # fmt: skip
    return StoreEntry(result, rows)


def _lost(ref: RunRef, error: BaseException) -> StoreEntry:
    return StoreEntry(lost(ref, error))


def refresh(store: Store, workers: int | None = None, cluster: str = "") -> Iterator[Pulled]:
    """Compute the findings and features of runs anew where other rules made them, from the store alone.

    Raises StoreError and ClusterError as `pull_into`.
    """
    tables, features = store.tables(), features_version()
    stale = {o: row for o, row in _known(tables).items() if row["features"] != features}
    refs = [
        RunRef(row["id"], "store", Path(where(origin)), _loader(tables, row))
        for origin, row in stale.items()
    ]
    keys = [(origin, row["version"]) for origin, row in stale.items()]
    # What was kept out once is out.
    job = partial(store_job, root=store.root, privacy=Privacy(mask=False), features=features)
    yield from _entered(store, refs, refs, keys, stale, job, workers, cluster)


def _loader(tables: Tables, row: Mapping[str, Any]) -> Callable[[], Run]:
    """What reads a run that is in the store from there."""
    return partial(load_stored, tables.storage.root, tables.stems[row["batch"]], row["at"])


def mark_gone(store: Store, project: str, refs: Sequence[RunRef]) -> list[Pulled]:
    """Mark the runs of a server's project that are in the store and not on the server any more."""
    tables = store.tables()
    here = set(_origins(store, refs))
    rows = [row for origin, row in _known(tables).items() if _project(origin) == project]
    gone = [row for row in rows if row["origin"] not in here]
    fresh = [row["entry"] for row in gone if not row["gone"]]
    if fresh:
        rewrite(tables, tables.origins.filter(pl.col("entry").is_in(fresh)), gone=True)
    return [Pulled(row["id"], "deleted", store.root) for row in gone]


def _project(origin: str) -> str:
    """The project of an origin on a server, "" for others."""
    return where(origin).rpartition("/")[0] if origin.startswith("wandb_api ") else ""
