"""Causes of ends, as consoles really show them."""

from __future__ import annotations

import pytest

from postrun.training.crash import find_cause

PLAIN = """epoch 1
Traceback (most recent call last):
  File "/home/me/train.py", line 12, in main
    step(batch)
  File "/venv/lib/python3.11/site-packages/torch/nn/functional.py", line 1, in linear
    return _linear()
{end}"""
NEW = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 26.00 MiB. GPU 0 has a total capacity "
    "of 47.45 GiB of which 26.06 MiB is free. Process 41 has 43.88 GiB memory in use. Including "
    "non-PyTorch memory, this process has {own} memory in use. Of the allocated memory 2.4 GiB"
)
OLD = (
    "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.70 GiB total capacity; "
    "{own} already allocated; 100.00 MiB free; {own} reserved in total by PyTorch)"
)


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("ValueError: bad shape", None),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried", "gpu-out-of-memory"),
        ("RuntimeError: CUDA error: out of memory", "gpu-out-of-memory"),
        ("RuntimeError: CUDA error: device-side assert triggered", "gpu-error"),
        (
            "tensorflow.python.framework.errors_impl.ResourceExhaustedError: Graph execution error:",
            "gpu-out-of-memory",
        ),
        (
            "RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0",
            "disk-full",
        ),
        ("MemoryError", "host-out-of-memory"),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB", None),
        ("OSError: [Errno 28] No space left on device", "disk-full"),
        ("RuntimeError: DataLoader worker (pid 77) is killed by signal: Killed.", "host-out-of-memory"),
        ("RuntimeError: unable to open shared memory object </torch_1>", "shared-memory"),
        ("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp", "communication"),
        ("KeyboardInterrupt", "stopped"),
    ],
)  # fmt: skip
def test_kinds(end: str, kind: str | None) -> None:
    cause = find_cause(PLAIN.format(end=end).splitlines(), 1)
    assert cause is not None and cause.frame == "train.py:12 in main"
    assert (cause.kind.name if cause.kind else None) == kind
    assert cause.exception == end.split(":")[0]


def test_whose_memory_it_was() -> None:
    for text, own in ((NEW, "2.68 GiB"), (OLD, "3.00 GiB")):
        cause = find_cause(PLAIN.format(end=text.format(own=own)).splitlines(), 1)
        assert cause is not None and "other processes held" in cause.detail
    for text, own in ((NEW, "46.00 GiB"), (OLD, "22.50 GiB")):
        cause = find_cause(PLAIN.format(end=text.format(own=own)).splitlines(), 1)
        assert cause is not None and cause.detail == ""
    exact = find_cause(PLAIN.format(end=NEW.format(own="2.68 GiB")).splitlines(), 1)
    assert exact is not None
    assert exact.detail == "other processes held 44.8 of the GPU's 47.5 GiB, this one 2.7 GiB"


@pytest.mark.parametrize(
    "prefix", ["[rank0]: ", "(TaskRunner pid=4242, ip=10.0.0.1) ", "(main pid=7) "]
)
def test_prefixes_of_launchers(prefix: str) -> None:
    lines = [prefix + line for line in PLAIN.format(end="KeyError: 'x'").splitlines()]
    cause = find_cause([*lines, "[rank1]: bye"], 1)
    assert (
        cause is not None and cause.exception == "KeyError" and cause.frame == "train.py:12 in main"
    )


def test_a_launcher_that_reports_a_child_is_no_cause() -> None:
    launcher = """Traceback (most recent call last):
  File "/venv/bin/torchrun", line 8, in <module>
    sys.exit(main())
  File "/venv/lib/python3.11/site-packages/torch/distributed/run.py", line 9, in main
    run(args)
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
====================================================
train.py FAILED"""
    lines = PLAIN.format(end="ValueError: bad shape").splitlines() + launcher.splitlines()
    cause = find_cause(lines, 1)
    assert cause is not None and cause.exception == "ValueError"
    alone = find_cause(launcher.splitlines(), 1)
    assert alone is not None and alone.exception.endswith("ChildFailedError")


def test_a_traceback_in_a_box() -> None:
    box = """╭─────────── Traceback (most recent call last) ───────────╮
│ /home/me/project/train.py:88 in fit                     │
│                                                         │
│    85 │   for batch in loader:                          │
│ ❱  88 │   │   loss = model(batch)                       │
│                                                         │
│ /venv/lib/python3.11/site-packages/torch/nn/module.py:1 │
│ in forward                                              │
╰─────────────────────────────────────────────────────────╯
RuntimeError: shape mismatch"""
    cause = find_cause(["step 1", *box.splitlines()], 1)
    assert cause is not None and cause.exception == "RuntimeError"
    assert cause.frame == "train.py:88 in fit" and cause.text == "shape mismatch"


def test_signals_and_nothing() -> None:
    for code, kind in (
        (137, "killed"),
        (143, "terminated"),
        (139, "segmentation-fault"),
        (-9, "killed"),
    ):
        cause = find_cause(["all good"], code)
        assert cause is not None and cause.kind is not None and cause.kind.name == kind
    assert find_cause(["all good"], 1) is None and find_cause([], None) is None


def test_line_numbers_count_from_the_whole_log() -> None:
    lines = ["step"] * 1000 + PLAIN.format(end="ValueError: x").splitlines()
    cause = find_cause(lines, 1)
    assert cause is not None and cause.line is not None and lines[cause.line] == "ValueError: x"
