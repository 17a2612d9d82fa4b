"""NaN and infinity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import NOW, Rule
from postrun.rules.opt.settings import allowed_by
from postrun.training.checkpoints import go_back

#: Metrics without which nothing can have been trained.
_NEVER = ("loss.train", "loss.eval", "loss.policy", "reward")
_VITAL = ("loss.train", "loss.eval", "loss.policy", "loss.value", "grad_norm", "reward", "entropy")


class NotFinite(Rule):
    """NaN or infinite values.

    ## What it does
    Reports metrics with NaN or ±Infinity: where they begin, whether they stay, and what the
    gradient norm and the learning rate did just before.

    ## Why it matters
    A loss that is NaN to the end means that the weights are lost: everything after the first NaN is
    wasted. Single values that recover are most often skipped steps of mixed-precision scaling.

    ## How it decides
    `critical` where a loss, gradient norm, reward or entropy is non-finite at its last value and in at
    least `stays_share` of the values since the first, or is so once, as the last of at least `ended_rows`
    values (but for float16, which skips such steps); or where a training loss is 0 to the end while an
    evaluation or the gradient norm is NaN (Hugging Face's Trainer logs 0 for a loss that is NaN:
    `logging_nan_inf_filter`). If only evaluations are lost while a training loss falls, the message says so.
    `warning` where such a metric has more than `single_share` non-finite values; `info` otherwise. A loss or
    reward that never had a finite value in at least `never_rows` rows is `critical`: nothing was trained.
    Another metric without one (a ratio without a denominator, say) is `info`.
    Metrics that say nothing about learning may be non-finite in their first `begin_rows` rows (or 2% of all).
    The remedy names a gradient norm (of at least `norm_rows` values) that rose to more than `norm_factor` times
    its median just before.

    ## What to do
    Restart from a checkpoint before the first one with a lower learning rate or gradient clipping;
    look at the batch of that step.

    ## Example
    "train/loss is NaN from step 412 to the end (8.1 before)"

    ## References
    SageMaker Debugger, rule ExplodingTensor (NaN and infinite values); Micikevicius et al. 2018
    (arXiv 1710.03740) on skipped steps.
    """

    code = "OPT001"
    name = "not-finite"
    live = NOW
    thresholds = {
        "single_share": 0.01,
        "stays_share": 0.5,
        "never_rows": 2,
        "ended_rows": 3,
        "begin_rows": 20,
        "norm_rows": 20,
        "norm_factor": 10.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for lost metrics, one for those with single bad values."""
        if not view.nonfinite:
            return
        lost: list[tuple[Series, int]] = []
        some: list[tuple[Series, int]] = []
        for key in view.numeric_keys:
            if not view.run.history[key].dtype.is_float():
                continue
            series = view.series(key)
            bad = ~np.isfinite(series.y)
            if not bad.any():
                continue
            first = int(np.argmax(bad))
            stays = bool(bad[-1] and bad[first:].mean() >= self.limits["stays_share"])
            if bad.all():
                stays = series.info.role in _NEVER and len(series) >= self.limits["never_rows"]
            elif len(series) - first < 2:
                stays = stays and self._ended_it(view, series)
            if not stays and _not_begun(series, bad, self.limits["begin_rows"]):
                continue
            (lost if stays else some).append((series, first))
        lost += zeros_for_nan(view)
        if lost:
            yield self._lost(view, lost)
        if some:
            yield self._some(some)

    def _ended_it(self, view: RunView, series: Series) -> bool:
        """Return whether a single bad value was the end: the metric is not logged after it.

        Not with float16, where a step whose gradients overflow is skipped.
        """
        if series.info.role not in _VITAL or len(series) < self.limits["ended_rows"]:
            return False
        half = view.flat_config.get("fp16") is True or "16-mixed" in map(
            str, view.flat_config.values()
        )
        return not half and not view.has("loss_scale")

    def _lost(self, view: RunView, lost: list[tuple[Series, int]]) -> Finding:
        def rank(item: tuple[Series, int]) -> tuple[bool, float]:
            return item[0].info.role not in _VITAL, float(item[0].x[item[1]])

        lost.sort(key=rank)
        series, at = lost[0]
        step = float(series.x[at])
        finite = np.flatnonzero(np.isfinite(series.y[:at]))
        before = float(series.y[finite[-1]]) if len(finite) else None
        had = "" if before is None else f" ({number(before)} before)"
        more = len(lost) - 1
        others = f", like {more} more metric{'s' * (more > 1)}" if more else ""
        never = not len(series.finite)
        vital = series.info.role in _VITAL
        wasted = round(100 * (1 - at / len(series)))
        share = f"the last {wasted}%" if wasted < 100 else "nearly all"
        zero = np.isfinite(series.y[at])
        how = "is NaN (logged as 0 by the Trainer)" if zero else "is not finite"
        others = "" if zero else others
        told = all(s.info.role == "loss.eval" for s, _ in lost) and _trains(view)
        what = "evaluations tell nothing" if told else "run trained nothing useful"
        return self.finding(
            Severity.CRITICAL if vital else Severity.WARNING,
            0.95,
            f"{series.key} is NaN or infinite in all {len(series):,} rows{others}: nothing was trained"
            if never
            else f"{series.key} {how} from {view.axis.at(step)} to the end{had}{others}: "
            f"{share} of the {what}"
            if vital
            else f"{series.key} is not finite from {view.axis.at(step)} to the end{had}{others}",
            "Look at the inputs and labels for NaN, and at the loss of one batch by hand; then lower the "
            "learning rate."
            if never
            else "Evaluate one batch by hand: look for an empty batch, the log of 0 or a division by 0."
            if told
            else f"{go_back(view, step)} Lower the learning rate or clip gradients, and look at that step's "
            f"batch.{self._led_to_it(view, step)}{allowed_by(view)}",
            [
                Evidence(
                    s.key,
                    s.info.role,
                    float(s.x[i]),
                    float(s.x[-1]),
                    _last_finite(s, i),
                    None,
                    1 - i / len(s),
                    len(s),
                )
                for s, i in lost[:20]
            ],
        )

    def _led_to_it(self, view: RunView, step: float) -> str:
        norm = view.first("grad_norm")
        if norm is None:
            return ""
        before = norm.finite
        before = before.between(-np.inf, step)
        if len(before) < self.limits["norm_rows"]:
            return ""
        usual, last = float(np.median(before.y[:-5])), float(before.y[-5:].max())
        if usual > 0 and last > self.limits["norm_factor"] * usual:
            return f" The gradient norm had risen {number(last / usual)}-fold just before."
        return ""

    def _some(self, some: list[tuple[Series, int]]) -> Finding:
        def share(series: Series) -> float:
            return 1 - len(series.finite) / len(series)

        some.sort(key=lambda item: (item[0].info.role not in _VITAL, -share(item[0])))
        worst = some[0][0]
        vital = [s for s, _ in some if s.info.role in _VITAL]
        serious = any(share(s) > self.limits["single_share"] for s in vital)
        never = not len(worst.finite)
        count = len(worst) - len(worst.finite)
        rest = len(some) - 1
        have = "1 more metric has" if rest == 1 else f"{rest} more metrics have"
        others = f"; {have} such values" if rest else ""
        what = (
            "never has a finite value"
            if never
            else (
                f"is NaN or infinite in {count:,} of {len(worst):,} rows, first at "
                f"{worst.axis.at(worst.x[some[0][1]])}, and recovers"
                if np.isfinite(worst.y[-1])
                else f"is NaN or infinite in {count:,} of {len(worst):,} rows, first at "
                f"{worst.axis.at(worst.x[some[0][1]])}"
            )
        )
        return self.finding(
            Severity.WARNING if serious and not never else Severity.INFO,
            0.9,
            f"{worst.key} {what}{others}",
            "Single values that recover are most often steps that mixed-precision scaling skipped; "
            "otherwise look at those steps' batches.",
            [
                Evidence(
                    s.key, s.info.role, float(s.x[i]), float(s.x[-1]), None, None, share(s), len(s)
                )
                for s, i in some[:20]
            ],
        )


