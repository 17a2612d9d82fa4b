"""What W&B's samples of the machine say about a run: which of them count, and whose GPUs they are of.

The machine is sampled from the start of the process to its end, all of its GPUs, whoever uses them. Loading,
what follows the last row, a process that stands still and other people's GPUs say nothing about the training.
All times are seconds since the start of the run. Everything is computed once per view.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from postrun.metrics.series import Floats, Series
from postrun.metrics.view import RunView
from postrun.stats.robust import median

#: A process stands still if its CPU is below this share of what it uses at work, and below so many percent.
_STILL, _STILL_PERCENT = 0.05, 0.5
#: Fewer samples or seconds without CPU are no standstill.
_STILL_SAMPLES, _STILL_SECONDS = 4, 100.0
#: A GPU is in use from this share of its memory on (%): a display or a driver holds up to that.
_HELD = 2.0
#: A GPU that never held more memory nor was busier (%) than this did nothing.
_EMPTY = 5.0
#: Memory that grew by this many points since the first sample was taken by this run.
_TAKEN = 5.0
#: Console lines from the start that may tell the device.
_FIRST_LINES = 300

_CPU_DEVICE = re.compile(
    r"\b(?:using )?device\b\W{0,4}(?:is |= ?)?['\"]?cpu\b|\bdevice\(type='cpu'\)|\busing (?:the )?cpu device\b"
    r"|\bGPU available: \w+(?: \(\w+\))?, used: False"
    r"|\b(?:fall(?:ing|s)? back|fallback) (?:to|on) (?:the )?cpu\b",
    re.IGNORECASE,
)
_VISIBLE = re.compile(r"CUDA_VISIBLE_DEVICES\W{1,6}(\d+(?: ?, ?\d+)*)\b")
#: Parts of a config's keys under which a device is that of the training.
_OF_TRAINING = re.compile(
    r"(?:train|trainer|training|model|args|cfg|config|general|system|hardware|setup|base|params|"
    r"experiment|runtime|common|main|policy|agent|algo|algorithm)",
    re.IGNORECASE,
)
#: What the SDK calls the program of an interactive session.
_NO_FILE = "<python with no main file>"
_ON_CPU_IF_TRUE = ("no_cuda", "use_cpu", "cpu_only", "force_cpu")
_ON_CPU_IF_FALSE = ("use_cuda", "cuda", "use_gpu")


@dataclass(frozen=True, slots=True)
class Standstill:
    """A stretch of time in which the process used no CPU and wrote nothing.

    It was suspended (Ctrl-Z, a paused console, a sleeping machine) or waited for something. `to_the_end`: no
    sample shows that it worked again.
    """

    start: float
    stop: float
    to_the_end: bool

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Gpus:
    """Whose the GPUs of the machine are.

    Attributes:
        sampled: Indices of all GPUs that were sampled.
        own: Those that the run is known to have used; empty if that is not known.
        candidates: Those that it may have used: `own`, else all that held memory.
        empty: Those that did nothing and held nothing as long as the machine was sampled.
    """

    sampled: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    candidates: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()


def standstills(view: RunView) -> tuple[Standstill, ...]:
    """Return when the process stood still, in order of time."""
    return view.once(_standstills)


def training(view: RunView) -> tuple[float, float] | None:
    """Return the seconds of the first and the last row; None for fewer than two rows with times."""
    _, seconds = view.clock
    return (float(seconds[0]), float(seconds[-1])) if len(seconds) > 1 else None


def while_training(view: RunView, role: str) -> list[Series]:
    """Return the samples of a role between the first and the last row, standstills left out.

    Samples that were recorded twice count once. If the run has fewer than two rows with times, all samples but
    the first tenth (warm-up) count.
    """
    return view.once(_while_training).get(role, [])


def gpus(view: RunView) -> Gpus:
    """Return which GPUs are the run's, as far as its record shows."""
    return view.once(_gpus)


def of_own_gpus(view: RunView, role: str) -> list[Series]:
    """Return all samples of a role of the GPUs that the run may have used."""
    known = gpus(view)
    others = set(known.sampled) - known.candidates
    found = (s.finite for s in view.system(role) if s.info.index not in others)
    return [series for series in found if len(series)]


def on_cpu(view: RunView) -> str:
    """Return what shows that the run trains on the CPU, whatever GPUs there are; "" if nothing does."""
    return view.once(_on_cpu)


def own_memory(view: RunView) -> bool:
    """Return whether its GPUs have memory of their own: Apple's share the machine's, and so do its samples."""
    return "apple" not in view.run.environment


def notebook(view: RunView) -> bool:
    """Return whether the run was started in a notebook, whose process holds on to what earlier cells made."""
    environment = view.run.environment
    program = str(environment.get("program") or environment.get("codePath") or "")
    interactive = program.endswith(".ipynb") or "jupyter" in program or program == _NO_FILE
    return interactive or "colab" in environment


def _while_training(view: RunView) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for role in dict.fromkeys(i.role for i in view.system_metrics.values() if i.role):
        counting = (_counting(view, series.finite) for series in view.system(role))
        found[role] = [series for series in counting if len(series)]
    return found


