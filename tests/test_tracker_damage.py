"""Files of trackers that are half written, empty or of something else: read as far as it goes, or named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postrun.model import TargetError
from postrun.sources import resolve
from tests import event_files as tb
from tests.test_trackers import (
    find,
    mlflow_database,
    neptune,
    only,
    swanlab,
    trackio,
    trainer_state,
    write,
)

CUT = "{}: its last line is not written to its end, and was left out"


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("metrics.csv", "step,train_loss\n", "{i},0.{i}12345\n"),
        ("progress.csv", "time/total_timesteps,train/loss\n", "{i},0.{i}12345\n"),
        ("monitor.csv", '#{{"t_start": 1.0}}\nr,l,t\n', "0.{i},1,{i}.5\n"),
        ("train.log", "starting\n", "step {i} loss 0.{i}12345\n"),
    ],
)
def test_a_last_line_that_is_cut_gives_no_number(
    tmp_path: Path, name: str, head: str, row: str
) -> None:
    lines = head.replace("{{", "{").replace("}}", "}") + "".join(
        row.format(i=i) for i in range(10, 30)
    )
    path = write(tmp_path / name, lines)
    assert only(tmp_path).history.height == 20
    path.write_text(lines[:-3])
    run = only(tmp_path)
    assert run.history.height == 19
    assert CUT.format(name) in run.completeness.notes


def test_an_mlflow_line_without_its_step_is_no_step_0(tmp_path: Path) -> None:
    folder = tmp_path / "mlruns" / "1" / "aaa"
    write(folder / "meta.yaml", "run_id: aaa\n")
    (folder / "params").mkdir()
    lines = "".join(f"{1000 + i} 0.5 {i + 1}\n" for i in range(20))
    write(folder / "metrics" / "loss", f"{lines}2000 0.7\n")
    run = only(tmp_path)
    assert run.history["_step"].to_list() == list(range(1, 21))
    assert run.completeness.notes == ['loss: 1 lines are no "time value step"']


@pytest.mark.parametrize("data", [b"", b"PAR1", b"<html>not found</html>"])
def test_a_part_of_an_export_that_is_not_readable_is_named(tmp_path: Path, data: bytes) -> None:
    neptune(tmp_path / "data")
    (tmp_path / "data" / "RUN-1_part_0.parquet").write_bytes(data)
    with pytest.raises(TargetError, match=r"RUN-1_part_0\.parquet: not a readable Parquet file"):
        find(tmp_path)


@pytest.mark.parametrize("made", [trackio, mlflow_database])
def test_a_database_that_is_cut_is_named_and_costs_itself(tmp_path: Path, made: object) -> None:
    path = tmp_path / "runs.db"
    assert callable(made)
    made(path)
    path.write_bytes(path.read_bytes()[:6000])
    write(tmp_path / "hf" / "trainer_state.json", trainer_state(100))
    with pytest.raises(TargetError, match=r"runs\.db: not a readable database") as raised:
        find(tmp_path)
    assert [ref.id for ref in raised.value.found] == ["hf"]


def test_an_event_file_of_something_else_is_named_and_costs_itself(tmp_path: Path) -> None:
    events = [tb.event(i, [tb.simple("loss", i)]) for i in range(9)]
    tb.write(tmp_path / "good" / "events.out.tfevents.1.host", events)
    write(tmp_path / "bad" / "events.out.tfevents.2.host", "<html>404 not found</html>" * 9)
    with pytest.raises(TargetError, match=r"tfevents\.2\.host: not an event file") as raised:
        find(tmp_path)
    assert [ref.id for ref in raised.value.found] == ["good"]


def test_marks_at_the_beginning_of_a_text_cost_no_row(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"step": i, "loss": 2 / (i + 1)}) + "\n" for i in range(9))
    write(tmp_path / "log" / "a.jsonl", f"\ufeff{lines}")
    assert only(tmp_path).history.height == 9
    write(tmp_path / "hf" / "trainer_state.json", "\ufeff" + trainer_state(100))
    assert only(tmp_path / "hf").history.height == 10


def test_a_table_without_rows_is_no_whole_history(tmp_path: Path) -> None:
    write(tmp_path / "progress.csv", "time/total_timesteps,train/loss\n")
    run = only(tmp_path)
    assert (run.history.height, run.completeness.whole) == (0, False)
    assert run.completeness.no_history == "no row was logged"


def test_a_log_of_swanlab_whose_header_is_damaged_speaks_of_swanlab(tmp_path: Path) -> None:
    path = swanlab(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:5] + b"\r" + data[5:])
    with pytest.raises(TargetError, match="SwanLab"):
        [ref.load() for ref in resolve(tmp_path)]
