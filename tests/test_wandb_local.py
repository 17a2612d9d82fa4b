"""Run folders: finding, states, resumed runs, and what files/ adds."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from wandb.proto import wandb_internal_pb2 as pb

import postrun
from postrun.model import State, TargetError
from postrun.sources import resolve
from tests import logs
from tests.conftest import SdkRun


def rows(*steps: int, start: int = 1_700_000_000) -> list[pb.Record]:
    return [
        logs.history({"_step": s, "_timestamp": start + s, "_runtime": s, "loss": 1 / (s + 1)})
        for s in steps
    ]


@pytest.mark.parametrize(
    ("code", "state"), [(0, State.FINISHED), (1, State.FAILED), (255, State.FAILED)]
)
def test_state_by_exit_code(tmp_path: Path, code: int, state: State) -> None:
    folder = logs.run_folder(
        tmp_path, "a1", [logs.run_record("a1"), *rows(0, 1), logs.exit_record(code)]
    )
    run = postrun.load(folder)
    assert (run.state, run.exit_code) == (state, code)
    assert resolve(folder)[0].state is state


def test_crashed_without_exit_record(tmp_path: Path) -> None:
    folder = logs.run_folder(tmp_path, "a2", [logs.run_record("a2"), *rows(0, 1)])
    run = postrun.load(folder)
    assert run.state is State.CRASHED and run.exit_code is None
    assert any("without an exit record" in note for note in run.completeness.notes)
    old = time.time() - 3600
    os.utime(folder / "run-a2.wandb", (old, old))
    assert resolve(folder)[0].state is State.CRASHED


def test_running_while_its_own_times_are_fresh(tmp_path: Path) -> None:
    now = int(time.time()) - 2
    folder = logs.run_folder(
        tmp_path, "a3", [logs.run_record("a3", start=now), *rows(0, 1, start=now)]
    )
    assert postrun.load(folder).state is State.RUNNING
    log = folder / "run-a3.wandb"
    log.write_bytes(log.read_bytes()[:-5])  # the record that is being written
    run = postrun.load(folder)
    assert run.state is State.RUNNING and run.history.height == 1
    assert run.completeness.whole and "so far" in run.completeness.notes[-1]
    assert not [f for f in postrun.diagnose(run) if f.severity >= postrun.Severity.WARNING]


def test_a_fresh_copy_of_an_old_crash_is_no_running_run(tmp_path: Path) -> None:
    folder = logs.run_folder(tmp_path, "a4", [logs.run_record("a4"), *rows(0, 1)])
    os.utime(folder / "run-a4.wandb")
    assert postrun.load(folder).state is State.CRASHED


def test_resumed_parts_are_joined_with_their_seam(tmp_path: Path) -> None:
    first = [logs.run_record("r1", start=1_700_000_000), *rows(0, 1, 2, 3)]
    second = [
        logs.run_record("r1", start=1_700_000_500, resumed=True),
        *rows(2, 3, 4, start=1_700_000_500),
        logs.exit_record(0),
    ]
    logs.run_folder(tmp_path, "r1", second, "20240101_001000")
    logs.run_folder(tmp_path, "r1", first, "20240101_000000")
    (ref,) = resolve(tmp_path / "wandb")
    run = ref.load()
    assert run.history["_step"].to_list() == [0, 1, 2, 3, 2, 3, 4]
    assert run.state is State.FINISHED
    (seam,) = run.completeness.seams
    assert (seam.row, seam.step_before, seam.step_after) == (4, 3, 2)
    assert seam.gap_seconds == 499
    found = [part for f in postrun.diagnose(run) for part in f.with_symptoms()]
    (finding,) = [f for f in found if f.rule == "DAT003"]
    assert "2 of 7 rows repeat" in finding.message and "resumed in" in finding.message


def test_latest_run_copies_are_not_doubled(tmp_path: Path) -> None:
    folder = logs.run_folder(
        tmp_path, "c1", [logs.run_record("c1"), *rows(*range(300)), logs.exit_record()]
    )
    copy = tmp_path / "wandb" / "latest-run"
    copy.mkdir()
    data = (folder / "run-c1.wandb").read_bytes()
    (copy / "run-c1.wandb").write_bytes(data[: len(data) // 2])  # and it may be cut
    (ref,) = resolve(tmp_path / "wandb")
    assert ref.load().history.height == 300


def test_one_unreadable_part_does_not_hide_the_other(tmp_path: Path) -> None:
    logs.run_folder(tmp_path, "d1", [logs.run_record("d1"), *rows(0, 1), logs.exit_record()])
    broken = tmp_path / "wandb" / "run-20240101_010000-d1"
    broken.mkdir()
    (broken / "run-d1.wandb").write_bytes(b"")
    run = resolve(tmp_path / "wandb")[0].load()
    assert run.history.height == 2
    assert "empty" in run.completeness.damage[0].reason


def test_files_fill_gaps_and_are_cross_checked(tmp_path: Path) -> None:
    record = pb.Record()
    item = record.summary.update.add()
    item.key, item.value_json = "loss", "0.5"
    folder = logs.run_folder(
        tmp_path,
        "f1",
        [logs.run_record("f1", config={"lr": 0.1}), *rows(0, 1), record, logs.exit_record()],
    )
    files = folder / "files"
    files.mkdir()
    (files / "config.yaml").write_text("lr:\n  desc: null\n  value: 0.2\nseed:\n  value: 3\n")
    (files / "wandb-summary.json").write_text(json.dumps({"loss": 0.5, "best": 0.1}))
    (files / "wandb-metadata.json").write_text(
        json.dumps({"host": "h", "git": {"commit": "abc", "remote": "r"}, "gpu": "A100"})
    )
    (files / "requirements.txt").write_text("torch==2.0\n\nnumpy==1.26\n")
    (files / "output.log").write_text("10%\r100%\ndone\n")
    run = postrun.load(folder)
    assert run.config == {"lr": 0.1, "seed": 3}
    assert run.summary == {"loss": 0.5, "best": 0.1}
    assert any(
        "config.yaml differs from the log in 1 keys (lr)" in n for n in run.completeness.notes
    )
    assert run.identity.commit == "abc" and run.identity.host == "h"
    assert run.environment["gpu"] == "A100"
    assert run.requirements == ["torch==2.0", "numpy==1.26"]
    assert run.console["line"].to_list() == ["100%", "done"]
    assert {f.path: f.size for f in run.files}["output.log"] == 14


def test_broken_side_files_are_notes(tmp_path: Path) -> None:
    folder = logs.run_folder(tmp_path, "g1", [logs.run_record("g1"), *rows(0), logs.exit_record()])
    (folder / "files").mkdir()
    (folder / "files" / "config.yaml").write_text("a: [1,\n b: {")
    (folder / "files" / "wandb-summary.json").write_text('{"a": ')
    notes = " ".join(postrun.load(folder).completeness.notes)
    assert "config.yaml is not readable" in notes and "wandb-summary.json is not readable" in notes


def test_a_cut_copy_is_told_from_a_crash(tmp_path: Path) -> None:
    folder = logs.run_folder(tmp_path, "h1", [logs.run_record("h1"), *rows(*range(50))])
    (folder / "files").mkdir()
    (folder / "files" / "wandb-summary.json").write_text(
        json.dumps({"_step": 900, "_timestamp": 1_700_000_900.0, "loss": 0.01})
    )
    run = postrun.load(folder)
    assert run.completeness.truncated and run.completeness.reported_last_step == 900
    assert run.summary["loss"] == 0.01
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "RUN002"]
    assert "log is incomplete" in finding.message and "900" in finding.message


def test_listing_reads_no_history(tmp_path: Path) -> None:
    for i in range(5):
        logs.run_folder(
            tmp_path,
            f"l{i}",
            [logs.run_record(f"l{i}", display_name=f"name {i}"), *rows(0), logs.exit_record(i % 2)],
            f"2024010{i + 1}_000000",
        )
    refs = resolve(tmp_path)
    assert [r.id for r in refs] == ["l4", "l3", "l2", "l1", "l0"]
    assert refs[0].name == "name 4" and refs[1].state is State.FAILED


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "nothing", "no such file"),
        (lambda p: p / "entity" / "project", "no such file"),
        (lambda p: p, "empty"),
        (lambda p: (p / "a.txt").write_text("x") and p, "no W&B run in this folder"),
        (lambda p: (p / "a.txt").write_text("x") and p / "a.txt", "not a run"),
        (lambda p: p / "*.wandb", "no run matches"),
    ],
)
def test_no_run_there(tmp_path: Path, make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TargetError, match=words):
        resolve(make(tmp_path))


def test_a_log_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = logs.run_folder(tmp_path, "p1", [logs.run_record("p1"), *rows(0), logs.exit_record()])
    allowed = Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if self.suffix == ".wandb":
            raise PermissionError(13, "Permission denied", str(self))
        return allowed(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    (ref,) = resolve(folder)
    assert ref.state is State.UNKNOWN
    with pytest.raises(TargetError, match="Permission denied"):
        ref.load()


def test_glob(tmp_path: Path) -> None:
    for i in range(3):
        logs.run_folder(tmp_path, f"m{i}", [logs.run_record(f"m{i}"), logs.exit_record()])
    assert {r.id for r in resolve(f"{tmp_path}/wandb/run-*-m[01]")} == {"m0", "m1"}


@pytest.mark.slow
def test_killed_process_of_the_real_sdk(sdk: SdkRun) -> None:
    folder = sdk(
        """
import os, signal, time, wandb
run = wandb.init(project="p")
for i in range(200):
    run.log({"loss": 1.0})
time.sleep(2)
os.killpg(os.getpgrp(), signal.SIGKILL) if os.getpgrp() == os.getpid() else os.kill(os.getpid(), 9)
"""
    )
    run = postrun.load(folder)
    assert run.state in (State.CRASHED, State.FAILED, State.RUNNING)
    assert run.history.height > 0 or run.completeness.truncated or run.completeness.notes


@pytest.mark.slow
def test_exception_in_the_real_sdk(sdk: SdkRun) -> None:
    folder = sdk(
        """
import wandb
run = wandb.init(project="p")
run.log({"loss": 1.0})
def load_batch():
    raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
load_batch()
"""
    )
    run = postrun.load(folder)
    assert run.state is State.FAILED and run.exit_code == 1
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "RUN001"]
    assert "GPU ran out of memory" in finding.message
    assert "script.py:6 in load_batch" in finding.message
