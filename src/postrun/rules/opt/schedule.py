"""The learning rate's course: warm-up, exhaustion, and the end of the schedule."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity, State
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.opt.settings import allowed_by
from postrun.stats.robust import median, noise_sigma, rolling_median
from postrun.training.ending import how_it_ended

_DECAYS = re.compile(r"(?i)cos|linear|poly|one_?cycle|decay|inverse")
_NO_DECAY = re.compile(r"(?i)restart|constant|min_lr|sgdr|cyclic|plateau|none|r?sqrt|noam")


def _rate(view: RunView) -> Series | None:
    """The logged learning rate where there is one of at least 20 values with a positive peak."""
    logged = [s.finite for s in view.by_role("lr") if len(s.finite) >= 20]
    return logged[0] if logged and logged[0].y.max() > 0 else None


class WarmUpMissing(Rule):
    """Training began at the full learning rate, and shook.

    ## What it does
    Reports a run that starts at its peak learning rate and whose loss rises well above its first
    value in the first steps.

    ## Why it matters
    Adam's second moments are guesses in the first steps; at full rate they throw the weights far
    off, and some of that is never made good.

    ## How it decides
    The first logged learning rate is at least 90% of the peak, no later than row 3, and within the
    first `early_share` of the run the training loss, smoothed over three values, reaches `factor` times
    its first value (for losses above 0), 6 standard deviations of the noise above it, and `beyond` times
    the 99% quantile of what follows (smoothed alike: the first batch may be an easy one). A
    gradient norm that was `norm_factor` times its later median then is named as evidence.

    ## What to do
    Warm the rate up over the first 1-5% of the steps.

    ## Example
    "train/loss rose from 4.6 to 31 in the first 20 steps, at the full learning rate from the start"

    ## References
    Liu et al. 2020, "On the variance of the adaptive learning rate and beyond" (arXiv 1908.03265).
    """

    code = "OPT012"
    name = "warm-up-missing"
    needs = ("lr",)
    thresholds = {
        "early_share": 0.05,
        "factor": 2.0,
        "beyond": 1.5,
        "norm_factor": 30.0,
        "min_rows": 100,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rate, loss = _rate(view), view.first("loss.train")
        if rate is None or loss is None or len(loss.finite) < self.limits["min_rows"]:
            return
        if (
            rate.y[: min(3, len(rate))].max() < 0.9 * rate.y.max()
            or rate.x[0] > loss.x[min(5, len(loss) - 1)]
        ):
            return
        loss = loss.finite
        early = loss.y[: max(5, int(self.limits["early_share"] * len(loss)))]
        smooth = rolling_median(early, 3)
        first, worst = float(early[0]), float(smooth.max())
        noise = max(noise_sigma(loss.y[len(early) :]), noise_sigma(early))
        if not (first > 0 and worst > max(self.limits["factor"] * first, first + 6 * noise)):
            return
        # The first batch may be an easy one: what later batches cost is no rise.
        later = rolling_median(loss.y[len(early) :], 3)
        if worst <= self.limits["beyond"] * float(np.quantile(later, 0.99)):
            return
        at = float(loss.x[int(np.argmax(early))])
        proofs = [
            evidence(loss, float(loss.x[0]), at, before=first, after=worst, effect=worst / first)
        ]
        norm = view.first("grad_norm")
        if norm is not None and len(norm.finite) >= 50:
            y = norm.finite
            usual, high = median(y.y), float(y.y[: len(early)].max())
            if usual > 0 and high > self.limits["norm_factor"] * usual:
                proofs.append(
                    evidence(y, float(y.x[0]), at, before=usual, after=high, effect=high / usual)
                )
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{loss.key} rose from {number(first)} to {number(worst)} by {view.axis.at(at)}, at the full "
            f"learning rate ({number(float(rate.y[0]))}) from the first step on",
            f"Warm the learning rate up over the first 1-5% of the steps.{allowed_by(view)}",
            proofs,
        )


class RateExhausted(Rule):
    """The learning rate is practically 0 long before the end.

    ## What it does
    Reports the part of a run that trained at less than `floor` of the peak learning rate.

    ## Why it matters
    Those steps cost what all others cost and change nothing: the schedule was made for fewer steps
    than were run.

    ## How it decides
    The last `share` of the logged rates or more lie below `floor` times the peak (a schedule that
    ends at 0 spends about 1% of its steps below 1e-3 of the peak).

    ## What to do
    Make the schedule as long as the run, or give it a lower bound.

    ## Example
    "train/lr is below 0.1% of its peak from step 6,000 on: 40% of the run trained nothing"
    """

    code = "OPT014"
    name = "rate-exhausted"
    needs = ("lr",)
    thresholds = {"floor": 1e-3, "share": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rate = _rate(view)
        if rate is None:
            return
        peak = float(rate.y.max())
        alive = np.flatnonzero(rate.y >= self.limits["floor"] * peak)
        start = int(alive[-1]) + 1
        share = 1 - start / len(rate)
        if share < self.limits["share"]:
            return
        step = float(rate.x[start])
        yield self.finding(
            Severity.WARNING,
            0.9,
            f"{rate.key} is below {100 * self.limits['floor']:g}% of its peak ({number(peak)}) "
            f"from {view.axis.at(step)} on: the last {100 * share:.0f}% of the run changed almost nothing",
            "Make the schedule as long as the run, or give it a lower bound.",
            [evidence(rate, step, before=peak, after=float(rate.y[-1]), effect=share)],
        )


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
        rate, schedule = _rate(view), view.setting("scheduler")
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
