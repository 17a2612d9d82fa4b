"""What the machine did: GPUs of this run and of others, standstills, phases, bursts and means since the start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from postrun.model import Run, Severity, State
from tests.curves import decay, make_run, noise
from tests.machine_curves import system

W, I = Severity.WARNING, Severity.INFO  # noqa: E741
N = 300  # rows, 10 s apart
ROWS = np.arange(N)
SAMPLES = 360  # 10 s apart
FULL = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
OUT_OF_MEMORY = f'Traceback (most recent call last):\n  File "train.py", line 9, in main\n{FULL}'
KILLED: dict[str, Any] = {"state": State.CRASHED, "exit_code": None}


def trained(**more: Any) -> Run:
    """A run of an hour."""
    return replace(make_run({"loss": decay(N)}, **more), runtime=3600.0)


def at(seconds: Any, columns: dict[str, Any] | None = None, **more: Any) -> Run:
    """A run whose rows have these times."""
    seconds = np.asarray(seconds, dtype=float)
    run = make_run({"loss": decay(len(seconds)), **(columns or {})}, **more)
    history = run.history.with_columns(_runtime=seconds, _timestamp=seconds + 1.7e9)
    return replace(run, history=history, runtime=float(seconds[-1]))


def until(i: int, work: float, rest: float) -> np.ndarray:
    return np.where(np.arange(SAMPLES) < i, work, rest)


def evaluated(every: int, seconds: float, n: int = 600) -> Run:
    """A step a second, and an evaluation of so many seconds that is logged after every so many steps."""
    i = np.arange(n)
    clock = np.cumsum(np.where((i % every == 0) & (i > 0), 1 + seconds, 1.0))
    return at(clock, {"val/loss": [2 - k / n if k % every == 0 else None for k in range(n)]})


GROWING = np.cumsum(0.5 + 0.01 * np.arange(400) + np.abs(noise(400, 0.02)))

# fmt: off
# ruff: noqa: E501 - one case per line
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("RUN011", W, make_run({"loss": decay(100)}, **KILLED, system=system(cpu=until(110, 3.0, 0.0))), (99, 99)),
    ("RUN011", W, make_run({}, **KILLED, system=system(cpu=until(40, 0.4, 0.0))), None),
    ("RUN011", W, at(np.r_[0:1000:10, 2500:3500:10], system=system(cpu=np.where((np.arange(SAMPLES) > 101) & (np.arange(SAMPLES) < 249), 0, 5.0))), (99, 99)),
    ("RUN006", I, evaluated(100, 600), None),
    ("PERF006", I, evaluated(50, 30), None),
    ("PERF008", I, replace(make_run({"loss": decay(2)}, **KILLED, system=system(500, gpu0_gpu=2.0, gpu0_memoryAllocated=20.0)), runtime=420.0, history=at([400.0, 401.0]).history), None),
    ("PERF008", I, replace(make_run({}, **KILLED, system=system(500, gpu0_gpu=5.0, gpu0_memoryAllocated=20.0)), runtime=490.0), None),
    ("PERF009", I, make_run({"loss": decay(N), "episode_reward": ROWS / N + noise(N, 0.01)}, system=system(gpu0_gpu=4.0, gpu0_memoryAllocated=30.0)), None),
    ("PERF009", I, make_run({"train-logloss": decay(N), "validation-logloss": decay(N, 3, 1.1)}, config={"booster": "gbtree", "tree_method": "hist", "max_depth": 6, "eta": 0.3}, system=system(gpu0_gpu=4.0, gpu0_memoryAllocated=30.0)), None),
    ("PERF009", W, make_run({"loss": decay(N), "time/rollout": 8.5 + noise(N, 0.1)}, system=system(gpu0_gpu=4.0, gpu0_memoryAllocated=30.0)), None),
    ("PERF010", I, make_run({"loss": decay(N)}, environment={"slurm": {"job_gpus": "0,1"}}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, gpu2_gpu=99.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=55.0, gpu2_memoryAllocated=90.0)), None),
    ("PERF010", I, make_run({"loss": decay(N)}, console="LOCAL_RANK: 0 - CUDA_VISIBLE_DEVICES: [0,1]", system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, gpu2_gpu=99.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=55.0, gpu2_memoryAllocated=90.0)), None),
    ("PERF013", W, make_run({"loss": decay(N)}, system=system(gpu0_gpu=95.0, gpu0_memoryAllocated=np.linspace(20, 90, SAMPLES))), None),
    ("PERF015", I, at(np.arange(20, 3000, 10), system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=until(100, 80.0, 99.0))), None),
    ("PERF017", I, trained(config={"trainer": {"accelerator": "cpu"}}, environment={"gpu": "NVIDIA A40", "gpu_count": 1}), None),
    ("PERF017", I, trained(system=system(gpu0_gpu=0.0, gpu0_memoryAllocated=0.4)), None),
    ("PERF018", W, make_run({"loss": decay(3)}, state=State.FAILED, exit_code=1, console=OUT_OF_MEMORY, system=system(60, gpu0_gpu=9.0, gpu1_gpu=0.0, gpu0_memoryAllocated=80.0, gpu1_memoryAllocated=1.0)), None),
    ("PERF018", I, make_run({"loss": decay(N)}, system=system(gpu0_gpu=97.0, gpu1_gpu=0.0, process0=60.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=1.0)), None),
    ("PERF019", W, make_run({"loss": decay(400), "step_time": 0.5 + 0.01 * np.arange(400) + noise(400, 0.02)}), None),
    ("PERF019", W, at(GROWING), None),
    ("PERF019", I, make_run({"loss": decay(400), "step_time": 0.5 + 0.01 * np.arange(400) + noise(400, 0.02), "completion_length": 100 + 2.0 * np.arange(400)}), None),
]

SILENT: list[tuple[str, str, Run]] = [
    ("RUN011", "a GPU that works while the CPU does little", make_run({"loss": decay(N)}, **KILLED, system=system(cpu=0.3))),
    ("RUN011", "a launcher whose child logs on", make_run({"loss": decay(N)}, **KILLED, system=system(cpu=until(40, 30.0, 0.0)))),
    ("RUN011", "a run that finished and waited", make_run({"loss": decay(100)}, system=system(cpu=until(110, 3.0, 0.0)))),
    ("RUN005", "a process that was suspended", make_run({"loss": decay(100)}, **KILLED, system=system(cpu=until(110, 3.0, 0.0)))),
    ("RUN005", "a process that idles after all its steps", make_run({"loss": decay(100)}, config={"max_steps": 100}, **KILLED, system=system(cpu=until(110, 3.0, 1.0)))),
    ("RUN006", "a process that was suspended", at(np.r_[0:1000:10, 2500:3500:10], system=system(cpu=np.where((np.arange(SAMPLES) > 101) & (np.arange(SAMPLES) < 249), 0, 5.0)))),
    ("RUN006", "rows that were synced in bursts", at(np.repeat(600.0 * np.arange(20), 10))),
    ("PERF001", "a mean since the start", at(np.cumsum(512 / (1000 - 40 * np.minimum(ROWS / 20, 10))), {"global_step": 512.0 * (ROWS + 1), "time/fps": 512 * (ROWS + 1) / np.cumsum(512 / (1000 - 40 * np.minimum(ROWS / 20, 10)))})),
    ("PERF002", "a GPU that is busy by few samples", make_run({"loss": decay(20), "mfu": np.full(20, 4.0)}, system=system(180, gpu0_gpu=90.0, gpu0_memoryAllocated=50.0))),
    ("PERF006", "rows that were synced in bursts", at(np.repeat(600.0 * np.arange(20), 10))),
    ("PERF008", "a first row at step 50", at(100.0 * np.arange(5, 35), {"train/global_step": 50.0 * np.arange(5, 35)})),
    ("PERF008", "rows that were synced in bursts", at(np.repeat(600.0 * np.arange(1, 20), 10))),
    ("PERF008", "a busy GPU before the only row", replace(at([1500.0, 1501.0], system=system(gpu0_gpu=99.0, gpu0_memoryAllocated=50.0)), runtime=1600.0)),
    ("PERF009", "a process that was suspended", make_run({"loss": decay(100)}, **KILLED, system=system(gpu0_gpu=until(100, 80.0, 0.0), gpu0_memoryAllocated=30.0, cpu=until(110, 3.0, 0.0)))),
    ("PERF009", "an idle GPU after the last row", make_run({"loss": decay(100)}, system=system(gpu0_gpu=until(100, 80.0, 0.0), gpu0_memoryAllocated=30.0))),
    ("PERF009", "an idle GPU before the first row", at(np.arange(2000, 3600, 10), system=system(gpu0_gpu=until(200, 0.0, 80.0), gpu0_memoryAllocated=30.0))),
    ("PERF009", "a run on the CPU", make_run({"loss": decay(N)}, config={"device": "cpu"}, system=system(gpu0_gpu=4.0))),
    ("PERF009", "a run of a minute", make_run({"loss": decay(6)}, system=system(60, gpu0_gpu=4.0, gpu0_memoryAllocated=30.0))),
    ("PERF010", "GPUs of which one was given to the run", make_run({"loss": decay(N)}, environment={"slurm": {"step_gpus": "0"}}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=55.0))),
    ("PERF013", "memory of another user that grows", make_run({"loss": decay(N)}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, process0=60.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=np.linspace(20, 90, SAMPLES)))),
    ("PERF013", "memory that an Apple GPU shares with the machine", make_run({"loss": decay(N)}, environment={"apple": {"name": "M2"}}, system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=np.linspace(20, 90, SAMPLES)))),
    ("PERF014", "memory that grows while data is loaded", at(np.arange(2600, 3600, 10), system=system(proc_memory_rssMB=np.minimum(4000 + 30.0 * np.arange(SAMPLES), 11800)))),
    ("PERF015", "another user's full GPU", make_run({"loss": decay(N)}, system=system(gpu0_gpu=90.0, gpu1_gpu=90.0, process0=40.0, gpu0_memoryAllocated=40.0, gpu1_memoryAllocated=80 + 18.5 * np.abs(np.sin(np.arange(SAMPLES)))))),
    ("PERF015", "an allocator that keeps what it had", make_run({"loss": decay(N)}, system=system(gpu0_gpu=90.0, process0=98.0, gpu0_memoryAllocated=np.minimum(60 + 4.0 * np.arange(SAMPLES), 98.5)))),
    ("PERF015", "memory that was filled and stays so", make_run({"loss": decay(N)}, system=system(gpu0_gpu=90.0, process0=90.0, gpu0_memoryAllocated=until(100, 80.0, 99.0)))),
    ("PERF015", "memory that an Apple GPU shares with the machine", make_run({"loss": decay(N)}, environment={"apple": {"name": "M2"}}, system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=80 + 18.5 * np.abs(np.sin(np.arange(SAMPLES)))))),
    ("PERF015", "memory that is hardly used", make_run({"loss": decay(N)}, system=system(gpu0_gpu=60.0, gpu0_memoryAllocated=14.0))),
    ("PERF015", "one sample at the start", make_run({"loss": decay(N)}, system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=until(1, 98.5, 60.0)))),
    ("PERF017", "an offloaded optimizer", trained(config={"zero": {"offload_optimizer": {"device": "cpu"}}}, environment={"gpu": "NVIDIA A40", "gpu_count": 1})),
    ("PERF017", "a machine without a GPU", trained(config={"device": "cpu"})),
    ("PERF018", "a run that leaves its own GPU idle too", make_run({"loss": decay(N)}, system=system(gpu0_gpu=20.0, gpu1_gpu=0.0, process0=20.0, gpu0_memoryAllocated=20.0, gpu1_memoryAllocated=1.0))),
    ("PERF018", "GPUs that others use", make_run({"loss": decay(3)}, state=State.FAILED, exit_code=1, console=OUT_OF_MEMORY, system=system(60, gpu0_gpu=9.0, gpu1_gpu=80.0, gpu0_memoryAllocated=80.0, gpu1_memoryAllocated=70.0))),
    ("PERF019", "a step time that jumps once", make_run({"loss": decay(400), "step_time": np.where(np.arange(400) < 200, 0.5, 1.5) + noise(400, 0.02)})),
    ("PERF019", "a time per row that grows as rows become sparse", at(np.cumsum(0.5 + 0.01 * np.arange(400)), steps=np.cumsum(np.round(50 + np.arange(400))).astype(int))),
    ("PERF019", "warm-up that ends", make_run({"loss": decay(400), "step_time": 1.0 + 2 * np.exp(-np.arange(400) / 5) + noise(400, 0.02)})),
]
# fmt: on