def _counting(view: RunView, series: Series) -> Series:
    if not len(series):
        return series
    x = series.x
    keep = np.r_[True, np.diff(x) > 0]
    window = training(view)
    if window is not None:
        keep &= (x >= window[0]) & (x <= window[1])
    for still in standstills(view):
        keep &= (x <= still.start) | (x > still.stop)
    series = series.take(keep)
    return series if window is not None else series.take(slice(len(series) // 10, None))


def _standstills(view: RunView) -> tuple[Standstill, ...]:
    for role in ("system.cpu_process", "system.cpu"):
        for series in view.system(role):
            found = tuple(
                s for s in _without_cpu(series.finite) if _silent(view, s, series.finite.x)
            )
            if found:
                return found
    return ()


def _without_cpu(cpu: Series) -> Iterable[Standstill]:
    """Yield stretches without CPU after the first sample with any.

    A sample is the mean since the one before: the process stopped before the first one without CPU.
    """
    at_work = median(cpu.y[cpu.y > 0.01]) if (cpu.y > 0.01).any() else 0.0
    busy = np.flatnonzero(cpu.y > min(_STILL_PERCENT, _STILL * at_work))
    for i, at in enumerate(busy):
        after = busy[i + 1] if i + 1 < len(busy) else len(cpu)
        samples = after - at - 1
        if samples < _STILL_SAMPLES or cpu.x[after - 1] - cpu.x[at] < _STILL_SECONDS:
            continue
        yield Standstill(float(cpu.x[at]), float(cpu.x[after - 1]), after == len(cpu))


def _silent(view: RunView, still: Standstill, sampled: Floats) -> bool:
    """Return whether nothing was logged or printed meanwhile: a launcher's child may be at work."""
    slack = 1.5 * median(np.diff(sampled))
    start, stop = still.start + slack, still.stop - slack
    _, seconds = view.clock
    if ((seconds > start) & (seconds < stop)).any():
        return False
    console, system = view.run.console, view.run.system
    if "timestamp" not in console.columns or "_timestamp" not in system.columns:
        return True
    printed = console["timestamp"].drop_nulls().to_numpy()
    both = system.select("_timestamp", "_runtime").drop_nulls()
    begin = float(both["_timestamp"][0]) - float(both["_runtime"][0]) if both.height else np.nan
    return not ((printed - begin > start) & (printed - begin < stop)).any()


def _gpus(view: RunView) -> Gpus:
    memory = {s.info.index: s.finite for s in view.system("system.gpu_memory") if len(s.finite)}
    use = {s.info.index: s.finite for s in view.system("system.gpu_utilisation") if len(s.finite)}
    sampled = tuple(dict.fromkeys([*use, *memory]))
    level = {index: median(s.y) for index, s in memory.items()}
    held = frozenset(i for i in sampled if level.get(i, 100.0) >= _HELD)
    own = frozenset(_own(view, sampled, memory, held))
    empty = frozenset(
        i
        for i in sampled
        if i in memory
        and float(memory[i].y.max()) <= _EMPTY
        and (i not in use or float(use[i].y.max()) <= _EMPTY)
    )
    return Gpus(sampled, own - empty, (own or held) - empty, empty)


def _own(
    view: RunView, sampled: tuple[str, ...], memory: Mapping[str, Series], held: frozenset[str]
) -> Iterable[str]:
    """Return the GPUs that the run is known to have used, the surest proof first."""
    if len(sampled) == 1:
        return sampled
    of_process = [s.info.index for s in view.system("system.gpu_process_memory") if len(s.finite)]
    if of_process:
        return of_process
    given = _given(view)
    if given and len(given) < len(sampled) and given <= set(sampled):
        return given
    asked = view.number("world_size")
    if asked is not None and asked[1] == len(held):
        return held
    window = training(view)
    taken = [i for i, s in memory.items() if median(s.y) - float(s.y[0]) >= _TAKEN]
    early = window is None or all(s.x[0] <= window[0] for s in memory.values())
    return taken if early else ()


def _given(view: RunView) -> set[str]:
    """Return the GPUs that the process was given: CUDA_VISIBLE_DEVICES, or those of its SLURM step or job."""
    slurm = view.run.environment.get("slurm")
    if isinstance(slurm, Mapping):
        for key in ("step_gpus", "job_gpus"):
            if slurm.get(key):
                return set(re.findall(r"\d+", str(slurm[key])))
    for key, value in view.flat_config.items():
        if key.lower().endswith("cuda_visible_devices") and value is not None:
            return set(re.findall(r"\d+", str(value)))
    for line in _first_lines(view):
        found = _VISIBLE.search(line)
        if found:
            return set(re.findall(r"\d+", found[1]))
    return set()


def _first_lines(view: RunView) -> list[str]:
    console = view.run.console
    return console["line"].head(_FIRST_LINES).to_list() if console.height else []


def _on_cpu(view: RunView) -> str:
    if any(len(s.finite) for s in view.system("system.gpu_process_memory")):
        return ""  # the process was seen on a GPU
    for key, value in view.flat_config.items():
        *above, name = re.split(r"[./]", key.lower())
        if not all(_OF_TRAINING.fullmatch(part) for part in above):
            continue  # the device of an offloaded optimizer, a replay buffer, an average of weights
        if (
            (name in ("device", "accelerator") and re.match(r"cpu\b", str(value).lower()))
            or (name in _ON_CPU_IF_TRUE and value is True)
            or (name in _ON_CPU_IF_FALSE and value is False)
        ):
            return f"{key} is {value}"
    for line in _first_lines(view):
        if _CPU_DEVICE.search(line):
            return f'the console says "{line.strip()[:80]}"'
    return ""
