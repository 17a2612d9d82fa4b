"""A metric is no longer logged although the run goes on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.rules.base import LATE, Rule, evidence

_WATCHED = ("loss.train", "loss.eval", "loss.policy", "reward", "reward.eval", "accuracy.eval", "score.eval",
            "grad_norm")  # fmt: skip


class MetricStopped(Rule):
    """A metric is no longer logged although the run goes on.

    ## What it does
    Reports a loss, reward, score or gradient norm that was logged regularly and then never again,
    while other metrics were.

    ## Why it matters
    An evaluation that fails silently, or a branch that is no longer reached, leaves "final" values
    that are old.

    ## How it decides
    At least `min_values` values; the time since the last one is longer than `gaps` of its longest
    intervals and than `share` of the run's steps. Metrics of the first `early_share` only are taken for
    a phase of their own (pre-training, warm-up).

    ## What to do
    Look for the error that the evaluation swallowed, or for the condition that stopped it.

    ## Example
    "val/loss is logged every 500 steps up to step 12,000 and not in the 8,000 steps after"
    """

    code = "DAT005"
    name = "metric-stopped"
    live = LATE
    scope = "process"
    needs = _WATCHED
    thresholds = {"min_values": 10, "gaps": 3.0, "share": 0.2, "early_share": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all metrics that stopped at one step."""
        if view.last_x is None or view.first_x is None:
            return
        first, last = view.first_x, view.last_x
        stopped: dict[float, list[Series]] = {}
        for series in view.by_role(*_WATCHED):
            if len(series) < self.limits["min_values"]:
                continue
            gap = float(np.diff(series.x).max())
            silent = last - float(series.x[-1])
            early = series.x[-1] < first + self.limits["early_share"] * (last - first)
            if (
                silent > max(self.limits["gaps"] * gap, self.limits["share"] * (last - first))
                and not early
            ):
                stopped.setdefault(float(series.x[-1]), []).append(series)
        for step, group in stopped.items():
            names = ", ".join(s.key for s in group[:4]) + (" ..." if len(group) > 4 else "")
            moves = np.diff(group[0].x)
            usual = float(np.median(moves[moves > 0]))
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{names}: logged every {view.axis.count(usual)} up to {view.axis.at(step)}, and not in "
                f"the {view.axis.count(last - step)} after",
                "Look for an error that was swallowed there, or the condition that stopped it; final "
                "values of it are old.",
                [
                    evidence(
                        s,
                        float(s.x[-1]),
                        last,
                        after=float(s.y[-1]),
                        effect=(last - step) / (last - first),
                    )
                    for s in group
                ],
            )
