"""Reading ahead: runs that come over the network are asked for before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from postrun.model import Run, RunRef

#: Runs that are asked for at a time: enough to hide a server's latency, few enough for its limits.
WORKERS = 8


def prefetched(refs: Iterable[RunRef], workers: int | None = None) -> Iterator[RunRef]:
    """The same references in their order; remote ones are being read already when they come.

    At most `workers` runs are read, or wait to be taken, at any time: memory does not grow with the
    number of runs. Local ones are left as they are.
    """
    waiting = iter(refs)
    count = workers or WORKERS
    ahead: deque[tuple[RunRef, Future[Run] | None]] = deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="postrun-fetch")
    try:
        while True:
            for ref in islice(waiting, count - len(ahead)):
                ahead.append((ref, pool.submit(ref.load) if ref.remote else None))
            if not ahead:
                return
            ref, future = ahead.popleft()
            yield ref if future is None else replace(ref, loader=future.result)
            del future
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
