"""Histories out of the console, of runs whose own history is empty or lost."""

from __future__ import annotations

from postrun.model import Run


def fill_from_console(run: Run) -> None:
    """Give a run without history rows those that its console prints, and say so in its completeness.

    Nothing is changed if the run has rows, or if no lines of its console repeat a metric that is understood.
    Of a run that was asked for some metrics (`Run.only`), only those are kept.
    """
    if run.history.height or not run.console.height:
        return
    from postrun.training.console_history import console_history

    rows = console_history("\n".join(run.console["line"].drop_nulls().to_list()))
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
