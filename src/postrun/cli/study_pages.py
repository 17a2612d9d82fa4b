"""Studies of the runs that were analyzed, as pages beside their overview."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from postrun.cli.many import needed
from postrun.gather import gather
from postrun.model import RunRef, UsageError
from postrun.model.study import Study
from postrun.privacy import Privacy
from postrun.records.cache import Cache
from postrun.report.html.study_page import write_study_page
from postrun.report.index.workspace import Workspace
from postrun.studies.failures import failures_study
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study

Made = tuple[str, Callable[[], Study]]


def write_study_pages(
    refs: Sequence[RunRef],
    space: Workspace,
    out: Path,
    privacy: Privacy,
    workers: int | None,
    everything: bool,
) -> dict[str, str]:
    """Write the studies that make sense for these runs; return titles to the names of their pages.

    Why runs failed is told by what is known already. With `everything`, the runs are read once more, for the
    curves of the metric that they are judged by.
    """
    made: list[Made] = []
    if any(one.record.ending.failed for one in space.glances):
        made.append(("Why runs failed", partial(failures_study, space.project)))
    if everything and space.judge:
        made += _of_curves(refs, space, privacy, workers)
    written = {}
    for title, make in made:
        try:
            study = make()
        except UsageError:
            continue  # these runs do not suffice for it
        name = f"{study.kind}.html"
        write_study_page(out / name, study)
        written[title] = name
    return written


def _of_curves(
    refs: Sequence[RunRef], space: Workspace, privacy: Privacy, workers: int | None
) -> Iterator[Made]:
    """Yield the studies of the metric that the runs are judged by."""
    metric = space.judge
    project, _ = gather(refs, privacy, workers, Cache.usable(), only=needed((metric,)))
    scores = score(project, metric)
    yield f"Which settings give the best {metric}", partial(sweep_study, scores)
    yield f"How {metric} improved over time", partial(progress_study, scores)
