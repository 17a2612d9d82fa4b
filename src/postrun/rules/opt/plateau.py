"""Time that bought nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.beside import doubted
from postrun.stats.robust import median, rolling_median

#: What a run is judged by, the first that it logs: a reward, an evaluation, else the training's own loss.
_JUDGED = (
    ("reward.eval", "accuracy.eval", "score.eval", "loss.eval"),
    ("reward",),
    ("loss.train",),
)


class Plateau(Rule):
    """Gains stopped long before the end.

    ## What it does
    Says from where on a run's goals stand still.

    ## Why it matters
    The steps after a plateau cost as much as those before it. It is the first number to look at
    when one plans the next run's length.

    ## How it decides
    Looks at evaluations (losses and scores); without any, at rewards; without these, at training losses. A
    metric is flat since a point if its level shows no trend from there on, and gained clearly less than its
    own course before would have brought: a power law that slows down is not flat. That needs 20 values from
    there on. Reported only if all metrics that are looked at (of at least `min_rows` values) are flat or say
    nothing, for at least `flat_share` of the run and at most `whole_share`; a metric that still improves, or
    one that another rule warns of, speaks against it. A reward that still rises is told to have made its gain
    early if `early_gain` of it came within `early_share` of at least `early_rows` values, and it is beyond
    `early_sigmas` standard errors. Always `info`: a run that reached what it can reach is not ill.

    ## What to do
    Stop earlier, or change what limits it: learning-rate decay for losses; harder or more varied
    tasks, exploration, or reward terms for rewards.

    ## Example
    "val/loss is flat since step 4,000 (at 0.31): the last 60% of the run (2.1 h) changed nothing that can be
    measured"

    ## References
    Schuirmann 1987 (tests of equivalence); Hestness et al. 2017 (learning curves are power laws).
    """

    code = "OPT003"
    name = "plateau"
    live = END
    beside = True
    symptom_of = ("OPT006", "OPT014", "DAT006", "GEN001")
    thresholds = {
        "flat_share": 0.3,
        "whole_share": 0.95,
        "early_share": 0.25,
        "early_gain": 0.9,
        "early_sigmas": 8.0,
        "early_rows": 50,
        "min_rows": 6,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """As if no other rule had found anything."""
        return self.check_beside(view, ())

    def check_beside(self, view: RunView, found: Sequence[Finding]) -> Iterator[Finding]:
        """One finding for all metrics, the one that was looked at first."""
        doubts, least = doubted(found), self.limits["min_rows"]
        for roles in _JUDGED:
            series = [s for s in view.by_role(*roles) if s.info.sign and len(s.finite) >= least]
            if not series:
                continue
            flat = [(s, at) for s in series if (at := view.curve(s.key).flat_since) is not None]
            moving = [s for s in series if view.curve(s.key).flat_since is None]
            if any(s.key in doubts for s in series):
                return
            if flat and not any(_moves(view, s) for s in moving):
                yield from self._said(view, flat)
            elif roles == ("reward",):
                yield from self._early(view, series[0])
            return

    def _early(self, view: RunView, series: Series) -> Iterator[Finding]:
        """Say of a reward that goes on rising slowly that nearly all of it came early."""
        y, curve = series.finite, view.curve(series.key)
        n = len(y)
        if n < self.limits["early_rows"] or curve.turned is not None or curve.best is None:
            return
        smooth = rolling_median(y.y, int(np.clip(n // 30, 5, 51)) | 1)
        start, end = median(y.y[: max(3, n // 50)]), curve.last.value
        total = (end - start) * series.info.sign
        if (
            total < self.limits["early_sigmas"] * curve.noise / n**0.5
            or curve.never_moved is not False
        ):
            return
        most = self.limits["early_gain"] * total
        at = int(np.argmax((smooth - start) * series.info.sign >= most))
        if at > self.limits["early_share"] * n:
            return
        then = float(smooth[at])
        rest = max((end - then) * series.info.sign, 0.0)
        run = "what was logged" if view.run.completeness.truncated else "the run"
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{series.key} made {100 * self.limits['early_gain']:.0f}% of its gain ({number(start, 3)} to "
            f"{number(then, 3)}) by "
            f"{view.axis.at(y.x[at])}: the other {100 * (1 - at / n):.0f}% of "
            f"{run}{_time(view, y, at)} brought "
            f"{number(rest, 2)} more",
            "Stop earlier, or change what limits it: harder or more varied tasks, exploration, the "
            "reward terms.",
            [evidence(y, float(y.x[at]), before=start, after=end, effect=1 - at / n)],
        )

    def _said(self, view: RunView, flat: list[tuple[Series, int]]) -> Iterator[Finding]:
        series, at = min(flat, key=lambda item: -float(item[0].x[item[1]]))  # the last to stop
        n = len(series)
        share = 1 - at / n
        if not self.limits["flat_share"] <= share <= self.limits["whole_share"]:
            return
        run = "what was logged" if view.run.completeness.truncated else "the run"
        level = view.curve(series.key).last.value
        others = [s.key for s, _ in flat if s is not series]
        more = (
            f"; so is {others[0]}"
            if len(others) == 1
            else f"; so are {len(others)} more"
            if others
            else ""
        )
        loss = (series.info.role or "").startswith("loss")
        yield self.finding(
            Severity.INFO,
            0.85,
            f"{series.key} is flat since {view.axis.at(series.x[at])} (at {number(level)}): the last "
            f"{100 * share:.0f}% of {run}{_time(view, series, at)} changed nothing that can be measured{more}",
            "Stop earlier; or decay the learning rate, if it was constant: a flat loss often falls again then."
            if loss
            else "Stop earlier, or change what limits it: harder or more varied tasks, exploration, "
            "the reward terms.",
            [
                _proof(view, s, i)
                for s, i in [(series, at), *(f for f in flat if f[0] is not series)][:8]
            ],
        )


def _proof(view: RunView, series: Series, at: int) -> Evidence:
    curve = view.curve(series.key)
    return evidence(
        series,
        float(series.x[at]),
        before=float(series.finite.y[0]),
        after=curve.last.value,
        effect=1 - at / len(series),
    )


def _moves(view: RunView, series: Series) -> bool:
    """Return whether a metric that is not flat moves, rather than being too short or noisy to tell."""
    curve = view.curve(series.key)
    if curve.turned or curve.never_moved is None:
        return True
    if curve.never_moved:
        return False
    last = curve.phases[-1].kind if curve.phases else "flat"
    return last != "flat"


def _time(view: RunView, series: Series, at: int) -> str:
    """The wall time after a value, as " (2.1 h)", or ""."""
    clock = view.run.history["_runtime"]
    first, last = int(series.rows[at]), int(series.rows[-1])
    start, end = clock[first], clock[last]
    if start is None or end is None or end <= start:
        return ""
    seams = [s for s in view.run.completeness.seams if first < s.row <= last]
    pauses = sum(max(0.0, s.gap_seconds or 0.0) for s in seams)
    return f" ({duration(max(0.0, float(end - start) - pauses))})"
