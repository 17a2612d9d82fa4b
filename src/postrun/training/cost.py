"""What a training cost: GPU hours and the energy of its GPUs, as far as their power was sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.machine import of_own_gpus
from postrun.model.text import number

#: Kilograms of CO2 equivalents per kilowatt hour: the world's electricity in 2024 (Ember, Global Electricity
#: Review 2025: 473 g). Grids lie between 0.03 and 0.8: give your own.
CO2_PER_KWH = 0.473
#: Samples further apart than this many usual distances, and than so many seconds, leave a gap: no power is made
#: up for it. The SDK samples every 10 to 30 seconds, sometimes several at a time.
_GAP, _GAP_SECONDS = 5.0, 120.0
#: Watts that no accelerator draws.
_MOST_WATTS = 3000.0
_JOULES = 3.6e6


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost.

    Attributes:
        hours: Hours during which its process ran; None if unknown.
        gpus: GPUs in use; None if unknown or none.
        kwh: Energy of its GPUs, in kilowatt hours, while power was sampled; None without samples.
        sampled: Share of its GPU time that these samples cover, 0 to 1; None if not known.
    """

    hours: float | None = None
    gpus: int | None = None
    kwh: float | None = None
    sampled: float | None = None

    @property
    def gpu_hours(self) -> float | None:
        """Hours times GPUs; None if either is unknown."""
        return None if self.hours is None or self.gpus is None else self.hours * self.gpus

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, with the CO2 in kilograms and the factor that it rests on."""
        return {
            "hours": self.hours,
            "gpus": self.gpus,
            "gpu_hours": self.gpu_hours,
            "kwh": self.kwh,
            "power_sampled": self.sampled,
            "kg_co2": None if self.kwh is None else self.kwh * CO2_PER_KWH,
            "co2_per_kwh": CO2_PER_KWH,
        }

    def sentence(self, co2_per_kwh: float = CO2_PER_KWH) -> str:
        """Return the cost in one line; "" if no GPU is known and no power was sampled."""
        parts = []
        if self.gpu_hours is not None:
            gpus = f"{self.gpus} GPU{'s' if self.gpus != 1 else ''}"
            parts.append(f"{number(self.gpu_hours, 3)} GPU hours ({gpus})")
        if self.kwh is not None:
            parts.append(
                f"{number(self.kwh, 3)} kWh and {number(self.kwh * co2_per_kwh, 3)} kg CO2 "
                f"(at {number(co2_per_kwh, 3)} kg/kWh) by the GPUs' power{self._covered()}"
            )
        elif parts:
            parts.append("no power was sampled")
        return ", ".join(parts)

    def _covered(self) -> str:
        if self.sampled is None or self.sampled > 0.98:
            return ""
        return f", which was sampled for {100 * self.sampled:.0f}% of the time only"


def cost_of(view: RunView) -> Cost:
    """Return what a run cost; of a joined training, the sum of its runs."""
    return view.once(_cost_of)


def _cost_of(view: RunView) -> Cost:
    if view.parts:
        return _sum([cost_of(part) for part in view.parts])
    seconds, gpus = view.run.working_seconds, _gpus(view)
    used = {s.info.index for s in of_own_gpus(view, "system.gpu_power")}
    spans = [_energy(s) for s in view.system("system.gpu_power") if s.info.index in used]
    spans = [span for span in spans if span[1] > 0]
    if not spans:
        return Cost(None if seconds is None else seconds / 3600, gpus)
    whole = (seconds or 0.0) * max(gpus or 0, len(spans))
    return Cost(
        None if seconds is None else seconds / 3600,
        max(gpus or 0, len(spans)),
        sum(joules for joules, _ in spans) / _JOULES,
        min(1.0, sum(covered for _, covered in spans) / whole) if whole else None,
    )


def _sum(parts: list[Cost]) -> Cost:
    """Return the cost of runs that ran beside each other."""
    hours = [c.hours for c in parts if c.hours is not None]
    gpu_hours = [(h, c) for c in parts if (h := c.gpu_hours)]
    energy = [(c.kwh, c) for c in parts if c.kwh is not None]
    longest = max(hours, default=None)
    total = sum(h for h, _ in gpu_hours)
    gpus = round(total / longest) if longest and gpu_hours else None
    covered = sum(h * (c.sampled or 0.0) for h, c in gpu_hours)
    return Cost(
        longest,
        gpus,
        sum(k for k, _ in energy) if energy else None,
        covered / total if energy and total else None,
    )


def _energy(power: Series) -> tuple[float, float]:
    """Return the joules of one GPU by the trapezoid rule, and the seconds that its samples cover.

    Impossible values and gaps between samples count for nothing.
    """
    series = power.finite
    series = series.take((series.y >= 0) & (series.y <= _MOST_WATTS))
    if len(series) < 2:
        return 0.0, 0.0
    steps = np.diff(series.x)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    kept = steps <= max(_GAP * usual, _GAP_SECONDS)
    middle = (series.y[1:] + series.y[:-1]) / 2
    return float((middle * steps)[kept].sum()), float(steps[kept].sum())


def _gpus(view: RunView) -> int | None:
    """GPUs in use by the system metrics, else by the config; 1 where only a GPU's name is known."""
    about = view.run.environment
    gpu: Any = about.get("gpu") or about.get("gpu_type")
    sampled = of_own_gpus(view, "system.gpu_utilisation")
    if sampled:
        return len({s.info.index for s in sampled})
    planned = view.number("world_size")
    if planned is not None and gpu:
        return int(planned[1])
    return 1 if gpu else None
