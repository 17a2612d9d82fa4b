"""Runs in a store as a source: `STORE`, `STORE/entity/project[/run]`, and either with a filter.

A filter follows a "?": `STORE?state=failed&config.lr>0.001`. Its names are columns of the `runs` table, `tag`,
`finding`, `config.KEY` and `summary.KEY`; its signs those of `--config`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from postrun.model import Listing, RunRef, State, TargetError, UsageError
from postrun.model.ending import words_of
from postrun.model.filter import Condition, fits, nested, sortable, split_condition
from postrun.model.times import parse_time
from postrun.privacy import Masker, Privacy
from postrun.sources.files import finite_numbers
from postrun.sources.wandb_api.options import RemoteOptions
from postrun.store.roots import DEFAULT, is_url, plain_root, storage
from postrun.store.schema import INTERNAL, NOBODY, RUNS, check, salt_of
from postrun.store.storage import MARKER
from postrun.store.store import Store
from postrun.store.stored_runs import StoredRun, StoredRuns, load_stored
from postrun.store.tables import Tables, collected

#: Below a store's root lie entity, project and run.
_DEPTH = 3
#: Columns of `runs` that references, filters and shelves need.
_NEEDED = (
    "entry", "written", "name", "group", "job_type", "sweep", "tags", "state", "started", "bytes", "history",
    "odd", "features", "findings", "version",
)  # fmt: skip
#: Names of filters that are open: what follows is a key.
_OPEN = ("config.", "summary.")
_SHOWN = [name for name in RUNS if name not in INTERNAL]


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """What a target means: a store, the entity, project and run in it ("" for all), and conditions."""

    root: str
    entity: str = ""
    project: str = ""
    run: str = ""
    conditions: tuple[str, ...] = ()


def parse_target(text: str) -> StoreTarget | None:
    """The store behind a target, None where there is none.

    TargetError where the target can be nothing else, and no store is there.
    """
    path, _, asked = text.partition("?")
    sure = path.startswith(DEFAULT) or is_url(path)
    if not sure and Path(path).expanduser().is_file():
        return None
    # The root is named in the target: who is in a store's folder may still mean a server's entity/project.
    depth = _DEPTH if sure or path[:1] in "/~" else min(_DEPTH, path.strip("/").count("/"))
    root, inside = plain_root(path), list[str]()
    for _ in range(depth + 1):
        if _is_store(root):
            names = [unquote(part.partition("=")[2] or part) for part in inside]
            entity, project, run = (*names, "", "", "")[:_DEPTH]
            conditions = tuple(condition for condition in asked.split("&") if condition)
            return StoreTarget(root, entity, project, run, conditions)
        root, _, last = root.rpartition("/")
        if not root or root.endswith(":/"):
            break
        inside.insert(0, last)
    if sure:
        raise TargetError(
            plain_root(path), "no store is here", f"Make one: postrun pull TARGET --store {path}"
        )
    return None


def _is_store(root: str) -> bool:
    if is_url(root):
        return bool(check(storage(root)))
    return Path(f"{root}/{MARKER}").is_file() and bool(check(storage(root)))


class Stored:
    """Runs that lie in a store."""

    name = "store"

    def __init__(self, options: RemoteOptions | None = None) -> None:
        self.options = options or RemoteOptions()

    def claims(self, target: str) -> bool:
        """Return whether a target is a store or something in one; TargetError if it can be nothing else."""
        return parse_target(_as_path(target)) is not None

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the runs that the target and the options choose, newest first unless they say otherwise.

        Raises:
            TargetError: A table is damaged; the error holds the runs that were found nonetheless.
        """
        text = _as_path(target)
        found = parse_target(text)
        assert found is not None
        yield from _find(text, found, self.options)


def _as_path(target: str) -> str:
    """Return a target with the user's folder written out; a URL stays what it is."""
    return target if is_url(target) else str(Path(target).expanduser())


def _find(text: str, found: StoreTarget, options: RemoteOptions) -> list[RunRef]:
    """Return the runs of a store that a target and options choose."""
    store = Store(found.root)
    tables = store.tables()
    rows = tables.rows
    for name, value in (
        ("entity", found.entity),
        ("project", found.project),
        ("id", found.run),
    ):
        if value:
            known = rows[name].unique().to_list()
            rows = rows.filter(pl.col(name).is_in(_matching(known, value)))
    conditions = _conditions(found, options)
    for key, sign, value in conditions:  # by what is at hand already, before more is read
        if sign == "=" and _column(key) in ("entity", "project", "id"):
            rows = rows.filter(pl.col(_column(key)) == str(value))
    rows = _chosen(tables, rows, conditions, options)
    stored = StoredRuns(store, tables, rows)
    refs = [_reference(stored, row) for row in rows.iter_rows(named=True)]
    if tables.problems:
        first = tables.problems[0]
        raise TargetError(found.root, f"{first.target}: {first.problem}", first.remedy, refs)
    if not refs:
        raise TargetError(
            text,
            "no run of this store fits",
            f"Look at: postrun list {found.root}",
        )
    return refs


