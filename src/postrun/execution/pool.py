"""A job over many runs: in this process, on all cores, or on a Dask cluster that the user has.

Whatever does the work, results come in the order of the runs, at most a window of runs is under way (so that
memory does not grow with their number), and a run that takes its process down with it is lost alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TypeVar

from postrun.model import RunRef
from postrun.sources import prefetched

T = TypeVar("T")
A = TypeVar("A")

#: Below these, starting processes (each imports the libraries anew) costs more than it saves.
_MANY_RUNS = 8
_MANY_BYTES = 64_000_000


def map_runs(
    refs: Sequence[RunRef],
    inputs: Sequence[A],
    job: Callable[[RunRef, A], T],
    lost: Callable[[RunRef, BaseException], T],
    workers: int | None,
    sent: Callable[[T], T] | None = None,
    cluster: str = "",
) -> Generator[T, None, None]:
    """`job` over references and an input for each, in their order.

    Args:
        refs: The runs.
        inputs: What the job gets beside each run.
        job: Gives a result for whatever goes wrong with a run; picklable.
        lost: Makes a result of a run that took its process down.
        workers: Processes; by default all cores where there are many runs, 1 stays in this process.
        sent: Applied to what another process sends back.
        cluster: Address of a Dask scheduler whose workers do the job; "" for this machine.

    Raises:
        ClusterError: The cluster cannot be reached, does not fit, or went away.
    """
    task = partial(_remote, job, sent)
    calls = list(zip(refs, inputs, strict=True))
    if cluster:
        from postrun.execution.cluster import connected
        from postrun.execution.processes import ordered

        with connected(cluster) as (executor, count, alive):
            yield from ordered(calls, task, lost, partial(executor.submit, task), count, alive)
        return
    count = min(workers or os.cpu_count() or 1, len(refs))
    large = len(refs) >= _MANY_RUNS or sum(ref.size for ref in refs) >= _MANY_BYTES
    if any(ref.remote for ref in refs) or count <= 1 or (workers is None and not large):
        # What comes over the network is waited for, not computed: reading ahead keeps this process busy.
        for ref, given in zip(prefetched(refs, workers), inputs, strict=True):
            yield job(ref, given)
        return
    from postrun.execution.processes import Processes, ordered

    with Processes(count) as processes:
        yield from ordered(calls, task, lost, partial(processes.submit, task), count)


def _remote(
    job: Callable[[RunRef, A], T], sent: Callable[[T], T] | None, ref: RunRef, given: A
) -> T:
    result = job(ref, given)
    return result if sent is None else sent(result)
