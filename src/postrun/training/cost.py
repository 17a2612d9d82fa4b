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
        gpu_hours: Hours summed over these GPUs; None if either is unknown.
        kwh: Energy of its GPUs, in kilowatt hours, while power was sampled; None without samples.
        sampled: Share of its GPU time that these samples cover, 0 to 1; None if not known.
    """

    hours: float | None = None
    gpus: int | None = None
    gpu_hours: float | None = None
    kwh: float | None = None
    sampled: float | None = None

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
    """Return what a run cost. Runs that are parts of one training may share GPUs: each counts once."""
    return view.once(_cost_of)


@dataclass(frozen=True, slots=True)
class _Gpu:
    """A GPU that a run used: seconds of use, joules, and the seconds that its samples cover."""

    seconds: float | None
    joules: float = 0.0
    covered: float = 0.0


def _cost_of(view: RunView) -> Cost:
    parts = view.parts or [view]
    known = [s for part in parts if (s := part.run.working_seconds) is not None]
    hours = max(known) / 3600 if known else None
    used: dict[tuple[str, object], _Gpu] = {}
    for part in parts:
        for key, gpu in _used(part).items():
            before = used.get(key, gpu)
            longest = max((s for s in (before.seconds, gpu.seconds) if s is not None), default=None)
            more = max(before, gpu, key=lambda g: g.covered)
            used[key] = _Gpu(longest, more.joules, more.covered)
    if not used:
        return Cost(hours)
    whole = sum(gpu.seconds or 0.0 for gpu in used.values())
    covered = sum(gpu.covered for gpu in used.values())
    return Cost(
        hours,
        len(used),
        whole / 3600 if any(gpu.seconds is not None for gpu in used.values()) else None,
        sum(gpu.joules for gpu in used.values()) / _JOULES if covered else None,
        min(1.0, covered / whole) if covered and whole else None,
    )


def _used(view: RunView) -> dict[tuple[str, object], _Gpu]:
    """Return the GPUs of one run by host and index; those that nothing sampled have an index of their own."""
    run = view.run
    seconds, place = run.working_seconds, run.identity.host or run.id
    own = {s.info.index for s in of_own_gpus(view, "system.gpu_power")}
    found: dict[tuple[str, object], _Gpu] = {}
    for series in view.system("system.gpu_power"):
        joules, covered = _energy(series)
        if series.info.index in own and covered > 0:
            found[place, series.info.index] = _Gpu(seconds, joules, covered)
    for missing in range(len(found), _gpus(view) or 0):
        found[run.id, f"not sampled {missing}"] = _Gpu(seconds)
    return found


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