def _matching(names: list[str], wanted: str) -> list[str]:
    """Of the names, the one that is wanted, or those that fit a pattern as a shell has them."""
    wanted = "" if wanted == NOBODY else wanted
    return [wanted] if wanted in names else fnmatch.filter(names, wanted)


def _reference(stored: StoredRuns, row: Mapping[str, Any]) -> RunRef:
    root, stem = stored.store.root, stored.tables.stems[row["batch"]]
    project = "/".join(part for part in (row["entity"], row["project"]) if part)
    load = partial(load_stored, root, stem, row["at"])
    return RunRef(
        id=row["id"],
        source="store",
        path=Path(root) / (row["entity"] or NOBODY) / (row["project"] or NOBODY) / row["id"],
        loader=load,
        part_loader=load,
        listing=partial(_listing, stored, row["entry"], row["name"] or "", project, row["state"]),
        modified=(row["started"] or row["written"]).timestamp(),
        size=row["bytes"] or 0,
        version=str(row["entry"]),
        filtered=True,
        kept=StoredRun(stored, row["entry"]),
    )


def _listing(stored: StoredRuns, entry: int, name: str, project: str, state: str) -> Listing:
    shown = stored.shown(entry)
    values = dict(finite_numbers(json.loads(shown["summary"] or "{}")))
    for key, column in (("_step", "last_step"), ("_runtime", "runtime")):
        if shown[column] is not None:
            values[key] = float(shown[column])
    ended = words_of(shown["ending"] or "unknown", recorded=shown["exit_code"] is not None)
    return Listing(name, project, State(state), ended, values)


def _conditions(target: StoreTarget, options: RemoteOptions) -> list[Condition]:
    """All that a run must fulfil, of the target and of the options."""
    found = [split_condition(text, "filter") for text in target.conditions]
    found += [("tags", "=", tag) for tag in options.tag]
    found += options.conditions()
    for name, sign in (("group", "="), ("sweep", "="), ("name", "~")):
        if value := getattr(options, name):
            found.append((name, sign, value))
    if options.created_after:
        found.append(("started", ">", parse_time(options.created_after)))
    for key, _, _ in found:
        if _column(key) not in RUNS and not key.startswith(_OPEN):
            raise UsageError(
                f"{key}: not a column of the runs; config.KEY, summary.KEY, {', '.join(_SHOWN)}"
            )
    return found


def _chosen(
    tables: Tables, rows: pl.DataFrame, conditions: list[Condition], options: RemoteOptions
) -> pl.DataFrame:
    """Rows that fit, in the order asked for, with the columns that references and shelves need."""
    order = options.order_name
    by = {"created": "started", "heartbeat": "written"}.get(order, order)
    asked = {_column(key) for key, _, _ in conditions} | {_column(by)}
    columns = [*dict.fromkeys((*_NEEDED, *sorted(asked)))]
    frame = collected(tables.runs(rows).select(columns), tables.storage.root)
    frame = rows.join(frame, on=["entry", "written"], maintain_order="left", suffix="_of_run")
    masker = Masker(Privacy(salt=salt_of(tables.storage)))
    kept = []
    for number, row in enumerate(
        frame.select(sorted({*asked, "state", "id"})).iter_rows(named=True)
    ):
        values: dict[str, Any] = dict(row)
        for name in ("config", "summary"):
            if name in values:
                values[name] = json.loads(values[name] or "{}")
        if options.state and row["state"] not in options.state:
            continue
        if all(_fits(_value(values, condition[0]), condition, masker) for condition in conditions):
            kept.append((sortable(_value(values, by)), row["id"], number))
    kept.sort(reverse=options.descending)
    numbers = [number for _, _, number in kept]
    return frame[numbers[: options.limit or None]]


def _fits(value: Any, condition: Condition, masker: Masker) -> bool:
    """Return whether a value fulfils a condition, as it is or as the store masked it."""
    key, sign, wanted = condition
    texts = (
        {wanted}
        if sign == "~" or not isinstance(wanted, str)
        else {wanted, masker.text(wanted, key)}
    )
    return (all if sign == "!=" else any)(fits(value, sign, text) for text in texts)


def _column(key: str) -> str:
    """The column of `runs` that a name of a filter is looked up in."""
    if key.startswith(_OPEN):
        return key.partition(".")[0]
    return {"tag": "tags", "finding": "findings", "run": "id"}.get(key, key)


def _value(row: Mapping[str, Any], key: str) -> Any:
    """A value by a filter's name: nested ones by their names joined with "."."""
    name = _column(key)
    value = row[name]
    if not key.startswith(_OPEN):
        return value or row["id"] if name == "name" else value
    rest = key.partition(".")[2]
    return nested(value, rest)
