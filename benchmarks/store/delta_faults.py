"""Accidents of today's tables and of Delta's: kills, two writers, a full disk, a stand-in for S3."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from benchmarks.store.delta_tables import DeltaTables
from benchmarks.store.delta_ways import WAYS
from benchmarks.store.made_rows import NAMES, rows

ROOT = Path(__file__).parents[2]
KILLS = 30
ORPHANED = "kills that left metrics of runs that are not in `runs`, to be seen by other programs"
#: A full disk: its MB, and those that it gets afterwards.
SMALL, LARGE = 2, 64


def kills(folder: Path, count: int = KILLS) -> None:
    """Kill a writer at a random moment; what it left, and whether the next one goes on."""
    print(
        f"## {count} kills (SIGKILL) of a writer of batches of 5 runs, which also replaces runs and merges\n"
    )
    print("| | today | Delta |\n|---|---:|---:|")
    found = {name: _killed(name, str(folder / name), count) for name in ("today", "delta")}
    keys = (
        "batches that were said to be written", "runs at the end", "unreadable", "half runs", "runs lost",
        "runs twice", ORPHANED,
    )  # fmt: skip
    for key in keys:
        ours = "not counted" if key == ORPHANED else f"{found['today'][key]:,}"
        print(f"| {key} | {ours} | {found['delta'][key]:,} |")
    print(flush=True)


def _killed(way: str, root: str, count: int) -> Counter[str]:
    random.seed(1)
    out: Counter[str] = Counter()
    there: set[int] = set()
    for n in range(count):
        first = n * 10_000
        child = _child("write", way, root, first, 1_000, 5, 1)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.05, 1.5))
        child.send_signal(signal.SIGKILL)
        said = [int(line) for line in child.communicate()[0].split()]
        out["batches that were said to be written"] += len(said)
        there |= {at + i for at in said for i in range(5)}
        try:
            ids = _checked(way, root, out)
        except Exception as error:
            print(f"{way}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
            out["unreadable"] += 1
            continue
        out["runs lost"] += len(there - ids)
        out["runs at the end"] = len(ids)
        if way == "delta" and _orphans(root):
            out[ORPHANED] += 1
    return out


def _checked(way: str, root: str, out: Counter[str]) -> set[int]:
    """Numbers of the runs that are there; half ones and double ones are counted."""
    store = WAYS[way](root).store()
    runs = store.runs.select("id").collect()["id"].to_list()
    metrics = dict(store.metrics.group_by("run").len().collect().iter_rows())
    names = store.metrics.select("run", "metric").collect()
    findings = dict(store.findings.group_by("run").len().collect().iter_rows())
    numbers = {int(name.removeprefix("run")) for name in runs}
    out["runs twice"] += len(runs) - len(numbers) + names.height - names.unique().height
    out["half runs"] += sum(
        metrics.get(name, 0) != len(NAMES) or findings.get(name, 0) != 3 * (int(name[3:]) % 2 == 0)
        for name in runs
    )
    return numbers


def _orphans(root: str) -> int:
    """Rows of `metrics`, read as any other program does, of runs that no row of `runs` names."""
    tables = DeltaTables(root)
    there = tables.scan("runs").select(run="id")
    return tables.scan("metrics").join(there, on="run", how="anti").collect().height


def pairs(folder: Path) -> None:
    """Commits of two processes that both saw the same table: how many rows are there afterwards."""
    print(
        f"## Two commits from one state of a table of 50 rows, deltalake {version('deltalake')}\n"
    )
    print("| first | second | conflict | rows | should be |\n|---|---|---|---:|---:|")
    new = pl.DataFrame({"a": [3, 100], "b": [1, 1]})
    commits: dict[str, tuple[Callable[[DeltaTable], object], int]] = {
        "append": (lambda t: write_deltalake(t, new.tail(1), mode="append"), 1),
        "OPTIMIZE": (lambda t: t.optimize.compact(), 0),
        "DELETE": (lambda t: t.delete("a = 7"), -1),
        "MERGE": (lambda t: t.merge(new, "t.a = s.a", source_alias="s", target_alias="t")
                  .when_matched_update_all().when_not_matched_insert_all().execute(), 1),
    }  # fmt: skip
    for (first, (one, more)), (second, (other, even)) in product(commits.items(), repeat=2):
        place = str(folder / f"{first}-{second}")
        for n in range(5):
            write_deltalake(
                place, pl.DataFrame({"a": range(n * 10, n * 10 + 10), "b": [0] * 10}), mode="append"
            )
        ours, theirs = DeltaTable(place), DeltaTable(place)
        one(ours)
        try:
            other(theirs)
            met = ""
        except CommitFailedError:
            met, even = "yes", 0
        rows_there = pl.scan_delta(place).select(pl.len()).collect().item()
        print(f"| {first} | {second} | {met} | {rows_there} | {50 + more + even} |", flush=True)
    print()


def writers(folder: Path) -> None:
    """Two writers at once and a third process that merges all the time."""
    print("## Two writers of 40 batches of 25 runs, while a third process merges\n")
    print("| | today | Delta |\n|---|---:|---:|")
    for title, again in (("append", 0), ("every second batch replaces runs as well", 1)):
        found = {
            name: _beside(name, str(folder / f"{name}{again}"), again)
            for name in ("today", "delta")
        }
        for key in (
            "seconds",
            "runs of 2,000",
            "half runs",
            "runs twice",
            "conflicts, tried again",
            "writers that gave up",
            "merges",
        ):
            print(
                f"| {title}: {key} | {found['today'][key]:.4g} | {found['delta'][key]:.4g} |",
                flush=True,
            )
    print(flush=True)


def _beside(way: str, root: str, again: int) -> dict[str, float]:
    WAYS[way](root).append(rows(9_999_999, 1))
    merger = _child("compact", way, root)
    begin = time.perf_counter()
    children = [_child("write", way, root, first, 40, 25, again) for first in (0, 100_000)]
    ends = [child.communicate()[0].splitlines() for child in children]
    seconds = time.perf_counter() - begin
    merged = merger.communicate("")[0].split()[-1]
    out: Counter[str] = Counter()
    ids = _checked(way, root, out)
    told = [end[-1].split() if end and end[-1].startswith("end") else None for end in ends]
    return {
        "seconds": seconds, "runs of 2,000": len(ids) - 1, "half runs": out["half runs"],
        "runs twice": out["runs twice"], "merges": float(merged) if merged.isdigit() else 0,
        "conflicts, tried again": sum(int(words[1]) for words in told if words),
        "writers that gave up": sum(words is None for words in told),
    }  # fmt: skip


def flushed(folder: Path) -> None:
    """How often a writer of four batches waits until a file is on the disk (strace counts)."""
    print("## Power loss\n\n| | today | Delta |\n|---|---:|---:|")
    found = {}
    for way in ("today", "delta"):
        log = folder / f"strace_{way}"
        words = [*_command("write", way, folder / f"flushed_{way}", 0, 4, 25, 0)]
        tracing = ["strace", "-f", "-o", str(log), "-e", "trace=fsync,fdatasync,sync_file_range"]
        subprocess.run([*tracing, *words], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        found[way] = sum(" fsync(" in line or " fdatasync(" in line for line in log.open())
    print(
        f"| files and folders flushed to disk in four batches | {found['today']} | {found['delta']} |\n",
        flush=True,
    )


def disk(folder: Path) -> None:
    """A disk that gets full while batches are written, and has space again later."""
    print(f"## A full disk ({SMALL} MB)\n\n| | today | Delta |\n|---|---|---|")
    found = {name: _filled(name, folder / f"disk_{name}") for name in ("today", "delta")}
    for key in found["today"]:
        print(f"| {key} | {found['today'][key]} | {found['delta'][key]} |")
    print(flush=True)


def _filled(way: str, place: Path) -> dict[str, Any]:
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}m", "tmpfs", str(place)], check=True
    )
    try:
        root = str(place / "store")
        child = _child("write", way, root, 0, 1_000, 25, 0)
        out, errors = child.communicate()
        counts: Counter[str] = Counter()
        said = {int(line) + i for line in out.split()[1:] for i in range(25)}
        kept = _checked(way, root, counts)
        subprocess.run(["mount", "-o", f"remount,size={LARGE}m", str(place)], check=True)
        later = _child("write", way, root, 50_000, 4, 25, 0).communicate()[0].splitlines()[-1]
        return {
            "ends with a `StoreError`": "StoreError: " in errors,
            "which says that no space is left": "No space left" in errors,
            "panics of the Rust runtime": sum("panicked" in line for line in errors.splitlines()),
            "runs that were said to be written": len(said), "of these lost": len(said - kept),
            "half runs": counts["half runs"], "goes on with space": later.startswith("end"),
        }  # fmt: skip
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def s3(folder: Path) -> None:
    """Moto's stand-in for S3, in a process of its own."""
    import boto3

    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stderr is not None
        url = next(line.split()[-1] for line in server.stderr if "Running on" in line)
        import threading

        threading.Thread(target=server.stderr.read, daemon=True).start()
        os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                       "AWS_REGION": "us-east-1"}  # fmt: skip
        boto3.client("s3").create_bucket(Bucket="lab")
        try:
            _objects()
        finally:
            server.terminate()


