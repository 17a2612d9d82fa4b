"""sk-autod, which compares two lists of losses."""

from __future__ import annotations

from bisect import bisect_right

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import History, Subject

_LEVELS = {"CRITICAL": Level.CRITICAL, "INFO": Level.INFO}


class SkAutod:
    """`diagnose(train_loss, val_loss)`: both at the evaluations, or the training loss twice."""

    name, cached, reads = "sk-autod", True, "two lists: training and evaluation loss"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return the findings; ValueError is the tool's word for curves that it refuses."""
        from sk_autod import diagnose

        report = diagnose(*_pair(subject.history))
        return [
            Statement(f.detector_name, _LEVELS.get(f.severity.value, Level.WARNING), f.message)
            for f in report.findings
        ]


def _pair(history: History) -> tuple[list[float], list[float]]:
    """Return training and evaluation loss as lists of one length, as the tool wants them."""
    steps, train = history.finite("train_loss")
    at, held_out = history.finite("eval_loss")
    if not train or len(at) < 5:
        return train, train
    return [train[max(0, bisect_right(steps, step) - 1)] for step in at], held_out
