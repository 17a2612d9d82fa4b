"""A Dask cluster that the user has, as a place to run jobs.

Whatever started it (`dask scheduler`, dask-jobqueue, Kubernetes), its address is all that is asked for. Its
workers need this version of postrun, and must reach what they read and where they write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from postrun.model import TargetError
from postrun.records.features import features_version

#: Seconds to wait for a scheduler, and for the first worker of a cluster that starts them when they are needed.
_CONNECT, _FIRST = 10, 120
_AGAIN = "What is done is kept: the same command goes on from there."


class ClusterError(TargetError):
    """A cluster that cannot be reached, does not fit, or went away."""


@contextmanager
def connected(address: str) -> Iterator[tuple[Executor, int, Callable[[], None]]]:
    """Where to submit jobs, how many run at a time, and what raises ClusterError once the cluster is gone.

    A job whose worker dies is given to another one.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            address, "a cluster needs Dask", "Install it with: pip install 'postrun[cluster]'"
        ) from None
    loud = _silenced()
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ClusterError(
            address, f"no Dask scheduler answers: {first}", "Name one, as tcp://host:8786."
        ) from error

    def alive() -> None:
        if client.status != "running":
            raise ClusterError(address, "the scheduler is gone", _AGAIN)

    try:
        _check(client, address)
        threads = sum(client.nthreads().values())
        # Nothing is the same twice: results are not kept by their arguments.
        yield client.get_executor(pure=False), max(threads, 1), alive
    finally:
        client.close(timeout=2)
    for logger, level in loud:  # after an error they stay silent: what comes late belongs to it
        logger.setLevel(level)


def _silenced() -> list[tuple[logging.Logger, int]]:
    """Dask's loggers, and those of what it stands on, made silent; with the levels that they had.

    What is wrong is said by the error.
    """
    found = []
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logger = logging.getLogger(name)
            found.append((logger, logger.level))
            logger.setLevel(logging.CRITICAL + 1)
    return found


def _check(client: Any, address: str) -> None:
    """ClusterError where there is no worker, or one with another postrun."""
    try:
        client.submit(_about, pure=False).result(timeout=_FIRST)
        theirs: dict[str, str] = client.run(_about)
    except (TimeoutError, OSError) as error:
        raise ClusterError(
            address,
            f"no worker took a task within {_FIRST} s",
            "Start workers: dask worker ADDRESS.",
        ) from error
    except (
        Exception
    ) as error:  # as many kinds as places where it is looked for: the scheduler wants it, too
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ClusterError(
            address,
            f"its scheduler or workers have no postrun, or another one ({first})",
            "Install the same version there and here.",
        ) from error
    others = [worker for worker, version in theirs.items() if version != features_version()]
    if others:
        raise ClusterError(
            address,
            f"{len(others)} of {len(theirs)} workers have another postrun or other rules ({others[0]})",
            "Install the same version there and here.",
        )


def _about() -> str:
    """What a worker computes features by."""
    return features_version()
