"""Bars on stderr for what takes longer than two seconds; results never share a line with them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from postrun.model.text import number

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Seconds of work before a bar is shown.
DELAY = 2.0


class Bar:
    """A bar that appears if the work takes longer than two seconds, and only on a terminal.

    `total` is how many runs there are; None if that is not known.
    """

    def __init__(self, total: int | None, words: str) -> None:
        self._total, self._words = total, words
        self._lock = threading.RLock()
        self._begin, self._rows, self._done = time.monotonic(), 0, 0
        self._shown: Progress | None = None
        self._task: TaskID | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            self._timer = threading.Timer(DELAY, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._shown is not None:
                self._shown.stop()
                self._shown = None

    def __call__(self, rows: int = 0) -> None:
        """Advance by one run of so many rows."""
        with self._lock:
            self._done += 1
            self._rows += rows
            if self._shown is not None and self._task is not None:
                self._shown.update(self._task, completed=self._done, told=self._speed())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar off the screen while something else is printed."""
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
            try:
                yield
            finally:
                if self._shown is not None:
                    self._shown.start()

    def _speed(self) -> str:
        if not self._rows:
            return ""
        rate = self._rows / max(1e-3, time.monotonic() - self._begin)
        return f"{self._rows:,} rows, {number(rate, 3)} rows/s"

    def _show(self) -> None:
        """Show the bar; called by the timer, in a thread of its own."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        told = TextColumn("{task.fields[told]}")
        counted = (MofNCompleteColumn(), told, TimeRemainingColumn()) if self._total else ()
        with self._lock:
            if self._timer is None:
                return  # the work ended in this moment
            self._shown = Progress(
                TextColumn("{task.description}"), BarColumn(), *(counted or (TimeElapsedColumn(),)),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._shown.add_task(
                self._words, total=self._total, completed=self._done, told=self._speed()
            )
            self._shown.start()


def progress_bar(total: int, words: str = "Reading runs") -> Bar:
    """Return a bar for work on so many runs; calling it advances it by one run."""
    return Bar(total, words)


def waiting(words: str) -> Bar:
    """Return a bar for work whose length is not known."""
    return Bar(None, words)
