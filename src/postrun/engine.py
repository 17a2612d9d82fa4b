"""The main job, and its kin, over many runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from postrun.diagnosis import diagnosis
from postrun.execution.pool import map_runs
from postrun.job import Options, Result, experiment_job, failure, folder_names, run_job
from postrun.model import RunRef, TargetError
from postrun.privacy import Privacy, masked_sentence
from postrun.sources import prefetched
from postrun.studies import Comparison
from postrun.training import experiments


def analyze_all(
    refs: list[RunRef], options: Options, workers: int | None = None, cluster: str = ""
) -> Iterator[Result]:
    """Results in the order of `refs`, then those of trainings that are made of several of them.

    `workers` defaults to the cores; 1 stays in this process; `cluster` is a Dask scheduler's address. A run
    that cannot be read gives a result with an error; a worker that dies gives one too, and the others go on.
    """
    names = folder_names(refs)
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


def compare_all(
    refs: list[RunRef],
    diagnosed: bool,
    privacy: Privacy,
    advance: Callable[[int], None] = lambda rows: None,
) -> tuple[Comparison, str, list[str]]:
    """Runs held side by side, what was masked in them, and the messages of those not read.

    `diagnosed`: with the findings of each run.
    """
    views, findings, errors = [], [], []
    masked: Counter[str] = Counter()
    for ref in prefetched(refs):
        rows = 0
        try:
            run = ref.load()
        except TargetError as error:
            errors.append(str(error))
        else:
            told = diagnosis(run, privacy, judged=diagnosed)
            masked += told.kinds
            views.append(told.view)
            findings.append(told.findings)
            rows = run.history.height
        advance(rows)
    return Comparison(views, findings), masked_sentence(masked), errors


def _lost_result(ref: RunRef, error: Exception) -> Result:
    return Result(ref.id, name=ref.name, error=failure(ref, error))


def _analyze_each(
    refs: list[RunRef], names: list[str], options: Options, workers: int | None, cluster: str
) -> Iterator[Result]:
    job = partial(run_job, options=options)
    results = map_runs(refs, names, job, _lost_result, workers, _lean, cluster)
    for ref, result in zip(refs, results, strict=True):
        if ref.remote and len(refs) > 1:
            result.view = None  # memory does not grow with the number of runs
        yield result


def _lean(result: Result) -> Result:
    result.view = None  # too large to send
    return result
