"""Map a job over runs: in this process, or on all cores."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import TypeVar

from postrun.compare import Comparison
from postrun.job import Options, Result, experiment_job, failure, folder_names, run_job
from postrun.model import RunRef, TargetError
from postrun.report.privacy import Privacy, masked_sentence, protected
from postrun.rules import diagnose
from postrun.semantics import RunView, experiments
from postrun.sources import prefetched
from postrun.sources.prefetch import interruptible

#: What workers need, imported once for all of them.
_PRELOADED = [
    "postrun.gather", "postrun.job", "postrun.compare.reading", "postrun.rules.registry",
    "postrun.sources.wandb_local.build",
]  # fmt: skip

T = TypeVar("T")
A = TypeVar("A")

#: Below these, starting processes (each imports the libraries anew) costs more than it saves.
_MANY_RUNS = 8
_MANY_BYTES = 64_000_000


def analyze_all(
    refs: list[RunRef], options: Options, workers: int | None = None
) -> Iterator[Result]:
    """Results in the order of `refs`, then those of trainings that are made of several of them.

    `workers` defaults to the cores; 1 stays in this process. A run that cannot be read gives a
    result with an error; a worker that dies gives one too, and the others go on.
    """
    names = folder_names(refs)
    signatures = []
    for result in _analyze_each(refs, names, options, workers):
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
            view = RunView(run)
            found = diagnose(view) if diagnosed else []
            shown, found, kinds = protected(run, found, privacy)
            masked += kinds
            views.append(view if shown is run else RunView(shown))
            findings.append(found)
            rows = run.history.height
        advance(rows)
    return Comparison(views, findings), masked_sentence(masked), errors


def _lost_result(ref: RunRef, error: Exception) -> Result:
    return Result(ref.id, name=ref.name, error=failure(ref, error))


def _analyze_each(
    refs: list[RunRef], names: list[str], options: Options, workers: int | None
) -> Iterator[Result]:
    for ref, result in zip(
        refs,
        map_runs(refs, names, partial(run_job, options=options), _lost_result, workers, _lean),
        strict=True,
    ):
        if ref.remote and len(refs) > 1:
            result.view = None  # memory does not grow with the number of runs
        yield result


def _lean(result: Result) -> Result:
    result.view = None  # too large to send
    return result


def map_runs(
    refs: Sequence[RunRef],
    inputs: Sequence[A],
    job: Callable[[RunRef, A], T],
    lost: Callable[[RunRef, Exception], T],
    workers: int | None,
    sent: Callable[[T], T] | None = None,
) -> Iterator[T]:
    """`job` over references and an input for each, in their order: in this process, or on all cores.

    `sent` is applied to what another process sends back; `lost` makes a result of one that died.
    """
    count = min(workers or os.cpu_count() or 1, len(refs))
    large = len(refs) >= _MANY_RUNS or sum(ref.size for ref in refs) >= _MANY_BYTES
    if any(ref.remote for ref in refs) or count <= 1 or (workers is None and not large):
        # What comes over the network is waited for, not computed: reading ahead keeps this process busy.
        for ref, given in zip(prefetched(refs, workers), inputs, strict=True):
            yield job(ref, given)
        return
    with ProcessPoolExecutor(count, mp_context=_context(), initializer=_single) as pool:
        with _without_script():
            futures = [
                pool.submit(_remote, job, sent, ref, given)
                for ref, given in zip(refs, inputs, strict=True)
            ]
        try:
            for ref, future in zip(refs, futures, strict=True):
                try:
                    yield interruptible(future)
                except Exception as error:  # a worker died
                    yield lost(ref, error)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _remote(
    job: Callable[[RunRef, A], T], sent: Callable[[T], T] | None, ref: RunRef, given: A
) -> T:
    result = job(ref, given)
    return result if sent is None else sent(result)


@contextmanager
def _without_script() -> Iterator[None]:
    """Workers that start now do not run the caller's script again.

    They need nothing of it, and a script without an `if __name__ == "__main__"` would start workers in each
    of them. Where a worker finds the script by these two names is Python's `multiprocessing.spawn`.
    """
    main = sys.modules["__main__"]
    kept = {name: value for name, value in vars(main).items() if name in ("__file__", "__spec__")}
    for name in kept:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


def _context() -> BaseContext:
    """How workers start: from a server that has imported everything once.

    Not forked from here: Polars' threads, which may be running by now, do not survive a fork.
    """
    if "forkserver" in get_all_start_methods():
        context = get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        return context
    return get_context("spawn")


def _single() -> None:
    """In a worker: one thread each, for the processes share the cores already."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
