"""Time that bought nothing."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule, evidence
from postrun.stats.plateau import Gain
from postrun.stats.robust import median

_ROLES = ("reward", "reward.eval", "accuracy.eval", "score.eval", "loss.eval", "loss.train")


class Plateau(Rule):
    """Gains came early, or stopped.

    ## What it does
    Says when a metric made its gains, and from where on no improvement can be shown.

    ## Why it matters
    The steps after a plateau cost as much as those before it. It is the first number to look at
    when one plans the next run's length.

    ## How it decides
    Looks at rewards, evaluation metrics and losses that should fall, with at least 20 values and a
    gain beyond 4 standard errors. Flat: from some point on, at least `flat_share` of the run, a
    Mann-Kendall test (1 %, corrected for autocorrelation) shows no improvement and the Theil-Sen
    change is below 2 % of the whole gain, and below 15 % of what is left to the best value there can
    be (a loss of 0, an accuracy of 1). Early: 90 % of a reward's or score's gain came within the
    first `early_share` of the run. (For losses that is the normal shape and is not reported.)
    A metric that got worse afterwards, by a fifth of its gain or clearly beyond the noise (4 standard
    errors and 5% of its best level), is left to other rules. Always `info`: a run that reached what
    it can reach is not ill.

    ## What to do
    Stop earlier, or change what limits it: learning-rate decay for losses; harder or more varied
    tasks, exploration, or reward terms for rewards.

    ## Example
    "reward/mean made 90 % of its gain (0.12 to 0.32) by step 150: the other 85 % of the run brought
    0.02"

    ## References
    Mann 1945; Yue and Wang 2004; Sen 1968.
    """

    code = "OPT003"
    name = "plateau"
    symptom_of = ("OPT006", "OPT014", "DAT006", "GEN001")
    thresholds = {"flat_share": 0.3, "early_share": 0.25}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all metrics, the one that matters most first."""
        found = []
        for role in _ROLES:
            for series in view.by_role(role):
                gain = view.gains(series.key)
                said = self._judge(view, series.finite, gain) if gain else None
                if said is not None:
                    found.append((series.finite, *said))
        if not found:
            return
        series, text, _at, confidence, proof = found[0]
        others = [f"{s.key} after {view.axis.at(s.x[i])}" for s, _, i, _, _ in found[1:]]
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            text += (
                f"; so do {', '.join(others[:3])}{more}"
                if len(others) > 1
                else f"; so does {others[0]}"
            )
        loss = (series.info.role or "").startswith("loss")
        yield self.finding(
            Severity.INFO,
            confidence,
            text,
            "Stop earlier, or decay the learning rate: a loss that is flat at a constant rate often "
            "falls again when it is lowered."
            if loss
            else "Stop earlier, or change what limits it: harder or more varied tasks, exploration, "
            "the reward terms.",
            [proof, *(other[4] for other in found[1:8])],
        )

    def _judge(
        self, view: RunView, series: Series, gain: Gain
    ) -> tuple[str, int, float, Evidence] | None:
        """Sentence, index, confidence and evidence, or None where there is nothing to say."""
        n = len(series)
        run = "what was logged" if view.run.completeness.truncated else "the run"
        loss = (series.info.role or "").startswith("loss")
        flat = 1 - gain.flat_from / n if gain.flat_from is not None else 0.0
        early = gain.reached / n
        if flat > 0.95:
            return None  # it never improved: OPT006
        if loss and not gain.kept:
            return None  # it got worse after its best: that is more than a plateau
        if flat >= self.limits["flat_share"] and gain.flat_from is not None:
            at = gain.flat_from
            level = median(series.y[at : at + max(3, n // 50)])
            if (gain.end - level) * series.info.sign < -0.2 * gain.total:
                return None  # it got worse: that is more than a plateau, and other rules say it
            text = (
                f"{series.key} shows no improvement after {view.axis.at(series.x[at])} (at {number(level)}): "
                f"{100 * flat:.0f} % of {run}{_time(view, series, at)} bought nothing measurable"
            )
            confidence = 0.85
        elif not loss and early <= self.limits["early_share"] and n >= 50:
            at = gain.reached
            rest = (gain.end - gain.at_reached) * series.info.sign
            if rest < -0.2 * gain.total:
                return None
            text = (
                f"{series.key} made 90 % of its gain ({number(gain.start, 3)} to {number(gain.at_reached, 3)}) "
                f"by {view.axis.at(series.x[at])}: the other {100 * (1 - early):.0f} % of {run}"
                f"{_time(view, series, at)} brought {number(max(rest, 0.0), 2)} more"
            )
            confidence = 0.8
        else:
            return None
        proof = evidence(
            series,
            float(series.x[at]),
            before=gain.start,
            after=gain.end,
            effect=max(flat, 1 - early),
        )
        return text, at, confidence, proof


def _time(view: RunView, series: Series, at: int) -> str:
    """The wall time after a value, as ", 2.1 h,", or ""."""
    clock = view.run.history["_runtime"]
    first, last = int(series.rows[at]), int(series.rows[-1])
    start, end = clock[first], clock[last]
    if start is None or end is None or end <= start:
        return ""
    seams = [s for s in view.run.completeness.seams if first < s.row <= last]
    pauses = sum(max(0.0, s.gap_seconds or 0.0) for s in seams)
    return f" ({duration(max(0.0, float(end - start) - pauses))})"
