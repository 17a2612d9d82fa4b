"""Is what was read what was logged?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.rules.base import END, LATE, NOW, Rule


class HistorySampled(Rule):
    """The history is a sample of what was logged.

    ## What it does
    Reports a history that has only some of the logged rows.

    ## Why it matters
    `run.history()` of the W&B API returns 500 rows by default, whatever the run's length. Spikes,
    minima and single NaNs fall through; counts and rates are wrong.

    ## How it decides
    The source says so, or the steps of all denser columns have irregular gaps in each eighth of the run,
    with less than 90% of the possible rows present. Runs that log every n-th step, or training and
    evaluation at different steps, have regular gaps.

    ## What to do
    Export again with `run.scan_history()`, or read the run's own .wandb file.

    ## Example
    "Only 500 of about 1,000 rows are here"
    """

    code = "DAT001"
    name = "history-sampled"
    live = END
    of_rows = True
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not done.sampled:
            return
        first, last = done.first_step or 0, done.last_step or 0
        full = done.expected_rows or last - first + 1
        steps = last - first + 1
        total = f"{steps:,}" if steps == full else f"{steps:,} (the source reports {full:,})"
        yield self.finding(
            Severity.WARNING,
            0.95,
            f"The history is sampled: {done.rows:,} rows of {total} {view.log_axis.unit}s "
            f"({first:,} to {last:,}). Spikes, extremes and single bad values may be missing.",
            "Export again with run.scan_history(), which is complete, or read the run's .wandb file.",
            [
                Evidence(
                    "_step",
                    None,
                    first,
                    done.last_step,
                    full,
                    done.rows,
                    done.rows / full,
                    done.rows,
                )
            ],
        )


class LogDamaged(Rule):
    """Part of the log could not be read.

    ## What it does
    Reports damage in the run's log, and a log that ends before the run did.

    ## Why it matters
    Rows are missing; what postrun says is about the rest.

    ## How it decides
    Checksums, record lengths and the file's end, each with its byte position; the last row's step
    against the step that the summary reports. A torn end of a crashed run is said by RUN002. A log
    that is missing, empty or a Git LFS pointer is told as a whole.

    ## What to do
    Copy the file again, or read the run from the server if it was synced.

    ## Example
    "run-a1.wandb: bad checksum at byte 163840 (212 bytes lost; records after it were recovered)"
    """

    code = "DAT002"
    name = "log-damaged"
    live = NOW
    of_rows = True
    scope = "process"
    symptom_of = ("RUN002",)

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not (done.damage or done.truncated):
            return
        remedy = next((d.remedy for d in done.damage if d.remedy), "")
        if done.no_history:
            reported = done.reported_last_step
            told = "" if reported is None else f"; its summary reports {view.log_axis.at(reported)}"
            yield self.finding(
                Severity.WARNING,
                1.0,
                f"The history could not be read: {done.no_history}{told}",
                remedy or _AGAIN,
            )
            return
        if done.went_on and not any(d.resumed for d in done.damage):
            if view.run.state is not State.CRASHED:  # RUN002 says so of a crashed run
                yield self._ends_early(view, remedy or _AGAIN)
            return
        lost = sum(d.length for d in done.damage)
        tail = all(d.length and not d.resumed for d in done.damage) and lost < 1 << 15
        if tail and (view.run.state is State.CRASHED or _exit_unwritten(view)):
            return  # a process that is gone leaves a torn end; RUN001 and RUN002 say so
        where = "; ".join(d.sentence() for d in done.damage[:3]) or (
            f"the last row is at {view.log_axis.at(done.last_step or 0)}, the summary reports "
            f"{view.log_axis.at(done.reported_last_step or 0)}"
        )
        more = f"; and {len(done.damage) - 3} more places" if len(done.damage) > 3 else ""
        yield self.finding(
            Severity.INFO if tail else Severity.WARNING,
            1.0,
            f"The log is incomplete: {where}{more}",
            remedy or f"What could be read is used. {_AGAIN}",
        )

    def _ends_early(self, view: RunView, remedy: str) -> Finding:
        done, steps = view.run.completeness, view.log_axis
        last, reported = done.last_step or 0, done.reported_last_step or 1
        return self.finding(
            Severity.WARNING,
            1.0,
            f"The log file ends at {steps.at(last)}, but the run went on to {steps.at(reported)}: the last "
            f"{100 * (1 - last / reported):.0f}% of its history is missing",
            remedy,
            [
                Evidence(
                    "_step",
                    None,
                    float(last),
                    float(reported),
                    float(last),
                    float(reported),
                    n=done.rows,
                )
            ],
        )


#: What to do about a log that is not whole.
_AGAIN = "Copy the file again, or read the run from the server."


class StepsIrregular(Rule):
    """Steps repeat or go back.

    ## What it does
    Reports rows whose `_step` repeats an earlier one or goes back.

    ## Why it matters
    After a resume or rewind the same steps were trained twice; curves then hold two branches, and
    every "final" value depends on which one is taken.

    ## How it decides
    Counts rows whose step is not greater than all before it; `warning` above `share` of all rows, and fewer
    than `few` are not told if they are no more than that; seams between the parts of a resumed run explain
    them where there are any. All rows are kept.

    ## What to do
    Check that the resume started from the checkpoint that you meant.

    ## Example
    "12 rows repeat or go back in step, first after step 300"
    """

    code = "DAT003"
    name = "steps-irregular"
    live = LATE
    of_rows = True
    scope = "process"
    symptom_of = ("RUN007",)
    thresholds = {"few": 10, "share": 0.02}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        steps = view.run.history["_step"].drop_nulls().to_numpy()
        if len(steps) < 2 or view.run.completeness.from_console:
            return  # printed lines carry the count of a stage or an epoch, if any
        seams = view.run.completeness.seams
        bad, highest = _going_back(steps, [s.row for s in seams if s.kind == "other"])
        seams = [seam for seam in seams if seam.kind == "resumed"]
        if not len(bad) and not seams:
            return
        if not len(bad):
            text = "; ".join(seam.sentence() for seam in seams[:3])
            yield self.finding(Severity.INFO, 1.0, f"The run was {text}; no step was repeated.")
            return
        share = len(bad) / len(steps)
        if len(bad) < self.limits["few"] and share <= self.limits["share"] and not seams:
            return  # an evaluation logged by itself at a step of the training
        first = int(bad[0])
        why = "; ".join(seam.sentence() for seam in seams[:3])
        yield self.finding(
            Severity.WARNING if share > self.limits["share"] else Severity.INFO,
            1.0,
            f"{len(bad):,} of {len(steps):,} rows repeat an earlier step or go back, first after "
            f"{view.log_axis.at(float(highest[first - 1]))} (to {int(steps[first]):,})"
            + (f"; {why}" if why else ""),
            "Check that the resume started from the checkpoint that you meant; all rows are kept.",
            [
                Evidence(
                    "_step",
                    None,
                    float(steps[first]),
                    float(highest[first - 1]),
                    float(highest[first - 1]),
                    float(steps[first]),
                    share,
                    len(steps),
                )
            ],
        )


def _exit_unwritten(view: RunView) -> bool:
    """Return whether nothing but the console tells how a run ended: its log holds no exit."""
    return view.run.state is State.FAILED and view.run.exit_code is None


def _going_back(
    steps: NDArray[np.int64], starts: list[int]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the rows that are not beyond all before them, and the highest step up to each row.

    Rows are counted anew from each of `starts`: segments of other jobs count for themselves.
    """
    parts = np.split(steps, [s for s in starts if 0 < s < len(steps)])
    highest = np.concatenate([np.maximum.accumulate(part) for part in parts])
    offsets = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    bad = [
        offset + 1 + np.flatnonzero(part[1:] <= np.maximum.accumulate(part)[:-1])
        for offset, part in zip(offsets, parts, strict=True)
    ]
    return np.concatenate(bad), highest


