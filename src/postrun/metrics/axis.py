"""The axis on which a run's steps are counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """What a run counts its steps by.

    `key` is the column that counts ("_step": calls of `log`), `unit` what one of it is called: "step",
    "epoch", "iteration", "environment step", "token".
    """

    key: str = "_step"
    unit: str = "step"

    def at(self, x: float) -> str:
        """Return a position in words: "step 1,200", "epoch 12.5"."""
        return f"{self.unit} {_text(x)}"

    def span(self, start: float, stop: float) -> str:
        """Return a range in words: "steps 70 to 479"; one position if both are equal."""
        if start == stop:
            return self.at(start)
        return f"{self.unit}s {_text(start)} to {_text(stop)}"

    def count(self, n: float) -> str:
        """Return an amount in words: "1 step", "1,200 steps"."""
        return f"{_text(n)} {self.unit}{'' if n == 1 else 's'}"


def _text(x: float) -> str:
    return f"{x:,.0f}" if x == round(x) or abs(x) >= 1000 else f"{x:,.2f}".rstrip("0").rstrip(".")
