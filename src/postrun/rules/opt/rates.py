"""The learning rate that rules of schedules look at."""

from __future__ import annotations

from postrun.metrics import RunView, Series

#: Values from which a logged rate shows its schedule.
_VALUES = 20


def logged_rate(view: RunView) -> Series | None:
    """The logged learning rate where there is one of at least 20 values with a positive peak."""
    logged = [s.finite for s in view.by_role("lr") if len(s.finite) >= _VALUES]
    return logged[0] if logged and logged[0].y.max() > 0 else None
