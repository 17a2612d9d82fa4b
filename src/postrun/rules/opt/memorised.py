"""A training loss that falls in stairs, one an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.series import paired
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.stats.robust import Floats, median, noise_sigma

#: An epoch has a beginning, a middle and an end.
_PARTS = 3


class Memorised(Rule):
    """The training loss steps down at each epoch, and nothing was evaluated.

    ## What it does
    Reports a training loss that falls where an epoch begins and hardly within one.

    ## Why it matters
    A sample that is seen again is known: that is memorising. A loss that falls in stairs says how well the
    training data are known by heart, not how well the task is learned; only an evaluation could tell.

    ## How it decides
    The rows are cut into epochs by the logged epoch (from its second one on an epoch has a beginning and an
    end, each a third of it, of at least `min_values` values). At each boundary the level drops by more than
    `step` of itself and by more than `sigmas` standard errors, and by more than twice what it falls within the
    epoch before it; the drops make up at least `drop_share` of what is lost after the first epoch's end. Only
    if no evaluation is logged: with one, GEN001 judges.

    ## What to do
    Log an evaluation metric; use fewer epochs or more data; keep the checkpoint of the first epochs.

    ## Example
    "train/loss steps down at each of 2 epoch boundaries (0.83 to 0.5 to 0.29) and hardly between: it memorises
    the training data"

    ## References
    Carlini et al. 2021, "Extracting training data from large language models" (arXiv 2012.07805).
    """

    code = "OPT019"
    name = "memorised"
    since = "0.2.0"
    needs = ("loss.train",)
    thresholds = {"step": 0.08, "sigmas": 4.0, "drop_share": 0.6, "min_values": 4}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        counter = view.first("progress.epoch")
        if counter is None or view.has(*HELD_OUT, "loss.policy", "reward"):
            return
        for series in view.by_role("loss.train"):
            loss, epoch = paired(series.finite, counter.finite)
            found = self._stairs(loss, epoch.y)
            if found:
                levels, at = found
                words = " to ".join(number(v, 2) for v in levels)
                count = len(levels) - 1
                where = "at each of the" if count > 1 else "at the"
                yield self.finding(
                    Severity.WARNING,
                    0.75,
                    f"{series.key} steps down {where} {count} epoch boundar{'ies' if count > 1 else 'y'} "
                    f"({words}) and hardly between: it memorises the training data",
                    "Log an evaluation metric. Use fewer epochs or more data.",
                    [
                        evidence(loss, at, before=before, after=after, effect=float(count))
                        for before, after in pairwise(levels)
                    ],
                )
                return

    def _stairs(self, loss: Series, epoch: Floats) -> tuple[list[float], float] | None:
        """Return the mean level of each epoch and the first boundary, if the loss falls in stairs."""
        if len(loss) < 2 * _PARTS * self.limits["min_values"] or (np.diff(epoch) < 0).any():
            return None
        # 1.0 ends the first epoch where the counter is a share, and is the second one where it counts.
        number_of = np.floor(epoch) if (epoch % 1 == 0).all() else np.ceil(epoch) - 1
        parts = [loss.y[number_of == e] for e in np.unique(number_of) if e >= 0]
        parts = [y for y in parts if len(y) >= _PARTS * self.limits["min_values"]]
        if len(parts) < 2:
            return None
        noise = noise_sigma(loss.y)
        drops = []
        for before, after in pairwise(parts):
            third, next_third = len(before) // _PARTS, len(after) // _PARTS
            drop = median(before[-third:]) - median(after[:next_third])
            within = max(0.0, median(before[third : 2 * third]) - median(before[-third:]))
            error = noise * (1.57 / third + 1.57 / next_third) ** 0.5
            if drop < max(
                self.limits["step"] * abs(median(before[-third:])),
                self.limits["sigmas"] * error,
                2 * within,
            ):
                return None
            drops.append(drop)
        third = len(parts[0]) // _PARTS
        lost = median(parts[0][-third:]) - median(parts[-1][-max(1, len(parts[-1]) // _PARTS) :])
        if sum(drops) < self.limits["drop_share"] * lost:
            return None
        first = int(np.flatnonzero(number_of == np.unique(number_of)[1])[0])
        return [float(y.mean()) for y in parts], float(loss.x[first])
