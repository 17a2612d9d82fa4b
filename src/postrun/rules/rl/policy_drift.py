"""How far the policy moves: per step, from the reference, and from the sampler."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, before_and_end, evidence
from postrun.stats.changepoint import onset
from postrun.stats.levels import begins, lowest
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed
from postrun.training.checkpoints import go_back


class ClippedTooMuch(Rule):
    """A large part of the policy update is clipped away.

    ## What it does
    Reports a clip fraction (share of tokens or actions whose importance ratio leaves the clip range)
    that stays high.

    ## Why it matters
    What is clipped has no gradient. Some clipping is the method at work; where a third of the batch
    is clipped, the steps are too large or the samples too old, and much of the compute is thrown
    away.

    ## How it decides
    The median of the second half is at least `share`.

    ## What to do
    Lower the learning rate, take fewer epochs per batch, refresh samples more often.

    ## Example
    "train/clip_fraction has a median of 0.46 in the second half of the run"

    ## References
    Huang et al. 2022, "The 37 implementation details of proximal policy optimization": clip fractions
    of healthy runs are mostly below 0.2.
    """

    code = "RL004"
    name = "clipped-too-much"
    needs = ("fraction.clipped",)
    symptom_of = ("RL014", "RL001", "RL013")
    thresholds = {"share": 0.3, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "fraction.clipped")
        if y is None or y.y.max() > 1.0001:
            return
        level = median(y.y[len(y) // 2 :])
        if level < self.limits["share"]:
            return
        smooth = smoothed(y.y)
        at = float(y.x[int(np.argmax(smooth >= self.limits["share"]))])
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{y.key} has a median of {number(level, 2)} in the second half of the run: "
            f"{100 * level:.0f}% of the batch is clipped away",
            "Lower the learning rate, take fewer epochs per batch, or refresh samples more often.",
            [
                evidence(
                    y, at, before=median(y.y[: max(5, len(y) // 10)]), after=level, effect=level
                )
            ],
        )


class KlBlowUp(Rule):
    """The KL to the reference policy grows while the reward does not.

    ## What it does
    Reports a KL divergence that multiplied while the reward stood still or fell.

    ## Why it matters
    KL is the price that is paid for reward. A price that rises with the reward is progress; a price
    that rises alone is drift: the run is over, and what the reference could do is being lost. No
    level of KL is healthy or ill by itself.

    ## How it decides
    The last tenth of the KL (smoothed) is at least `factor` times its level at a fifth of the run and
    at least `floor` above it, and over the same stretch the reward gained less than a tenth of its
    whole gain. `critical` where the reward fell by more than half of its gain. Nothing is said where
    no reward is logged.

    ## What to do
    Stop at the step where the reward stopped; raise the KL coefficient, or lower the learning rate.

    ## Example
    "objective/kl grew from 4 to 61 after step 300, while objective/scores went from 1.9 to 1.8"

    ## References
    Gao et al. 2022 (arXiv 2210.10760): reward as a function of the square root of KL.
    """

    code = "RL005"
    name = "kl-blow-up"
    lasting = True
    needs = ("kl.policy",)
    symptom_of = ("RL001", "OPT001", "RL014")
    thresholds = {"factor": 3.0, "floor": 0.05, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y, reward = self.usable(view, "kl.policy"), view.first("reward")
        if y is None or reward is None:
            return
        reward, n = reward.finite, len(y)
        if len(reward) < 20:
            return
        smooth = smoothed(y.y)
        end = median(smooth[-max(5, n // 10) :])
        begin = median(smooth[n // 5 - n // 20 : n // 5 + n // 20 + 1])
        if end < self.limits["factor"] * max(begin, 0.0) or end - begin < self.limits["floor"]:
            return
        at = n // 5 + begins(
            smooth[n // 5 :],
            begin,
            end,
            mad_sigma(y.y[n // 5 : 2 * n // 5] - smooth[n // 5 : 2 * n // 5]),
        )
        step = float(y.x[at])
        gained = float(np.max(rolling_median(reward.y, 5))) - median(
            reward.y[: max(5, len(reward) // 20)]
        )
        then, now = before_and_end(reward, step)
        if np.isnan(then) or gained <= 0 or now - then > 0.1 * gained:
            return
        fell = then - now > 0.5 * gained
        yield self.finding(
            Severity.CRITICAL if fell else Severity.WARNING,
            0.85,
            f"{y.key} grew from {number(begin, 3)} to {number(end, 3)} from {view.axis.at(step)} on, while "
            f"{reward.key} went from {number(then, 3)} to {number(now, 3)}: drift that buys no reward",
            "Stop where the reward stopped; raise the KL coefficient or lower the learning rate.",
            [
                evidence(
                    y, step, before=begin, after=end, effect=end / begin if begin > 0 else None
                ),
                evidence(reward, step, before=then, after=now),
            ],
        )


class EntropyExploded(Rule):
    """The policy's entropy rose far above where it had been.

    ## What it does
    Reports entropy that, late in the run, is a multiple of its lower level.

    ## Why it matters
    A policy that becomes random again has unlearned: too large an entropy bonus, gradients of the
    wrong sign for masked tokens, or collapse after a mismatch.

    ## How it decides
    Smoothed by a running median. The last tenth is at least `factor` times the lowest level of a
    tenth of the run before it, and the rise is larger than a tenth of the first level. `info` where
    the reward rose meanwhile (exploration that pays), else `warning`.

    ## What to do
    Lower the entropy bonus; look at what changed at the onset; go back to a checkpoint before it.

    ## Example
    "entropy/mean rose from 0.4 to 2.9 from step 620 on"
    """

    code = "RL006"
    name = "entropy-exploded"
    lasting = True
    needs = ("entropy",)
    symptom_of = ("RL001", "OPT001", "RL014")
    thresholds = {"factor": 2.0, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "entropy")
        others = view.by_role("reward", "reward.component", "kl.policy", "kl.mismatch", "kl.step")
        if y is None or not others or y.y.min() < 0:
            return  # below 0 it is a loss term, not an entropy
        n = len(y)
        smooth = smoothed(y.y)
        tenth = max(5, n // 10)
        if n < 2 * tenth:
            return
        low, where = lowest(smooth[: n - tenth], tenth)
        end = median(smooth[-tenth:])
        start = max(median(y.y[: max(3, n // 100)]), median(smooth[:tenth]), 1e-9)
        if end < self.limits["factor"] * low or end - low < 0.1 * start:
            return
        rest = smooth[where:]
        at = where + begins(
            rest, low, end, mad_sigma(y.y[where : where + tenth] - smooth[where : where + tenth])
        )
        step = float(y.x[at])
        reward = view.first("reward")
        pays = False
        if reward is not None and len(reward.finite) >= 20:
            r = reward.finite
            then, now = before_and_end(r, step)
            pays = now > then + 0.05 * float(np.ptp(rolling_median(r.y, 5)))
        yield self.finding(
            Severity.INFO if pays else Severity.WARNING,
            0.8,
            f"{y.key} rose from {number(low, 3)} to {number(end, 3)} from {view.axis.at(step)} on"
            + (", while the reward rose with it" if pays else ""),
            f"Lower the entropy bonus; look at what changed where it begins. {go_back(view, step)}",
            [evidence(y, step, before=low, after=end, effect=end / low if low > 0 else None)],
        )


class OffPolicy(Rule):
    """Samples come from a policy that is far from the one that is trained.

    ## What it does
    Reports importance ratios, effective sample sizes or policy lags that show samples to be stale.

    ## Why it matters
    Off-policy samples make the gradient biased (if ratios are clipped) or noisy (if they are not):
    most of the batch then has little weight.

    ## How it decides
    Second half of the run: the mean importance ratio's median is off 1 by more than `ratio_gap`, or
    the effective sample size (as a share) is below `ess`, or the lag is at least `lag` updates.

    ## What to do
    Refresh the sampler's weights more often, lower the number of updates per batch or the
    asynchrony, truncate ratios.

    ## Example
    "rollout_corr/rollout_is_eff_sample_size has a median of 0.21: a fifth of the batch carries all
    the weight"

    ## References
    verl, "Rollout correction" (effective sample size, ratio statistics).
    """

    code = "RL013"
    name = "off-policy"
    needs = ("ratio.importance", "ess", "lag.policy")
    symptom_of = ("RL001",)
    thresholds = {"ratio_gap": 0.2, "ess": 0.5, "lag": 8, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        parts: list[str] = []
        proofs: list[Evidence] = []
        for role in ("ess", "ratio.importance", "lag.policy"):
            y = self.usable(view, role)
            if y is None:
                continue
            level = median(y.y[len(y) // 2 :])
            bad = {
                "ess": level < self.limits["ess"] and y.y.max() <= 1.0001,
                "ratio.importance": abs(level - 1) > self.limits["ratio_gap"],
                "lag.policy": level >= self.limits["lag"],
            }[role]
            if bad:
                parts.append(f"{y.key} (median {number(level, 3)})")
                early = median(y.y[: max(5, len(y) // 10)])
                proofs.append(
                    evidence(y, float(y.x[len(y) // 2]), before=early, after=level, effect=level)
                )
        if not parts:
            return
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"{' and '.join(parts[:2])} show{'s' * (len(parts) == 1)} in the second half of the run that "
            "samples come from a policy far from the trained one",
            "Refresh the sampler's weights more often, take fewer updates per batch, or truncate ratios.",
            proofs,
        )


class PolicyStepTooLarge(Rule):
    """The policy moves too far in one update.

    ## What it does
    Reports a KL between the policy before and after an update (approx_kl, ppo_kl) that stays high or
    jumps.

    ## Why it matters
    Trust-region methods assume small steps. Large ones make the surrogate objective meaningless: the
    reward often falls right after.

    ## How it decides
    The absolute value's median from some step on (smoothed, at least half of the later values) is
    above `level`, or at least `share` of all values are; targets in use are 0.01 to 0.03, and
    implementations stop an update at about 0.02 to 0.05.

    ## What to do
    Lower the learning rate or the number of epochs per batch; set a target KL.

    ## Example
    "train/approx_kl is at 0.31 from step 240 on (0.012 before)"

    ## References
    Schulman et al. 2017 (arXiv 1707.06347); Spinning Up (target_kl 0.01), Stable-Baselines3
    (target_kl).
    """

    code = "RL014"
    name = "policy-step-too-large"
    lasting = True
    needs = ("kl.step",)
    symptom_of = ("RL001", "OPT001")
    thresholds = {"level": 0.1, "share": 0.25, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "kl.step")
        if y is None:
            return
        smooth = smoothed(np.abs(y.y))
        at = onset(smooth, 0.0, self.limits["level"])
        high = np.flatnonzero(np.abs(y.y) > self.limits["level"])
        if (at is None or at > 0.9 * len(y)) and len(high) >= self.limits["share"] * len(y):
            step, level = float(y.x[high[0]]), median(np.abs(y.y[high]))
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{y.key} is above {self.limits['level']:g} in {100 * len(high) / len(y):.0f}% of the rows "
                f"(median of those {number(level, 2)}), first at {view.axis.at(step)}: the policy often "
                "moves too "
                "far in one update",
                "Lower the learning rate or the epochs per batch, or set a target KL.",
                [evidence(y, step, after=level, effect=len(high) / len(y))],
            )
            return
        if at is None or at > 0.9 * len(y):
            return
        before = median(np.abs(y.y[:at])) if at >= 5 else None
        after = median(np.abs(y.y[at:]))
        step = float(y.x[at])
        earlier = "" if before is None else f" ({number(before, 2)} before)"
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{y.key} is at {number(after, 2)} from {view.axis.at(step)} on{earlier}: the policy moves too far "
            "in one update",
            "Lower the learning rate or the epochs per batch, or set a target KL.",
            [evidence(y, step, before=before, after=after, effect=after)],
        )
