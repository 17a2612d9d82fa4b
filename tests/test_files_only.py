"""Run folders whose log cannot be read: what the files beside it tell."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import State, TargetError
from postrun.sources import resolve
from tests import logs

TRACEBACK = """epoch 3
Traceback (most recent call last):
  File "train.py", line 88, in <module>
    main()
  File "train.py", line 40, in main
    loss = criterion(out, target)
ValueError: Expected input batch_size (32) to match target batch_size (31).
"""
SUMMARY = json.dumps({"loss": 0.25, "_step": 700, "_runtime": 90.0})
ENDED = json.dumps({"loss": 0.25, "_step": 700, "_wandb": {"runtime": 95}})
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1310720\n"
LOGS = {
    "missing": None,
    "empty": b"",
    "header": logs.HEADER,
    "part of a header": logs.HEADER[:4],
    "pointer": POINTER,
    "noise": bytes(range(60, 200)) * 8,
    "newer version": b":W&B\xe1\xbe\x09" + bytes(50),
}


def folder_with(root: Path, log: bytes | None, **files: str) -> Path:
    folder = logs.files(root / "wandb" / "run-20240203_040506-abc", **files)
    if log is not None:
        (folder / "run-abc.wandb").write_bytes(log)
    return folder


@pytest.mark.parametrize("kind", LOGS)
def test_files_are_read_without_a_log(tmp_path: Path, kind: str) -> None:
    folder = folder_with(
        tmp_path, LOGS[kind], summary=SUMMARY, config="lr:\n  value: 0.1\n", output=TRACEBACK,
        metadata=json.dumps({"startedAt": "2024-02-03T04:05:06Z", "host": "box"}),
    )  # fmt: skip
    (ref,) = resolve(tmp_path / "wandb")
    assert (ref.id, ref.state) == ("abc", State.FAILED)
    run = postrun.load(folder)
    assert run.id == "abc" and run.history.height == 0
    assert run.summary["loss"] == 0.25 and run.config == {"lr": 0.1}
    assert run.state is State.FAILED and run.exit_code is None and run.runtime == 90.0
    assert run.completeness.no_history and not run.completeness.whole
    assert run.completeness.sentence().startswith("no history: the log file") or kind in (
        "noise",
        "newer version",
    )
    assert run.completeness.reported_last_step == 700
    found = {f.rule: f for f in postrun.diagnose(run)}
    assert "ValueError at train.py:40 in main" in found["RUN001"].message
    assert "at step 700 (by the summary)" in found["RUN001"].message
    assert found["DAT002"].severity is postrun.Severity.WARNING and "RUN004" not in found
    notes = " ".join(run.completeness.notes)
    assert "read from the files of the run: summary, config, metadata, console log" in notes


def test_a_pointer_says_how_to_fetch_the_log(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, POINTER, summary=SUMMARY)
    told = [f for top in postrun.diagnose(postrun.load(folder)) for f in top.with_symptoms()]
    (finding,) = [f for f in told if f.rule == "DAT002"]
    assert "Git LFS pointer" in finding.message and "`git lfs pull`" in finding.remedy
    (folder / "files" / "wandb-summary.json").unlink()
    with pytest.raises(TargetError, match="git lfs pull"):
        postrun.load(folder)


@pytest.mark.parametrize(
    ("output", "summary", "log", "state"),
    [
        ("done\n", ENDED, None, State.FINISHED),  # the SDK wrote the run time at the end
        ("done\n", SUMMARY, None, State.UNKNOWN),
        (TRACEBACK, ENDED, None, State.FAILED),
        (TRACEBACK + "retrying\n" + "step\n" * 20, SUMMARY, None, State.UNKNOWN),  # survived
        (TRACEBACK + "\nwandb: View run at https://x\n" * 9, SUMMARY, None, State.FAILED),
        ("step 1\nKilled\n", SUMMARY, None, State.CRASHED),
        (TRACEBACK[:90], SUMMARY, None, State.FAILED),  # the traceback itself is cut
        ("step 1\n", "{}", b"", State.CRASHED),  # the log was opened and never written
        ("step 1\n", "{}", logs.HEADER, State.CRASHED),
    ],
)
def test_state_by_files(
    tmp_path: Path, output: str, summary: str, log: bytes | None, state: State
) -> None:
    folder = folder_with(tmp_path, log, output=output, summary=summary)
    assert postrun.load(folder).state is state
    assert resolve(folder)[0].state is state


def test_no_history_is_not_said_to_be_healthy(tmp_path: Path) -> None:
    from postrun.report.story import verdict

    run = postrun.load(folder_with(tmp_path, None, output="done\n", summary=ENDED))
    assert verdict(RunView(run), []) == "Finished after 95 s; there is no history to judge."


def test_interrupted_by_the_user(tmp_path: Path) -> None:
    text = TRACEBACK.replace("ValueError: Expected input", "KeyboardInterrupt: ")
    run = postrun.load(folder_with(tmp_path, None, output=text))
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "RUN001"]
    assert finding.severity is postrun.Severity.INFO and "Stopped by the user" in finding.message


def test_a_summary_from_the_end_tells_an_incomplete_copy(tmp_path: Path) -> None:
    values = [{"_step": i, "loss": 1.0} for i in range(20)]
    folder = logs.run_folder(tmp_path, "cut1", [logs.run_record("cut1"), *logs.rows(values)])
    logs.files(folder, summary=ENDED)
    past = time.time() - 3600  # nothing of it is alive
    os.utime(folder / "run-cut1.wandb", (past, past))
    run = postrun.load(folder)
    assert run.state is resolve(folder)[0].state is State.FINISHED and run.completeness.truncated
    assert "the summary reports _step 700" in " ".join(run.completeness.notes)
    # A resumed run inherits the summary of its first segment: it proves nothing.
    again = [logs.run_record("cut2", resumed=True), *logs.rows(values)]
    folder = logs.files(logs.run_folder(tmp_path, "cut2", again), summary=ENDED)
    os.utime(folder / "run-cut2.wandb", (past, past))
    assert postrun.load(folder).state is resolve(folder)[0].state is State.CRASHED


def test_the_longer_console_counts(tmp_path: Path) -> None:
    lines = [logs.output(f"step {i}\n", seconds=i + 1) for i in range(5)]
    folder = logs.run_folder(tmp_path, "con1", [logs.run_record("con1"), *lines])
    logs.files(folder, output="".join(f"step {i}\n" for i in range(9)) + "ValueError: boom\n")
    run = postrun.load(folder)
    assert run.console["line"].to_list()[-2:] == ["step 8", "ValueError: boom"]
    assert run.console.height == 10
    assert run.console["timestamp"].to_list() == [1.0, 2.0, 3.0, 4.0, 5.0, *[None] * 5]
    logs.files(folder, output="another program\n" * 30)  # not this run's console
    assert postrun.load(folder).console.height == 5


def test_one_segment_without_a_log(tmp_path: Path) -> None:
    values = [{"_step": i, "loss": 1.0} for i in range(20)]
    record = [logs.run_record("seg1"), *logs.rows(values), logs.exit_record(1)]
    logs.run_folder(tmp_path, "seg1", record)
    later = tmp_path / "wandb" / "run-20240101_020000-seg1"
    logs.files(later, summary=json.dumps({"acc": 0.5}), output=TRACEBACK)
    (ref,) = resolve(tmp_path / "wandb")
    run = ref.load()
    assert run.history.height == 20 and run.summary["acc"] == 0.5
    assert run.state is State.FAILED and not run.completeness.no_history
    assert "missing" in run.completeness.damage[0].sentence()


@pytest.mark.parametrize("name", ["wandb-summary.json", "wandb-metadata.json"])
def test_a_renamed_folder_and_a_download(tmp_path: Path, name: str) -> None:
    """Files that only the SDK writes make any folder a run, with or without `files/`."""
    inside = tmp_path / "mine" / "files"
    inside.mkdir(parents=True)
    flat = tmp_path / "downloaded"
    flat.mkdir()
    for place in (inside, flat):
        (place / name).write_text('{"a": 1}')
    assert {ref.id for ref in resolve(tmp_path)} == {"mine", "downloaded"}
    assert postrun.load(flat).completeness.no_history


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "config.yaml").write_text("a: 1\n")
    (tmp_path / "code" / "output.log").write_text("x\n")
    with pytest.raises(TargetError, match="no W&B run in this folder"):
        resolve(tmp_path)


def test_an_export_with_the_runs_files_stays_an_export(tmp_path: Path) -> None:
    folder = tmp_path / "x1"
    logs.files(folder, summary=SUMMARY)
    (folder / "x1_history.csv").write_text("_step,loss\n0,1.0\n1,0.5\n")
    assert postrun.load(folder).history.height == 2


def test_latest_run_as_a_copy_without_a_log(tmp_path: Path) -> None:
    folder_with(tmp_path, None, summary=SUMMARY)
    logs.files(tmp_path / "wandb" / "latest-run", summary=SUMMARY)
    assert [ref.id for ref in resolve(tmp_path / "wandb")] == ["abc"]
    assert resolve(tmp_path / "wandb" / "run-20240203_040506-abc" / "files")[0].id == "abc"


def test_commands_take_such_a_run(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"", summary=SUMMARY, output=TRACEBACK)
    out = str(tmp_path / "out")
    done = CliRunner().invoke(cli, ["analyze", str(folder), "--out", out, "--no-plots"])
    assert done.exit_code == 0 and "the log file is empty" in " ".join(done.output.split())
    assert (tmp_path / "out" / "abc" / "report.html").is_file()
    again = postrun.load(tmp_path / "out" / "abc")
    assert again.summary["loss"] == 0.25 and again.state is State.FAILED
    done = CliRunner().invoke(cli, ["check", str(folder)])
    assert done.exit_code == 1 and "ValueError" in done.output
