"""What an out-of-memory error of a GPU shows: who held the memory, and what helps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from postrun.model.lazily import pattern

_SIZE = r"([\d.]+) (MiB|GiB)"
_NEW_OOM = pattern(rf"total capac(?:i)?ty of {_SIZE}.*this process has {_SIZE} memory in use", re.S)
_OLD_OOM = pattern(
    rf"{_SIZE} total capacity.*?{_SIZE} already allocated.*?{_SIZE} free.*?{_SIZE} reserved", re.S
)
_ASKED = pattern(rf"Tried to allocate {_SIZE}")
_CAPACITY = pattern(rf"total capac(?:i)?ty of {_SIZE}|{_SIZE} total capacity")
#: Lines of a traceback that run through an optimizer's step, and those in which it makes its state.
_STEP = pattern(r"/optim/|optim\w*\.step\(|adamw?\.py|init_group", re.IGNORECASE)
_STATE = pattern(r"exp_avg|_init_group|init_state|zeros_like|momentum_buffer", re.IGNORECASE)
#: Lines of a traceback that an error's place is judged by, counted from its end.
_NEAR = 14
#: An allocation of at least this share of the GPU is told by itself.
_HUGE = 0.2


def others(text: str) -> str:
    """Return who held the GPU's memory if it was not this process, as PyTorch's message tells; else ""."""
    new, old = _NEW_OOM.search(text), _OLD_OOM.search(text)
    if new:
        total, own = gib(new[1], new[2]), gib(new[3], new[4])
        rest = total - own
    elif old:
        total, free, own = gib(old[1], old[2]), gib(old[5], old[6]), gib(old[7], old[8])
        rest = total - own - free
    else:
        return ""
    if rest < 0.5 * total:
        return ""
    return f"other processes held {rest:.1f} of the GPU's {total:.1f} GiB, this one {own:.1f} GiB"


def optimizer_place(lines: Sequence[str]) -> str:
    """Return where in an optimizer the traceback that ends these lines failed; "" if it was elsewhere."""
    near = lines[-_NEAR:]
    if not any(_STEP.search(line) for line in near):
        return ""
    state = any(_STATE.search(line) for line in near)
    return "while the optimizer allocated its state" if state else "in the optimizer's step"


def remedy(lines: Sequence[str], frame: str) -> str:
    """Return what helps, as the traceback that ends these lines tells where memory filled up; else ""."""
    near = lines[-_NEAR:]
    if optimizer_place(lines):
        return (
            "Weights, gradients and the optimizer's state do not fit together: use an 8-bit or sharded "
            "optimizer (ZeRO, FSDP), or train fewer parameters (LoRA). A smaller batch will not help."
        )
    text = "\n".join(near)
    asked, total = _ASKED.search(text), _CAPACITY.search(text)
    if asked and total:
        whole = gib(total[1] or total[3], total[2] or total[4])
        if gib(asked[1], asked[2]) > _HUGE * whole:
            where = f" at {frame}" if frame else ""
            return (
                f"One allocation asked for {asked[1]} {asked[2]}{where}: shorten the sequences, or avoid "
                "building that tensor as a whole."
            )
    return ""


def gib(value: str, unit: str) -> float:
    """Return a size in GiB."""
    return float(value) / (1024 if unit == "MiB" else 1)
