"""The chosen answers become less likely."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, median, smoothed


class ChosenFalls(Rule):
    """The chosen answers become less likely.

    ## What it does
    Reports log-probabilities of chosen answers that fall although the margin grows.

    ## Why it matters
    The margin can grow by making both answers unlikely, the rejected one more so. Probability then
    goes to answers that nobody chose: likelihood displacement, which shows as a worse or unsafe model
    behind a better loss.

    ## How it decides
    The chosen log-probability's last tenth lies below its first by more than `fall_share` of its
    size and `std_errors` standard errors, and the margin grew (or the rejected log-probability fell more).
    `warning` from twice that fall on, else `info`: a small fall is usual.

    ## What to do
    Lower the learning rate, raise beta, add a supervised term on chosen answers (RPO, DPOP), or filter
    pairs that are nearly the same.

    ## Example
    "train/logps/chosen falls from -210 to -310 from step 40 on, while the margin grows to 4.1"

    ## References
    Razin et al. 2024 (arXiv 2410.08847); Pal et al. 2024, Smaug (arXiv 2402.13228).
    """

    code = "PREF002"
    name = "chosen-falls"
    lasting = True
    needs = ("logp.chosen",)
    thresholds = {"fall_share": 0.15, "std_errors": 6, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "logp.chosen")
        margin, rejected = view.first("reward.margin"), view.first("logp.rejected")
        if y is None:
            return
        moved = change(y.y)
        fall = -moved.size
        if fall <= max(
            self.limits["fall_share"] * abs(moved.before), self.limits["std_errors"] * moved.error
        ):
            return
        other = None if rejected is None else change(rejected.finite.y)
        grown = None if margin is None else change(margin.finite.y)
        if not (
            (grown is not None and grown.size > 0) or (other is not None and -other.size > fall)
        ):
            return
        smooth = smoothed(y.y)
        first = y.y[: max(5, len(y) // 50)]  # it may fall from the first step on
        step = float(y.x[begins(smooth, median(first), moved.after, mad_sigma(first))])
        proofs = [evidence(y, step, before=moved.before, after=moved.after, effect=fall)]
        text = (
            f"{y.key} falls from {number(moved.before, 3)} to {number(moved.after, 3)} "
            f"from {view.axis.at(step)} on"
        )
        if margin is not None and grown is not None:
            text += f", while {margin.key} grows to {number(grown.after, 3)}"
            proofs.append(evidence(margin.finite, before=grown.before, after=grown.after))
        severe = fall > 2 * self.limits["fall_share"] * abs(moved.before)
        yield self.finding(
            Severity.WARNING if severe else Severity.INFO,
            0.8,
            f"{text}: the chosen answers become less likely too",
            "Lower the learning rate, raise beta, add a supervised term on chosen answers, or drop pairs "
            "that are nearly the same.",
            proofs,
        )
