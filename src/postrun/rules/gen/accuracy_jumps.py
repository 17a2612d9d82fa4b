"""Accuracies that jump by more than their sample explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.evaluation import PERCENT
from postrun.stats.robust import Floats


class AccuracyJumps(Rule):
    """An accuracy over many samples jumps from value to value.

    ## What it does
    Reports accuracies whose scatter cannot come from the number of samples that they are measured on: it is
    the model that changes so much from one value to the next.

    ## Why it matters
    The last checkpoint is a matter of luck then, and so is the best one. Small or one-sided batches (the
    clients of a federated training, one class at a time), a rate that is too high, or statistics of batch
    normalisation that lag behind are the usual causes.

    ## How it decides
    An accuracy between 0 and 1 (or 100) with at least `min_rows` values, `min_levels` of them different, on a
    grid so fine that it stands for `samples` samples or more. Single values scatter by at least `noise`
    (standard deviation, of 1), and by `factor` times what binomial sampling of so many samples allows. Not if
    GEN005 tells it.

    ## What to do
    Lower the learning rate or decay it, average the weights (EMA, SWA; more clients a round), and report the
    mean of the last values instead of the best one.

    ## Example
    "acc jumps by ±0.094 from value to value, where its sample explains at most ±0.005"
    """

    code = "GEN011"
    name = "accuracy-jumps"
    since = "0.2.0"
    needs = ("accuracy.eval", "accuracy.train")
    beside = True
    thresholds = {"min_rows": 30, "min_levels": 20, "samples": 1000, "noise": 0.04, "factor": 3.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """As if no other rule had found anything."""
        return self.check_beside(view, ())

    def check_beside(self, view: RunView, found: Sequence[Finding]) -> Iterator[Finding]:
        """One finding at most."""
        told = {proof.metric for f in found if f.rule == "GEN005" for proof in f.evidence}
        for series in view.by_role("accuracy.eval", "accuracy.train"):
            judged = None if series.key in told else self._judge(view, series)
            if judged is None:
                continue
            noise, explained = judged
            yield self.finding(
                Severity.INFO,
                0.75,
                f"{series.key} jumps by ±{number(noise, 2)} from value to value, where its sample explains "
                f"at most ±{number(explained, 1)}",
                "Lower or decay the learning rate, average the weights, and report the mean of the last values "
                "instead of the best one.",
                [evidence(series.finite, before=explained, after=noise, effect=noise / explained)],
            )
            return

    def _judge(self, view: RunView, series: Series) -> tuple[float, float] | None:
        """Return the scatter of single values and what sampling allows, in the metric's unit."""
        y = series.finite.y
        if len(y) < self.limits["min_rows"] or y.min() < 0 or y.max() > PERCENT:
            return None
        scale = PERCENT if y.max() > 1 else 1.0
        samples = _samples(y / scale, self.limits["min_levels"])
        if not samples or samples < self.limits["samples"]:
            return None
        noise = view.curve(series.key).noise / scale
        explained = 0.5 / math.sqrt(samples)
        if noise < max(self.limits["noise"], self.limits["factor"] * explained):
            return None
        return noise * scale, explained * scale


def _samples(y: Floats, least: float) -> float:
    """Return the number of samples that an accuracy's grid stands for, at least: 1 over its smallest step.

    Fewer than `least` values that differ show no grid: 0.
    """
    levels = np.unique(np.round(y, 6))
    if len(levels) < least:
        return 0.0
    return float(1 / np.diff(levels).min())