def _objects() -> None:
    from benchmarks.store.delta import Table
    from benchmarks.store.delta_ways import ask

    table = Table("A stand-in for S3, 500 runs")
    names = ("today", "delta")
    ways = {name: WAYS[name](f"s3://lab/{name}") for name in names}
    for size, batches in ((25, 20), (1, 20)):
        took = dict.fromkeys(names, 0.0)
        for n in range(batches):
            frames = rows(n * 25 + (0 if size > 1 else 500 - 24 * n), size)
            for name, way in ways.items():
                begin = time.perf_counter()
                way.append(frames)
                took[name] += time.perf_counter() - begin
        table.row(
            f"append, batches of {size}, runs/s",
            {n: size * batches / took[n] for n in names},
            more=True,
        )
    found = {name: ask(name, f"s3://lab/{name}", "run0000250") for name in names}
    for question in found["today"]:
        table.row(f"{question}, ms", {n: found[n][question][0] * 1e3 for n in names})
    both = {name: _beside_there(name) for name in names}
    table.row("two writers of 6 batches of 25, s", {n: both[n][0] for n in names})
    table.row("their runs, of 300", {n: both[n][1] for n in names})
    table.end()


def _beside_there(way: str) -> tuple[float, int]:
    root = f"s3://lab/two-{way}"
    WAYS[way](root)
    begin = time.perf_counter()
    children = [_child("write", way, root, first, 6, 25, 0) for first in (0, 100_000)]
    for child in children:
        _, errors = child.communicate()
        assert child.returncode == 0, errors
    return time.perf_counter() - begin, len(_checked(way, root, Counter()))


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "benchmarks.store.delta_ways", *map(str, words)]


def _child(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command(*words),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
