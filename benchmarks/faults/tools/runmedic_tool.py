"""runmedic, which reads a folder of logs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_NAMES = {"train_loss": "train_loss", "eval_loss": "val_loss", "lr": "lr", "grad_norm": "grad_norm",
          "step_time": "step_time"}  # fmt: skip
_LEVELS = {"critical": Level.CRITICAL, "warning": Level.WARNING, "info": Level.INFO}


class Runmedic:
    """`runmedic diagnose FOLDER`, the folder holding a CSV file and the console's text."""

    name, cached, reads = "runmedic", True, "a folder with CSV and console log"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return the findings on metrics and console."""
        from runmedic import checks, loaders, roles

        history = subject.history
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            history.write_csv(folder / "metrics.csv", history.renamed(_NAMES))
            if history.console:
                (folder / "output.log").write_text("\n".join(history.console), encoding="utf-8")
            found = [
                finding
                for run in loaders.load(name)
                for finding in checks.run_checks(run, roles.detect(run))
            ]
        return [
            Statement(f.check, _LEVELS[f.severity], "; ".join([f.title, *f.evidence]))
            for f in found
        ]
