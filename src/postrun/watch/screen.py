"""What people see of a watch: one line per event, and on a terminal a page below them, kept up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from postrun.model import Severity
from postrun.model.text import number
from postrun.report.console import make_console, safe
from postrun.report.overview import key_metrics
from postrun.report.sparkline import sparkline
from postrun.report.terminal import MARKS, STYLES
from postrun.watch.event import Event, Kind
from postrun.watch.watched import Watched

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

#: Runs and metrics that the page shows.
_RUNS, _METRICS = 12, 4
_PLAIN = {
    Kind.STARTED: ("○", "dim"),
    Kind.RECOVERED: ("✔", "green"),
    Kind.EASED: ("✔", "yellow"),
    Kind.STALLED: ("▲", "yellow"),
    Kind.RESUMED: ("○", "dim"),
    Kind.PROBLEM: ("!", "yellow"),
    Kind.ENDED: ("■", "bold"),
}


class Screen(Protocol):
    """Where events are shown; a context manager."""

    def show(self, event: Event) -> None:
        """Show an event."""

    def update(self, runs: Sequence[Watched]) -> None:
        """Show how the runs stand."""

    def close(self) -> None:
        """End the page."""


class Lines:
    """Events as lines, one each: for files, pipes and terminals alike."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console()
        self.many = False

    def show(self, event: Event) -> None:
        """Print an event."""
        self.console.print(event_line(event, self.many), soft_wrap=not self.console.is_terminal)
        sys.stdout.flush()

    def update(self, runs: Sequence[Watched]) -> None:
        """Note whether lines must name their run."""
        self.many = len(runs) > 1

    def close(self) -> None:
        """Nothing is left to do."""


class Page(Lines):
    """Events as lines, and below them how the runs stand now."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        from rich.live import Live

        self._runs: Sequence[Watched] = ()
        self._live = Live(
            get_renderable=self._render, console=self.console, refresh_per_second=1, transient=True
        )
        self._live.start()

    def update(self, runs: Sequence[Watched]) -> None:
        """Draw the page again."""
        super().update(runs)
        self._runs = runs
        self._live.refresh()

    def close(self) -> None:
        """Take the page away; the events stay."""
        self._live.stop()

    def _render(self) -> RenderableType:
        from rich.console import Group

        return Group(*page(self._runs, self.console.width))


class JsonLines:
    """Events as JSON, one object a line."""

    def __init__(self, write: Callable[[Event], None]) -> None:
        self.show = write

    def update(self, runs: Sequence[Watched]) -> None:
        """Nothing but events is written."""

    def close(self) -> None:
        """Nothing is left to do."""


def event_line(event: Event, named: bool) -> Text:
    """Return an event as a line: time (UTC), run, step, what happened."""
    from rich.text import Text

    mark, style = _PLAIN.get(event.kind, (MARKS[event.severity], STYLES[event.severity]))
    text = Text().append(f"{datetime.fromtimestamp(event.time, UTC):%H:%M:%S} ", style="dim")
    if named:
        text.append(f"{safe(event.name)} ", style="bold")
    if event.at:
        text.append(f"{safe(event.at)} ", style="dim")
    text.append(f"{mark} ", style=style)
    if event.kind is Kind.FOUND:
        text.append(f"{event.severity.label} ", style=style)
    elif event.kind is Kind.ESCALATED:
        text.append(f"now {event.severity.label} ", style=style)
    elif event.kind is Kind.EASED:
        text.append(f"now only {event.severity.label} ", style=style)
    elif event.kind is Kind.RECOVERED:
        text.append("recovered: ", style=style)
    if event.finding is not None:
        text.append(f"{event.finding.rule} ", style="dim")
    text.append(safe(event.message), style="bold" if event.kind is Kind.ENDED else "")
    if event.kind in (Kind.FOUND, Kind.ESCALATED) and event.finding and event.finding.remedy:
        text.append(f"\n  do {safe(event.finding.remedy)}", style="green")
    return text


def page(runs: Sequence[Watched], width: int) -> list[RenderableType]:
    """Return how runs stand: one in some detail, several in a line each, the worst first."""
    from rich.text import Text

    going = [run for run in runs if not run.ended]
    if not going:
        return [Text("Waiting for a run to appear. Ctrl-C ends the watch.", style="dim")]
    if len(going) == 1:
        return _one(going[0], width)
    worst = sorted(going, key=lambda r: (-_severity(r), r.name))
    lines = [_line(run, width) for run in worst[:_RUNS]]
    if len(worst) > _RUNS:
        lines.append(Text(f"  + {len(worst) - _RUNS} more runs", style="dim"))
    done = len(runs) - len(going)
    told = f"Watching {len(going)} runs" + (f", {done} ended" if done else "")
    return [Text(told, style="dim"), *lines]


def _severity(run: Watched) -> int:
    return max((int(f.severity) for f in run.open), default=0)


def _line(run: Watched, width: int) -> Text:
    from rich.text import Text

    found = run.open
    severity = found[0].severity if found else Severity.GOOD
    text = Text(no_wrap=True, overflow="ellipsis").append(f"{MARKS[severity]} ", STYLES[severity])
    text.append(safe(run.name)[: width // 3], style="bold")
    text.append(f" {safe(run.at) or 'no row yet'} ", style="dim")
    if found:
        text.append(f"{found[0].rule} {safe(found[0].message)}")
    text.truncate(width, overflow="ellipsis")
    return text


def _one(run: Watched, width: int) -> list[RenderableType]:
    from rich.text import Text

    head = _line(run, width)
    last = run.judge.last
    if last is None:
        return [head]
    parts: list[RenderableType] = [head]
    for row in key_metrics(last.view, _METRICS, [])[:_METRICS]:
        line = Text("  ", no_wrap=True)
        line.append(f"{safe(row.key)[:30]:<30} ")
        line.append(f"{number(row.last):>10} ", style="bold")
        line.append(sparkline(row.curve), style="blue")
        line.truncate(width)
        parts.append(line)
    return parts
