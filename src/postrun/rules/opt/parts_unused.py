"""A codebook or a router that uses few of its parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, PREVIEW, Rule, evidence
from postrun.stats.robust import bin_medians

#: Levels that rise by more than this in the last tenth are coming back.
_COMES_BACK = 1.5
#: A router that is sure of each token may still use all experts: only beside such a loss its entropy tells.
_OF_BALANCE = ("load-balancing loss", "auxiliary loss")
#: Quantities by which a model of codes differs from one of language, whose perplexity is no number of codes.
_OF_CODES, _OF_LANGUAGE = "vector-quantisation loss", "cross-entropy loss"


class PartsUnused(Rule):
    """A codebook or a router uses few of its parts.

    ## What it does
    Reports a codebook whose codes go out of use, and a router of experts that sends nearly all tokens to few of
    them.

    ## Why it matters
    Codes and experts that are not used get no gradient and do not come back. The model is as small as what is
    left of it, while its loss still falls.

    ## How it decides
    At least `min_rows` values, and medians of ten parts of the run. Codes in use (a count, a share, or a
    perplexity; the plain "perplexity" beside a loss of vector quantisation and without a cross-entropy): the
    last two levels are below `kept_share` of the highest one, and the last one is not above the one before by
    half. The largest load of an expert: the last two levels are above `load` (a share), and the first is below
    half of that. The entropy of a router is judged as codes are, but only if a loss of load balancing ends
    above `unbalanced` times its least level: a router that is sure of each token may use all experts.

    ## What to do
    Codebook: update it by moving averages, restart unused codes, raise the commitment cost. Router: raise the
    weight of the load-balancing loss, add noise to the router or limit the capacity of an expert.

    ## Example
    "vq/perplexity fell from 378 to 1.7 by step 5,200: few codes of the codebook are still used"

    ## References
    Van den Oord et al. 2017 (arXiv 1711.00937); Fedus et al. 2021, "Switch Transformers" (arXiv 2101.03961).
    """

    code = "OPT029"
    name = "parts-unused"
    since = "0.2.0"
    status = PREVIEW
    live = LATE
    needs = ("codes.used", "router.entropy", "router.load", "perplexity.train", "perplexity.eval")
    thresholds = {"kept_share": 0.2, "load": 0.8, "unbalanced": 2.0, "min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for codes, one for a router."""
        codes = view.by_role("codes.used")
        quantities = {info.quantity for info in view.metrics.values()}
        if _OF_CODES in quantities and _OF_LANGUAGE not in quantities:
            codes = view.by_role("perplexity.train", "perplexity.eval") + codes
        yield from self._first(view, codes, "few codes of the codebook are still used", _CODES)
        # The largest load is a maximum over experts, which by_role leaves to those who ask for it.
        loads = [key for key, info in view.metrics.items() if info.role == "router.load"]
        routers = [view.series(key) for key in loads]
        if any(self._unbalanced(view, key) for key in view.metrics):
            routers += view.by_role("router.entropy")
        yield from self._first(view, routers, "few experts get nearly all tokens", _EXPERTS)

    def _unbalanced(self, view: RunView, key: str) -> bool:
        """Return whether a metric is a loss of load balancing that ends at a multiple of its least level."""
        if view.metrics[key].quantity not in _OF_BALANCE:
            return False
        y = view.series(key).finite
        if len(y) < self.limits["min_rows"]:
            return False
        levels = bin_medians(y.x, y.y, 10)[1]
        return (
            float(levels.min()) > 0 and float(levels[-1]) > self.limits["unbalanced"] * levels.min()
        )

    def _first(
        self, view: RunView, found: list[Series], so_what: str, remedy: str
    ) -> Iterator[Finding]:
        for series in found:
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                continue
            _, levels, first = bin_medians(y.x, y.y, 10)
            ends = levels[-2:]
            if series.info.role == "router.load":
                bar = self.limits["load"]
                gone = float(ends.min()) > bar and float(levels[0]) < bar / 2
                gone = gone and float(levels.max()) <= 1
                start, beyond, verb = float(levels[0]), levels > bar, "rose"
            else:
                start = float(levels.max())
                bar = self.limits["kept_share"] * start
                gone = (
                    start > 0
                    and float(ends.max()) < bar
                    and float(ends[1]) <= _COMES_BACK * float(ends[0])
                )
                beyond, verb = levels < bar, "fell"
                beyond[: int(np.argmax(levels))] = False
            if not gone:
                continue
            at, end = float(y.x[first[int(np.argmax(beyond))]]), float(levels[-1])
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{series.key} {verb} from {number(start, 3)} to {number(end, 3)} by {view.axis.at(at)}: "
                f"{so_what}",
                remedy,
                [evidence(y, at, before=start, after=end, effect=end / start if start else None)],
            )
            return


_CODES = (
    "Update the codebook by moving averages, restart unused codes, or raise the commitment cost."
)
_EXPERTS = "Raise the weight of the load-balancing loss, add noise to the router, or limit an expert's load."
