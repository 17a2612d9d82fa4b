"""Steps repeat or go back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import LATE, Rule


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
