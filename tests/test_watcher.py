"""Runs followed from their start to their verdict: growing logs, deaths, many at once, and the command."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from postrun.cli.watch_command import command
from postrun.model import Severity, State
from postrun.sources import resolve
from postrun.watch import process, watched
from postrun.watch.event import Event, Kind
from postrun.watch.process import Writer, ask_to_stop, writer_of
from postrun.watch.screen import Lines, page
from postrun.watch.watched import Terms, Watched
from postrun.watch.watcher import Watcher
from tests import logs
from tests.printed import results_of
from tests.test_notify import Hook, hook

__all__ = ["hook"]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def losses(rows: int = 600, breaks: int | None = 300) -> list[float]:
    rng = np.random.default_rng(0)
    y = 3 * np.exp(-np.arange(rows) / (rows / 6)) + 0.5 + 0.03 * rng.standard_normal(rows)
    if breaks is not None:
        y[breaks:] += np.minimum(0.3 * np.arange(rows - breaks), 8)
    return [float(v) for v in y]


def training(run_id: str = "r1", breaks: int | None = 300, **more: Any) -> list[Any]:
    """Records of a run whose loss diverges at a step."""
    rows = [{"_step": i, "train/loss": v, **more} for i, v in enumerate(losses(breaks=breaks))]
    return [logs.run_record(run_id, display_name=f"run {run_id}"), *logs.rows(rows)]


def data_of(records: list[Any]) -> bytes:
    for number, record in enumerate(records, 1):
        record.num = number
    return logs.frames([r.SerializeToString() for r in records])


def folder_of(root: Path, run_id: str = "r1", stamp: str = "20240101_000000") -> Path:
    folder = root / "wandb" / f"run-{stamp}-{run_id}"
    folder.mkdir(parents=True)
    return folder / f"run-{run_id}.wandb"


def follow(path: Path, data: bytes, clock: Clock, size: int = 2_000) -> tuple[Watched, list[Event]]:
    """Watch a log that grows by `size` bytes every ten seconds."""
    path.write_bytes(data[:size])
    run = Watched(resolve(path)[0], Terms(), clock=clock)
    events = run.step()
    for at in range(size, len(data) + size, size):
        path.write_bytes(data[: at + size])
        clock.sleep(10)
        events += run.step()
    return run, events


@pytest.fixture(autouse=True)
def nobody_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process has the logs of these tests open, and none is looked for."""
    monkeypatch.setattr(watched, "writer_of", lambda path: Writer(False))


def kinds(events: list[Event]) -> list[str]:
    return [event.kind.value for event in events]


def test_a_run_is_told_from_its_start_to_its_verdict(tmp_path: Path) -> None:
    data = data_of([*training(), logs.exit_record()])
    run, events = follow(folder_of(tmp_path), data, Clock())
    assert kinds(events)[0] == "started" and kinds(events)[-1] == "ended"
    found = [e for e in events if e.kind is Kind.FOUND]
    assert [e.finding.rule for e in found if e.finding] == ["OPT002"]
    assert found[0].step is not None and 300 < found[0].step < 400
    assert found[0].at == f"step {found[0].step:,.0f}" and found[0].name == "run r1"
    assert run.ended and events[-1].severity is Severity.CRITICAL
    assert "train/loss" in events[-1].message or "diverged" in events[-1].message
    assert run.step() == []


def test_the_verdict_is_that_of_analyze(tmp_path: Path) -> None:
    from postrun import analyze

    path = folder_of(tmp_path)
    _, events = follow(path, data_of([*training(), logs.exit_record()]), Clock())
    assert events[-1].message == analyze(path, out=None)[0].verdict


def test_a_healthy_run_says_nothing_between(tmp_path: Path) -> None:
    data = data_of([*training(breaks=None), logs.exit_record()])
    _, events = follow(folder_of(tmp_path), data, Clock())
    assert kinds(events) == ["started", "ended"]


