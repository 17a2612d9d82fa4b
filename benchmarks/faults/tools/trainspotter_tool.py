"""trainspotter, which reads a W&B history as CSV."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_NAMES = {"train_loss": "train/loss", "eval_loss": "eval/loss", "lr": "lr", "grad_norm": "grad_norm",
          "step_time": "step_time"}  # fmt: skip
_LEVELS = {"error": Level.CRITICAL, "warning": Level.WARNING, "info": Level.INFO}


class Trainspotter:
    """`trainspotter analyze history.csv`, with the column `_step` of a W&B history."""

    name, cached, reads = "trainspotter", True, "a W&B history as CSV"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return the findings."""
        from trainspotter import load_run, run_all

        history = subject.history
        with tempfile.TemporaryDirectory() as name:
            columns = history.renamed(_NAMES)
            path = history.write_csv(Path(name, "history.csv"), columns, step="_step")
            found = run_all(load_run(path))
        return [
            Statement(f.detector, _LEVELS[f.severity], f"{f.title}: {f.message}") for f in found
        ]
