"""Run folders of SDK 0.8 and 0.9: JSON lines instead of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import postrun
from postrun.model import State
from postrun.sources import resolve

START = 1_585_000_000.0
STARTED = "2020-03-23T21:46:40"


def metadata(**changes: Any) -> dict[str, Any]:
    about = {
        "program": "train.py", "startedAt": STARTED, "heartbeatAt": "2020-03-23T21:48:20.5",
        "state": "finished", "exitcode": 0, "host": "box", "python": "3.7.3", "project": "walker",
        "git": {"remote": "https://example.org/p.git", "commit": "0" * 40},
    }  # fmt: skip
    return about | changes


def legacy(
    root: Path, name: str = "run-20200323_214640-leg1", rows: int = 30, **changes: Any
) -> Path:
    """A run folder as SDK 0.8 wrote it."""
    folder = root / "wandb" / name
    folder.mkdir(parents=True)
    history: list[dict[str, Any]] = [
        {"loss": 1 / (i + 1), "_step": i, "_runtime": 3.0 * i, "_timestamp": START + 3.0 * i}
        for i in range(rows)
    ]
    if rows > 5:
        history[3]["loss"] = "NaN"  # as these SDKs wrote it
        history[4]["image"] = {"_type": "image", "path": "media/a.png"}
    lines = "".join(json.dumps(row) + "\n" for row in history)
    (folder / "wandb-history.jsonl").write_text(lines)
    events = [
        {"system.gpu.0.gpu": 50.0 + i, "system.cpu": 20.0, "_wandb": True,
         "_timestamp": START + 15 * i, "_runtime": 15 * i}
        for i in range(6)
    ]  # fmt: skip
    (folder / "wandb-events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    (folder / "wandb-metadata.json").write_text(json.dumps(metadata(**changes)))
    (folder / "wandb-summary.json").write_text(json.dumps({"loss": 1 / rows, "_step": rows - 1}))
    (folder / "config.yaml").write_text(
        "wandb_version: 1\n\n_wandb:\n  desc: null\n  value:\n    cli_version: 0.8.29\n"
        "lr:\n  desc: null\n  value: 0.1\n"
    )
    (folder / "output.log").write_text("epoch 1\nepoch 2\n")
    return folder


@pytest.mark.parametrize("name", ["run-20200323_214640-leg1", "dryrun-20200323_214640-leg1"])
def test_everything_is_read(tmp_path: Path, name: str) -> None:
    folder = legacy(tmp_path, name)
    (ref,) = resolve(tmp_path / "wandb")
    assert (ref.id, ref.state) == ("leg1", State.FINISHED)
    run = postrun.load(folder)
    assert run.history["_step"].to_list() == list(range(30))
    assert run.history["loss"].dtype.is_numeric() and run.completeness.nonfinite == 1
    assert run.completeness.media == {"image": 1}
    assert run.completeness.sentence() == "complete: 30 rows, _step 0 to 29"
    assert (run.state, run.exit_code, run.runtime) == (State.FINISHED, 0, 100.0)
    assert run.config == {"lr": 0.1} and run.summary["_step"] == 29
    assert run.console["line"].to_list() == ["epoch 1", "epoch 2"]
    assert run.system.columns == ["_timestamp", "_runtime", "cpu", "gpu.0.gpu"]
    assert run.system["_runtime"].to_list() == [15.0 * i for i in range(6)]
    assert run.identity.project == "walker" and run.identity.commit == "0" * 40
    assert run.environment["wandb"] == "0.8.29" and run.environment["python"] == "3.7.3"
    assert run.identity.started_at is not None and run.identity.started_at.timestamp() == START


@pytest.mark.parametrize(
    ("changes", "state", "code"),
    [
        ({"exitcode": 1, "state": "failed"}, State.FAILED, 1),
        ({"exitcode": 255, "state": "killed"}, State.FAILED, 255),
        ({"exitcode": None, "state": "crashed"}, State.CRASHED, None),
        ({"exitcode": None, "state": "running"}, State.CRASHED, None),
    ],
)
def test_state(tmp_path: Path, changes: dict[str, Any], state: State, code: int | None) -> None:
    run = postrun.load(legacy(tmp_path, **changes))
    assert (run.state, run.exit_code) == (state, code)


def test_a_cut_last_line_and_a_broken_one(tmp_path: Path) -> None:
    folder = legacy(tmp_path)
    path = folder / "wandb-history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    offset = sum(map(len, lines[:10]))
    lines[10] = b"not json\n"
    path.write_bytes(b"".join(lines)[:-9])
    run = postrun.load(folder)
    assert run.history["_step"].to_list() == [i for i in range(29) if i != 10]
    broken, cut = run.completeness.damage
    assert (broken.offset, broken.resumed, cut.resumed) == (offset, True, False)
    assert run.completeness.truncated and "INCOMPLETE" in run.completeness.sentence()


def test_history_missing_beside_system_metrics(tmp_path: Path) -> None:
    folder = legacy(tmp_path)
    (folder / "wandb-history.jsonl").unlink()
    run = postrun.load(folder)
    assert run.history.height == 0 and run.system.height == 6
    assert "wandb-history.jsonl is missing" in run.completeness.sentence()


def test_lines_in_the_files_folder(tmp_path: Path) -> None:
    folder = legacy(tmp_path)
    below = folder / "files"
    below.mkdir()
    for path in [p for p in folder.iterdir() if p.is_file()]:
        path.rename(below / path.name)
    run = postrun.load(folder)
    assert run.history.height == 30 and run.config == {"lr": 0.1} and run.exit_code == 0


def test_project_of_old_and_new_folders(tmp_path: Path) -> None:
    legacy(tmp_path)
    legacy(tmp_path, "run-20200324_000000-leg2")
    assert [ref.id for ref in resolve(tmp_path)] == ["leg2", "leg1"]
