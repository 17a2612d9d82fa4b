"""What rules on the machine share: samples that suffice, and their times as steps."""

from __future__ import annotations

from postrun.metrics import RunView, Series
from postrun.metrics.machine import gpus, on_cpu, while_training
from postrun.model import Evidence

#: Fewer samples or a shorter time say nothing about a run.
LEAST_SAMPLES = 12
LEAST_SECONDS = 180.0
#: A share in percent that exceeds this is none, or was measured wrongly.
WHOLE_PERCENT = 100.0


def long_enough(series: list[Series]) -> list[Series]:
    """Return those with enough samples over enough time."""
    return [s for s in series if len(s) >= LEAST_SAMPLES and s.x[-1] - s.x[0] >= LEAST_SECONDS]


def in_use(view: RunView, role: str) -> list[Series]:
    """Return enough samples of the GPUs that the run may have used, while it trained.

    None if it trains on the CPU. If it is not known which are its own, all that hold memory count.
    """
    if on_cpu(view):
        return []
    mine = gpus(view).candidates
    return [s for s in long_enough(while_training(view, role)) if s.info.index in mine]


def busy(view: RunView) -> float:
    """Return the share of time (%) in which the run's busiest GPU works; 0 if nothing shows it.

    Any samples count: they may contradict, not prove.
    """
    mine = gpus(view).candidates
    used = [s for s in while_training(view, "system.gpu_utilisation") if s.info.index in mine]
    return max((float(s.y.mean()) for s in used), default=0.0)


def at_steps(
    view: RunView,
    series: Series,
    start: float | None = None,
    *,
    before: float | None = None,
    after: float | None = None,
    effect: float | None = None,
) -> Evidence:
    """Evidence on a system metric from a time on, as steps where the history has them."""
    first = float(series.x[0]) if start is None else start
    return Evidence(
        series.key,
        series.info.role,
        view.step_at(first),
        view.step_at(float(series.x[-1])),
        before,
        after,
        effect,
        len(series),
    )
