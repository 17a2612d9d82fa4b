"""training-doctor, which is told each step as it happens."""

from __future__ import annotations

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_NAMES = {"train_loss": "loss", "eval_loss": "val_loss", "grad_norm": "grad_norm", "lr": "lr"}
_LEVELS = {"critical": Level.CRITICAL, "warning": Level.WARNING, "info": Level.INFO}


class TrainingDoctor:
    """`Doctor.log(step, loss=..., val_loss=..., grad_norm=..., lr=...)` at each step."""

    name, cached, reads = "training-doctor", True, "`Doctor.log` at each step"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return each problem once, as gravely as it was ever put."""
        from training_doctor import Doctor

        doctor, history = Doctor(), subject.history
        found: dict[str, Statement] = {}
        rows = history.rows(history.renamed(_NAMES, others=False))
        for step, row in zip(history.steps, rows, strict=True):
            if not row:
                continue
            try:
                said = doctor.log(step, **row)
            except OverflowError:  # it squares losses that diverged; what it said so far counts
                break
            for item in said:
                level = _LEVELS[item.severity.value]
                if item.problem not in found or found[item.problem].level < level:
                    found[item.problem] = Statement(item.problem, level, item.explanation)
        return list(found.values())
