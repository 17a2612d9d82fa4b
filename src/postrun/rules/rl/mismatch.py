"""Trainer and inference disagree about the policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from postrun.metrics import RunView, Series, paired
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE, LEAST_BEFORE
from postrun.stats.changepoint import onset
from postrun.stats.robust import mad_sigma, median, smoothed
from postrun.training.checkpoints import go_back

#: The onset is looked for again at this share of the later rise; the measure has settled at this share of it.
_ONSET_SHARE, _SETTLED_SHARE = 0.1, 0.9
#: A gradient norm that grew by this factor is told as a symptom.
_NORM_GROWN = 3.0


@dataclass(frozen=True, slots=True)
class _Parting:
    """One measure of the mismatch: its onset, and its level before and since."""

    series: Series
    what: str
    step: float
    full: float
    before: float
    after: float

    def evidence(self) -> Evidence:
        ratio = self.after / self.before if self.before > 0 else None
        return evidence(self.series, self.step, before=self.before, after=self.after, effect=ratio)


class TrainerInferenceMismatch(Rule):
    """Trainer and inference engine assign different probabilities to the same tokens.

    ## What it does
    Finds the step from which the probabilities that the trainer computes for sampled tokens part
    from those of the inference engine that sampled them.

    ## Why it matters
    Policy-gradient training assumes that samples come from the policy that is trained. When the two
    part (other kernels or precision, stale weights, a sampler that truncates), importance ratios
    explode or are masked, gradients become wrong or small, and the run collapses while its loss and
    reward still look calm.

    ## How it decides
    Up to three measures: the gap between the mean probabilities of trainer and inference; their KL
    divergence; the share of tokens that are masked or clipped for it. Each is smoothed by a running
    median of 1% of the run (5 to 51 values); its baseline is the median of the first
    `baseline_share` of the run, its onset the first step from which the smoothed value stays above
    baseline + max(`sigmas` baseline deviations, an absolute floor: gap `gap_floor`, KL `kl_floor`,
    masked `masked_floor`); where that exists, the onset is looked for again at a tenth of the later
    level, if that is below the floor. `critical` where, since the measure settled, the median KL is at least
    `kl_critical`, the gap `gap_critical`, or the masked share `masked_critical`; else `warning`. Where the
    gradient norm grew at least threefold with it, that is said as a symptom.

    The floors are far above what bf16 rounding alone gives (a KL of 1e-3 or less, a gap of 0.01).

    ## What to do
    Compare log-probabilities of trainer and inference on one fixed batch; use the same precision
    and kernels on both sides (an fp32 head, say), refresh the sampler's weights more often, and
    correct by truncated importance sampling. Restart from a checkpoint before the onset.

    ## Example
    "Trainer and sampler disagree on token probabilities from step 45 on (KL 0.001 to 3.2), and 30% of tokens
    are masked out of the loss"

    ## References
    "When Speed Kills Stability: Demystifying RL Collapse from the Training-Inference Mismatch"
    (2025); Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy training".
    """

    code = "RL001"
    name = "trainer-inference-mismatch"
    lasting = True
    needs = ("kl.mismatch", "prob.gap", "prob.trainer")
    thresholds = {
        "baseline_share": 0.03,
        "sigmas": 6.0,
        "gap_floor": 0.02,
        "kl_floor": 0.02,
        "masked_floor": 0.05,
        "kl_critical": 0.5,
        "gap_critical": 0.1,
        "masked_critical": 0.2,
        "min_rows": 30,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        found = [p for p in self._measures(view) if p]
        real = [p for p in found if p.what != "masked share"]
        if not real:
            return
        begin = min(p.step for p in real)
        full = max(p.full for p in found)
        severe = any(
            p.after
            >= {
                "KL": self.limits["kl_critical"],
                "gap": self.limits["gap_critical"],
                "masked share": self.limits["masked_critical"],
            }[p.what]
            for p in found
        )
        first = real[0]
        masked = next((p for p in found if p.what == "masked share"), None)
        text = (
            f"Trainer and sampler disagree on token probabilities from {view.axis.at(begin)} on "
            f"({first.what} {number(first.before, 2)} to {number(first.after, 2)})"
        )
        if masked:
            text += f", and {100 * masked.after:.0f}% of tokens are masked out of the loss"
        proofs = [p.evidence() for p in found]
        norm = self._gradients(view, begin, full)
        if norm:
            proofs.append(norm)
        yield self.finding(
            Severity.CRITICAL if severe else Severity.WARNING,
            0.95 if len(found) > 1 else 0.8,
            text,
            "Compare log-probabilities of trainer and inference on one fixed batch; use the same "
            "precision and kernels, refresh the sampler's weights more often, truncate importance "
            f"ratios. {go_back(view, begin)}",
            proofs,
            ("https://github.com/PrimeIntellect-ai/prime-rl/issues/1030",),
        )

    def _measures(self, view: RunView) -> Iterator[_Parting | None]:
        divergence = view.first("kl.mismatch")
        if divergence is not None:
            yield self._parting(divergence.finite, "KL", self.limits["kl_floor"])
        logged = view.first("prob.gap")
        gap = _gap(view) if logged is None else logged.finite
        if gap is not None:
            yield self._parting(gap, "gap", self.limits["gap_floor"])
        masked = view.first("fraction.masked")
        if masked is not None and len(masked.finite) and masked.finite.y.max() <= LARGEST_SHARE:
            yield self._parting(masked.finite, "masked share", self.limits["masked_floor"])

    def _parting(self, series: Series, what: str, floor: float) -> _Parting | None:
        n = len(series)
        if n < self.limits["min_rows"]:
            return None
        smooth = smoothed(series.y, 100)
        early = series.y[: max(5, int(self.limits["baseline_share"] * n))]
        baseline = median(early)
        rise = max(self.limits["sigmas"] * mad_sigma(early), floor)
        sure = onset(smooth, baseline, rise)
        if sure is None:
            return None
        settled = median(smooth[sure + (n - sure) // 4 :])
        spread = self.limits["sigmas"] * mad_sigma(early)
        begin = max(spread, min(floor, _ONSET_SHARE * (settled - baseline)))
        at = onset(smooth, baseline, begin)
        at = sure if at is None else at
        most = baseline + _SETTLED_SHARE * (settled - baseline)
        reached = at + int(np.argmax(smooth[at:] >= most))
        return _Parting(
            series=series,
            what=what,
            step=float(series.x[at]),
            full=float(series.x[reached]),
            before=median(series.y[:at]) if at >= LEAST_BEFORE else baseline,
            after=settled,
        )

    def _gradients(self, view: RunView, begin: float, full: float) -> Evidence | None:
        norm = view.first("grad_norm")
        if norm is None:
            return None
        before = median(norm.finite.between(-np.inf, begin).y)
        after = median(norm.finite.between(full, np.inf).y)
        if not before > 0 or not after >= _NORM_GROWN * before:
            return None
        return evidence(norm.finite, begin, before=before, after=after, effect=after / before)


def _gap(view: RunView) -> Series | None:
    """|trainer - inference| of the mean probabilities, row by row."""
    trainer, inference = view.first("prob.trainer"), view.first("prob.inference")
    if trainer is None or inference is None:
        return None
    a, b = paired(trainer.finite, inference.finite)
    if not len(a):
        return None
    of = trainer.key, inference.key
    info = replace(b.info, key=" - ".join(of), role=None, of=of)
    return Series(info, a.x, np.abs(a.y - b.y), a.rows, a.axis)
