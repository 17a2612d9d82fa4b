"""Runs that were resumed: what was lost between their parts, and what changed there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule, evidence
from postrun.semantics import RunView
from postrun.stats.robust import median, noise_sigma


class ResumedWithGap(Rule):
    """A resumed run lost time or steps between its parts.

    ## What it does
    Says how often a run was resumed, how much time passed between its parts, and which steps are
    missing or were trained twice.

    ## Why it matters
    Steps that are missing were not logged (or belong to another run); steps trained twice count
    twice in every schedule; the time in between is paid for where the machine was held.

    ## How it decides
    The seams of the log's parts. Missing: the step after a seam is further from the step before it
    than three usual intervals. Twice: it is lower or equal. `warning` where steps are missing, where
    more than `share` of the run was trained twice; `info` where only time passed (more than
    `least_seconds`).

    ## What to do
    Save checkpoints more often, and log from the restored step on.

    ## Example
    "Resumed twice; 3.2 h passed between the parts; steps 900 to 1,000 were trained twice"
    """

    code = "RUN007"
    name = "resumed-with-gap"
    scope = "process"
    thresholds = {"share": 0.05, "least_seconds": 600.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        seams = run.completeness.seams
        if not seams:
            return
        steps = run.history["_step"].drop_nulls().to_numpy()
        usual = float(np.median(np.diff(np.unique(steps)))) if len(steps) > 2 else 1.0
        span = float(steps.max() - steps.min()) if len(steps) else 0.0
        missing, twice, seconds = [], [], 0.0
        for seam in seams:
            seconds += seam.gap_seconds or 0.0
            if seam.step_before is None or seam.step_after is None:
                continue
            if seam.step_after > seam.step_before + 3 * usual:
                missing.append((seam.step_before, seam.step_after))
            elif seam.step_after <= seam.step_before:
                twice.append((seam.step_after, seam.step_before))
        repeated = sum(b - a for a, b in twice)
        if not missing and not twice and seconds < self.limits["least_seconds"]:
            return
        times = "once" if len(seams) == 1 else "twice" if len(seams) == 2 else f"{len(seams)} times"
        parts = [f"Resumed {times}"]
        if seconds >= 1:
            parts.append(f"{duration(seconds)} passed between the parts")
        parts += [f"no step between {a:,} and {b:,} was logged" for a, b in missing[:3]]
        parts += [f"steps {a:,} to {b:,} were trained twice" for a, b in twice[:3]]
        severe = bool(missing) or repeated > self.limits["share"] * span
        yield self.finding(
            Severity.WARNING if severe else Severity.INFO,
            0.9,
            "; ".join(parts),
            "Save checkpoints more often, resume from the last one, and log from its step on.",
            [
                Evidence(
                    "_step",
                    None,
                    float(min(a, b)),
                    float(max(a, b)),
                    float(a),
                    float(b),
                    seconds,
                    len(steps),
                )
                for a, b in [
                    (s.step_before, s.step_after)
                    for s in seams[:5]
                    if s.step_before is not None and s.step_after is not None
                ]
            ],
        )


class RestartSeam(Rule):
    """A metric jumps where the run was resumed.

    ## What it does
    Compares training loss, gradient norm and learning rate before and after each resume.

    ## Why it matters
    A loss that jumps at the seam means that something was not restored: the optimiser's moments, the
    learning-rate schedule, the data order, or the weights themselves.

    ## How it decides
    Medians of the `values` values before and after the seam. Reported where the loss rises by more
    than `sigmas` standard deviations of the noise and by more than a tenth of its level, or the
    learning rate changes by more than a factor of 1.5 (schedules move slowly; warm restarts do not
    happen at seams).

    ## What to do
    Restore optimiser, scheduler, data-loader position and random state with the weights.

    ## Example
    "train/loss jumps from 2.1 to 2.9 where the run was resumed after step 4,000"
    """

    code = "OPT013"
    name = "restart-seam"
    symptom_of = ("RUN007",)
    thresholds = {"values": 10, "sigmas": 6.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per metric and seam."""
        for seam in view.run.completeness.seams:
            for series in view.by_role("loss.train", "lr"):
                y = series.finite
                count = int(self.limits["values"])
                before = y.take(y.rows < seam.row).y[-count:]
                after = y.take(y.rows >= seam.row).y[:count]
                if len(before) < 5 or len(after) < 5:
                    continue
                old, new = median(before), median(after)
                rate = series.info.role == "lr"
                if rate:
                    apart = old > 0 and new > 0 and not 1 / 1.5 < new / old < 1.5
                else:
                    noise = noise_sigma(np.concatenate([before, after]))
                    apart = new - old > max(self.limits["sigmas"] * noise, 0.1 * abs(old))
                if not apart:
                    continue
                step = float(seam.step_after or 0)
                yield self.finding(
                    Severity.WARNING,
                    0.8,
                    f"{series.key} jumps from {number(old)} to {number(new)} where the run was resumed "
                    f"(after step {seam.step_before:,})",
                    "Restore the optimiser's state, the schedule, the data order and the random state "
                    "with the weights.",
                    [evidence(y, step, step, before=old, after=new)],
                )
