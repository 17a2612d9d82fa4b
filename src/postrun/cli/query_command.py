"""`postrun query`: SQL over a store."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import polars as pl

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_bytes
from postrun.cli.targets import report_errors
from postrun.model import UsageError
from postrun.privacy import Masker, Privacy
from postrun.report.export import spreadsheet_safe
from postrun.report.frame import print_frame
from postrun.report.progress import waiting
from postrun.store import Store
from postrun.store.atomic import write_atomically
from postrun.store.maintenance import verify
from postrun.store.query import query, wrong

#: Rows that a terminal is shown.
_ROWS = 50
_WRITERS = {".csv": "write_csv", ".parquet": "write_parquet", ".json": "write_json"}


@click.command(name="query")
@click.argument("sql")
@click.option(
    "--store", default="store:", show_default=True, metavar="STORE", help="Store to query."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all rows to this file: .csv, .parquet or .json.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, nothing else.")
@json_option
@click.option("--no-mask", is_flag=True, help="Show keys, tokens and passwords as they are.")
def command(
    sql: str, store: str, out: Path | None, as_csv: bool, as_json: bool, no_mask: bool
) -> None:
    """Query a store in SQL (the dialect of Polars).

    Tables: runs, metrics, findings, history, system, console. The columns "config.KEY" and "summary.KEY" of
    runs are read from their JSON.
    """
    if out is not None and out.suffix not in _WRITERS:
        raise UsageError(f"--out {out}: the file name must end with one of {', '.join(_WRITERS)}")
    opened = Store(store)
    with waiting("Querying the store"):
        frame, errors = _asked(opened, sql)
    frame = Masker(Privacy(mask=not no_mask, salt=opened.salt)).frame(frame)
    errors += map(str, opened.problems)
    if out is not None:
        shown = frame if out.suffix == ".parquet" else _flat(frame)
        shown = spreadsheet_safe(shown) if out.suffix == ".csv" else shown
        write_atomically(out, getattr(shown, _WRITERS[out.suffix]))
    if as_json:
        print_results({"rows": frame.to_dicts()}, errors)
    elif as_csv:
        print_bytes(spreadsheet_safe(_flat(frame)).write_csv().encode())
    elif out is None:
        print_frame(_flat(frame), _ROWS)
    sys.exit(report_errors(errors))


def _asked(store: Store, sql: str) -> tuple[pl.DataFrame, list[str]]:
    """The answer; where files are damaged, that of the others, and what is wrong with these."""
    try:
        return query(store, sql).collect(), []
    except pl.exceptions.SQLInterfaceError as error:
        raise UsageError(wrong(error)) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        found = verify(store.storage)
        if found.sound:  # then it is the query's own doing
            raise UsageError(wrong(error)) from error
        store.left_out = found.damaged
        try:
            return query(store, sql).collect(), [*map(str, found.problems)]
        except (pl.exceptions.PolarsError, OSError):
            return pl.DataFrame(), [*map(str, found.problems)]


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as text, for what knows no lists."""
    lists = [n for n, t in frame.schema.items() if isinstance(t, pl.List)]
    return frame.with_columns(pl.col(n).cast(pl.List(pl.String)).list.join(" ") for n in lists)
