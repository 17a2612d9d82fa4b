"""A list of runs in a terminal, from what listing shows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from postrun.model import RunRef, UsageError
from postrun.model.text import did_you_mean, duration, number
from postrun.records.cache import Cache
from postrun.records.project import Project
from postrun.records.record import RunRecord
from postrun.report.columns import Column, fitting, table
from postrun.report.console import make_console, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: Columns of a terminal from which on there is room for long ids beside names.
_WIDE = 100


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
    kept, dropped = fitting(_columns(refs, metric, mask, console.width), console.width)
    console.print(table(kept))
    if dropped:
        console.print(Text(f"(columns not shown at this width: {', '.join(dropped)})", style="dim"))


def _columns(
    refs: Sequence[RunRef], metric: str, mask: Callable[[str], str], width: int
) -> list[Column]:
    from rich.text import Text

    def texts(made: Callable[[RunRef], str]) -> list[Text]:
        return [Text(safe(mask(made(ref)))) for ref in refs]

    short = [ref.ended.partition(" (")[0] for ref in refs]
    names = [ref.name if ref.name != ref.id else "" for ref in refs]
    columns = [
        # Beside names, which people know, a long id takes less of a narrow terminal.
        Column("run", texts(lambda ref: ref.id), most=14 if width < _WIDE and any(names) else 28),
        Column("name", [Text(safe(mask(n))) for n in names], rank=4, most=30, least=16),
        Column("state", [Text(word) for word in short], rank=5, most=22),
        Column("steps", texts(_steps), rank=2, right=True),
        Column("time", texts(_time), rank=3, right=True),
    ]  # fmt: skip
    if metric:
        column = texts(lambda ref: number(ref.values.get(metric)))
        columns.append(Column(safe(mask(metric)), column, rank=0, right=True, most=22))
    columns += [
        Column("started (UTC)", texts(_started), rank=6),
        Column("project", texts(lambda ref: ref.project), rank=8, most=30),
        Column("size", texts(_size), rank=7, right=True),
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
