"""Worker processes, and results in the order of the runs whichever process gave them.

Imported where a job is given to other processes: most commands read one run, and start without this.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any, TypeVar

from postrun.model import FAILURES, PostrunError, RunRef
from postrun.plugins import silence_warnings
from postrun.report.console import show_warning
from postrun.sources.prefetch import interruptible

#: What workers need, imported once for all of them.
_PRELOADED = [
    "postrun.gather", "postrun.job", "postrun.records.reading", "postrun.report.export",
    "postrun.report.formats", "postrun.rules.registry", "postrun.sources.wandb_local.build",
]  # fmt: skip

T = TypeVar("T")
A = TypeVar("A")

#: Runs under way per worker: enough that none waits while an earlier, longer run is waited for.
_WINDOW = 4


def ordered(
    calls: Sequence[tuple[RunRef, A]],
    task: Callable[[RunRef, A], T],
    lost: Callable[[RunRef, BaseException], T],
    submit: Callable[[RunRef, A], Future[T]],
    count: int,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """Results in order; `alive` raises where waiting on makes no sense any more."""
    waiting = iter(calls)
    ahead: deque[tuple[RunRef, A, Future[T] | None]] = deque()
    while True:
        while len(ahead) < _WINDOW * count and (call := next(waiting, None)) is not None:
            ahead.append((*call, submit(*call)))
        if not ahead:
            return
        ref, given, future = ahead.popleft()
        try:
            result = _alone(ref, given, task) if future is None else interruptible(future, alive)
        except BrokenProcessPool as error:
            if future is None:
                result = lost(ref, error)
            else:
                # All under way went down with the run that did it, and nothing tells which: each goes alone.
                ahead.appendleft((ref, given, None))
                ahead = deque((r, g, None if f is None or _failed(f) else f) for r, g, f in ahead)
                continue
        except PostrunError:
            raise
        except FAILURES as error:
            alive()  # else a worker of a cluster died with it, again and again
            result = lost(ref, error)
        yield result


def _failed(future: Future[Any]) -> bool:
    """True for a future that went down with its pool."""
    return isinstance(future.exception(), BrokenProcessPool)


def _alone(ref: RunRef, given: A, task: Callable[[RunRef, A], T]) -> T:
    """The job in a process of its own: if that dies, it is this run's doing."""
    with Processes(1) as processes:
        return interruptible(processes.submit(task, ref, given))


class Processes:
    """Worker processes that start again after they went down, and end at once on Ctrl-C."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, task: Callable[..., T], *given: Any) -> Future[T]:
        """Give a task to a worker; the workers are started if there are none."""
        with _without_script():
            if self._pool is not None:
                with suppress(BrokenProcessPool):
                    return self._pool.submit(task, *given)
                self._pool.shutdown(wait=False)
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=_context(), initializer=_prepare_worker
            )
            return self._pool.submit(task, *given)

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is None:
            self._pool.shutdown()
            return
        # What runs now is not waited for: it may take minutes, and its result is not wanted.
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


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


def _prepare_worker() -> None:
    """Prepare a worker: one thread, for the processes share the cores; Ctrl-C is the parent's business."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    silence_warnings()
    warnings.showwarning = show_warning
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, name="postrun-parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this process as soon as the process that works with it is gone, however that ended.

    Nothing else would: a worker that waits for its next run holds both ends of the pipe that it waits on.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
