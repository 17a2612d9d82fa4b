"""Several runs held side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from postrun.metrics import RunView
from postrun.model import Finding, Run, Severity
from postrun.model.display import heading, table
from postrun.records.finals import config_differences, finals, labels
from postrun.training.end_words import state_words


@dataclass(slots=True)
class Comparison:
    """Runs, and what rules found in each of them (empty where they were not diagnosed)."""

    views: list[RunView]
    findings: list[list[Finding]] = field(default_factory=list)

    @classmethod
    def of(
        cls, runs: Sequence[Run | RunView], findings: Sequence[list[Finding]] = ()
    ) -> Comparison:
        """A comparison of runs in the order given."""
        views = [run if isinstance(run, RunView) else RunView(run) for run in runs]
        return cls(views, list(findings) or [[] for _ in views])

    @property
    def runs(self) -> pl.DataFrame:
        """One row per run: `run`, `id`, `state`, `group`, `rows`, `last_step`, `runtime_seconds`,
        `critical`, `warning`.
        """
        rows: list[list[Any]] = []
        for label, view, found in zip(labels(self.views), self.views, self.findings, strict=True):
            run, levels = view.run, [f.severity for f in found]
            rows.append(
                [
                    label,
                    run.id,
                    state_words(view),
                    run.identity.group,
                    run.completeness.rows,
                    view.last_x,
                    run.runtime,
                    levels.count(Severity.CRITICAL),
                    levels.count(Severity.WARNING),
                ]
            )
        schema = {
            "run": pl.String,
            "id": pl.String,
            "state": pl.String,
            "group": pl.String,
            "rows": pl.Int64,
            "last_step": pl.Float64,
            "runtime_seconds": pl.Float64,
            "critical": pl.Int64,
            "warning": pl.Int64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    @property
    def config(self) -> pl.DataFrame:
        """Config keys that differ, as `config_differences` gives them."""
        return config_differences(self.views)

    def finals(self, metrics: Sequence[str] = ()) -> pl.DataFrame:
        """How metrics ended in each run, as `postrun.finals` gives them."""
        return finals(self.views, metrics)

    def _repr_html_(self) -> str:
        parts = [heading(f"{len(self.views)} runs", "")]
        for title, frame in (("config differences", self.config), ("final values", self.finals())):
            rows = [[str(v) if v is not None else "" for v in row] for row in frame.iter_rows()]
            parts.append(f"<p>{title}</p>" + table(frame.columns, rows))
        return "".join(parts)