def test_a_log_that_is_replaced_is_watched_from_its_start(tmp_path: Path) -> None:
    clock, path = Clock(), folder_of(tmp_path)
    run, _ = follow(path, data_of(training()), clock)
    path.write_bytes(data_of(training(breaks=None, other=1.0))[:30_000])
    clock.sleep(10)
    events = run.step()
    assert kinds(events)[0] == "problem" and "read from its start" in events[0].message
    assert not run.open


def test_a_training_that_dies_without_exit_ends_when_its_process_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    run, events = follow(folder_of(tmp_path), data_of(training(breaks=None)), clock)
    assert not run.ended
    writers = iter([Writer(True, (7,), 7), Writer(True), Writer(True)])
    monkeypatch.setattr(watched, "writer_of", lambda path: next(writers))
    for _ in range(3):
        clock.sleep(11)
        events += run.step()
    assert kinds(events)[-1] == "ended"
    assert events[-1].message.startswith("Killed"), events[-1].message


def test_without_a_process_table_patience_decides(tmp_path: Path) -> None:
    clock = Clock()
    run, _ = follow(folder_of(tmp_path), data_of(training(breaks=None)), clock)
    clock.sleep(400)
    assert kinds(run.step()) == ["stalled"]
    clock.sleep(100)
    assert run.step() == []
    clock.sleep(150)
    assert kinds(run.step()) == ["ended"] and run.ended


def test_a_pause_is_told_once_and_its_end_too(tmp_path: Path) -> None:
    clock, path = Clock(), folder_of(tmp_path)
    data = data_of(training(breaks=None))
    path.write_bytes(data[:40_000])
    run = Watched(resolve(path)[0], Terms(patience=1e6), clock=clock)
    events = run.step()
    for _ in range(4):
        clock.sleep(200)
        events += run.step()
    path.write_bytes(data[:50_000])
    clock.sleep(10)
    events += run.step()
    assert kinds(events) == ["started", "stalled", "resumed"]
    assert (
        events[1].severity is Severity.WARNING
        and "Nothing was logged for 7 min" in events[1].message
    )


def watch(root: Path, clock: Clock, rounds: int, **fields: Any) -> Iterator[list[Event]]:
    """Yield the events of each round of a watcher."""
    watcher = Watcher([str(root)], Terms(), clock=clock, sleep=clock.sleep, **fields)
    found: list[Event] = []
    for event in watcher.events():
        if event is not None:
            found.append(event)
            continue
        yield found
        found, rounds = [], rounds - 1
        if not rounds:
            return


def test_runs_that_appear_in_a_folder_are_followed(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "wandb").mkdir()
    told: list[list[str]] = []
    for number, events in enumerate(watch(tmp_path / "wandb", clock, 40)):
        told.append([f"{e.run} {e.kind}" for e in events])
        if number == 2:
            folder_of(tmp_path, "r1").write_bytes(
                data_of([*training("r1", None), logs.exit_record()])
            )
        if number == 20:
            path = folder_of(tmp_path, "r2", "20240102_000000")
            path.write_bytes(data_of(training("r2", None)))
    flat = [text for texts in told for text in texts]
    assert "r2 started" in flat and not told[0]


def test_a_folder_is_watched_until_it_was_idle_for_so_long(tmp_path: Path) -> None:
    clock = Clock()
    path = folder_of(tmp_path)
    path.write_bytes(data_of([*training(breaks=None)]))
    events: list[Event] = []
    for number, found in enumerate(watch(tmp_path / "wandb", clock, 10_000, idle=60.0)):
        events += found
        if number == 3:
            path.write_bytes(data_of([*training(breaks=None), logs.exit_record()]))
    assert kinds(events) == ["started", "ended"]
    assert clock.now - 1_800_000_000 < 200


