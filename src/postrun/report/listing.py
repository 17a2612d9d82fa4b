"""A list of runs in a terminal, from what listing shows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from postrun.model import RunRef, UsageError
from postrun.model.text import did_you_mean, duration, number, unique_labels
from postrun.records.cache import Cache
from postrun.records.project import Project
from postrun.records.record import RunRecord
from postrun.report.columns import Column, fitting, table
from postrun.report.console import make_console, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def key_metric(refs: Sequence[RunRef], wanted: str = "") -> str:
    """Return the metric that a list shows: the one that is wanted, else the one that runs are judged by, or "".

    Raises:
        UsageError: No run has logged the metric that is wanted.
    """
    known = list(dict.fromkeys(key for ref in refs for key in ref.values if key[:1] != "_"))
    if wanted:
        if wanted not in known:
            raise UsageError(f"--metric {wanted}: no run has it.{did_you_mean(wanted, known)}")
        return wanted
    records = [
        RunRecord(ref.id, ref.id, summary={k: v for k, v in ref.values.items() if k[:1] != "_"})
        for ref in refs
        if ref.values
    ]
    try:
        return Project(records, [""] * len(records), Cache.temporary()).main_metric()
    except UsageError:
        return ""


def print_refs(
    refs: Sequence[RunRef],
    metric: str,
    console: Console | None = None,
    *,
    mask: Callable[[str], str] = str,
) -> None:
    """Print runs: at small widths the numbers stay, and what is left out is said. `mask` hides secrets."""
    from rich.text import Text

    console = console or make_console()
    kept, dropped = fitting(_columns(refs, metric, mask), console.width)
    console.print(table(kept))
    if dropped:
        console.print(Text(f"(columns not shown at this width: {', '.join(dropped)})", style="dim"))


def _columns(refs: Sequence[RunRef], metric: str, mask: Callable[[str], str]) -> list[Column]:
    from rich.text import Text

    def texts(made: Callable[[RunRef], str]) -> list[Text]:
        return [Text(safe(mask(made(ref)))) for ref in refs]

    short = [ref.ended.partition(" (")[0] for ref in refs]
    named = unique_labels((ref.name or ref.id, ref.id) for ref in refs)
    columns = [
        Column("run", texts(lambda ref: ref.id), most=28),
        Column("name", [Text(safe(mask(n)) if n != ref.id else "") for n, ref in zip(named, refs, strict=True)],
               rank=6, most=30),
        Column("state", [Text(word) for word in short], rank=1, most=22),
        Column("steps", texts(_steps), rank=2, right=True),
        Column("time", texts(_time), rank=3, right=True),
    ]  # fmt: skip
    if metric:
        column = texts(lambda ref: number(ref.values.get(metric)))
        columns.append(Column(safe(mask(metric)), column, rank=0, right=True, most=22))
    columns += [
        Column("started (UTC)", texts(_started), rank=4),
        Column("project", texts(lambda ref: ref.project), rank=7, most=30),
        Column("size", texts(_size), rank=5, right=True),
    ]
    return columns


def _steps(ref: RunRef) -> str:
    step = ref.values.get("_step")
    return "–" if step is None else f"{step:,.0f}"


def _time(ref: RunRef) -> str:
    seconds = ref.values.get("_runtime")
    return "–" if seconds is None else duration(seconds)


def _started(ref: RunRef) -> str:
    return f"{datetime.fromtimestamp(ref.modified, UTC):%Y-%m-%d %H:%M}"


def _size(ref: RunRef) -> str:
    return "on a server" if ref.remote else f"{ref.size / 1e6:,.2f} MB"
