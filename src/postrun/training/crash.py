"""What a console log and an exit code say about the end of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from postrun.model.lazily import pattern
from postrun.training import gpu_memory

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = pattern(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<where>.+))?$')
_EXCEPTION = pattern(r"^(?P<type>[A-Za-z_][\w.]*)(?::\s*(?P<text>.*))?$")
#: What launchers put before each line: "[rank0]: ", "(TaskRunner pid=42, ip=10.0.0.1) ".
_PREFIX = pattern(r"^(?:\[rank\d+\]:\s?|\(\w[\w.]*(?:\([^)]*\))? pid=\d+[^)]*\)\s?)")
#: Exceptions that only report that another process failed: the cause is an earlier traceback.
_WRAPPERS = pattern(
    r"ChildFailedError|ProcessRaisedException|ProcessExitedException|CalledProcessError|RayTaskError"
    r"|SystemExit|InstantiationException"
)
_BOX = pattern(r"^[╭┌].*Traceback \(most recent call last\)")
_BOX_FRAME = pattern(r"^[│|]\s+(?P<file>\S+?):(?P<line>\d+) in (?P<where>\S+)")
_LIBRARY = pattern(
    r"site-packages|dist-packages|/lib/python\d|<frozen|^<|/torch/|torchinductor|\bwandb/sdk/"
)
#: Between the tracebacks of a chain of exceptions.
_CHAIN = pattern(r"During handling of the above exception|above exception was the direct cause")
_LOOKUP = pattern(r"^(?:KeyError|AttributeError|IndexError|StopIteration|Empty|\w*NotFound\w*)$")
#: What a process did when it failed, by the functions that its traceback runs through.
_PHASES = (
    (
        "saving the model",
        pattern(
            r"\bsave_(?:model|pretrained|checkpoint|state|fsdp_model|weights)\b|torch\.save\(|\.save\("
        ),
    ),
    (
        "the upload",
        pattern(r"\b(?:push_to_hub|upload_\w+|log_artifact|log_model|link_artifact)\b"),
    ),
    (
        "the evaluation",
        pattern(
            r"\b(?:evaluat(?:e|ion)\w*|eval_\w+|test_\w+|test|validate|predict)\("
            r"|, in (?:eval\w*|test\w*|validat\w*|predict\w*)$"
        ),
    ),
)
_LIBRARY_FILE = pattern(r"^(?:serialization|module|_?tensor|init|__init__|functional|trainer)\.py:")
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
        r"CUDA out of memory|CUDA error: out of memory|OOM when allocating tensor"
        r"|OutOfMemoryError|ResourceExhaustedError|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory"
        r"|MPS backend out of memory|RESOURCE_EXHAUSTED: Out of memory",
    ),
    Kind(
        "host-out-of-memory",
        "the host ran out of memory",
        "Look at the host memory's growth before the end; load data lazily, use fewer workers.",
        r"\bMemoryError|Cannot allocate memory|oom-kill|Out of memory: Killed process"
        r"|DataLoader worker \(pid \d+\) is killed by signal: Killed"
        r"|DefaultCPUAllocator: (?:can't|not enough)",
    ),
    Kind(
        "shared-memory",
        "shared memory between data-loader workers ran out",
        "Raise the limit (docker run --shm-size), or use fewer workers.",
        r"insufficient shared memory|Bus error|unable to (?:open|mmap|allocate) shared memory",
    ),
    Kind(
        "disk-full",
        "the disk or the quota was full",
        "Free space or lower the number of checkpoints that are kept.",
        r"No space left on device|Disk quota exceeded|PytorchStreamWriter failed writing|file write failed"
        r"|inline_container\.cc:\d+\] \. unexpected pos",
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
        "stopped",
        "the user stopped it",
        "Nothing is wrong with the run itself: its results end where it was stopped.",
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
        "it was killed (SIGKILL), most often for using too much memory",
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
_SIGNALS = {9: "killed", 15: "terminated", 11: "segmentation-fault", 2: "stopped"}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ended.

    `kind` is None for an ordinary exception; `exception` its type, `text` its message; `frame` the
    last line of the user's own code ("train.py:221 in main"), `line` the console line (from 0).
    `cut` tells that a traceback begins but its end was never written; `detail` is what the message
    itself shows beyond that (who held the GPU's memory), `place` where in a training step it failed, `remedy`
    what to do if the traceback tells it better than the kind. `phase` is what the process did ("saving the
    model", "the evaluation", "the upload"), "" if the traceback does not show it.
    """

    kind: Kind | None
    exception: str = ""
    text: str = ""
    frame: str = ""
    line: int | None = None
    cut: bool = False
    detail: str = ""
    place: str = ""
    remedy: str = ""
    phase: str = ""
    chain_end: int | None = None

    @property
    def end(self) -> int | None:
        """The console line where the chain of exceptions ends, of which this is the first."""
        return self.line if self.chain_end is None else self.chain_end