def test_a_resumed_run_goes_on_in_its_new_folder(tmp_path: Path) -> None:
    clock = Clock()
    folder_of(tmp_path).write_bytes(data_of(training(breaks=None)))
    events: list[Event] = []
    for number, found in enumerate(watch(tmp_path / "wandb", clock, 30)):
        events += found
        if number == 3:
            later = [logs.run_record("r1", 1_700_001_000, resumed=True, display_name="run r1")]
            rows = [{"_step": i, "train/loss": 0.5} for i in range(600, 700)]
            later += [*logs.rows(rows, 1_700_001_000.0), logs.exit_record()]
            folder_of(tmp_path, "r1", "20240102_000000").write_bytes(data_of(later))
    assert "resumed" in kinds(events) and kinds(events)[-1] == "ended"
    assert events[-1].step == 699


def test_one_log_that_cannot_be_read_costs_itself_only(tmp_path: Path) -> None:
    clock = Clock()
    broken = folder_of(tmp_path, "r0")
    broken.write_bytes(data_of(training("r0", None))[:9_000])
    good = folder_of(tmp_path, "r1", "20240102_000000")
    good.write_bytes(data_of(training("r1", None))[:9_000])
    events: list[Event] = []
    for number, found in enumerate(watch(tmp_path / "wandb", clock, 60)):
        events += found
        if number == 1:
            broken.write_bytes(b"not a log at all, but longer than what was there before" * 400)
            good.write_bytes(data_of([*training("r1", None), logs.exit_record()]))
    assert [e.kind.value for e in events if e.run == "r0"][-2:] == ["problem", "problem"]
    assert "no longer watched" in [e for e in events if e.run == "r0"][-1].message
    assert kinds([e for e in events if e.run == "r1"])[-1] == "ended"


@pytest.mark.slow
def test_two_hundred_runs_at_once(tmp_path: Path) -> None:
    clock = Clock()
    rows = logs.rows([{"_step": i, "train/loss": 1 / (i + 1)} for i in range(30)])
    for i in range(200):
        records = [logs.run_record(f"r{i}"), *rows]
        folder_of(tmp_path, f"r{i}", f"202401{i // 24 + 1:02}_{i % 24:02}0000").write_bytes(
            data_of(records)
        )
    watcher = Watcher([str(tmp_path / "wandb")], Terms(), clock=clock, sleep=clock.sleep, idle=30.0)
    started, ended = 0, 0
    for event in watcher.events():
        if event is None:
            if started == 200 and not ended:
                for run in list(watcher.runs.values()):
                    run.path.write_bytes(
                        data_of([logs.run_record(run.ref.id), *rows, logs.exit_record()])
                    )
            lines = page(list(watcher.runs.values()), 80)
            assert len(lines) <= 15
            continue
        started += event.kind is Kind.STARTED
        ended += event.kind is Kind.ENDED
    assert (started, ended) == (200, 200)


def test_the_report_is_kept_up_to_date(tmp_path: Path) -> None:
    clock, path = Clock(), folder_of(tmp_path)
    data = data_of([*training(), logs.exit_record()])
    path.write_bytes(data[:30_000])
    run = Watched(resolve(path)[0], Terms(report=tmp_path / "out"), "r1", clock=clock)
    run.step()
    report = tmp_path / "out" / "r1" / "report.html"
    text = report.read_text()
    assert 'http-equiv="refresh"' in text and "unning" in text
    path.write_bytes(data)
    run.step()
    assert 'http-equiv="refresh"' not in report.read_text() and run.ended


HOSTILE = "x\x1b[2J\x1b]0;owned\x07\u202e<b>"


def test_hostile_texts_command_no_terminal(tmp_path: Path) -> None:
    rows = [{"_step": i, f"loss {HOSTILE}": v} for i, v in enumerate(losses())]
    records = [logs.run_record("r1", display_name=HOSTILE), *logs.rows(rows), logs.exit_record(1)]
    run, events = follow(folder_of(tmp_path), data_of(records), Clock(), 20_000)
    out = io.StringIO()
    lines = Lines(Console(file=out, width=80, force_terminal=True, color_system=None))
    lines.update([run, run])
    for event in events:
        lines.show(event)
    for part in page([run, run], 80):
        lines.console.print(part)
    assert "\x1b[2J" not in out.getvalue() and "\x07" not in out.getvalue()
    assert "owned" in out.getvalue()


