"""Histories out of the console, of runs whose own history is empty or lost."""

from __future__ import annotations

import polars as pl

from postrun.model import Run
from postrun.model.run import with_times
from postrun.sources.frames.joined import joined_rows


def console_rows(text: str) -> pl.DataFrame | None:
    """Return the metrics that a console prints as a history, None if it prints none.

    `_step` is the finest counter that the lines print and that never falls, else the number of the row; lines
    of one step are one row unless they contradict each other.
    """
    from postrun.training.console_history import COUNTERS, console_history

    rows = console_history(text)
    if rows is None:
        return None
    step = next((name for name in COUNTERS if name in rows.columns and _counts(rows[name])), None)
    if step:
        rows = rows.with_columns(pl.col(step).alias("_step"))
    return joined_rows(with_times(rows))


def _counts(series: pl.Series) -> bool:
    """Return whether a counter holds a whole number in each row, and never falls."""
    whole = series.dtype.is_integer() and not series.null_count()
    return whole and not bool((series.diff().drop_nulls() < 0).any())


def fill_from_console(run: Run) -> None:
    """Give a run without history rows those that its console prints, and say so in its completeness.

    Nothing is changed if the run has rows, or if no lines of its console repeat a metric that is understood.
    Of a run that was asked for some metrics (`Run.only`), only those are kept.
    """
    if run.history.height or not run.console.height:
        return
    rows = console_rows("\n".join(run.console["line"].drop_nulls().to_list()))
    if rows is None:
        return
    if run.only is not None:
        rows = rows.select(name for name in rows.columns if name in run.only or name[0] == "_")
    told = Run.from_frame(rows)
    run.history = told.history
    done, read = run.completeness, told.completeness
    done.from_console = True
    done.rows, done.first_step, done.last_step = read.rows, read.first_step, read.last_step
    done.nonfinite = read.nonfinite
