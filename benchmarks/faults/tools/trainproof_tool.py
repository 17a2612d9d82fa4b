"""trainproof, which lints a CSV file of a few named columns."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_NAMES = {"train_loss": "loss", "eval_loss": "eval_loss", "lr": "lr", "grad_norm": "grad_norm",
          "step_time": "step_time"}  # fmt: skip
_LEVELS = {"FAIL": Level.CRITICAL, "WARN": Level.WARNING, "INFO": Level.INFO}
#: Its words for a log in which there is nothing to lint.
_NOTHING = {"TP-NO-RECORDS", "TP-NO-LOSS"}


class Trainproof:
    """`trainproof epoch run.csv`."""

    name, cached, reads = "trainproof", True, "a CSV file with its names of columns"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return the findings other than PASS and NOT-CHECKED."""
        from trainproof.epoch import check_epoch

        history = subject.history
        with tempfile.TemporaryDirectory() as name:
            columns = history.renamed(_NAMES, others=False)
            report = check_epoch(history.write_csv(Path(name, "run.csv"), columns))
        return [
            Statement(f["id"], _LEVELS[f["level"]], f"{f['message']} {f['evidence']}")
            for f in report["findings"]
            if f["level"] in _LEVELS and f["id"] not in _NOTHING
        ]
