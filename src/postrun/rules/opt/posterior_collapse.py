"""An autoencoder whose code says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import bin_medians

#: Names of metrics and settings that only a model with a latent code has.
_OF_CODE = re.compile(r"recon|elbo|\bvae|latent_?dim|z_?dim|free_?bits", re.IGNORECASE)


class PosteriorCollapse(Rule):
    """The KL to the prior went to 0: the code carries nothing.

    ## What it does
    Reports a variational autoencoder whose KL divergence to the prior falls to nothing.

    ## Why it matters
    At a KL of 0 every input has the same code: the decoder ignores it and gives the mean of the data. The loss
    falls all the same.

    ## How it decides
    A KL to the prior (`kl.latent`, or another KL beside a reconstruction loss, an ELBO or the size of a code
    in the config) with at least `min_rows` values, never clearly below 0, whose last two of ten parts lie
    below `nats` (or below `most_nats` and `of_rebuilding` times the reconstruction loss), and below `share` of
    its largest level where it once was larger.

    ## What to do
    Anneal the KL's weight from 0 (beta), keep some free bits for each dimension, or weaken the decoder.

    ## Example
    "train/kl is at 0.0002 from step 140 on: the code carries nothing (posterior collapse)"

    ## References
    Bowman et al. 2016, "Generating sentences from a continuous space" (arXiv 1511.06349); Kingma et al. 2016
    (free bits, arXiv 1606.04934).
    """

    code = "OPT024"
    name = "posterior-collapse"
    since = "0.2.0"
    live = LATE
    needs = ("kl.latent", "kl.other")
    thresholds = {
        "nats": 0.05,
        "most_nats": 0.5,
        "share": 0.1,
        "of_rebuilding": 0.02,
        "min_rows": 10,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        if view.has("reward", "loss.policy", "reward.margin"):
            return
        rebuilt = any(_OF_CODE.search(key) for key in (*view.metrics, *view.flat_config)) or any(
            "vae" in str(value).lower() for value in view.flat_config.values()
        )
        for series in view.by_role("kl.latent", *(("kl.other",) if rebuilt else ())):
            y = series.finite
            if len(y) < self.limits["min_rows"] or float(y.y.min()) < -self.limits["nats"]:
                continue
            _, levels, first = bin_medians(y.x, y.y, 10)
            high, end = float(levels.max()), float(levels[-2:].max())
            share = self.limits["of_rebuilding"] * _rebuilding(view)
            limit = max(self.limits["nats"], min(self.limits["most_nats"], share))
            if end >= limit or (high > limit and end > self.limits["share"] * high):
                continue
            at = float(y.x[first[int(np.argmax(levels < limit))]])
            last = float(levels[-1])
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{series.key} is at {number(last, 2)} at the end, below {number(limit, 2)} from "
                f"{view.axis.at(at)} on: the code carries nothing (posterior collapse)",
                "Anneal the KL's weight from 0 (beta), keep some free bits for each dimension, or "
                "weaken the decoder.",
                [evidence(y, at, before=limit, after=last, effect=high)],
            )
            return


def _rebuilding(view: RunView) -> float:
    """Return the last reconstruction loss that is logged, 0 without one."""
    for key in view.metrics:
        if "recon" in key.lower() and len(view.series(key).finite):
            return max(0.0, float(view.series(key).finite.y[-1]))
    return 0.0