def find_cause(lines: Sequence[str], exit_code: int | None) -> Cause | None:
    """Return the cause that console lines and exit code show, or None.

    Of a chain of exceptions, it is the first: the others were raised while it was handled.
    """
    first = max(0, len(lines) - _TAIL)
    tail = [_PREFIX.sub("", line) for line in lines[first:]]
    starts = [i for i, line in enumerate(tail) if _begins(line)]
    wrapper: Cause | None = None
    for k in range(len(starts) - 1, -1, -1):
        cause = _at(tail, starts[k], first)
        if cause is None or (cause.cut and exit_code is not None):
            continue
        if _typed_in(cause) and any(not _typed_in(_at(tail, i, first)) for i in starts[:k]):
            continue  # somebody looked around in the interpreter afterwards
        if _WRAPPERS.search(cause.exception):
            wrapper = wrapper or cause
            continue
        last, cause = cause, _first_of_chain(tail, starts[: k + 1], first, cause)
        cause = _memory(cause, tail, first)
        return replace(cause, chain_end=last.line, phase=_phase(tail[starts[k] :]))
    if wrapper is not None:
        return wrapper
    for i in range(len(tail) - 1, max(0, len(tail) - 60) - 1, -1):
        text = tail[i].strip()
        for kind in KINDS:
            if re.search(kind.pattern, text):
                return Cause(kind, text=text[:300], line=first + i, detail=_detail(kind, text))
    return _by_exit_code(exit_code)


def _begins(line: str) -> bool:
    """Return whether a traceback begins on a line, plain or drawn in a box."""
    return line.strip().endswith(_TRACEBACK) or bool(_BOX.match(line.strip()))


def _at(tail: Sequence[str], start: int, offset: int) -> Cause | None:
    read = _boxed if _BOX.match(tail[start].strip()) else _traceback
    return read(tail, start, offset)


def _typed_in(cause: Cause | None) -> bool:
    return cause is None or cause.frame.startswith("<stdin>")


def _first_of_chain(tail: Sequence[str], starts: Sequence[int], offset: int, cause: Cause) -> Cause:
    """Return the first exception of the chain whose last one begins at the last of `starts`.

    A traceback whose end is missing and that follows another one directly repeats it (as debuggers do).
    """
    if cause.kind is not None and cause.kind.name == "stopped":
        return cause
    for before, start in reversed(list(pairwise(starts))):
        between = [line.strip() for line in tail[before:start] if line.strip()]
        chained = bool(between) and bool(_CHAIN.search(between[-1]))
        earlier = _at(tail, before, offset)
        repeated = cause.cut and earlier is not None and earlier.line == offset + start - 1
        if earlier is None or earlier.cut or not (chained or repeated):
            break
        if (
            chained
            and not cause.cut
            and _LOOKUP.search(earlier.exception)
            and "direct" not in between[-1]
        ):
            break  # a lookup that failed and was handled is no cause
        cause = replace(
            earlier, frame=earlier.frame if _own(earlier.frame) else cause.frame or earlier.frame
        )
    return cause


def _own(frame: str) -> bool:
    return bool(frame) and not _LIBRARY_FILE.search(frame)


