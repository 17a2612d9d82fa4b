"""losslint, which lints a CSV file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_NAMES = {"train_loss": "loss", "eval_loss": "eval_loss", "lr": "lr", "grad_norm": "grad_norm"}
_LEVELS = {"error": Level.CRITICAL, "warning": Level.WARNING, "info": Level.INFO}


class Losslint:
    """`losslint check run.csv`."""

    name, cached, reads = "losslint", True, "a CSV file"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return the findings, without those on the CSV file itself."""
        from losslint.checks import run_all_checks
        from losslint.parsing import load_run

        history = subject.history
        with tempfile.TemporaryDirectory() as name:
            path = history.write_csv(Path(name, "run.csv"), history.renamed(_NAMES))
            found = run_all_checks(load_run(path))
        return [
            Statement(f.check, _LEVELS[f.severity], f.message) for f in found if f.check != "parse"
        ]
