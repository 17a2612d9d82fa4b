"""A job over many runs: order, memory, runs that take their process down, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postrun.execution.pool import map_runs
from postrun.model import Run, RunRef


def _nothing() -> Run:
    raise AssertionError("not to be read")


def _refs(count: int) -> list[RunRef]:
    return [RunRef(str(i), "test", Path(str(i)), _nothing) for i in range(count)]


def job(ref: RunRef, given: float) -> str:
    if given < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(given)
    return f"{ref.id} {os.getpid()}"


def lost(ref: RunRef, error: BaseException) -> str:
    return f"{ref.id} lost {type(error).__name__}"


def test_results_are_in_order_from_several_processes() -> None:
    waits = [0.2 if i == 3 else 0.01 for i in range(20)]
    found = [text.split() for text in map_runs(_refs(20), waits, job, lost, 2)]
    assert [int(number) for number, _ in found] == list(range(20))
    assert len({process for _, process in found}) == 2
    assert str(os.getpid()) not in {process for _, process in found}


def test_a_run_that_takes_its_process_down_is_lost_alone() -> None:
    waits = [-1.0 if i in (4, 11, 12) else 0.01 for i in range(30)]
    found = list(map_runs(_refs(30), waits, job, lost, 2))
    assert [int(text.split()[0]) for text in found] == list(range(30))
    gone = [i for i, text in enumerate(found) if "lost" in text]
    assert gone == [4, 11, 12]


def test_at_most_a_window_of_runs_is_under_way(tmp_path: Path) -> None:
    """Whoever takes no results holds the others back: memory does not grow with the number of runs."""
    refs = [RunRef(str(i), "test", tmp_path / str(i), _nothing) for i in range(60)]
    results = map_runs(refs, [0.0] * 60, mark, lost, 2)
    next(results)
    time.sleep(1)
    assert 2 <= len(list(tmp_path.iterdir())) <= 10
    assert sum(1 for _ in results) == 59
    assert len(list(tmp_path.iterdir())) == 60


def mark(ref: RunRef, given: float) -> str:
    ref.path.touch()
    return ref.id


SCRIPT = """
import sys
from tests.test_pool import _refs, job, lost
from postrun.execution.pool import map_runs
for text in map_runs(_refs(40), [0.05] * 8 + [60.0] * 32, job, lost, 2):
    print(text, flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_ends_workers_at_once(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert child.stdout is not None and child.stderr is not None
    for _ in range(8):
        child.stdout.readline()
    begin = time.monotonic()
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of them
    child.wait(timeout=20)
    assert time.monotonic() - begin < 5
    errors = child.stderr.read()
    assert errors.count("Traceback") == 1 and "KeyboardInterrupt" in errors  # the parent's own
    deadline = time.monotonic() + 10
    while _living(child.pid):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.1)


def _living(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("workers", [None, 1])
def test_few_small_runs_stay_in_this_process(workers: int | None) -> None:
    found = list(map_runs(_refs(3), [0.0] * 3, job, lost, workers))
    assert {text.split()[1] for text in found} == {str(os.getpid())}
