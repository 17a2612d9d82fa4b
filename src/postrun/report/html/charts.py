"""What a page's charts are made from: every metric's values, and which metrics share a chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView, Series, paired, role_rank, roles
from postrun.metrics.series import Floats, MetricInfo
from postrun.model import Evidence, Finding
from postrun.report.carrying import shown
from postrun.report.html.buffer import Buffer, Ref
from postrun.report.html.devices import devices
from postrun.report.html.families import Family, families
from postrun.report.html.media import QUANTILES, histograms
from postrun.report.panels import PERFORMANCE, TRAINING, decades, lines_of
from postrun.report.warm_up import steady
from postrun.stats.decimate import min_max

#: Values that one page carries at most. Beyond, each series keeps its least and greatest value of
#: every group of rows, so that spikes survive; zooming in shows all of what is kept.
BUDGET = 1_500_000
#: Points with NaN or ±Infinity that a thinned series keeps at the least.
_BAD = 500
#: Titles of system metrics that have no role.
_SYSTEM = {
    "network.sent": "network sent", "network.recv": "network received",
    "network.tcpRetransmits": "TCP retransmissions", "proc.cpu.threads": "threads of the process",
    "proc.memory.percent": "memory of the process (share)", "disk.in": "disk read", "disk.out": "disk written",
}  # fmt: skip
#: Those of one disk.
_DISK = re.compile(r"(?:system[./])?disk\.(.+)\.(in|out|usageGB|usagePercent)")
_USED = {
    "in": "read (MB)",
    "out": "written (MB)",
    "usageGB": "in use (GB)",
    "usagePercent": "in use (%)",
}
_BOOKKEEPING = ("_step", "_runtime", "_timestamp")


class ChartData:
    """Series and charts of one run, and the buffer that holds their numbers.

    `series`, `grids`, `by_role` and `by_name` are plain data for JSON; charts refer to series by position,
    which `positions` tells for a key.
    """

    def __init__(self, view: RunView, buffer: Buffer, budget: int = BUDGET) -> None:
        self.view = view
        self.buffer = buffer
        self.series: list[dict[str, Any]] = []
        self.grids: list[dict[str, Any]] = []
        self.positions: dict[str, int] = {}
        self._grid_at: dict[bytes, int] = {}
        parts = view.parts or [view]
        self._devices = [(part, found) for part in parts for found in devices(part)]
        within = {(part.run.id, key) for part, found in self._devices for key in found.keys}
        system = [
            (part, series)
            for part in parts
            for key in _by_role(part)
            if (part.run.id, key) not in within and len(series := part.system_series(key))
        ]
        keys = list(view.metrics)
        sizes = np.array(
            [len(view.series(k)) for k in keys] + [len(s) for _, s in system], np.int64
        )
        self.cap = fair_cap(sizes, budget)
        times = (view.run.history["_runtime"], view.run.history["_timestamp"])
        self._runtime, self._timestamp = (t.cast(float).to_numpy() for t in times)
        for key in keys:
            self._add(view.series(key))
        spread = self._distributions()
        self.by_role = [*self._panels(), *spread, *self._system(system)]
        self.by_name = [
            *self._prefixes(),
            *spread,
            *(g for g in self.by_role if g["axis"] == "runtime"),
        ]
        self.thinned = int(np.count_nonzero(sizes > self.cap))

    def _add(self, series: Series) -> int:
        info = series.info
        kept = self._thin(series)
        entry = self._entry(kept, len(series))
        entry["grid"] = self._grid(kept.rows, kept.x)
        own = info.x_axis not in (*_BOOKKEEPING, self.view.axis.key)
        if own and info.x_axis in self.view.metrics:
            column = self.view.run.history[info.x_axis].cast(float).to_numpy()
            entry["own"] = {"key": info.x_axis, "x": self.buffer.floats(column[kept.rows])}
        self.positions[series.key] = len(self.series)
        self.series.append(entry)
        return len(self.series) - 1

    def _entry(self, kept: Series, n: int) -> dict[str, Any]:
        info = kept.info
        role = roles().get(info.role or "")
        return {
            "key": info.key,
            "role": role.title if role else "",
            "unit": info.unit,
            "run": info.run,
            "n": n,
            "y": self.buffer.floats(kept.y),
            "warm": _warm(kept),
        }

    def _thin(self, series: Series) -> Series:
        if len(series) <= self.cap:
            return series
        keep = min_max(np.where(np.isfinite(series.y), series.y, np.nan), self.cap)
        bad = np.flatnonzero(~np.isfinite(series.y))
        if len(bad) > _BAD:
            bad = bad[np.linspace(0, len(bad) - 1, _BAD).astype(np.int64)]
        return series.take(np.union1d(keep, bad))

    def _grid(self, rows: NDArray[np.int64], x: Floats) -> int:
        identity = rows.tobytes() + x.tobytes()
        if identity not in self._grid_at:
            self._grid_at[identity] = len(self.grids)
            self.grids.append(self._axes(x, self._runtime[rows], self._timestamp[rows]))
        return self._grid_at[identity]

    def _axes(self, step: Floats | None, runtime: Floats, timestamp: Floats) -> dict[str, Ref]:
        whole = self.buffer.whole
        axes = {} if step is None else {"step": whole(step)}
        if np.isfinite(runtime).any():
            axes["runtime"] = whole(runtime, unit=0.001)
        if np.isfinite(timestamp).any():
            axes["time"] = whole(timestamp, unit=0.001)
        return axes

    def _panels(self) -> list[dict[str, Any]]:
        """Groups in the order of roles: shared charts first, then each other metric its own."""
        groups: dict[str, list[dict[str, Any]]] = {}
        used: set[str] = set()
        known = {family.centres[0]: family for family in families(self.view.metrics.values())}
        for panel in (*TRAINING, *PERFORMANCE):
            lines = lines_of(self.view, panel)
            if lines:
                used.update(line.key for line in lines)
                log = panel.log and decades(lines) > 1.5
                chart = self._chart(panel.title, [line.key for line in lines], log)
                alone = known.pop(lines[0].key, None) if len(lines) == 1 else None
                if alone is not None:
                    used.update(self._with_bands(chart, alone))
                groups.setdefault(roles()[panel.roles[0]].panel, []).append(chart)
        for centre, family in known.items():
            used.update(family.band)
            if (
                centre in used
            ):  # its panel shows other lines as well: the bands need a chart of their own
                used.discard(centre)
        rest = [i for i in self.view.metrics.values() if i.key not in used and shown(i)]
        rest.sort(key=lambda i: (role_rank(i.role), i.key))
        for info in rest:
            role = roles().get(info.role or "")
            if any(info.key in family.centres[1:] for family in known.values()):
                continue
            groups.setdefault(role.panel if role else "", []).append(self._one(info, known))
        counters = [self._single(i) for i in self.view.metrics.values() if not shown(i)]
        named = {name: charts for name, charts in groups.items() if name}
        titles = {"kl_divergence": "KL divergence", "mfu": "Model FLOPs utilisation"}
        out = [
            _group(titles.get(name, name.replace("_", " ").capitalize()), charts)
            for name, charts in named.items()
        ]
        if "" in groups:
            out.append(_group("Other metrics" if out else "Metrics", groups[""]))
        if counters:
            out.append(_group("Counters", counters))
        return out

    def _distributions(self) -> list[dict[str, Any]]:
        """Return the histograms that were logged: the median as a line, the bulk of the values as a band."""
        charts = []
        for key, rows, quantiles in histograms(self.view):
            at = np.array(rows, np.int64)
            positions = []
            for share, y in zip(QUANTILES, quantiles.T, strict=True):
                info = MetricInfo(
                    f"{key}: {share:.0%} quantile" if share != 0.5 else f"{key}: median"
                )
                series = Series(info, self.view.steps[at], y, at, self.view.axis)
                positions.append(self._add(series))
            low, _, middle, _, high = positions
            band = {"low": low, "high": high, "label": "5% to 95%"}
            charts.append(
                {"title": key, "series": [middle], "log": False, "constant": False, "band": band}
            )
        return [_group("Distributions", charts)] if charts else []

    def _prefixes(self) -> list[dict[str, Any]]:
        groups: dict[str, list[dict[str, Any]]] = {}
        known = {family.centres[0]: family for family in families(self.view.metrics.values())}
        within = {key for f in known.values() for key in (*f.centres[1:], *f.band)}
        for info in self.view.metrics.values():
            prefix, slash, _ = info.key.partition("/")
            if info.key not in within:
                groups.setdefault(prefix if slash else "", []).append(self._one(info, known))
        return [_group(name or "charts", charts) for name, charts in sorted(groups.items())]

    def _one(self, info: MetricInfo, known: Mapping[str, Family]) -> dict[str, Any]:
        """Return the chart of a metric: of a family's centre, that of the family."""
        family = known.get(info.key)
        if family is None:
            return self._single(info)
        chart = self._chart(family.title, list(family.centres), log=False)
        self._with_bands(chart, family)
        return chart

    def _with_bands(self, chart: dict[str, Any], family: Family) -> tuple[str, ...]:
        """Add the bands of a family to the chart of its centre and return the keys that these show."""
        ends = {"low": family.low, "high": family.high, "spread": family.spread}
        chart["series"] = [self.positions[key] for key in family.centres]
        chart["band"] = {name: self.positions[key] for name, key in ends.items() if key}
        return (*family.centres, *family.band)

    def _single(self, info: MetricInfo) -> dict[str, Any]:
        return self._chart(info.key, [info.key], log=False)

    def _chart(self, title: str, keys: list[str], log: bool) -> dict[str, Any]:
        constant = all(_constant(self.view.series(key)) for key in keys)
        positions = [self.positions[key] for key in keys]
        return {"title": title, "series": positions, "log": log, "constant": constant}

    def _system(self, found: Iterable[tuple[RunView, Series]]) -> list[dict[str, Any]]:
        """System metrics: one chart per role, all devices in it, over seconds since the start."""
        charts: dict[tuple[str, str], list[int]] = {}
        for part, series in found:
            at, role = self._add_system(part, series, _device(series.info))
            charts.setdefault((role or series.key, series.info.unit), []).append(at)
        made: list[dict[str, Any]] = [
            {"title": _titled(title), "series": numbers, "log": False, "constant": False}
            for (title, _), numbers in charts.items()
        ]
        for part, many in self._devices:
            middle, low, high = (
                self._add_system(part, s, "")[0] for s in (many.mean, many.low, many.high)
            )
            for edge in (low, high):  # a band is drawn over one grid
                self.series[edge]["grid"] = self.series[middle]["grid"]
            band = {"low": low, "high": high, "label": many.label}
            made.append(
                {"title": _titled(many.title), "series": [middle], "log": False, "constant": False,
                 "band": band}
            )  # fmt: skip
        return [_group("System", made, axis="runtime")] if made else []

    def _add_system(self, part: RunView, series: Series, label: str) -> tuple[int, str]:
        """Add a system metric's series; return its position, and its role's title."""
        kept = self._thin(series)
        entry = self._entry(kept, len(series))
        if part is not self.view:
            label = f"{label or series.key} ({part.run.name})"
        if label:
            entry["label"] = label
        stamps = part.run.system.get_column("_timestamp", default=None)
        times = kept.x * np.nan if stamps is None else stamps[kept.rows].cast(float).to_numpy()
        self.grids.append(self._axes(None, kept.x, times))
        entry["grid"] = len(self.grids) - 1
        self.positions.setdefault(series.key, len(self.series))
        self.series.append(entry)
        return len(self.series) - 1, entry["role"]

    def evidence(self, proof: Evidence) -> tuple[list[Series], int | None]:
        """The curves that a piece of evidence is about, and the position of its series.

        That of two metrics is drawn as their difference, which becomes a series of its own.
        """
        key = proof.metric
        if key in self.view.metrics:
            return [self.view.series(key)], self.positions[key]
        if key in self.positions:
            owner = next(v for v in self.view.parts or [self.view] if key in v.system_metrics)
            return [owner.system_series(key)], self.positions[key]
        if len(proof.of) == 2 and all(name in self.view.metrics for name in proof.of):
            first, second = paired(*(self.view.series(name) for name in proof.of))
            info = MetricInfo(key, unit=first.info.unit, run=first.info.run)
            difference = Series(info, first.x, first.y - second.y, first.rows, first.axis)
            return [difference], self._add(difference)
        return [], None

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON, but for the numbers."""
        return {
            "series": self.series,
            "grids": self.grids,
            "byRole": self.by_role,
            "byName": self.by_name,
        }


def _warm(series: Series) -> int:
    """Return how many leading values are of the warm-up and set no range."""
    cut = len(series.finite) - len(steady(series))
    return int(np.flatnonzero(np.isfinite(series.y))[cut]) if cut else 0


def _constant(series: Series) -> bool:
    """Return whether a series has one finite value throughout."""
    y = series.y
    return len(y) > 1 and bool(np.isfinite(y).all()) and float(y.min()) == float(y.max())


def _device(info: MetricInfo) -> str:
    """Return what a system metric is of, in words: "GPU 0"; "" if its name says it."""
    if not info.index:
        return ""
    return f"GPU {info.index}" if "gpu" in info.key.lower() else info.index


def _titled(name: str) -> str:
    """Return the title of a system chart: a role's as a sentence begins, a key in words."""
    words = _SYSTEM.get(name)
    if disk := _DISK.fullmatch(name):
        words = f"disk {disk[1]}: {_USED[disk[2]]}"
    if words is None:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace(".", " ") if "." in name else name
    return f"{words[:1].upper()}{words[1:]}"


