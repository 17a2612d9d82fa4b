"""Which samples of the machine count, and which times can be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from postrun.rules.perf.samples import in_bursts, on_cpu, running_mean

import postrun
from postrun.metrics import RunView
from postrun.model import Run, State

START = 1.7e9


def run(
    gpu: np.ndarray,
    rows: tuple[float, float] = (0, 6000),
    state: State = State.FINISHED,
    **more: Any,
) -> Run:
    """A run of 6,000 s with a sample every 30 s, and 100 rows between two times."""
    t = 30.0 * np.arange(len(gpu))
    columns = {"gpu.0.gpu": gpu, "gpu.0.memoryAllocated": np.full(len(gpu), 50.0)}
    columns |= {
        key: np.asarray(more.pop(key)) for key in list(more) if key.startswith(("gpu.", "cpu"))
    }
    seconds = np.linspace(*rows, 100)
    frame = pl.DataFrame(
        {
            "_step": range(100),
            "_runtime": seconds,
            "_timestamp": START + seconds,
            "train/loss": 1 / (1 + seconds),
        }
    )
    made = Run.from_frame(
        frame, config=more.pop("config", {}), console=more.pop("lines", ()), state=state
    )
    system = pl.DataFrame({"_timestamp": START + t, "_runtime": t, **columns})
    return replace(made, system=system, runtime=6000.0, **more)


def said(made: Run, *codes: str) -> list[str]:
    found = postrun.diagnose(made, select=codes)
    return [f.rule for top in found for f in top.with_symptoms()]


IDLE, BUSY = np.full(200, 5.0), np.full(200, 95.0)


def test_an_idle_gpu_is_told() -> None:
    assert said(run(IDLE), "PERF009") == ["PERF009"]


def test_samples_after_the_last_row_do_not_count() -> None:
    late = np.r_[np.full(60, 95.0), np.full(140, 0.0)]
    assert said(run(late, rows=(0, 1800)), "PERF009") == []
    assert said(run(late, rows=(0, 6000)), "PERF009") == ["PERF009"]


@pytest.mark.parametrize(
    "more",
    [
        {"config": {"device": "cpu"}},
        {"config": {"trainer": {"accelerator": "cpu"}}},
        {"config": {"no_cuda": True}},
        {"lines": ("Using device: cpu",)},
    ],
)
def test_a_run_on_the_cpu_has_no_idle_gpu(more: dict[str, Any]) -> None:
    made = run(IDLE, **more)
    assert on_cpu(RunView(made)) and said(made, "PERF009") == []
    assert not on_cpu(RunView(run(IDLE, config={"device": "cuda"}, lines=("cpu count: 8",))))


def test_a_suspended_process_gets_no_advice_on_its_gpu() -> None:
    gpu = np.r_[np.full(60, 95.0), np.zeros(140)]
    cpu = np.r_[np.full(60, 90.0), np.zeros(140)]
    made = run(gpu, state=State.CRASHED, cpu=cpu)
    assert said(made, "PERF009", "PERF015", "RUN002", "RUN005") == ["RUN002"]


def memory(*levels: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(n, level) for n, level in levels])


@pytest.mark.parametrize(
    ("levels", "gpu", "words"),
    [
        (((9, 20.0), (141, 80.0), (50, 98.5)), BUSY, "peaks at 98.5 %: one longer batch"),
        (((1, 98.5), (199, 60.0)), BUSY, ""),  # one sample at the start
        (((200, 20.0),), np.full(200, 55.0), "never exceeds 20 %"),
        (((200, 20.0),), BUSY, ""),  # no room: the GPU is busy
        (((20, 65.0), (180, 20.0)), np.full(200, 55.0), ""),  # it was in use while loading
        (((100, 80.0), (100, 99.0)), BUSY, "other processes may hold much of it"),
    ],
)
def test_memory_headroom(
    levels: tuple[tuple[int, float], ...], gpu: np.ndarray, words: str
) -> None:
    made = run(gpu)
    own = {} if "other" in words else {"gpu.process.0.memoryAllocated": memory(*levels)}
    columns = {"gpu.0.memoryAllocated": memory(*levels), **own}
    made = replace(
        made, system=made.system.with_columns(**{k: pl.Series(v) for k, v in columns.items()})
    )
    found = postrun.diagnose(made, select=["PERF015"])
    assert (words in found[0].message) if words else not found


def test_rows_that_were_synced_in_bursts_are_no_stalls() -> None:
    seconds = np.repeat(600.0 * np.arange(20), 10)
    assert in_bursts(seconds) and not in_bursts(np.arange(200.0))
    frame = pl.DataFrame(
        {
            "_step": range(200),
            "_runtime": seconds,
            "_timestamp": START + seconds,
            "loss": np.arange(200.0),
        }
    )
    assert said(Run.from_frame(frame, state=State.FINISHED), "PERF006", "RUN006") == []


def test_a_mean_since_the_start_is_told_from_a_rate() -> None:
    rng = np.random.default_rng(3)
    rate = 1000 + 50 * rng.standard_normal(300)
    rate[150:] -= 300
    mean = np.cumsum(rate) / np.arange(1, 301)
    assert running_mean(mean) and not running_mean(rate)
    noisy = [
        running_mean(1000 + 50 * rng.standard_normal(n))
        for n in (30, 60, 200, 1000)
        for _ in range(50)
    ]
    assert sum(noisy) <= 10  # of 200
    for values, told in ((rate, ["PERF001"]), (mean, [])):
        frame = pl.DataFrame({"_step": range(300), "time/fps": values})
        assert said(Run.from_frame(frame, state=State.FINISHED), "PERF001") == told


def test_utilisation_contradicts_a_low_mfu() -> None:
    for gpu, told in ((np.full(200, 20.0), ["PERF002"]), (BUSY, [])):
        made = run(gpu)
        history = made.history.with_columns(pl.lit(4.0).alias("mfu"))
        assert said(replace(made, history=history), "PERF002") == told


def test_a_late_first_row_of_a_later_step_is_no_slow_start() -> None:
    seconds = 100.0 * np.arange(1, 31)
    columns = {"_step": range(30), "_runtime": seconds + 900, "_timestamp": START + seconds}
    late = pl.DataFrame({**columns, "train/global_step": 50 * np.arange(10, 40), "loss": seconds})
    first = pl.DataFrame({**columns, "train/global_step": 50 * np.arange(1, 31), "loss": seconds})
    made = [replace(Run.from_frame(f, state=State.FINISHED), runtime=3900.0) for f in (late, first)]
    assert [said(m, "PERF008") for m in made] == [[], ["PERF008"]]


def test_host_memory_that_the_run_logs_itself() -> None:
    rng = np.random.default_rng(0)
    rss = 4.0 + 0.02 * np.arange(300) + 0.02 * rng.standard_normal(300)
    frame = pl.DataFrame({"_step": range(300), "rss_gb": rss})
    (finding,) = postrun.diagnose(Run.from_frame(frame), select=["PERF014"])
    assert finding.message.startswith("rss_gb grows steadily")
