"""Reading ahead: runs that come over the network are asked for before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Thread
from typing import TypeVar

from postrun.model import Run, RunRef

T = TypeVar("T")

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
    while True:
        for ref in islice(waiting, count - len(ahead)):
            ahead.append((ref, _started(ref) if ref.remote else None))
        if not ahead:
            return
        ref, future = ahead.popleft()
        yield ref if future is None else replace(ref, loader=partial(interruptible, future))
        del ref, future  # what was taken must not be held while the next is waited for


def interruptible(future: Future[T], alive: Callable[[], None] = lambda: None) -> T:
    """A future's result. Ctrl-C ends the wait at once, and so does `alive` when it raises.

    Polars' handler of signals lets the system go on with a wait that a signal interrupts, so that a
    plain `future.result()` would not see Ctrl-C before there is a result.
    """
    while not wait([future], timeout=0.1).done:
        alive()
    return future.result()


def _started(ref: RunRef) -> Future[Run]:
    """A run being read in a thread that does not keep the process alive: Ctrl-C ends it at once."""
    future: Future[Run] = Future()

    def read() -> None:
        try:
            future.set_result(ref.load())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=read, name=f"postrun-{ref.id}", daemon=True).start()
    return future
