"""postrun against the plain way, side by side, in one run. Writes a Markdown table to stdout.

    python -m benchmarks.run            (or: make bench)

Each measurement is a fresh process, the two ways in turn, the best of `ROUNDS`; memory is the peak
resident size of that process, less that of one which only imports what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE / "out"
ROUNDS = 5

PLAIN = """
import json, resource, sys, time
import numpy as np
from wandb.proto import wandb_internal_pb2 as pb
from struct import unpack_from
from zlib import crc32
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
# The plain way: frame, Record.FromString, json.loads per value, into NumPy columns.
columns, rows = {}, 0
data = open(sys.argv[1], "rb").read()
pos, parts = 7, []
while pos + 7 <= len(data):
    room = 32768 - pos % 32768
    if room < 7:
        pos += room
        continue
    crc, length, kind = unpack_from("<IHB", data, pos)
    piece = data[pos + 7 : pos + 7 + length]
    assert crc32(piece, crc32(bytes([kind]))) == crc
    pos += 7 + length
    parts.append(piece)
    if kind in (1, 4):
        record = pb.Record.FromString(b"".join(parts))
        parts = []
        if record.WhichOneof("record_type") == "history":
            for item in record.history.item:
                key = item.key or ".".join(item.nested_key)
                columns.setdefault(key, []).append((rows, json.loads(item.value_json)))
            rows += 1
for key, pairs in columns.items():
    values = np.full(rows, np.nan)
    values[[row for row, _ in pairs]] = [value for _, value in pairs]
    columns[key] = values
"""
OURS = """
import resource, sys, time
from pathlib import Path
from postrun.sources.wandb_local.log import read_log
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
log = read_log(Path(sys.argv[1]))
rows, columns = log.history.height, log.history.columns
"""
TAIL = """
print(json.dumps({"seconds": time.perf_counter() - begin, "rows": rows, "columns": len(columns),
    "peak": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * 1024}))
"""


def measure(code: str, *arguments: str) -> dict[str, Any]:
    """What one fresh process prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json\n{code}{TAIL}", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def best(codes: list[str], *arguments: str) -> list[dict[str, Any]]:
    """The fastest of ROUNDS for each way, measured in turn."""
    results: list[list[dict[str, Any]]] = [[] for _ in codes]
    for _ in range(ROUNDS):
        for code, found in zip(codes, results, strict=True):
            found.append(measure(code, *arguments))
    return [min(found, key=lambda r: float(r["seconds"])) for found in results]


def make_run(steps: int, metrics: int, folder: Path) -> Path:
    """A run, written by a process of its own: a child's peak memory begins at its parent's."""
    command = [
        sys.executable,
        "-P",
        str(HERE / "make_run.py"),
        str(steps),
        str(metrics),
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


def reading() -> None:
    """One file of each size."""
    print("| reading a `.wandb` file | plain way | postrun | ratio | postrun MB/s | peak / file |")
    print("|---|---:|---:|---:|---:|---:|")
    for steps in (20_000, 100_000):
        path = make_run(steps, 20, OUT / f"run_{steps}")
        size = path.stat().st_size
        plain, ours = best([PLAIN, OURS], str(path))
        assert plain["rows"] == ours["rows"] == steps and plain["columns"] == ours["columns"]
        print(
            f"| {steps:,} steps x 20 metrics, {size / 1e6:.0f} MB | {plain['seconds']:.2f} s "
            f"| {ours['seconds']:.2f} s | {plain['seconds'] / ours['seconds']:.1f}x "
            f"| {size / 1e6 / ours['seconds']:.0f} | {ours['peak'] / size:.2f} |"
        )


def cores() -> None:
    """Sixteen runs on one core and on all."""
    code = """
import time
from pathlib import Path
import postrun, sys
if __name__ == "__main__":
    begin = time.perf_counter()
    done = postrun.analyze(sys.argv[1], None, workers=int(sys.argv[2]))
    print(json.dumps({"seconds": time.perf_counter() - begin, "runs": len(done)}))
"""
    folder = OUT / "many"
    for i in range(16):
        make_run(10_000, 20, folder / f"r{i}")
    script = OUT / "cores.py"
    script.write_text("import json\n" + code)
    seconds = {}
    for workers in (1, os.cpu_count() or 1):
        done = subprocess.run(
            [sys.executable, str(script), str(folder), str(workers)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds[workers] = json.loads(done.stdout.splitlines()[-1])["seconds"]
    (_, one), (count, all_cores) = seconds.items()
    print("\n| reading and diagnosing 16 runs of 10,000 x 20 | seconds | ratio |")
    print("|---|---:|---:|")
    print(f"| 1 process | {one:.2f} | |")
    print(f"| {count} processes | {all_cores:.2f} | {one / all_cores:.2f}x |")


def main_job() -> None:
    """`postrun analyze` of a run of the seed's size against the seed's way."""
    from benchmarks.seed_sized import export_like_the_seed, make_seed_sized

    source = make_seed_sized(OUT / "seed_sized")
    exported = export_like_the_seed(source, OUT / "seed_exported")
    rows = []
    for name, command in (
        ("pandas + matplotlib, as the seed's scripts do",
         [sys.executable, "-P", str(HERE / "seed_way.py"), str(exported)]),
        ("`postrun analyze` of the same export",
         [sys.executable, "-m", "postrun", "analyze", str(exported)]),
        ("`postrun analyze` of the .wandb file",
         [sys.executable, "-m", "postrun", "analyze", str(source)]),
        ("`postrun --help`", [sys.executable, "-m", "postrun", "--help"]),
    ):  # fmt: skip
        times = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                begin = time.perf_counter()
                subprocess.run(command, cwd=folder, capture_output=True, check=True)
                times.append(time.perf_counter() - begin)
        rows.append((name, min(times), max(times)))
    print("\n| 1,000 steps x 73 metrics, cold process | best | worst |")
    print("|---|---:|---:|")
    for name, low, high in rows:
        print(f"| {name} | {low:.2f} s | {high:.2f} s |")
    code = """
import sys, time
import postrun
run = postrun.load(sys.argv[1])
postrun.diagnose
from postrun.rules import rules
rules()
begin = time.perf_counter()
found = postrun.diagnose(run)
rows, columns, base = run.history.height, run.history.columns, 0
import resource
"""
    (alone,) = best([code], str(source))
    print(f"| diagnosis alone | {alone['seconds']:.3f} s | |")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    reading()
    cores()
    main_job()
