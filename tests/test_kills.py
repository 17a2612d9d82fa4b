"""A command that is killed at any moment leaves no process and no half file behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postrun.store import atomic
from postrun.store.atomic import PART, write_atomically
from tests import logs
from tests.conftest import own_environment

#: More runs than stay in one process, each with work for some tens of milliseconds.
RUNS, ROWS = 24, 400
#: Kills of each signal (POSTRUN_KILLS asks for more), at moments that this seed draws.
KILLS, SEED = int(os.environ.get("POSTRUN_KILLS", "12")), 28
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for number in range(RUNS):
        values = [
            {"_step": i, **{f"m{k}": (i + k) / (number + 1) for k in range(20)}}
            for i in range(ROWS)
        ]
        records = [logs.run_record(f"r{number}"), *logs.rows(values), logs.exit_record()]
        logs.run_folder(folder, f"r{number}", records)
    return folder


def started(runs: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "postrun", "analyze", "wandb", "--no-plots", "--workers", "2",
         "--out", str(out)],
        cwd=runs, env=own_environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def processes(session: int) -> list[int]:
    """Return the processes of a session that live, zombies aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def left_after(session: int, seconds: float) -> list[int]:
    """Return the processes of a session that live after so many seconds, or [] as soon as none does."""
    deadline = time.monotonic() + seconds
    while found := processes(session):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this system")
@pytest.mark.parametrize("number", SIGNALS)
def test_no_process_outlives_a_kill(runs: Path, number: signal.Signals, tmp_path: Path) -> None:
    begin = time.monotonic()
    whole = started(runs, tmp_path / "whole")
    assert whole.wait(timeout=120) == 0
    lasts = time.monotonic() - begin
    draw = random.Random(SEED + number)
    table, at_work = [], 0
    for _ in range(KILLS):
        child = started(runs, tmp_path / "o")
        time.sleep(draw.uniform(0.05, 1.0) * lasts)
        before = len(processes(child.pid))
        child.send_signal(number)
        child.communicate(timeout=60)  # ends only when nobody holds its pipes any more
        orphans = left_after(child.pid, 5)
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
        table.append((before, child.returncode, len(orphans)))
        at_work += before > 1
    usual = -number if number == signal.SIGKILL else 128 + number
    print(
        f"{number.name}: {len(table)} kills, {at_work} at work, {sum(o for *_, o in table)} orphans"
    )
    assert not sum(orphans for *_, orphans in table), table
    assert {code for _, code, _ in table} <= {usual, 0, -number}, table
    assert at_work >= KILLS // 3, "too few kills hit a command at work"
    assert started(runs, tmp_path / "o").wait(timeout=120) == 0
    left = [p for p in (tmp_path / "o").rglob("*") if p.name.endswith(PART)]
    assert not left, "the next run did not clean up"
    for run in range(RUNS):
        json.loads((tmp_path / "o" / f"r{run}" / "full_analysis.json").read_text())


def test_temporary_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    ours, other = atomic._machine(), "0" * 8
    names = {
        f".a.csv.{ours}-{dead.pid}-0123abcd.part": False,
        f".a.csv.{ours}-{os.getpid()}-0123abcd.part": True,
        f".a.csv.{other}-{dead.pid}-0123abcd.part": True,
        f".old.csv.{other}-{dead.pid}-0123abcd.part": False,
        "mine.part": True,
        f"a.{ours}-x-0123abcd.part": True,
    }
    for name in names:
        (tmp_path / name).write_text("half")
    long_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / f".old.csv.{other}-{dead.pid}-0123abcd.part", (long_ago, long_ago))
    write_atomically(tmp_path / "a.csv", lambda aside: aside.write_text("whole"))
    assert {n for n in names if (tmp_path / n).exists()} == {n for n, kept in names.items() if kept}
    assert (tmp_path / "a.csv").read_text() == "whole"
