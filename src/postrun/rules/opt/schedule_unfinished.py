"""The learning rate had not decayed when the run ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity, State
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.opt.rates import logged_rate
from postrun.training.ending import how_it_ended

_DECAYS = re.compile(r"(?i)cos|linear|poly|one_?cycle|decay|inverse")
_NO_DECAY = re.compile(r"(?i)restart|constant|min_lr|sgdr|cyclic|plateau|none|r?sqrt|noam")


class ScheduleUnfinished(Rule):
    """The learning rate had not decayed when the run ended.

    ## What it does
    Reports a run whose config asks for a decaying schedule and whose last learning rate is still
    above `left_share` of the peak.

    ## Why it matters
    Much of a schedule's gain comes in its last part; a checkpoint from the middle of it is worse
    than one from the end of a shorter schedule, and is no fair comparison.

    ## How it decides
    A schedule in the config that decays (cosine, linear, polynomial, one-cycle; not with restarts, a
    lower bound or a constant end, nor an inverse square root, which has no end), a finished run that was
    not to stop early, at least 20 logged rates, and the last one above `left_share` of the peak.

    A warm-up in the config that is longer than the run, and a rate that rises to its end, is told with any
    schedule, if the run counts its own steps.

    ## What to do
    Plan the schedule for the steps that are run.

    ## Example
    "train/learning_rate ends at 64% of its peak although the schedule is cosine: it was planned for
    more steps"

    ## References
    Hoffmann et al. 2022 (arXiv 2203.15556), section 3.1, on schedules that are too long.
    """

    code = "OPT015"
    name = "schedule-unfinished"
    live = END
    needs = ("lr",)
    symptom_of = ("RUN003", "RUN001", "RUN002")
    thresholds = {"left_share": 0.25}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rate, schedule = logged_rate(view), view.setting("scheduler")
        if rate is not None and (told := self._warming(view, rate)) is not None:
            yield told
            return
        if rate is None or schedule is None or view.run.state is not State.FINISHED:
            return
        name, kind = schedule[0], str(schedule[1])
        if not _DECAYS.search(kind) or _NO_DECAY.search(kind) or view.run.completeness.truncated:
            return
        peak, last = float(rate.y.max()), float(rate.y[-1])
        if last <= self.limits["left_share"] * peak or how_it_ended(view).plan.early:
            return
        at = float(rate.x[int(np.argmax(rate.y))])
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{rate.key} ends at {100 * last / peak:.0f}% of its peak although {name} is {kind}: the "
            "schedule was planned for more steps than were run",
            "Plan the schedule for the steps that are run, or compare at the end of the schedule.",
            [evidence(rate, at, before=peak, after=last, effect=last / peak)],
        )

    def _warming(self, view: RunView, rate: Series) -> Finding | None:
        """Return what to say of a run that ended within its warm-up."""
        setting = view.setting("warmup")
        if setting is None or not isinstance(setting[1], int | float) or view.last_x is None:
            return None
        if view.run.state is not State.FINISHED or view.axis.key == "_step":
            return None
        name, steps = setting[0], float(setting[1])
        rises = bool((np.diff(rate.y) >= 0).all()) and float(rate.y[-1]) > float(rate.y[0])
        if not rises or view.axis.unit != "step" or not view.last_x < steps:
            return None
        return self.finding(
            Severity.WARNING,
            0.8,
            f"{rate.key} still rises at the end ({number(float(rate.y[-1]))} at {view.axis.at(view.last_x)}): "
            f"the warm-up of {name} = {steps:,.0f} is longer than the run",
            "Warm up for 1-5% of the steps that are run.",
            [evidence(rate, before=float(rate.y[0]), after=float(rate.y[-1]), effect=steps)],
        )