def _phase(tail: Sequence[str]) -> str:
    """Return what the process did by the traceback that ends these lines: "saving the model", ..., or ""."""
    for words, calls in _PHASES:
        if any(calls.search(line) for line in tail):
            return words
    return ""


def _memory(cause: Cause, tail: Sequence[str], offset: int) -> Cause:
    """Return a cause with what its traceback tells of a full GPU: where it filled up, and what helps."""
    full = cause.kind is not None and cause.kind.name == "gpu-out-of-memory"
    if not full or cause.line is None or cause.detail:  # other processes held it: `detail` says so
        return cause
    lines = tail[: cause.line - offset + 1]
    place = gpu_memory.optimizer_place(lines)
    return replace(cause, place=place, remedy=gpu_memory.remedy(lines, cause.frame))


def _traceback(lines: Sequence[str], start: int, offset: int) -> Cause | None:
    """The cause that a traceback beginning at `start` names; `offset` is added to line numbers."""
    frame = own = ""
    for i in range(start + 1, len(lines)):
        line = lines[i]
        found = _FRAME.match(line)
        if found:
            frame, is_own = _place(found["file"], found["line"], found["where"])
            own = frame if is_own else own
            continue
        if not line or line[0].isspace():
            continue
        return _exception(lines, i, offset, own or frame) if frame else None
    if not frame:
        return None
    return Cause(None, frame=own or frame, line=offset + len(lines) - 1, cut=True)


def _boxed(lines: Sequence[str], start: int, offset: int) -> Cause | None:
    """The same for a traceback that rich has drawn in a box."""
    frame = own = ""
    for i in range(start + 1, len(lines)):
        line = lines[i].strip()
        found = _BOX_FRAME.match(line)
        if found:
            frame, is_own = _place(found["file"], found["line"], found["where"])
            own = frame if is_own else own
        elif line and line[0] not in "│|╰└":
            return _exception(lines, i, offset, own or frame) if frame else None
    return (
        Cause(None, frame=own or frame, line=offset + len(lines) - 1, cut=True) if frame else None
    )


def _place(file: str, line: str, where: str | None) -> tuple[str, bool]:
    """A frame as people name it, and whether it is the user's own code."""
    name = file.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name}:{line}" + (f" in {where}" if where else ""), not _LIBRARY.search(file)


def _exception(lines: Sequence[str], i: int, offset: int, frame: str) -> Cause | None:
    """The exception on line i, or None: then something else was printed in between."""
    full = lines[i].strip()
    match = _EXCEPTION.match(full)
    if match is None:
        return None
    kind = next((k for k in KINDS if re.search(k.pattern, full)), None)
    text = (match["text"] or _below(lines, i))[:300]
    return Cause(kind, match["type"], text, frame, offset + i, detail=_detail(kind, full))


def _below(lines: Sequence[str], i: int) -> str:
    """Return a message that begins on the lines below its exception, indented."""
    found = []
    for line in lines[i + 1 : i + 4]:
        if not line.strip() or not line[0].isspace() or line.lstrip().startswith("File "):
            break
        found.append(line.strip())
    return " ".join(found)


def _detail(kind: Kind | None, text: str) -> str:
    """Return who held the GPU's memory, if PyTorch's message tells and it was not this process."""
    return gpu_memory.others(text) if kind is not None and kind.name == "gpu-out-of-memory" else ""


def _by_exit_code(code: int | None) -> Cause | None:
    if code is None:
        return None
    name = _SIGNALS.get(code - 128 if code > 128 else -code)
    return Cause(_BY_NAME[name], text=f"exit code {code}") if name else None


def tracebacks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where Python's tracebacks lie: first line and the line after the last, for each."""
    found = []
    i = 0
    while i < len(lines):
        if _TRACEBACK not in lines[i]:
            i += 1
            continue
        stop = i + 1
        while stop < len(lines) and stop - i < _TAIL:
            text = _PREFIX.sub("", lines[stop])
            stop += 1
            if text and not text[0].isspace():
                break  # the exception itself, which is not indented
        found.append((i, stop))
        i = stop
    return found
