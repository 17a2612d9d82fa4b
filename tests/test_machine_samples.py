"""Which samples of the machine count, whose GPUs they are of, and which times can be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.metrics.machine import gpus, notebook, on_cpu, standstills, training, while_training
from postrun.model import Finding, Run, State
from postrun.stats.rates import in_bursts, running_mean

START = 1.7e9
EVERY = 30.0


def run(
    samples: dict[str, Any],
    rows: tuple[float, float] | None = (0, 6000),
    lines: dict[float, str] | None = None,
    state: State = State.FINISHED,
    **more: Any,
) -> Run:
    """A run of 6,000 s with 200 samples, and 100 rows between two times; lines of its console by second."""
    seconds = np.linspace(*rows, 100) if rows else np.empty(0)
    frame = pl.DataFrame(
        {
            "_step": range(len(seconds)),
            "_runtime": seconds,
            "_timestamp": START + seconds,
            "train/loss": 1 / (1 + seconds),
        }
    )
    made = Run.from_frame(frame, config=more.pop("config", {}), state=state)
    t = EVERY * np.arange(200)
    columns = {k: np.full(200, v) if np.isscalar(v) else np.asarray(v) for k, v in samples.items()}
    printed = lines or {}
    console = pl.DataFrame(
        {
            "timestamp": [START + second for second in printed],
            "stream": ["stdout"] * len(printed),
            "line": list(printed.values()),
            "styled": [None] * len(printed),
        },
        schema=made.console.schema,
    )
    system = pl.DataFrame({"_timestamp": START + t, "_runtime": t, **columns})
    return replace(made, system=system, console=console, runtime=6000.0, **more)


def first(n: int, work: float, rest: float) -> np.ndarray:
    return np.where(np.arange(200) < n, work, rest)


def finding(made: Run, code: str) -> Finding:
    found = [f for top in postrun.diagnose(made, select=[code]) for f in top.with_symptoms()]
    assert [f.rule for f in found] == [code]
    return found[0]


def test_a_standstill_begins_at_the_last_sample_with_cpu() -> None:
    view = RunView(run({"cpu": first(60, 1.5, 0.0)}, rows=(0, 1750)))
    (still,) = standstills(view)
    assert (still.start, still.stop, still.to_the_end) == (59 * EVERY, 199 * EVERY, True)
    assert still.seconds == 140 * EVERY


@pytest.mark.parametrize(
    "more",
    [
        {"samples": {"cpu": first(60, 1.5, 0.0)}, "rows": (0, 6000)},  # rows go on
        {
            "samples": {"cpu": first(60, 1.5, 0.0)},
            "lines": {4000.0: "step 50"},
        },  # so does the console
        {
            "samples": {"cpu": first(60, 8.0, 0.4)}
        },  # loading took more than training does: still at work
        {"samples": {"cpu": np.r_[np.full(150, 2.0), np.zeros(3), np.full(47, 2.0)]}},  # 3 samples
        {"samples": {"cpu": 0.0}},  # never any: not measured
    ],
)
def test_no_standstill(more: dict[str, Any]) -> None:
    assert not standstills(RunView(run(**{"rows": (0, 1750), **more})))


def test_only_samples_between_the_rows_and_outside_standstills_count() -> None:
    cpu = np.where((np.arange(200) > 99) & (np.arange(200) < 150), 0.0, 5.0)
    made = run({"cpu": cpu, "gpu.0.gpu": 50.0}, rows=(1500, 2990))
    later = EVERY * np.arange(150, 180)
    made = replace(made, history=made.history.head(90))
    more = pl.DataFrame(
        {"_step": np.arange(90, 120), "_runtime": later, "_timestamp": START + later}
    )
    made.history = pl.concat([made.history, more], how="diagonal_relaxed")
    view = RunView(made)
    assert training(view) == (1500.0, 179 * EVERY)
    (gpu,) = while_training(view, "system.gpu_utilisation")
    expected = [i * EVERY for i in (*range(50, 100), *range(150, 180))]
    assert gpu.x.tolist() == expected


def test_without_rows_all_samples_but_the_warm_up_count() -> None:
    view = RunView(run({"gpu.0.gpu": 50.0}, rows=None))
    assert training(view) is None
    (gpu,) = while_training(view, "system.gpu_utilisation")
    assert gpu.x[0] == 20 * EVERY and len(gpu) == 180


TWO = {
    "gpu.0.gpu": 90.0, "gpu.1.gpu": 80.0, "gpu.2.gpu": 0.0,
    "gpu.0.memoryAllocated": 60.0, "gpu.1.memoryAllocated": 40.0, "gpu.2.memoryAllocated": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "own"),
    [
        ({}, set()),
        ({"samples": {**TWO, "gpu.process.1.memoryAllocated": 40.0}}, {"1"}),
        ({"environment": {"slurm": {"step_gpus": "0"}}}, {"0"}),
        ({"environment": {"slurm": {"job_gpus": "6,7"}}}, set()),  # numbered anew inside the job
        ({"config": {"env": {"CUDA_VISIBLE_DEVICES": "0,1"}}}, {"0", "1"}),
        ({"lines": {1.0: "LOCAL_RANK: 0 - CUDA_VISIBLE_DEVICES: [1]"}}, {"1"}),
        ({"config": {"world_size": 2}}, {"0", "1"}),
        (
            {"samples": {**TWO, "gpu.1.memoryAllocated": first(5, 1.0, 40.0)}, "rows": (300, 6000)},
            {"1"},
        ),
        ({"samples": {"gpu.0.gpu": 9.0, "gpu.0.memoryAllocated": 50.0}}, {"0"}),  # the only one
    ],
)
def test_gpus_that_are_known_to_be_the_runs(more: dict[str, Any], own: set[str]) -> None:
    assert gpus(RunView(run(**{"samples": TWO, **more}))).own == own


def test_gpus_that_may_be_the_runs_and_empty_ones() -> None:
    known = gpus(RunView(run(TWO)))
    assert known.candidates == {"0", "1"} and known.empty == {"2"} and len(known.sampled) == 3


@pytest.mark.parametrize(
    "more",
    [
        {"config": {"device": "cpu"}},
        {"config": {"trainer": {"accelerator": "cpu"}}},
        {"config": {"no_cuda": True}},
        {"config": {"use_cuda": False}},
        {"lines": {1.0: "Using device: cpu"}},
        {"lines": {1.0: "Using cpu device"}},
        {"lines": {1.0: "GPU available: True (cuda), used: False"}},
        {"lines": {1.0: "Conv3D is not supported on MPS, falling back to CPU"}},
    ],
)
def test_training_on_the_cpu(more: dict[str, Any]) -> None:
    assert on_cpu(RunView(run(TWO, **more)))


@pytest.mark.parametrize(
    "more",
    [
        {"config": {"device": "cuda"}, "lines": {1.0: "cpu count: 8"}},
        {"config": {"optimizer": {"offload": {"device": "cpu"}}}},
        {"config": {"ema": {"device": "cpu"}}},
        {"config": {"no_cuda": False}},
        {"samples": {**TWO, "gpu.process.0.memoryAllocated": 60.0}, "config": {"device": "cpu"}},
    ],
)
def test_training_on_a_gpu(more: dict[str, Any]) -> None:
    assert not on_cpu(RunView(run(**{"samples": TWO, **more})))


@pytest.mark.parametrize(
    ("program", "told"),
    [("train.py", False), ("a/b.ipynb", True), ("<python with no main file>", True)],
)
def test_a_notebook(program: str, told: bool) -> None:
    assert notebook(RunView(run({}, environment={"program": program}))) == told


@pytest.mark.parametrize(
    ("program", "words", "remedy"),
    [
        (
            "train.py",
            "80% were in use 0 s after the start already: other processes",
            "Choose a free",
        ),
        (
            "a.ipynb",
            "80% were in use 0 s after the start already: earlier cells",
            "Restart the kernel",
        ),
    ],
)
def test_memory_that_was_in_use_before_the_run(program: str, words: str, remedy: str) -> None:
    samples = {"gpu.0.gpu": 95.0, "gpu.0.memoryAllocated": first(100, 80.0, 99.0)}
    found = finding(run(samples, rows=(20, 6000), environment={"program": program}), "PERF015")
    assert words in found.message and found.remedy.startswith(remedy)


def test_the_remedy_for_an_idle_gpu_fits_the_evidence() -> None:
    idle = {"gpu.0.gpu": 8.0, "gpu.0.memoryAllocated": 20.0}
    assert "larger batches would fit" in finding(run(idle), "PERF009").remedy
    full = {**idle, "gpu.0.memoryAllocated": 80.0}
    assert "larger batches" not in finding(run(full), "PERF009").remedy
    assert "The CPU is full" in finding(run({**idle, "cpu": 98.0}), "PERF009").remedy
    made = run(idle)
    timed = made.history.with_columns(pl.lit(50.0).alias("time/rollout"))
    assert (
        "time/rollout takes 82% of the time"
        in finding(replace(made, history=timed), "PERF009").message
    )


def test_a_slow_start_says_what_the_gpu_did() -> None:
    for gpu, words in ((2.0, "busy 2% of that time"), (95.0, "busy 95% of that time")):
        made = run({"gpu.0.gpu": gpu, "gpu.0.memoryAllocated": 50.0}, rows=(3000, 6000))
        assert words in finding(made, "PERF008").message
    made = run({"gpu.0.gpu": 40.0, "gpu.0.memoryAllocated": 50.0}, rows=(3000, 6000))
    assert "GPU" not in finding(made, "PERF008").message


def test_host_memory_that_the_run_logs_itself() -> None:
    rng = np.random.default_rng(0)
    rss = 4.0 + 0.02 * np.arange(300) + 0.02 * rng.standard_normal(300)
    frame = pl.DataFrame({"_step": range(300), "rss_gb": rss})
    (found,) = postrun.diagnose(Run.from_frame(frame), select=["PERF014"])
    assert found.message.startswith("rss_gb grows steadily") and not found.message.endswith(" ")


def test_bursts() -> None:
    assert in_bursts(np.repeat(600.0 * np.arange(20), 10))
    assert not in_bursts(np.arange(200.0))
    assert not in_bursts(np.repeat(10.0 * np.arange(100), 2))  # two rows a step
    assert not in_bursts(np.arange(3.0))
    epochs = np.cumsum(
        np.where(np.arange(500) % 100 == 0, 60.0, 0.2)
    )  # fast steps, then an evaluation
    assert not in_bursts(epochs)


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


def test_work_over_a_mean_since_the_start_is_the_elapsed_time() -> None:
    rng = np.random.default_rng(4)
    per_row = 500 / (1000 - np.where(np.arange(60) < 30, 0, 400) + 20 * rng.standard_normal(60))
    seconds = 12 + np.cumsum(per_row)
    steps = 500.0 * np.arange(1, 61, dtype=np.float64)
    mean = np.round(steps / (seconds - 12))
    assert running_mean(mean, steps, seconds)
    assert not running_mean(500 / per_row, steps, seconds)