def test_secrets_are_masked_in_events(tmp_path: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 5
    rows = [{"_step": i, f"loss/{key}": v} for i, v in enumerate(losses())]
    records = [logs.run_record("r1", display_name=f"try {key}"), *logs.rows(rows)]
    _, events = follow(
        folder_of(tmp_path), data_of([*records, logs.exit_record()]), Clock(), 20_000
    )
    assert key not in json.dumps([e.as_dict() for e in events])


def test_the_process_that_has_a_log_open_is_known_and_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "run-r1.wandb"
    path.write_bytes(b"x")
    script = f"f = open({str(path)!r}); print('open', flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None and child.stdout.readline()
            found = writer_of(path)
            if not found.known:
                pytest.skip("this system has no /proc")
            assert found.writers == (child.pid,) and found.trainer == child.pid
            assert ask_to_stop(child.pid, "TERM") == ""
            assert child.wait(10) == -signal.SIGTERM
        finally:
            child.kill()
    assert writer_of(path) == Writer(True)
    assert "no signal" in ask_to_stop(os.getpid(), "NOSUCH")


def test_wandb_core_names_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {5: ["/x/wandb-core", "--port-filename", "f", "--pid", "42"], 6: ["python"]}
    monkeypatch.setattr(process, "_command", lambda pid: words[pid])
    assert process._trainer([5]) == 42 and process._trainer([6]) == 6
    assert process._trainer([]) is None


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def test_the_command_ends_with_the_run(tmp_path: Path) -> None:
    path = folder_of(tmp_path)
    path.write_bytes(data_of([*training(), logs.exit_record()]))
    result = invoke(str(path))
    assert result.exit_code == 0 and result.stdout.count("\n") == 1
    assert "Finished" in result.stdout or "but" in result.stdout


def grow(path: Path, data: bytes, size: int = 20_000, pause: float = 0.1) -> threading.Thread:
    def work() -> None:
        for at in range(2 * size, len(data) + size, size):
            with path.open("ab") as file:  # a log is never cut, not even for a moment
                file.write(data[at - size : at])
            time.sleep(pause)

    path.write_bytes(data[:size])
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_an_alert_reaches_a_web_hook_a_command_and_the_exit_code(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postrun.watch import pace, watcher

    monkeypatch.setattr(watcher, "LOOK", 0.05)
    monkeypatch.setattr(pace, "BURST", 1e6)  # the run takes seconds here, and looks at it as long
    path = folder_of(tmp_path)
    thread = grow(path, data_of(training()), 4_000, 0.05)
    out = tmp_path / "said"
    result = invoke(
        str(path),
        "--stop-on", "OPT002",
        "--webhook", hook.url,
        "--exec", f"echo $POSTRUN_RULE $POSTRUN_SEVERITY >> {out}",
        "--json",
    )  # fmt: skip
    thread.join()
    assert result.exit_code == 1
    events = [results_of(line) for line in result.stdout.splitlines()]
    assert [e["event"] for e in events] == ["started", "found"]
    assert [got["finding"]["rule"] for got in hook.got] == ["OPT002"]
    assert out.read_text() == "OPT002 warning\n" or out.read_text() == "OPT002 critical\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing/here/at/all"], 3),
        (["./x", "--webhook", "file:///etc/passwd"], 2),
        (["./x", "--stop-on", "NOPE999"], 2),
        (["./x", "--signal", "INT"], 2),
        (["./x", "--idle", "-1"], 2),
    ],
)
def test_wrong_usage_is_said(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "postrun", "watch", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_a_run_that_failed_says_so(tmp_path: Path) -> None:
    records = [
        *training(breaks=None),
        logs.output("ValueError: no\n", "stderr"),
        logs.exit_record(1),
    ]
    run, events = follow(folder_of(tmp_path), data_of(records), Clock(), 20_000)
    assert run.result is not None and run.result.state is State.FAILED
    assert events[-1].message.startswith("Failed")
