"""How much memory a process may still take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Return the bytes that are free for this process, None if the system does not tell."""
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    """Yield what is left of the machine's memory and of the container's."""
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
    except (OSError, ValueError):
        try:
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, AttributeError):
            return
    try:
        most, used = (
            (_GROUP / f"memory.{name}").read_text().strip() for name in ("max", "current")
        )
        if most.isdigit():
            yield max(0, int(most) - int(used))
    except (OSError, ValueError):
        return
