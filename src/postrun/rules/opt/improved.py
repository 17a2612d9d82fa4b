"""What got better."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.beside import doubted
from postrun.rules.opt.chance import chance, stands_at_a_coin_toss
from postrun.stats.robust import median, noise_sigma, of_three

#: Of fewer values than this, each one counts; of fewer than the second, the curve has no error of its level.
_FEW, _LEVELS = 20, 12
#: What another tenth of the run would bring is worth telling from this share of the gain on.
_SEEN = 0.002
#: A metric that ends so many noise levels behind its best does not go on improving.
_BACK = 2.0
#: Findings whose first metric is an evaluation loss that rises.
_RISES = ("GEN007",)
_GOALS = ("loss.train", "loss.eval", "reward", "reward.eval", "accuracy.eval", "score.eval")


class Improved(Rule):
    """A metric improved, with its size.

    ## What it does
    Says (`good`) which of the run's goals improved, from what to what, and whether they still do.

    ## Why it matters
    A diagnosis that only names faults hides that a run worked; and "loss decreased" needs its
    evidence as much as a fault does.

    ## How it decides
    Training and evaluation losses that should fall, rewards and scores that should rise. The level at
    the end is better than the first value by more than `sigmas` standard deviations of single values (where
    there are few) or of the level, and by at least `share` of the larger of both; at least `kept_share` of the
    best gain is kept at the end. At least `min_rows` values, for rewards `min_episodes`: fewer returns are
    luck. "Still improving" is said if the curve's continuation would bring more, beyond its 95% interval. Never
    of a metric that a warning of another rule rests on, of a loss that is below 0 beside an accuracy, nor if
    the metric is flat from the first `early_share` of the run on, or gained nothing after the first twentieth;
    nor of a loss that ends at chance, or while every score of the evaluation is a constant (DAT004).

    ## Example
    "Improved: val/loss from 10.8 to 3.21 (still improving)"
    """

    code = "OPT007"
    name = "improved"
    live = END
    beside = True
    thresholds = {
        "share": 0.02,
        "sigmas": 4.0,
        "kept_share": 0.8,
        "early_share": 0.05,
        "min_rows": 3,
        "min_episodes": 8,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """As if no other rule had found anything."""
        return self.check_beside(view, ())

    def check_beside(self, view: RunView, found: Sequence[Finding]) -> Iterator[Finding]:
        """One finding for all metrics that improved."""
        doubts = doubted(found) | {f.evidence[0].metric for f in found if f.rule in _RISES}
        idle = _scores_stand(view, found)
        parts: list[str] = []
        proofs: list[Evidence] = []
        for role in _GOALS:
            for series in view.by_role(role):
                unworthy = series.key in doubts or (idle and role.startswith("loss"))
                told = None if unworthy else self._told(view, series, role)
                if told:
                    parts.append(told[0])
                    proofs.append(told[1])
        if parts:
            shown = "; ".join(parts[:4]) + (
                f"; and {len(parts) - 4} more" if len(parts) > 4 else ""
            )
            yield self.finding(Severity.GOOD, 0.9, f"Improved: {shown}", evidence=proofs)

    def _told(self, view: RunView, series: Series, role: str) -> tuple[str, Evidence] | None:
        finite, sign, curve = series.finite, series.info.sign, view.curve(series.key)
        best = curve.best
        least = self.limits["min_episodes" if role.startswith("reward") else "min_rows"]
        if not sign or best is None or len(finite) < least or curve.never_moved:
            return None
        # Of few values the last one is told as it was logged.
        end = float(finite.y[-1]) if len(finite) < _FEW else curve.last.value
        start = float(finite.y[0])
        if role.startswith("reward") and len(finite) >= _FEW:
            start = median(finite.y[: max(3, len(finite) // 50)])  # one episode's return is luck
        if len(finite) < _FEW and (float(finite.y[-1]) - start) * sign <= 0:
            return None  # the very last of a few values is worse than the first
        gain = (end - start) * sign
        noise = curve.noise if len(finite) < _LEVELS else (curve.last.high - curve.last.low) / 4
        if gain <= self.limits["sigmas"] * noise * (1 if math.isfinite(noise) else 0) or gain <= 0:
            return None
        if gain < self.limits["share"] * max(abs(start), abs(end)):
            return None
        if gain < self.limits["kept_share"] * (best.level.value - start) * sign:
            return None
        if _at_a_coin_toss(view, series, role) or (role == "loss.train" and chance(view, end).sure):
            return None
        late = self.limits["early_share"] * len(series)
        early = curve.flat_since is not None and curve.flat_since < late
        if (
            early
            or self._at_once(finite, sign, end, noise)
            or (sign < 0 and end < 0 <= start and view.has("accuracy.train", "accuracy.eval"))
        ):
            return None
        text = f"{series.key} from {number(start)} to {number(end)}"
        if _goes_on(view, series):
            text += " (still improving)"
        return text, evidence(
            finite, before=start, after=end, effect=gain / noise if noise else None
        )

    def _at_once(self, series: Series, sign: int, end: float, noise: float) -> bool:
        """Return whether nothing that counts was gained after the first twentieth of a long series."""
        if len(series) < _FEW:
            return False
        begun = median(series.y[: max(3, len(series) // 20)])
        gain = (end - begun) * sign
        least = self.limits["share"] * max(abs(begun), abs(end))
        return gain <= self.limits["sigmas"] * noise or gain < least


def _goes_on(view: RunView, series: Series) -> bool:
    """Return whether more of the same would bring more, beyond doubt."""
    curve = view.curve(series.key)
    more = None if curve.flat_since is not None or curve.turned else curve.continuation
    if more is None:
        return False
    bounds = (more.tenth.low * series.info.sign, more.tenth.high * series.info.sign)
    if _stopped(series.finite, series.info.sign):
        return False
    gained = abs(curve.last.value - float(series.finite.y[0]))
    return min(bounds) > 0 and abs(more.tenth.value) > _SEEN * gained


def _stopped(series: Series, sign: int) -> bool:
    """Return whether a metric ends worse than its best, beyond the noise: a continuation looks further back."""
    smooth = of_three(series.y) * sign
    return float(smooth.max() - smooth[-3:].max()) > _BACK * noise_sigma(series.y)


def _scores_stand(view: RunView, found: Sequence[Finding]) -> bool:
    """Return whether a warning says that scores of the evaluation are constants, and all of them are."""
    dead = {
        proof.metric
        for finding in (part for f in found for part in (f, *f.symptoms))
        if finding.rule == "DAT004" and finding.severity >= Severity.WARNING
        for proof in finding.evidence
    }
    scores = {s.key for s in view.by_role("accuracy.eval", "score.eval") if len(s.finite)}
    return bool(scores) and scores <= dead


def _at_a_coin_toss(view: RunView, series: Series, role: str) -> bool:
    """Return whether a loss stands where guessing between two classes would leave it."""
    told = role.startswith("loss") and stands_at_a_coin_toss(series.finite)
    return told and not view.has("progress.tokens", "throughput.tokens", "perplexity.eval")
