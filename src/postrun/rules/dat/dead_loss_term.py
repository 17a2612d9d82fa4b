"""Parts of a loss that are 0."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.rules.base import LATE, Rule, evidence


class LossTermDead(Rule):
    """A part of the loss is 0 in all rows, or in nearly all.

    ## What it does
    Lists the parts of a loss that contribute nothing.

    ## Why it matters
    A term that is always 0 trains nothing: its weight is 0, it is switched off, or its computation is broken.
    Between many panels nobody sees it.

    ## How it decides
    A part of a loss (or a policy's loss beside a training loss) with at least `min_rows` values that are all
    0; or with at least `factor` times as many of which no more than 1 - `share` are something else.

    ## What to do
    If the term is meant to train: compute it by hand on one batch, and look at its weight and its mask.

    ## Example
    "train/thought_loss and train/gate_loss are 0 in all 480 rows: these parts of the loss contribute nothing"
    """

    code = "DAT011"
    name = "loss-term-dead"
    since = "0.2.0"
    live = LATE
    needs = ("loss.component", "loss.policy")
    thresholds = {"min_rows": 10, "factor": 3.0, "share": 0.97}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for terms that are 0 throughout, one for those that seldom are not."""
        roles = ("loss.component", "loss.policy") if view.has("loss.train") else ("loss.component",)
        terms = [s.finite for s in view.by_role(*roles) if len(s.finite) >= self.limits["min_rows"]]
        never = [s for s in terms if not s.y.any()]
        seldom = [
            s
            for s in terms
            if s.y.any()
            and len(s) >= self.limits["factor"] * self.limits["min_rows"]
            and (s.y == 0).mean() >= self.limits["share"]
        ]
        if never:
            yield self._told(never, f"0 in all {len(never[0]):,} rows")
        if seldom:
            other = int((seldom[0].y != 0).sum())
            yield self._told(seldom, f"0 in all but {other} of {len(seldom[0]):,} rows")

    def _told(self, terms: list[Series], how: str) -> Finding:
        one = len(terms) == 1
        names = _listed([s.key for s in terms])
        parts = "this part of the loss contributes" if one else "these parts of the loss contribute"
        return self.finding(
            Severity.INFO,
            0.9,
            f"{names} {'is' if one else 'are'} {how}: {parts} nothing",
            "If it is meant to train, compute it by hand on one batch, and look at its weight and its mask.",
            [evidence(s, before=0.0, after=float(s.y[-1]), effect=0.0) for s in terms],
        )


def _listed(names: list[str]) -> str:
    shown, more = names[:4], len(names) - 4
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
