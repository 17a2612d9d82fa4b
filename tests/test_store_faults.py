"""A store through kills, two writers, full and read-only disks, damage, and other versions."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from postrun.sources import resolve
from postrun.store import Store
from postrun.store.maintenance import prune, verify
from tests.conftest import ROOT, own_environment
from tests.printed import envelope_of, results_of
from tests.test_cluster import postrun
from tests.test_store import assert_same, pull, write


def _start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)], env=own_environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def assert_sound(root: Path, logs: Path | None = None) -> list[str]:
    """Nothing is damaged, and every run that is there is there whole; their ids."""
    if not (root / "store.json").exists():
        return []
    store = Store(str(root))
    found = verify(store.storage)
    assert found.sound, found.problems
    runs = store.runs.collect()["id"].to_list()
    assert len(runs) == len(set(runs))
    if logs is not None and runs:
        wanted = {ref.id: ref for ref in resolve(logs)}
        for ref in resolve(root):
            assert_same(ref.load(), wanted[ref.id].load())
        keys = store.metrics.collect().select("run", "metric")
        assert keys.height == keys.unique().height
        assert set(keys["run"]) == set(runs)
    return sorted(runs)


#: A pull that is killed at its n-th write: while the file is half there, before it is renamed, or after.
_DYING = """
import os, signal, sys
from pathlib import Path
from postrun.store import atomic, store
number, phase, folder, root = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
count = 0
replace, write = Path.replace, Path.write_bytes

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, data):
    if path.name.endswith(".part") and count + 1 == number and phase == "half":
        write(path, data[: len(data) // 2])
        die()
    return write(path, data)

def renamed(path, target):
    global count
    count += 1
    if count == number and phase == "before":
        die()
    replace(path, target)
    if count == number and phase == "after":
        die()

Path.write_bytes, Path.replace = half, renamed
store._EVERY, store._MOST = 3600.0, 2  # several batches, however slow the machine is
from postrun.incremental.into_store import pull_into
from postrun.privacy import Privacy
from postrun.sources import resolve
from postrun.store.maintenance import compact
opened = store.Store(root, write=True)
for pulled in pull_into(opened, resolve(folder), Privacy(), 1):
    pass
compact(opened.storage)
print(count)
"""


@pytest.mark.slow
def test_a_kill_at_any_write_leaves_a_sound_store(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, f"r{number}", rows=6)
    logs = tmp_path / "wandb"
    script = tmp_path / "dying.py"
    script.write_text(_DYING)
    whole = _start(script, "0", "never", logs, tmp_path / "whole")
    out, errors = whole.communicate(timeout=60)
    assert whole.returncode == 0, errors
    writes = int(out)
    assert writes == 1 + 2 * 3 + 3 * 2 + 4  # the marker, two streams a run, two batches, one merged

    def killed(case: tuple[int, str]) -> list[str]:
        root = tmp_path / f"{case[0]}-{case[1]}"
        child = _start(script, str(case[0]), case[1], logs, root)
        child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL, case
        left = assert_sound(root, logs)
        list(pull(logs, root))
        assert assert_sound(root, logs) == ["r0", "r1", "r2"], case
        prune(Store(str(root)).storage, older=0)
        found = verify(Store(str(root)).storage)
        assert found.sound and found.unnamed == 0 and not list(root.rglob("*.part")), case
        return left

    cases = [(n, phase) for n in range(1, writes + 1) for phase in ("half", "before", "after")]
    with ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(killed, cases))
    assert {len(left) for left in kept} == {0, 2, 3}  # batch by batch, never half a run


@pytest.mark.slow
def test_kills_at_random_moments_cost_at_most_the_last_seconds(tmp_path: Path) -> None:
    """Whole commands with worker processes, as users run them, killed with all their workers."""
    for number in range(40):
        write(tmp_path, f"r{number:02d}", rows=1500)
    logs, root = tmp_path / "wandb", tmp_path / "store"
    begin = time.monotonic()
    assert postrun("pull", logs, "--store", tmp_path / "other").returncode == 0
    whole = time.monotonic() - begin
    random.seed(1)
    kills = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-m", "postrun", "pull", str(logs), "--store", str(root), "--force"],
            env=own_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            child.wait(whole * random.uniform(0.15, 1.0))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            kills += 1
        assert_sound(root)
    assert kills >= 4
    assert postrun("pull", logs, "--store", root).returncode == 0
    assert assert_sound(root, logs) == [f"r{n:02d}" for n in range(40)]


@pytest.mark.slow
def test_two_pulls_at_once_and_one_who_merges(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path, f"r{number:02d}", rows=300)
    logs, root = tmp_path / "wandb", tmp_path / "store"
    half = str(logs / "run-*r[01]*")  # both have these runs
    children = [
        _start("-m", "postrun", "pull", target, "--store", root, "--json")
        for target in (logs, half)
    ]
    merges = 0
    while any(child.poll() is None for child in children):
        if (root / "store.json").exists():
            done = postrun("store", "compact", root)
            assert done.returncode == 0, done.stderr
            merges += 1
    for child in children:
        out, errors = child.communicate()
        assert child.returncode == 0, errors
        assert {r["status"] for r in results_of(out)["runs"]} <= {"new", "unchanged", "updated"}
    assert merges
    assert assert_sound(root, logs) == [f"r{n:02d}" for n in range(30)]
    found = verify(Store(str(root)).storage)
    assert found.unnamed == 0 and found.files == 60


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small disk of its own at a folder; the test is skipped where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk(tmp_path: Path, workers: str) -> None:
    for number in range(30):
        write(tmp_path, f"r{number:02d}", rows=2000)
    logs, disk = tmp_path / "wandb", tmp_path / "disk"
    with mounted(disk, "size=500k"):
        root = disk / "store"
        done = postrun("pull", logs, "--store", root, "--workers", workers)
        assert done.returncode == 3
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "the store cannot be written: No space left on device" in done.stderr
        assert "Free space there, or name another store" in done.stderr
        look = postrun("store", "verify", root)
        assert look.returncode == 0, look.stderr
        kept = assert_sound(root)
        assert postrun("list", f"{root}").returncode == (0 if kept else 3)
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        assert postrun("pull", logs, "--store", root).returncode == 0
        assert assert_sound(root, logs) == [f"r{n:02d}" for n in range(30)]


@pytest.mark.slow
def test_a_read_only_disk(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path / "more", "b")
    disk = tmp_path / "disk"
    with mounted(disk, "size=5m"):
        root = disk / "store"
        pull(tmp_path / "wandb", root)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = postrun("pull", tmp_path / "more" / "wandb", "--store", root)
        assert done.returncode == 3 and len(done.stderr.strip().splitlines()) == 1
        assert "the store cannot be written: Read-only file system" in done.stderr
        for words in (["list"], ["store", "verify"], ["failures"]):
            assert postrun(*words, root).returncode == 0  # reading needs no writing
        assert postrun("query", "select id from runs", "--store", root).returncode == 0
        new = postrun("pull", tmp_path / "more" / "wandb", "--store", disk / "other")
        assert new.returncode == 3 and "Read-only file system" in new.stderr


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for name, rows in (("a", 20), ("b", 10), ("c", 15)):
        write(tmp_path, name, rows=rows)
    pull(tmp_path / "wandb", tmp_path / "store")
    return tmp_path / "store"


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : 2 * len(data) // 3] = os.urandom(len(data) // 3)
    path.write_bytes(data)


def _history(root: Path, run: str) -> Path:
    return next((root / "history").rglob(f"run={run}/*.parquet"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["changed", "cut", "missing", "empty"])
def test_a_damaged_history(three: Path, tmp_path: Path, how: str) -> None:
    path = _history(three, "b")
    if how == "changed":
        _damage(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"")
    look = postrun("store", "verify", three)
    assert look.returncode == 3 and "1 damaged" in look.stdout and str(path) in look.stderr
    command = next(line for line in look.stdout.splitlines() if "--force" in line).split()[1:]
    for words in (
        ["check", three, "--fail-on", "critical"],
        ["analyze", three, "--out", tmp_path / "out", "--no-plots", "--no-report"],
        ["compare", three, "--metric", "val/loss"],
        ["query", "select run, count(*) as n, sum(loss) as total from history group by run", "--store", three],
    ):  # fmt: skip
        done = postrun(*map(str, words), "--json")
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1 and str(path) in done.stderr, done.stderr
        found = results_of(done.stdout)
        assert len(envelope_of(done.stdout)["errors"]) == 1
        if words[0] == "query":
            assert sorted(row["run"] for row in found["rows"]) == ["a", "c"]
        elif words[0] == "analyze":
            assert sorted(r["run_id"] for r in found["runs"]) == ["a", "c"]
    assert postrun("list", three).returncode == postrun("failures", three).returncode == 0
    assert "unchanged" in postrun("pull", tmp_path / "wandb", "--store", three).stdout
    assert postrun(*command).returncode == 0  # what verify tells to do
    assert assert_sound(three, tmp_path / "wandb") == ["a", "b", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["runs", "metrics", "findings"])
def test_a_damaged_table(tmp_path: Path, table: str) -> None:
    root = tmp_path / "store"
    for name in ("a", "b", "c"):
        write(tmp_path / name, name)
        pull(tmp_path / name / "wandb", root)
    victim = sorted((root / "tables").glob(f"*.{table}.parquet"))[1]
    victim.write_bytes(victim.read_bytes()[:100])
    look = postrun("store", "verify", root)
    assert look.returncode == 3 and str(victim) in look.stderr
    listed = postrun("list", root, "--json")
    ids = sorted(run["id"] for run in results_of(listed.stdout)["runs"])
    asked = postrun("query", f"select * from {table}", "--store", root, "--json")
    assert asked.returncode == 3 and str(victim) in asked.stderr and "not readable" in asked.stderr
    if table == "runs":
        assert ids == ["a", "c"] and listed.returncode == 3 and str(victim) in listed.stderr
    else:
        assert ids == ["a", "b", "c"]
    if table != "findings":
        rows = results_of(asked.stdout)["rows"]
        assert {row.get("run", row.get("id")) for row in rows} == {"a", "c"}
    for command in ("compact", *(["prune"] if table == "runs" else [])):
        done = postrun("store", command, root)  # nothing is merged or deleted over it
        assert done.returncode == 3 and str(victim) in done.stderr
    if table == "runs":
        victim.unlink()
        assert postrun("pull", tmp_path / "b" / "wandb", "--store", root).returncode == 0
        assert assert_sound(root) == ["a", "b", "c"]


@pytest.mark.slow
def test_a_table_that_is_damaged_within(three: Path) -> None:
    """Its end, which says what it holds, can be read; its pages cannot."""
    victim = next((three / "tables").glob("*.runs.parquet"))
    data = bytearray(victim.read_bytes())
    data[4 : len(data) // 2] = os.urandom(len(data) // 2 - 4)
    victim.write_bytes(data)
    for words in (
        ["list", three], ["failures", three], ["pull", three.parent / "wandb", "--store", three],
        ["store", "compact", three], ["store", "prune", three], ["store", "verify", three],
        ["query", "select * from runs", "--store", three],
    ):  # fmt: skip
        done = postrun(*map(str, words))
        assert done.returncode == 3 and "Traceback" not in done.stderr, (words, done.stderr)
        assert str(three) in done.stderr


@pytest.mark.slow
def test_a_newer_store(three: Path) -> None:
    (three / "store.json").write_text('{"format": "postrun store", "version": 2}')
    for words in (
        ["list", three], ["pull", three.parent / "wandb", "--store", three], ["store", "verify", three],
        ["query", "select * from runs", "--store", three], ["compare", three], ["check", f"{three}/_/demo"],
    ):  # fmt: skip
        done = postrun(*map(str, words))
        assert done.returncode == 3, words
        assert len(done.stderr.strip().splitlines()) == 1
        assert (
            "a store of version 2, and this postrun knows up to 1. Upgrade postrun" in done.stderr
        )


@pytest.mark.slow
def test_a_log_that_cannot_be_read_stops_no_other(three: Path, tmp_path: Path) -> None:
    bad = tmp_path / "wandb" / "run-20240101_000000-x" / "run-x.wandb"
    bad.parent.mkdir()
    bad.write_bytes(b"no log")
    write(tmp_path, "d")
    for expected in ("new", "unchanged"):
        done = postrun("pull", tmp_path / "wandb", "--store", three, "--json")
        assert done.returncode == 3 and str(bad) in done.stderr
        found = {r["id"]: r["status"] for r in results_of(done.stdout)["runs"]}
        assert found["x"] == "failed" and found["d"] == expected
    assert assert_sound(three) == ["a", "b", "c", "d"]


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    for number in range(60):
        write(tmp_path, f"r{number:02d}", rows=2000)
    logs, root = tmp_path / "wandb", tmp_path / "store"
    child = subprocess.Popen(
        [sys.executable, "-m", "postrun", "pull", str(logs), "--store", str(root)],
        env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    begin = time.monotonic()
    out, errors = child.communicate(timeout=30)
    assert time.monotonic() - begin < 5
    assert child.returncode == 130
    assert errors.strip() == "postrun: stopped by the user; finished results are kept"
    told = 5 + sum("  new  " in line for line in out.splitlines())
    kept = assert_sound(root)
    assert 5 <= told <= len(kept) < 60  # what was said to be new is there


@pytest.mark.slow
def test_readers_are_not_disturbed_by_writers(tmp_path: Path) -> None:
    """Tables that were opened before a pull, a merge and a prune still give what they gave."""
    root = tmp_path / "store"
    for name in ("a", "b"):
        write(tmp_path / name, name)
        pull(tmp_path / name / "wandb", root)
    store = Store(str(root))
    runs, history = store.runs, store.history(["loss"])
    before = runs.sort("id").collect()
    write(tmp_path / "a", "a", rows=30)
    pull(tmp_path / "a" / "wandb", root)
    assert postrun("store", "compact", root).returncode == 0
    assert postrun("store", "prune", root).returncode == 0  # within its day of grace
    assert runs.sort("id").collect().equals(before)
    assert history.collect().filter(pl.col("run") == "a").height == 20
    assert sorted(store.runs.collect()["rows"]) == [20, 30]
