"""What a console log and an exit code say about the end of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<where>.+))?$')
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<text>.*))?$")
_LIBRARY = re.compile(r"site-packages|dist-packages|/lib/python\d|<frozen|^<|/torch/|\bwandb/sdk/")
#: How far from the end of the console a cause may lie.
_TAIL = 400


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of end: its name, what it is in words, what to do, and how to recognise it."""

    name: str
    words: str
    remedy: str
    pattern: str


#: In order: the first pattern found in the exception, or near the console's end, is the cause.
KINDS = (
    Kind(
        "gpu-out-of-memory",
        "the GPU ran out of memory",
        "Lower the batch size or sequence length, or use gradient checkpointing or accumulation; "
        "check that no other process holds the GPU.",
        r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory"
        r"|MPS backend out of memory|RESOURCE_EXHAUSTED: Out of memory",
    ),
    Kind(
        "host-out-of-memory",
        "the host ran out of memory",
        "Look at the host memory's growth before the end; load data lazily, use fewer workers.",
        r"MemoryError|Cannot allocate memory|oom-kill|Out of memory: Killed process"
        r"|DefaultCPUAllocator: (?:can't|not enough)",
    ),
    Kind(
        "disk-full",
        "the disk was full",
        "Free space or lower the number of checkpoints that are kept.",
        r"No space left on device|Disk quota exceeded",
    ),
    Kind(
        "communication",
        "communication between processes failed",
        "Look at the other ranks' logs: the first to fail is the cause. Check the network and the "
        "collective timeout.",
        r"NCCL (?:error|timeout|WARN)|Watchdog caught collective operation timeout|ncclSystemError"
        r"|ncclUnhandledCudaError|DistBackendError|Connection reset by peer|gloo::",
    ),
    Kind(
        "gpu-error",
        "the GPU reported an error",
        "Run once with CUDA_LAUNCH_BLOCKING=1 to find the failing call; device-side asserts are "
        "often an index out of range.",
        r"CUDA error|device-side assert|an illegal memory access|cudaError|CUDNN_STATUS_",
    ),
    Kind(
        "interrupted",
        "it was interrupted by the user",
        "Nothing is wrong with the run itself; its results end where it was stopped.",
        r"^KeyboardInterrupt|^bdb\.BdbQuit|^Aborted!$",
    ),
    Kind(
        "terminated",
        "it was told to terminate (SIGTERM), as schedulers do on preemption or time limits",
        "Check the scheduler's log; save checkpoints often enough to resume.",
        r"SIGTERM|slurmstepd: error: .*(?:CANCELLED|TIME LIMIT|PREEMPT)|DUE TO (?:TIME LIMIT|PREEMPTION)",
    ),
    Kind(
        "killed",
        "it was killed (SIGKILL), most often by the kernel for using too much memory",
        "Look at host memory before the end and at the kernel's log (dmesg).",
        r"^Killed$|SIGKILL|exit code:? -9|signal 9",
    ),
    Kind(
        "segmentation-fault",
        "it died of a segmentation fault in native code",
        "Run with `python -X faulthandler` to see where; check that native packages match.",
        r"Segmentation fault|SIGSEGV|Fatal Python error",
    ),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
#: Exit codes of processes that died of a signal: 128 + number, or the negative number itself.
_SIGNALS = {9: "killed", 15: "terminated", 11: "segmentation-fault", 2: "interrupted"}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ended.

    `kind` is None for an ordinary exception; `exception` its type, `text` its message; `frame` the
    last line of the user's own code ("train.py:221 in main"), `line` the console line (from 0).
    `cut` tells that a traceback begins but its end was never written.
    """

    kind: Kind | None
    exception: str = ""
    text: str = ""
    frame: str = ""
    line: int | None = None
    cut: bool = False


def find_cause(lines: Sequence[str], exit_code: int | None) -> Cause | None:
    """The cause that console lines and exit code show, or None."""
    first = max(0, len(lines) - _TAIL)
    starts = [i for i in range(first, len(lines)) if lines[i].strip().endswith(_TRACEBACK)]
    for start in reversed(starts):
        cause = _traceback(lines, start)
        if cause is not None and not (cause.cut and exit_code is not None):
            return cause
    for i in range(len(lines) - 1, max(first, len(lines) - 60) - 1, -1):
        for kind in KINDS:
            if re.search(kind.pattern, lines[i].strip()):
                return Cause(kind, text=lines[i].strip()[:300], line=i)
    return _by_exit_code(exit_code)


def _traceback(lines: Sequence[str], start: int) -> Cause | None:
    frame = own = ""
    for i in range(start + 1, len(lines)):
        line = lines[i]
        found = _FRAME.match(line)
        if found:
            file = found["file"]
            name = file.replace("\\", "/").rsplit("/", 1)[-1]
            where = f" in {found['where']}" if found["where"] else ""
            frame = f"{name}:{found['line']}{where}"
            if not _LIBRARY.search(file):
                own = frame
            continue
        if not line or line[0].isspace():
            continue
        match = _EXCEPTION.match(line.strip())
        if match and frame:
            full = line.strip()
            kind = next((k for k in KINDS if re.search(k.pattern, full)), None)
            return Cause(kind, match["type"], (match["text"] or "")[:300], own or frame, i)
        return None  # something else was printed in between: not a whole traceback
    return Cause(None, frame=own or frame, line=len(lines) - 1, cut=True) if frame else None


def _by_exit_code(code: int | None) -> Cause | None:
    if code is None:
        return None
    name = _SIGNALS.get(code - 128 if code > 128 else -code)
    return Cause(_BY_NAME[name], text=f"exit code {code}") if name else None
