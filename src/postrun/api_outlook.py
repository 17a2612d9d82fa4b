"""The library's functions for what changed, what will come, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from postrun.api import Target, load, project
from postrun.metrics import RunView
from postrun.model import Run
from postrun.model.study import Study
from postrun.privacy import Privacy
from postrun.records.project import Project
from postrun.training.outlook import Forecast


def diff(first: Run | Target, second: Run | Target, *, mask: bool = True) -> Study:
    """What changed between two runs (or the newest behind two targets), as `postrun diff`.

    Returns:
        A study, masked if `mask`: `headline`, `caveats`, and `tables` ("changes", "aside", "curves").

    Raises:
        TargetError: A target is not there, or cannot be read.
    """
    from postrun.diagnosis import diagnosis
    from postrun.sources.saved_code import with_code
    from postrun.studies.diff.study import diff_study

    found = [run if isinstance(run, Run) else load(run) for run in (first, second)]
    a, b = (diagnosis(with_code(run), Privacy(mask), judged=False).view for run in found)
    return diff_study(a, b)


def forecast(
    run: Run | RunView | Target,
    metric: str = "",
    *,
    at: float | None = None,
    target: float | None = None,
) -> Forecast:
    """What a run would reach if it went on, as `postrun forecast`.

    Args:
        run: A run, a view of one, or a target whose newest run is taken.
        metric: The metric; the one that the run is judged by if empty.
        at: Step on the run's axis; the end of its plan if None, or twice the steps so far without a plan.
        target: Level for which the steps until it is reached are wanted.

    Returns:
        `expected` with its 90% interval (None: `reason` says why), `reach`, and `sentence()`.

    Raises:
        TargetError: The target is not there, or cannot be read.
        UsageError: No metric is named, and nothing tells which one the run is judged by.
    """
    from postrun.training.outlook import forecast_run

    if not isinstance(run, Run | RunView):
        run = load(run)
    return forecast_run(run if isinstance(run, RunView) else RunView(run), metric, at, target)


def cost(
    runs: Project | Target | Sequence[Target],
    metric: str = "",
    *,
    goal: str = "",
    price_per_gpu_hour: float | None = None,
    co2_per_kwh: float | None = None,
) -> Study:
    """What runs cost, as `postrun cost`: GPU hours, energy, CO2, money, and each per unit of gain.

    `metric` and `goal` as in `compare`; `co2_per_kwh` in kilograms, the world's mean if None.
    """
    from postrun.studies.cost import Rates, cost_study
    from postrun.training.cost import CO2_PER_KWH

    factor = CO2_PER_KWH if co2_per_kwh is None else co2_per_kwh
    return cost_study(
        runs if isinstance(runs, Project) else project(runs),
        Rates(price_per_gpu_hour, factor),
        metric,
        goal,
    )
