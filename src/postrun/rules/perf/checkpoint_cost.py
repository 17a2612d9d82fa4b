"""Time spent saving checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import median

#: Of the times to save, those above this share of the longest are saves; the others are of rows without one.
_SAVE = 0.1


class CheckpointCost(Rule):
    """Saving checkpoints takes a noticeable part of the time.

    ## What it does
    Adds up the logged time spent saving.

    ## Why it matters
    Synchronous saving stops all accelerators; the interval is a choice between lost work and lost
    time.

    ## How it decides
    At least `min_saves` values. The sum of the saving time is at least `share` of the sum of the step time, or
    of the run's whole time where no step time is logged. Step times count only if there are at least `covered`
    times as many of them.

    ## What to do
    Save asynchronously, less often, or to a faster disk.

    ## Example
    "time/save_ckpt takes 7% of the time (21 saves of 14 s)"

    ## References
    Mohan et al. 2021, "CheckFreq: frequent, fine-grained DNN checkpointing" (FAST 2021), which
    aims at an overhead of 3.5%.
    """

    code = "PERF005"
    name = "checkpoint-cost"
    needs = ("time.save",)
    symptom_of = ("PERF006",)
    thresholds = {"share": 0.04, "min_saves": 3, "covered": 0.5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.by_role("time.save"):
            y = series.finite
            whole = next(
                (s.finite for s in view.by_role("time.step") if s.info.run == series.info.run), None
            )
            if whole is None:
                total = float(view.run.working_seconds or 0.0)
            else:  # of too few step times, the sum says nothing
                enough = len(whole) >= self.limits["covered"] * len(y)
                total = float(whole.y.sum()) if enough else 0.0
            spent = float(y.y.sum())
            saves = y.take(y.y > _SAVE * float(y.y.max())) if len(y) else y
            if len(y) < self.limits["min_saves"] or total <= 0:
                continue
            if not self.limits["share"] <= spent / total <= 1:
                continue
            yield self.finding(
                Severity.INFO,
                0.8,
                f"{y.key} takes {100 * spent / total:.0f}% of the time ({len(saves)} saves of "
                f"{number(median(saves.y), 2)} s)",
                "Save asynchronously, less often, or to a faster disk.",
                [evidence(saves, before=total, after=spent, effect=spent / total)],
            )
            return