def _group(title: str, charts: list[dict[str, Any]], axis: str = "step") -> dict[str, Any]:
    return {"title": title, "axis": axis, "charts": charts}


def _by_role(view: RunView) -> list[str]:
    """System metrics in the order of their roles, those without one at the end."""
    return sorted(view.system_metrics, key=lambda key: role_rank(view.system_metrics[key].role))


def fair_cap(sizes: NDArray[np.int64], budget: int) -> int:
    """The length to which series are cut so that all of them hold `budget` values; ≥ 200.

    Short series stay whole and leave their share to the long ones.
    """
    cap, left = budget, budget
    ordered = np.sort(sizes)
    for number, size in enumerate(ordered.tolist()):
        cap = left // (len(ordered) - number)
        if size > cap:
            break
        left -= size
    else:
        cap = int(ordered[-1]) if len(ordered) else budget
    return max(200, cap)


def marks(findings: Iterable[Finding], charts: ChartData) -> list[dict[str, Any]]:
    """Return where findings begin, for the charts of their metrics; not of those that hold throughout."""
    out, first = [], charts.view.first_x
    for number, finding in enumerate(findings):
        for part in finding.with_symptoms():
            for proof in part.evidence:
                at = charts.positions.get(proof.metric)
                begin = proof.step_from
                if at is not None and begin is not None and first is not None and begin > first:
                    out.append(
                        {
                            "series": at,
                            "x": begin,
                            "severity": part.severity.label,
                            "finding": number,
                        }
                    )
    return out
