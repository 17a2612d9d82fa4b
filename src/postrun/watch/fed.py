"""A run whose rows are handed over one by one by the training itself."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from postrun.model import Run, State
from postrun.sources.frames.times import ordered
from postrun.sources.oddities import Oddities
from postrun.sources.wandb_local.columns import Table

#: A row as it is handed over: step (None: the next one), Unix seconds, values.
Row = tuple[int | None, float, Mapping[str, Any]]


class FedRun:
    """A run that grows by `feed`, from any thread; what it offers else is that of `Growing`.

    Values of one step that are handed over in a row are one row of the history, as in W&B.
    """

    def __init__(self, run_id: str, name: str, config: Mapping[str, Any], started: float) -> None:
        self.id, self.name, self.config, self.started = run_id, name, dict(config), started
        self.path, self.changed = Path("training"), ""
        self.not_finite = 0
        self.exited = False
        self._failed: list[str] | None = None
        self._rows: list[Row] = []
        self._lock = threading.Lock()
        self._table = Table()
        self._step = -1

    @property
    def rows(self) -> int:
        """Rows of the history so far."""
        return self._table.rows

    def feed(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        with self._lock:
            self._rows += rows

    def end(self, error: Sequence[str]) -> None:
        """Note that the training ended; `error` are the lines of what ended it, none if it ended well."""
        self._failed = list(error)
        self.exited = True

    def poll(self) -> bool:
        """Take over what was fed; return whether there was anything."""
        with self._lock:
            rows, self._rows = self._rows, []
        cells: dict[str, tuple[list[int], list[Any]]] = {}
        for step, moment, values in rows:
            at = self._step + 1 if step is None else step
            if at != self._step or not self._table.rows:
                self._step = at
                self._table.rows += 1
            times = {
                "_step": at,
                "_timestamp": moment,
                "_runtime": moment - self.started,
            }
            for key, value in {**values, **times}.items():
                where, what = cells.setdefault(str(key), ([], []))
                where.append(self._table.rows - 1)
                what.append(value)
                self.not_finite += isinstance(value, float) and not math.isfinite(value)
        for key, (where, what) in cells.items():
            self._table.put_column(key, np.array(where, np.int64), what)
        return bool(rows)

    def run(self, gone: bool = False) -> Run:
        """Return the run so far: running unless it ended, or its process is `gone`."""
        twin = self._table.twin(Oddities())
        frame = ordered({s.name: s for s in twin.series()}, twin.rows, [])
        state = State.CRASHED if gone else State.RUNNING
        if self.exited:
            state = State.FAILED if self._failed else State.FINISHED
        lines = self._failed or []
        run = Run.from_frame(
            frame, id=self.id, name=self.name, config=self.config, state=state, console=lines
        )
        run.exit_code = {State.FINISHED: 0, State.FAILED: 1}.get(state)
        return run