def _not_begun(series: Series, bad: NDArray[np.bool_], rows: float) -> bool:
    """Return whether a metric that says nothing about learning is not finite in its first rows only.

    Those are `rows`, or 2% of all. Averages and rates of nothing yet are 0 / 0.
    """
    last = int(np.flatnonzero(bad)[-1])
    return (
        series.info.role not in _VITAL
        and last < max(rows, len(series) // 50)
        and last < len(series) // 2
    )


def zeros_for_nan(view: RunView) -> list[tuple[Series, int]]:
    """Return training losses that are 0 to the end while other values are not finite, and since when.

    Hugging Face's Trainer logs 0 for a loss that is NaN (`logging_nan_inf_filter`).
    """
    bad = [
        view.series(k)
        for k in view.numeric_keys
        if view.metrics[k].role in ("loss.eval", "grad_norm")
    ]
    ends = [s for s in bad if len(s) and not np.isfinite(s.y[-1])]
    found = []
    for series in view.by_role("loss.train") if ends else ():
        moving = np.flatnonzero(series.y != 0)
        at = int(moving[-1]) + 1 if len(moving) else len(series)
        if len(series) - at >= 2 and at > 0 and any(s.x[-1] >= series.x[at] for s in ends):
            found.append((series, at))
    return found


def _trains(view: RunView) -> bool:
    """Return whether a training loss is finite to the end, and lower there than at first."""
    for series in view.by_role("loss.train"):
        if len(series) > 1 and np.isfinite(series.y).all():
            return bool(view.curve(series.key).last.value < series.y[0])
    return False


def _last_finite(series: Series, before: int) -> float | None:
    finite = np.flatnonzero(np.isfinite(series.y[:before]))
    return float(series.y[finite[-1]]) if len(finite) else None