#: Roles for which one value throughout is a defect, not a setting.
_ALIVE = {
    "loss.train": "the loss does not react to training",
    "loss.eval": "the evaluation does not react to training",
    "reward": "the reward carries no signal",
    "reward.component": "this reward term teaches nothing",
    "accuracy.train": "the accuracy does not react to training",
    "accuracy.eval": "the evaluation does not react to training",
    "score.eval": "the evaluation does not react to training",
    "grad_norm": "no gradient arrives",
    "entropy": "the policy does not change",
    "kl.policy": "the policy does not change",
}


#: What a constant reward explains.
_OF_REWARD = ("reward.component", "grad_norm")


class ConstantMetric(Rule):
    """A metric that should move never does.

    ## What it does
    Reports losses, rewards (and their parts), accuracies and gradient norms that have one value in
    every row.

    ## Why it matters
    A reward term that is 0 throughout teaches nothing; a constant loss or gradient norm means that
    nothing is trained. Dashboards with many panels hide it.

    ## How it decides
    At least `min_rows` finite values, all equal, and a role for which that is a defect (for a gradient norm
    only 0 is; parts of a loss: DAT011). Parts of a constant reward, and a gradient that it leaves at 0, are not
    told beside it. A perfect score
    held throughout (accuracy at exactly 1) is reported as `info`. A reward that never changes carries no
    signal, at 1 as little as at 0.

    ## What to do
    Check how the term is computed on a few samples by hand, or remove it.

    ## Example
    "metrics/exact_match_reward is 0 in all 1,000 rows: this reward term teaches nothing"
    """

    code = "DAT004"
    symptom_of = ("OPT006",)
    name = "constant-metric"
    live = LATE
    thresholds = {"min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per role."""
        constant = False
        for role, meaning in _ALIVE.items():
            if constant and role in _OF_REWARD:
                continue
            dead = []
            for series in view.by_role(role):
                y = series.finite.y
                if len(y) < self.limits["min_rows"] or y.min() != y.max():
                    continue
                # A gradient norm that is constant above 0 was logged after clipping: OPT010.
                if role != "grad_norm" or y[0] == 0:
                    dead.append((series, float(y[0])))
            if not dead:
                continue
            constant = constant or role == "reward"
            if len(dead) > 1:
                meaning = meaning.replace("this reward term teaches", "these reward terms teach")
            names = ", ".join(s.key for s, _ in dead[:6]) + (" ..." if len(dead) > 6 else "")
            values = sorted({value for _, value in dead})
            level = f"{values[0]:g}" if len(values) == 1 else "one constant value"
            verb = "is" if len(dead) == 1 else "are each"
            perfect = all(value == 1.0 for value in values) and not role.startswith("reward")
            meaning = "perfect from the first row on" if perfect else meaning
            yield self.finding(
                Severity.INFO if perfect else Severity.WARNING,
                0.9,
                f"{names} {verb} {level} in all {len(dead[0][0]):,} rows: {meaning}",
                "Check how it is computed on a few samples by hand; remove it if it is not meant "
                "to react.",
                [
                    Evidence(s.key, role, float(s.x[0]), float(s.x[-1]), value, value, 0.0, len(s))
                    for s, value in dead
                ],
            )
