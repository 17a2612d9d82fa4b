"""What commands over many runs share: their options, reading the runs, and writing the study."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import Count, privacy, privacy_options, role_option
from postrun.cli.targets import find_each, report_errors
from postrun.gather import comparable, gather
from postrun.metrics.axis import COUNTERS
from postrun.model import RunRef, UsageError
from postrun.model.study import Study
from postrun.records.project import AXES, END, Project
from postrun.report.progress import progress_bar, waiting
from postrun.report.studies.terminal import print_study
from postrun.studies.basis import AUTO, is_settled
from postrun.studies.scores import USES

#: Runs whose curves one HTML report holds; of more, it holds what the study says.
_MOST_RUNS = 200
F = TypeVar("F", bound=Callable[..., Any])

_OUTPUT = (
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="Write Markdown, JSON, HTML and each table as CSV into this folder.",
    ),
    click.option(
        "--html",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write an HTML report to this file.",
    ),
    json_option,
)
_OPTIONS = (
    *_OUTPUT,
    click.option("--workers", type=Count(), help="Number of processes (default: all cores)."),
    click.option("--no-cache", is_flag=True, help="Read all runs again, and cache nothing."),
)


def many_options(function: F) -> F:
    """Output, cache, privacy, what metrics mean, and the choice of runs."""
    function = choice_options(role_option(privacy_options(function)))
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def output_options(function: F) -> F:
    """`--out`, `--html` and `--json`."""
    for option in reversed(_OUTPUT):
        function = option(function)
    return function


def goal_option(function: F) -> F:
    """`--goal`."""
    return click.option(
        "--goal",
        type=click.Choice(["min", "max"]),
        default=None,
        help="Say which way is better (default: by the metric's name).",
    )(function)


def align_option(function: F) -> F:
    """`--align`."""
    return click.option(
        "--align",
        type=click.Choice([AUTO, *AXES]),
        default=AUTO,
        show_default=True,
        help="Axis to compare runs on; auto takes the one on which their budgets agree.",
    )(function)


def use_option(function: F) -> F:
    """`--use`."""
    return click.option(
        "--use",
        type=click.Choice(USES),
        default=USES[0],
        show_default=True,
        help="Value of a run: the median of its last 5%, or its best.",
    )(function)


def read_project(
    targets: Sequence[str], asked: dict[str, Any], only: frozenset[str] | None = None
) -> tuple[Project, list[RunRef], list[str]]:
    """Return the runs behind targets, their references, and the messages of what could not be read.

    `only` names the metrics that are needed, None for all. The common counters of steps, epochs, samples and
    tokens are read beside them; if these do not settle what runs are compared over, all metrics are read.

    Raises:
        UsageError: No run is left by the filters. If none could be read, the process ends with 3.
    """
    options = choice(asked)
    refs, places, errors = find_each(tuple(targets), options)
    from postrun.records.cache import Cache

    cache = None if asked["no_cache"] else Cache.usable()

    def read(wanted: frozenset[str] | None) -> tuple[Project, list[str]]:
        with progress_bar(len(refs)) as advance:
            return gather(refs, privacy(asked), asked["workers"], cache, advance, places, wanted)

    project, failed = read(None if only is None else only | COUNTERS)
    if only is not None and not is_settled(project, sorted(only)):
        project, failed = read(None)
    failed[:0] = errors  # one list, for what cannot be read later is added to it by the project
    if not project.records:
        if failed:
            sys.exit(report_errors(failed))
        raise UsageError("no run fits these filters. See which runs there are: postrun list")
    return project, refs, failed


def needed(metrics: Sequence[str], align: str = AUTO) -> frozenset[str] | None:
    """Return the metrics that a command needs, None for all, as if none is named.

    Epochs, samples and tokens are metrics whose names only the run tells.
    """
    known = align in (AUTO, "step", "time", END)
    return frozenset(metrics) if all(metrics) and metrics and known else None


def finish(
    studies: Sequence[Study],
    asked: dict[str, Any],
    errors: list[str],
    write_page: Callable[[Path, Study], None] | None = None,
) -> NoReturn:
    """Write and print studies, then exit: 0, or 3 where a run could not be read.

    `write_page` writes a study's HTML page, where that is more than the study itself.
    """
    written: list[str] = []
    for study in studies:
        page = _page_path(study, studies, asked)
        if page is not None:
            with waiting("Writing the report"):
                (write_page or write_study_page)(page, study)
            written.append(str(page))
        if asked["out"] is not None:
            from postrun.report.studies.files import write_study

            folder = asked["out"] if len(studies) == 1 else asked["out"] / _name(study)
            written += [str(path) for path in write_study(study, folder)]
    if asked["as_json"]:
        shown = [study.as_dict() for study in studies]
        print_results({"studies": shown, "files": written}, errors)
    else:
        for study in studies:
            print_study(study, str(asked["out"] or asked["html"] or ""))
    sys.exit(report_errors(errors))


def with_curves(
    refs: Sequence[RunRef], diagnosed: bool, asked: dict[str, Any]
) -> Callable[[Path, Study], None]:
    """What writes a study's page with the curves of its runs, interactive, where they are few enough."""
    if len(refs) > _MOST_RUNS:
        return write_study_page

    def write(path: Path, study: Study) -> None:
        from postrun.engine import compare_all
        from postrun.report.html.comparison_page import write_comparison
        from postrun.studies.diff.study import with_changes

        own = comparable(privacy(asked), refs)
        two = len(refs) == 2 or len(set(study.groups.values())) == 2
        comparison, masked, _ = compare_all(list(refs), diagnosed, own, asked["workers"], code=two)
        shown = with_changes(study, comparison.views) if two else study
        write_comparison(path, comparison, masked, study=shown)

    return write


def _page_path(study: Study, studies: Sequence[Study], asked: dict[str, Any]) -> Path | None:
    path: Path | None = asked["html"]
    if path is None and asked["out"] is not None:
        folder: Path = asked["out"] if len(studies) == 1 else asked["out"] / _name(study)
        return folder / f"{study.kind}.html"
    if path is None or len(studies) == 1:
        return path
    return path.with_name(f"{path.stem}-{_name(study)}{path.suffix}")


def write_study_page(path: Path, study: Study) -> None:
    """Write the page of a study alone."""
    from postrun.report.html.study_page import write_study_page as write

    write(path, study)


def _name(study: Study) -> str:
    from postrun.report.files import safe_name

    return safe_name(study.subject or study.title)
