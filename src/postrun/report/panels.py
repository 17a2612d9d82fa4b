"""What belongs into one plot: panels of roles, shared by the static figures and the HTML report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.metrics import RunView, Series


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: its title, the roles that it shows, and its scale."""

    title: str
    roles: tuple[str, ...]
    log: bool = False
    skip_zero: bool = False  #: series that are 0 throughout are left out


#: Parts of the step time.
TIME_PARTS = ("time.part", "time.data", "time.wait", "time.save", "time.generate")
TRAINING = (
    Panel("Loss", ("loss.train", "loss.eval", "loss.policy", "loss.value")),
    Panel("Adversaries' losses", ("loss.discriminator", "loss.generator")),
    Panel("Reward", ("reward", "reward.eval", "reward.component")),
    Panel("Preference margin", ("reward.margin", "reward.chosen", "reward.rejected")),
    Panel("Log-probabilities", ("logp.chosen", "logp.rejected")),
    Panel("Score", ("accuracy.train", "accuracy.eval", "accuracy.preference", "score.eval")),
    Panel("Entropy", ("entropy",)),
    Panel("Trainer and inference probabilities", ("prob.trainer", "prob.inference", "prob.gap")),
    Panel("KL divergence", ("kl.mismatch", "kl.policy", "kl.step"), log=True),
    Panel("Masked and truncated", ("fraction.masked", "fraction.truncated", "fraction.clipped")),
    Panel(
        "Groups without signal",
        ("fraction.zero_std", "fraction.solve_none", "fraction.solve_all"),
        skip_zero=True,
    ),
    Panel("Action values", ("q_value",)),
    Panel("Explained variance", ("explained_variance",)),
    Panel("Gradient norm", ("grad_norm",), log=True),
    Panel("Learning rate", ("lr",)),
    Panel("Length", ("length.completion", "length.sequence", "length.episode")),
)
PERFORMANCE = (
    Panel("Throughput", ("throughput.tokens", "throughput.samples", "throughput.steps")),
    Panel("Model FLOPs utilisation", ("mfu",)),
    Panel("GPU memory", ("memory.gpu",)),
    Panel("Step time", ("time.step", *TIME_PARTS)),
)
#: More lines than this are not told apart.
MOST_LINES = 6


def lines_of(view: RunView, panel: Panel) -> list[Series]:
    """The metrics that a panel shows: those with at least two finite values, at most MOST_LINES.

    Of the parts of the step time, the four largest.
    """
    lines = [s for s in view.by_role(*panel.roles) if len(s.finite) > 1]
    if panel.skip_zero:
        lines = [s for s in lines if s.finite.y.any()]
    if panel.roles[0] == "time.step":
        parts = [s for s in lines if s.info.role in TIME_PARTS]
        parts.sort(key=lambda s: -float(np.median(s.finite.y)))
        lines = [s for s in lines if s.info.role not in TIME_PARTS] + parts[:4]
    return lines[:MOST_LINES]


def decades(lines: list[Series]) -> float:
    """Powers of ten that the bulk of the positive values spans; 0 where a line has none."""
    if not all(bool((s.finite.y > 0).any()) for s in lines):
        return 0.0
    y = np.concatenate([s.finite.y for s in lines])
    low, high = np.quantile(y[y > 0], [0.02, 0.98])
    return float(np.log10(high / low)) if low > 0 else 0.0
