"""What of a run was looked at: metrics that are understood, and what could not be judged.

A rule without its metrics is silent, and silence reads as health. Coverage says which questions had no
answer and what the run would have to log for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postrun.metrics import RunView

#: Below this share of understood metrics, little was looked at.
_ENOUGH = 1 / 3
#: Names that a sentence lists at most.
_LISTED = 6

_LEARNING = (
    "loss.train", "loss.eval", "loss.policy", "loss.value", "loss.generator", "loss.discriminator",
    "perplexity.train", "perplexity.eval", "reward", "reward.eval", "success", "accuracy.train",
    "accuracy.eval", "accuracy.preference", "score.train", "score.eval",
)  # fmt: skip
_HELD_OUT = (
    "loss.eval", "accuracy.eval", "score.eval", "perplexity.eval", "reward.eval",
)  # fmt: skip
_SUPERVISED = ("loss.train", "accuracy.train", "perplexity.train", "score.train")
_POLICY = ("loss.policy", "advantage", "kl.step", "fraction.clipped", "q_value", "loss.value")
#: Packs of trainers without gradients.
_TREES = frozenset({"xgboost", "lightgbm"})


@dataclass(frozen=True, slots=True)
class Topic:
    """A question that rules answer if one of the roles `needs` is there.

    It is asked only of runs with one of the roles `asked_of` (of all if empty). `lacks` names what is
    missing, in words.
    """

    name: str
    lacks: str
    needs: tuple[str, ...]
    asked_of: tuple[str, ...] = ()
    gradients: bool = False


TOPICS = (
    Topic("learning", "no loss, score or reward that is understood", _LEARNING),
    Topic("overfitting", "no evaluation metric", _HELD_OUT, _SUPERVISED),
    Topic("reward", "no reward or return", ("reward", "reward.eval", "success"), _POLICY),
    Topic("gradients", "no gradient norm", ("grad_norm",), _LEARNING, gradients=True),
    Topic("learning rate", "no learning rate", ("lr",), _LEARNING, gradients=True),
    Topic(
        "policy updates",
        "no entropy, KL or clip fraction",
        ("entropy", "kl.step", "kl.policy", "fraction.clipped"),
        ("loss.policy", "advantage"),
    ),
    Topic(
        "hardware use",
        "no system metrics",
        ("system.gpu_utilisation", "system.cpu", "system.cpu_process", "system.memory"),
    ),
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a run was understood and judged.

    `metrics` counts its numeric metrics, `unknown` names those that are not understood; `gaps` maps what
    could not be judged to what the run lacks for it.
    """

    metrics: int = 0
    unknown: tuple[str, ...] = ()
    gaps: Mapping[str, str] = field(default_factory=dict)

    @property
    def understood(self) -> int:
        """The number of metrics that are understood."""
        return self.metrics - len(self.unknown)

    @property
    def thin(self) -> bool:
        """True if so little was looked at that a run without findings may still be ill."""
        return "learning" in self.gaps or self.understood < _ENOUGH * self.metrics

    @property
    def counted(self) -> str:
        """The count in words: "31 of 78 metrics"."""
        return f"{self.understood:,} of {self.metrics:,} metrics"

    def sentences(self) -> list[str]:
        """Return what was understood and what was not judged, in at most two sentences."""
        if not self.metrics:
            return []
        names = _listed(self.unknown)
        tail = f" Not understood: {names}." if names else ""
        out = [f"Understood {self.counted}.{tail}"]
        if self.gaps:
            gaps = ", ".join(f"{topic} ({lacks})" for topic, lacks in self.gaps.items())
            out.append(f"Not judged: {gaps}.")
        return out

    def as_dict(self) -> dict[str, Any]:
        """Return the contract's coverage object."""
        return {
            "metrics": self.metrics,
            "understood": self.understood,
            "not_understood": list(self.unknown),
            "not_judged": [{"topic": t, "lacks": lacks} for t, lacks in self.gaps.items()],
        }


def coverage(view: RunView) -> Coverage:
    """Return what of a run is understood, and what rules could not judge."""
    unknown = tuple(key for key, info in view.metrics.items() if not info.understood)
    trees = any(pack.name in _TREES for pack in view.packs)
    gaps = {
        topic.name: topic.lacks
        for topic in TOPICS
        if not view.has(*topic.needs)
        and (not topic.asked_of or view.has(*topic.asked_of))
        and not (topic.gradients and trees)
    }
    return Coverage(len(view.metrics), unknown, gaps)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_LISTED])
    more = len(names) - _LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown
