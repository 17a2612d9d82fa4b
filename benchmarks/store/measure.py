"""Times and memory of whole commands, their worker processes included."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def memory(pids: Sequence[int]) -> float:
    """MB that processes hold together, what they share counted once (PSS)."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1e3


def timed(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    others: Sequence[int] = (),
) -> tuple[float, float]:
    """Seconds of a command, and MB at its peak, those of processes `others` and theirs added."""
    begin = time.perf_counter()
    child = subprocess.Popen(
        list(command), env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL
    )
    peak = 0.0

    def watch() -> None:
        nonlocal peak
        while child.poll() is None:
            pids = [pid for root in (child.pid, *others) for pid in tree(root)]
            peak = max(peak, memory(pids))
            time.sleep(0.25)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = child.wait()
    seconds = time.perf_counter() - begin
    watcher.join()
    assert code == 0, command
    return seconds, peak


def tried(job: Callable[[], Any], tries: int = 5) -> list[float]:
    """Seconds of a job in this process, several times, the shortest first."""
    seconds = []
    for _ in range(tries):
        begin = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)


def median(job: Callable[[], Any], tries: int = 5) -> float:
    """Seconds of a job in this process, the middle of several."""
    return tried(job, tries)[tries // 2]
