"""rldoctor, which is for reinforcement learning of language models."""

from __future__ import annotations

from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject

_LEVELS = {"CRITICAL": Level.CRITICAL, "WARNING": Level.WARNING, "INFO": Level.INFO}
_NAMES = {"lr": "learning_rate", "grad_norm": "grad_norm"}


class Rldoctor:
    """`diagnose(run_from_records(rows, config))`."""

    name, cached, reads = "rldoctor", True, "rows as dictionaries, and the config"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return its problems; checks that it skipped or passed say nothing.

        Raises:
            ValueError: The training logs no reward.
        """
        from rl_doctor import diagnose, run_from_records

        history = subject.history
        rows = history.rows(history.renamed(_NAMES))
        records = [{"step": s, **row} for s, row in zip(history.steps, rows, strict=True)]
        run = run_from_records(records, history.config)
        if not run.reward_components and not any("reward" in field for field in run.series):
            raise ValueError("no reward is logged: not a training that it is for")
        found = diagnose(run).problems
        return [
            Statement(f.detector, _LEVELS[f.severity.name], f"{f.title}: {f.summary}")
            for f in found
        ]
