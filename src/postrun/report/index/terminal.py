"""Many runs in a terminal: one row a run, worst first, then equal findings folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postrun.model import Severity
from postrun.model.text import duration, number
from postrun.report.columns import Column, fitting, table
from postrun.report.console import make_console, safe
from postrun.report.index.folds import Fold
from postrun.report.index.workspace import Workspace
from postrun.report.sparkline import sparkline
from postrun.report.terminal import MARKS, STYLES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: Rows that are shown if not all are asked for, and folded findings.
ROWS, _FOLDS = 20, 8
#: Characters of a curve.
_CURVE = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal shows of many runs: `everything`, and the path of the page ("" if none was written)."""

    everything: bool = False
    page: str = ""
    hints: Sequence[str] = ()


def print_workspace(space: Workspace, shown: Shown, console: Console | None = None) -> None:
    """Print many runs."""
    from rich.text import Text

    console = console or make_console()
    period = f", {space.period}" if space.period else ""
    console.print(Text(f"{len(space.entries):,} runs of {safe(space.name)}{period}", style="bold"))
    console.print(Text(f"{space.counted}."))
    for sentence in space.verdict:
        console.print(Text(safe(sentence), style="bold"))
    console.print()
    _print_rows(space, shown.everything, console)
    console.print()
    for line in _folded(space, shown.everything):
        console.print(line)
    for training in space.joined:
        names = " and ".join(map(safe, training.members))
        console.print(Text(f"Read as one training: {names}. {safe(training.verdict)}"))
    if space.masked:
        console.print(Text(f"{safe(space.masked)}.", style="dim"))
    if shown.page:
        console.print(Text(f"Overview: {shown.page}", style="dim"), soft_wrap=True)
    if shown.hints:
        console.print(Text(f"Next: {' · '.join(shown.hints)}", style="dim"))


def _print_rows(space: Workspace, everything: bool, console: Console) -> None:
    from rich.text import Text

    count = len(space.entries) if everything else min(ROWS, len(space.entries))
    columns, dropped = fitting(_columns(space, count), console.width)
    console.print(table(columns))
    if count < len(space.entries):
        more = len(space.entries) - count
        console.print(Text(f"... {more:,} more runs (-v shows all)", style="dim"))
    if dropped:
        console.print(Text(f"(columns not shown at this width: {', '.join(dropped)})", style="dim"))


def _columns(space: Workspace, count: int) -> list[Column]:
    """Return the columns of the first runs. Of the numbers none is dropped before the texts are."""
    from rich.text import Text

    glances, metric = space.glances[:count], space.metric
    facts = [space.facts(i, metric) for i in range(count)]

    def texts(made: Callable[[int], str], style: str = "") -> list[Text]:
        return [Text(safe(made(i)), style=style) for i in range(count)]

    columns = [
        Column("run", texts(lambda i: space.labels[i]), rank=0, most=32),
        Column("state", texts(lambda i: glances[i].state.partition(" (")[0]), rank=3),
        Column(
            f"{space.project.step_unit}s",
            texts(lambda i: _count(glances[i].steps)),
            rank=1,
            right=True,
        ),
        Column("time", texts(lambda i: _time(glances[i].record.runtime)), rank=2, right=True),
    ]
    if metric:
        last = [None if f is None else f.final for f in facts]
        best = [None if f is None else f.best for f in facts]
        columns += [
            Column(safe(metric), texts(lambda i: number(last[i])), rank=0,
                   right=True, most=18),
            Column("curve", texts(lambda i: _curve(space, i), "blue"), rank=5),
            Column("best", texts(lambda i: number(best[i])), rank=4, right=True),
        ]  # fmt: skip
    columns.append(Column("worst finding", [_worst(space, i) for i in range(count)], rank=1))
    return columns


def _count(steps: float | None) -> str:
    return "–" if steps is None else f"{steps:,.0f}"


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


def _curve(space: Workspace, at: int) -> str:
    levels = space.glances[at].curves.get(space.metric)
    if levels is None:
        return ""
    step = max(1, -(-len(levels.y) // _CURVE))
    return sparkline(levels.y[::step])


def _worst(space: Workspace, at: int) -> Text:
    from rich.text import Text

    worst = space.glances[at].worst
    if worst is None:
        return Text("")
    mark = Text(f"{MARKS[worst.severity]} ", style=STYLES[worst.severity])
    return mark.append(safe(worst.name), style="default")


def _folded(space: Workspace, everything: bool) -> list[Text]:
    """Return one paragraph per kind of finding; praise only if everything is asked for."""
    from rich.text import Text

    least = Severity.GOOD if everything else Severity.INFO
    found = [f for f in space.folds if f.finding.severity >= least]
    kept = found if everything else found[:_FOLDS]
    out = [_fold(fold) for fold in kept]
    if len(found) > len(kept):
        kinds = "kind" if len(found) == len(kept) + 1 else "kinds"
        out.append(Text(f"+ {len(found) - len(kept)} more {kinds} of findings (-v)", style="dim"))
    return out


def _fold(fold: Fold) -> Text:
    from rich.text import Text

    severity = fold.finding.severity
    line = Text(f"{MARKS[severity]} ", style=STYLES[severity])
    line.append(safe(f"{fold.who}: {fold.what}"), style="default")
    if fold.shared is not None:
        line.append(f"; {safe(fold.shared.words)}", style="default")
    return line.append(f"  {fold.finding.rule} {fold.finding.name}", style="dim")
