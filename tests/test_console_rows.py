"""Runs without a history whose console prints metrics."""

from __future__ import annotations

import json
from pathlib import Path

import postrun
from postrun.sources import resolve
from tests import logs

LINES = "\n".join(str({"loss": round(3 - 0.1 * i, 2), "epoch": i / 4}) for i in range(1, 21))


def folder_with(root: Path, output: str) -> Path:
    return logs.files(
        root / "wandb" / "run-20240203_040506-abc",
        summary=json.dumps({"_step": 20, "_runtime": 9.0}),
        output=output,
    )


def test_printed_rows_stand_in_for_a_lost_log(tmp_path: Path) -> None:
    run = postrun.load(folder_with(tmp_path, LINES))
    assert run.history["loss"].to_list() == [round(3 - 0.1 * i, 2) for i in range(1, 21)]
    assert run.history["_step"].to_list() == list(range(20))
    done = run.completeness
    assert done.from_console and done.rows == 20 and not done.whole
    assert done.sentence().startswith("20 rows read from the console text; the log file")
    told = {f.rule for finding in postrun.diagnose(run) for f in finding.with_symptoms()}
    assert {"DAT002", "OPT007"} <= told


def test_some_metrics_are_enough(tmp_path: Path) -> None:
    folder_with(tmp_path, LINES)
    (ref,) = resolve(tmp_path / "wandb")
    assert ref.part_loader is not None
    run = ref.part_loader(frozenset({"loss"}))
    assert set(run.history.columns) == {"_step", "_runtime", "_timestamp", "loss"}


def test_a_console_without_metrics_changes_nothing(tmp_path: Path) -> None:
    run = postrun.load(folder_with(tmp_path, "downloading 5 of 12\nall 3 workers are up\n" * 9))
    assert not run.history.height and not run.completeness.from_console


def test_what_was_logged_is_not_replaced(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, LINES)
    rows = logs.rows({"_step": step, "loss": 1.0} for step in range(3))
    logs.write(folder / "run-abc.wandb", [logs.run_record("abc"), *rows, logs.exit_record()])
    run = postrun.load(folder)
    assert run.history["loss"].to_list() == [1.0, 1.0, 1.0]
    assert not run.completeness.from_console
