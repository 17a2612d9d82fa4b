"""Studies of many runs for the library: compare, sweep, failures, progress."""

from __future__ import annotations

from collections.abc import Sequence

from postrun.api import Target, project
from postrun.model.study import Study
from postrun.records.project import Project


def compare(
    runs: Project | Target | Sequence[Target],
    metric: str = "",
    by: str | Sequence[str] = (),
    *,
    goal: str = "",
    align: str = "auto",
    use: str = "final",
    threshold: float | None = None,
    task: str = "",
    baseline: str = "",
) -> Study:
    """Groups of runs against each other, as `postrun compare`.

    Args:
        runs: A project, or targets.
        metric: What to compare by; the main metric where empty.
        by: Config keys or fields to group by; seeds of equal configs where empty.
        goal: "min" or "max"; what is known of the metric where empty.
        align: "step", "time", "tokens", "samples", "epoch", "compute" (GPU hours) or "end" (of each run's
            training); "auto" takes what the runs' budgets agree in.
        use: "final" or "best": what of each run is compared.
        threshold: The value that runs are timed to; the median run's if None.
        task: A config key whose values are tasks.
        baseline: A group's name: it is compared with each other one.

    Returns:
        A study: `headline`, `caveats`, and `tables` as Polars frames ("groups", "pairs", "runs", ...).
    """
    from postrun.studies.groups import group_named, group_runs
    from postrun.studies.scores import score
    from postrun.studies.versus import compare_study

    held = _project(runs)
    keys = (by,) if isinstance(by, str) and by else tuple(by)
    grouping = group_runs(held, keys)
    if baseline:
        group_named(grouping, baseline)
    parts = [g.members for g in grouping.groups]
    scores = score(held, metric, goal, align, threshold, use, parts)
    return compare_study(scores, grouping, task, baseline)


def sweep(
    runs: Project | Target | Sequence[Target],
    metric: str = "",
    *,
    goal: str = "",
    also: Sequence[str] = (),
    align: str = "auto",
    use: str = "final",
    seed: int = 0,
) -> Study:
    """A search over hyper-parameters, as `postrun sweep`. Needs scikit-learn (`postrun[sweep]`).

    `also` are further metrics for the Pareto front ("hours" and "gpu_hours" are two); the rest as in
    `compare`.
    """
    from postrun.studies.scores import score
    from postrun.studies.sweep import sweep_study

    held = _project(runs)
    others = [score(held, name, "", align, use=use) for name in also]
    return sweep_study(score(held, metric, goal, align, use=use), others, seed)


def failures(runs: Project | Target | Sequence[Target]) -> Study:
    """Why runs fail, as `postrun failures`."""
    from postrun.studies.failures import failures_study

    return failures_study(_project(runs))


def progress(
    runs: Project | Target | Sequence[Target],
    metric: str = "",
    *,
    goal: str = "",
    align: str = "auto",
    use: str = "final",
) -> Study:
    """A metric's records over time, as `postrun progress`; the rest as in `compare`."""
    from postrun.studies.progress import progress_study
    from postrun.studies.scores import score

    return progress_study(score(_project(runs), metric, goal, align, use=use))


def _project(runs: Project | Target | Sequence[Target]) -> Project:
    return runs if isinstance(runs, Project) else project(runs)
