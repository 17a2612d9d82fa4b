"""The main job, and its kin, over many runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from postrun.diagnosis import diagnosis
from postrun.execution.pool import map_runs
from postrun.job import Options, Result, experiment_job, failure, folder_names, lost, run_job
from postrun.metrics import RunView
from postrun.model import FAILURES, Finding, Run, RunRef
from postrun.privacy import Privacy, masked_sentence
from postrun.sources.saved_code import with_code
from postrun.studies import Comparison
from postrun.training import experiments


def analyze_all(
    refs: list[RunRef], options: Options, workers: int | None = None, cluster: str = ""
) -> Iterator[Result]:
    """Results in the order of `refs`, then those of trainings that are made of several of them.

    `workers` defaults to the cores; 1 stays in this process; `cluster` is a Dask scheduler's address. A run
    that cannot be read gives a result with an error; a worker that dies gives one too, and the others go on.
    """
    names = folder_names(refs, options.privacy)
    signatures = []
    for result in _analyze_each(refs, names, options, workers, cluster):
        signatures.append(result.signature)
        yield result
    if options.as_one and len(refs) > 1:
        yield experiment_job(refs, "+".join(names), options)
        return
    if not options.together:
        return
    known = [i for i, s in enumerate(signatures) if s is not None]
    for group in experiments([s for s in signatures if s is not None]):
        at = [known[k] for k in group]
        yield experiment_job([refs[i] for i in at], "+".join(names[i] for i in at), options)


#: A run as it may be shown, with its findings and what was masked in it; or why it was not read.
_Shown = tuple[Run | RunView, list[Finding], Counter[str]] | str


def compare_all(
    refs: list[RunRef],
    diagnosed: bool,
    privacy: Privacy,
    workers: int | None = None,
    code: bool = False,
) -> tuple[Comparison, str, list[str]]:
    """Runs held side by side, what was masked in them, and the messages of those not read.

    `diagnosed`: with the findings of each run. `workers`: as in `analyze_all`. `code`: with the code that each
    run saved.
    """
    views, findings, errors = [], [], []
    masked: Counter[str] = Counter()
    job = partial(_show, diagnosed=diagnosed, privacy=privacy, code=code)
    for shown in map_runs(refs, [None] * len(refs), job, failure, workers, _without_view):
        if isinstance(shown, str):
            errors.append(shown)
            continue
        run, found, kinds = shown
        views.append(run if isinstance(run, RunView) else RunView(run))
        findings.append(found)
        masked += kinds
    return Comparison(views, findings), masked_sentence(masked), errors


def _show(ref: RunRef, _: None, diagnosed: bool, privacy: Privacy, code: bool) -> _Shown:
    try:
        run = with_code(ref.load()) if code else ref.load()
        told = diagnosis(run, privacy, judged=diagnosed)
    except FAILURES as error:  # one run must not stop the others
        return failure(ref, error)
    return told.view, told.findings, told.kinds


def _without_view(shown: _Shown) -> _Shown:
    """What another process sends back: the run, whose view is made again where it is used."""
    if isinstance(shown, str) or not isinstance(shown[0], RunView):
        return shown
    return shown[0].run, *shown[1:]


def _analyze_each(
    refs: list[RunRef], names: list[str], options: Options, workers: int | None, cluster: str
) -> Iterator[Result]:
    job = partial(run_job, options=options)
    results = map_runs(refs, names, job, lost, workers, _lean, cluster)
    for ref, result in zip(refs, results, strict=True):
        if ref.remote and len(refs) > 1:
            result.view = None  # memory does not grow with the number of runs
        yield result


def _lean(result: Result) -> Result:
    result.view = None  # too large to send
    return result
