"""The trainings of this folder, by name."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.faults.after.log import Log, Random, Training

TRAININGS: dict[str, Training] = {}
_Make = Callable[[Random], Log]


def training(
    fault: str, says: str, never: tuple[str, ...] = (), allowed: tuple[str, ...] = (), *,
    curve: bool = True, needs: str = "",
) -> Callable[[_Make], _Make]:  # fmt: skip
    """Enter a training under its function's name; `needs` names packages, apart by blanks."""

    def enter(make: _Make) -> _Make:
        name = make.__name__
        TRAININGS[name] = Training(name, make, fault, says, never, allowed, curve, needs)
        return make

    return enter
