"""Runs of other trackers: each format as its library writes it, and folders that hold several."""

from __future__ import annotations

import json
import sqlite3
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import polars as pl
import pytest
from click.testing import CliRunner

from postrun.cli.main import cli
from postrun.model import Run, RunRef, State, TargetError
from postrun.sources import resolve, what_was_found
from postrun.sources.trackers import source
from tests import event_files as tb
from tests.conftest import SAMPLE
from tests.printed import results_of

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def find(target: Path) -> list[RunRef]:
    return resolve(target)


def only(target: Path) -> Run:
    (ref,) = find(target)
    return ref.load()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- Hugging Face ---------------------------------------------------------------------------------


def trainer_state(steps: int) -> str:
    log: list[dict[str, float]] = []
    for step in range(10, steps + 1, 10):
        log.append({"epoch": step / 100, "loss": 2 / step, "learning_rate": 1e-4, "step": step})
        if step % 50 == 0:
            log.append({"epoch": step / 100, "eval_loss": 3 / step, "step": step})
    about = {"global_step": steps, "max_steps": 300, "num_train_epochs": 3, "log_history": log}
    return json.dumps(about)


def test_trainer_states_of_all_checkpoints_are_one_run(tmp_path: Path) -> None:
    out = tmp_path / "bert"
    for step in (100, 200):
        write(out / f"checkpoint-{step}" / "trainer_state.json", trainer_state(step))
    run = only(tmp_path)
    assert run.id == "bert"
    assert run.history["_step"].to_list() == list(range(10, 201, 10))
    assert run.history["eval/loss"].count() == 4
    assert run.config["max_steps"] == 300
    assert "read from checkpoint-200/trainer_state.json" in run.completeness.notes


def test_a_trainer_that_came_to_its_last_step_has_finished(tmp_path: Path) -> None:
    state = write(tmp_path / "checkpoint-300" / "trainer_state.json", trainer_state(300))
    assert only(tmp_path).state is State.FINISHED
    state.write_text(trainer_state(290))
    assert only(tmp_path).state is State.UNKNOWN


def test_a_half_written_state_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint-100" / "trainer_state.json", trainer_state(100))
    write(tmp_path / "checkpoint-200" / "trainer_state.json", trainer_state(200)[:300])
    run = only(tmp_path)
    assert run.completeness.last_step == 100
    assert any("not readable" in note for note in run.completeness.notes)
    (tmp_path / "checkpoint-100" / "trainer_state.json").unlink()
    with pytest.raises(TargetError, match=r"checkpoint-200.*not readable.*Give a checkpoint"):
        only(tmp_path)


def test_the_trainers_event_files_give_its_rows_their_times(tmp_path: Path) -> None:
    write(tmp_path / "trainer_state.json", trainer_state(100))
    events = [tb.event(step, [tb.simple("train/loss", 2 / step)]) for step in range(10, 101, 10)]
    tb.write(tmp_path / "runs" / "Mar01" / "events.out.tfevents.1.host", events)
    run = only(tmp_path)
    assert run.runtime == 90
    assert run.history["_timestamp"].to_list() == [tb.START + step for step in range(10, 101, 10)]


# --- CSV ------------------------------------------------------------------------------------------


def test_lightning_rows_of_one_step_are_one_row(tmp_path: Path) -> None:
    rows = "".join(f"{i // 5},{i},{2 / (i + 1)},\n{i // 5},{i},,{3 / (i + 1)}\n" for i in range(20))
    write(
        tmp_path / "lightning_logs/version_3/metrics.csv", f"epoch,step,train_loss,val_loss\n{rows}"
    )
    write(
        tmp_path / "lightning_logs/version_3/hparams.yaml",
        "lr: 0.1\nloss: !!python/object:torch.nn.MSELoss\n  reduction: mean\n",
    )
    run = only(tmp_path)
    assert run.id == "lightning_logs-version_3"
    assert run.history["_step"].to_list() == list(range(20))
    assert run.history["val_loss"].null_count() == 0
    assert run.config == {"lr": 0.1, "loss": {"reduction": "mean"}}


def test_stable_baselines(tmp_path: Path) -> None:
    rows = "".join(f"{i * 2048},{i * 3},{i}.5,0.1\n" for i in range(1, 20))
    head = "time/total_timesteps,time/time_elapsed,rollout/ep_rew_mean,train/loss\n"
    write(tmp_path / "ppo" / "progress.csv", head + rows)
    run = only(tmp_path / "ppo")
    assert run.history["_step"].to_list()[:2] == [2048, 4096]
    assert run.runtime == 57


def test_monitors_of_several_environments_are_one_run(tmp_path: Path) -> None:
    for env in (0, 1):
        rows = "".join(f"{i}.0,10,{i + env / 2}\n" for i in range(1, 6))
        head = json.dumps({"t_start": 1000.0, "env_id": "CartPole-v1"})
        write(tmp_path / f"{env}.monitor.csv", f"#{head}\nr,l,t\n{rows}")
    run = only(tmp_path)
    assert run.history["_step"].to_list() == list(range(10, 101, 10))
    assert run.history["episode/reward"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert run.config == {"env_id": "CartPole-v1"}


# --- JSON lines -----------------------------------------------------------------------------------


def test_json_lines_of_metrics_and_not_of_data(tmp_path: Path) -> None:
    rows = [{"step": i, "loss": 2 / (i + 1), "time": T0.timestamp() + i} for i in range(20)]
    lines = [json.dumps(row) for row in rows]
    lines[7] = '{"step": 7, "loss": NaN}'
    lines[9] = "Traceback"
    path = write(tmp_path / "log" / "metrics.jsonl", "\n".join(lines) + '\n{"step": 20, "lo')
    write(tmp_path / "log" / "train.jsonl", '{"prompt": "a", "completion": "b"}\n' * 30)
    run = only(tmp_path)
    assert run.history.height == 19
    assert run.completeness.nonfinite == 1
    assert run.runtime == 19
    assert [d.offset for d in run.completeness.damage] == [
        sum(len(line) + 1 for line in lines[:9]),
        path.read_bytes().rindex(b"{"),
    ]
    assert not run.completeness.damage[-1].resumed


# --- databases ------------------------------------------------------------------------------------


def trackio(path: Path, older: bool = False) -> Path:
    """Write a project as Trackio does; older versions have no ids of runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    run_id = "" if older else "run_id TEXT, "
    with sqlite3.connect(path) as db:
        db.execute(
            f"CREATE TABLE metrics (id INTEGER PRIMARY KEY, {run_id}timestamp TEXT, run_name TEXT,"
            " step INTEGER, metrics TEXT)"
        )
        db.execute(
            f"CREATE TABLE configs (id INTEGER PRIMARY KEY, {run_id}run_name TEXT, config TEXT,"
            " created_at TEXT)"
        )
        own = () if older else ("7848908a715143e5",)
        marks = ",".join("?" * (4 + len(own)))
        names = ("" if older else "run_id, ") + "timestamp, run_name, step, metrics"
        for i in range(20):
            time = (T0 + timedelta(seconds=i)).isoformat()
            row = json.dumps({"train/loss": 2 / (i + 1), "odd": "NaN" if i == 3 else i})
            db.execute(
                f"INSERT INTO metrics ({names}) VALUES ({marks})",
                (*own, time, "fox", i, row.encode()),
            )
        names = ("" if older else "run_id, ") + "run_name, config, created_at"
        config = json.dumps({"lr": 0.1, "_Group": "g", "_Created": T0.isoformat()})
        db.execute(
            f"INSERT INTO configs ({names}) VALUES ({','.join('?' * (3 + len(own)))})",
            (*own, "fox", config, T0.isoformat()),
        )
    db.close()
    return path


@pytest.mark.parametrize("older", [False, True])
def test_trackio(tmp_path: Path, older: bool) -> None:
    run = only(trackio(tmp_path / "animals.db", older))
    assert (run.id, run.name, run.identity.project) == (
        "fox" if older else "fox-7848908a",
        "fox",
        "animals",
    )
    assert (run.config, run.identity.group, run.runtime) == ({"lr": 0.1}, "g", 19)
    assert run.completeness.nonfinite == 1


def test_a_database_that_its_writer_has_locked_is_read_as_it_lies_there(tmp_path: Path) -> None:
    path = trackio(tmp_path / "animals.db")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert only(path).history.height == 20
    writer.execute("ROLLBACK")
    writer.close()


def test_a_database_of_another_version_says_so(tmp_path: Path) -> None:
    path = trackio(tmp_path / "animals.db")
    (ref,) = find(path)
    with sqlite3.connect(path) as db:
        column = db.execute("PRAGMA table_info(metrics)").fetchall()[-1][1]
        db.execute(f"ALTER TABLE metrics RENAME COLUMN {column} TO payload")
    db.close()
    with pytest.raises(
        TargetError, match=r"animals\.db: its tables are of a version .*no such column"
    ):
        ref.load()


def test_a_damaged_or_foreign_database_is_no_run(tmp_path: Path) -> None:
    path = trackio(tmp_path / "animals.db")
    (ref,) = find(path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(TargetError, match=r"animals\.db: not a readable database"):
        ref.load()
    write(tmp_path / "hf" / "trainer_state.json", trainer_state(100))
    with pytest.raises(TargetError, match="not a readable database") as raised:
        find(tmp_path)
    assert [ref.id for ref in raised.value.found] == ["hf"]
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE users (name TEXT)")
    db.close()
    with pytest.raises(TargetError, match="not a run that postrun can read"):
        find(other)


def mlflow_database(path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.executescript(
            """
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
            CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
                lifecycle_stage TEXT, experiment_id INTEGER);
            CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT,
                is_nan BOOLEAN);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
            INSERT INTO experiments VALUES (1, 'animals');
            INSERT INTO params VALUES ('lr', '0.1', 'aaa'), ('name', 'adam', 'aaa');
            INSERT INTO tags VALUES ('team', 'x', 'aaa'), ('mlflow.source.name', 'train.py', 'aaa');
            """
        )
        start = int(T0.timestamp() * 1000)
        for run, status, stage in (("aaa", "FINISHED", "active"), ("bbb", "FAILED", "deleted")):
            about = (run, f"run {run}", status, start, start + 60_000, stage, 1)
            db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", about)
        for i in range(20):
            largest = 1.7976931348623157e308 if i == 5 else 1.0
            for key, value, bad in (
                ("loss", 2 / (i + 1), i == 3),
                ("grad", largest, 0),
                ("system/cpu_utilization_percentage", 50, 0),
            ):
                row = (key, value, start + i * 1000, "aaa", i, bad)
                db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", row)
    db.close()
    return path


def test_mlflow_database(tmp_path: Path) -> None:
    run = only(mlflow_database(tmp_path / "mlflow.db"))
    assert (run.id, run.name, run.identity.project, run.state) == (
        "aaa",
        "run aaa",
        "animals",
        State.FINISHED,
    )
    assert (run.config, run.runtime) == ({"lr": 0.1, "name": "adam"}, 60)
    assert (run.identity.tags, run.environment) == (["team:x"], {"program": "train.py"})
    assert run.history["grad"][5] == float("inf")
    assert run.completeness.nonfinite == 2
    assert run.system.columns == ["_timestamp", "_runtime", "cpu"]


def test_mlflow_file_store(tmp_path: Path) -> None:
    folder = tmp_path / "mlruns" / "1" / "aaa"
    write(folder.parent / "meta.yaml", "experiment_id: '1'\nname: animals\n")
    start = int(T0.timestamp() * 1000)
    about = (
        f"run_id: aaa\nrun_name: fox\nstatus: 4\nstart_time: {start}\nend_time: {start + 30_000}\n"
    )
    write(folder / "meta.yaml", about)
    lines = "".join(f"{start + i * 1000} {2 / (i + 1)} {i}\n" for i in range(20))
    write(folder / "metrics" / "train" / "loss", f"{lines}{start}\n{start} 0.1 1")
    write(folder / "params" / "lr", "0.1")
    write(folder / "tags" / "mlflow.runName", "fox")
    run = only(tmp_path / "mlruns")
    assert (run.id, run.name, run.identity.project, run.state) == (
        "aaa",
        "fox",
        "animals",
        State.FAILED,
    )
    assert run.history["train/loss"].to_list() == [2 / (i + 1) for i in range(20)]
    assert (run.config, run.runtime) == ({"lr": 0.1}, 30)
    assert run.completeness.notes == [
        "loss: its last line is not written to its end, and was left out",
        'loss: 1 lines are no "time value step"',
    ]
    (folder / "meta.yaml").write_text(about[:-1] + "tags: [")
    run = only(tmp_path / "mlruns")
    assert (run.id, run.state, run.history.height) == ("aaa", State.UNKNOWN, 20)
    assert "meta.yaml names no run: name, state and times are not known" in run.completeness.notes


# --- SwanLab --------------------------------------------------------------------------------------


def moment(seconds: int) -> bytes:
    return tb.field(1, int(T0.timestamp()) + seconds) + tb.field(2, 500_000_000)


def swanlab(folder: Path) -> Path:
    """Write a run as SwanLab 0.10 does: LevelDB records of protobuf messages."""
    start = (
        tb.field(1, b"animals")
        + tb.field(4, b"fox")
        + tb.field(6, b"tag")
        + tb.field(12, moment(0))
    )
    payloads = [tb.field(10, start)]
    column = tb.field(1, 2) + tb.field(3, b"__swanlab__.cpu.pct")
    payloads.append(tb.field(12, column))
    for i in range(20):
        for key, value in ((b"train/loss", 2 / (i + 1)), (b"__swanlab__.cpu.pct", 50.0)):
            scalar = (
                tb.field(1, key)
                + tb.field(2, i)
                + tb.field(4, moment(i))
                + tb.field(5, tb.double(1, value))
            )
            payloads.append(tb.field(13, scalar))
    payloads.append(tb.field(16, tb.field(1, b"hello") + tb.field(3, moment(3))))
    payloads.append(tb.field(11, tb.field(1, 1) + tb.field(3, moment(60))))
    data = b":SWL\xd6\xe1\x02"
    for payload in payloads:
        data += struct.pack("<IHB", crc32(b"\x01" + payload), len(payload), 1) + payload
    path = folder / "run-20260301_000000-abc" / "run-abc.swanlab"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    write(path.parent / "files" / "config.yaml", "lr:\n  desc: ''\n  sort: 0\n  value: 0.1\n")
    write(path.parent / "files" / "requirements.txt", "torch==2.9\n")
    write(
        path.parent / "files" / "swanlab-metadata.json",
        '{"runtime": {"hostname": "box"}, "hardware": {}}',
    )
    return path


def test_swanlab(tmp_path: Path) -> None:
    swanlab(tmp_path)
    run = only(tmp_path)
    assert (run.id, run.name, run.identity.project, run.state) == (
        "abc",
        "fox",
        "animals",
        State.FINISHED,
    )
    assert (run.config, run.runtime, run.identity.host) == ({"lr": 0.1}, 60, "box")
    assert run.history["train/loss"].to_list() == [2 / (i + 1) for i in range(20)]
    assert run.system.columns == ["_timestamp", "_runtime", "cpu"]
    assert run.console["line"].to_list() == ["hello"]
    assert run.requirements == ["torch==2.9"]
    assert run.completeness.whole


def test_a_swanlab_log_that_is_cut_off(tmp_path: Path) -> None:
    path = swanlab(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    run = only(tmp_path)
    assert run.state is State.UNKNOWN
    assert run.history.height == 20
    assert not run.completeness.whole


def test_a_swanlab_log_of_another_version_costs_itself(tmp_path: Path) -> None:
    path = swanlab(tmp_path / "swanlog")
    path.write_bytes(b"\0\0\0\0\0" + path.read_bytes())
    write(tmp_path / "hf" / "trainer_state.json", trainer_state(100))
    with pytest.raises(TargetError, match=r"\.swanlab: not a log of SwanLab 0\.10") as raised:
        find(tmp_path)
    assert [ref.id for ref in raised.value.found] == ["hf"]


# --- Neptune --------------------------------------------------------------------------------------


def neptune(folder: Path, scale: str = "1") -> Path:
    """Write a run by the schema that Neptune's exporter documents."""
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "project_id": pl.String, "run_id": pl.String, "attribute_path": pl.String, "attribute_type": pl.String,
        "step": pl.Decimal(18, 6), "timestamp": pl.Datetime("ms", "UTC"), "float_value": pl.Float64,
        "string_value": pl.String, "datetime_value": pl.Datetime("ms", "UTC"),
    }  # fmt: skip
    one: dict[str, object] = {"project_id": "lab/animals", "run_id": "RUN-1"}
    rows: list[dict[str, object]] = [
        one | {"attribute_path": "params/lr", "attribute_type": "float", "float_value": 0.1},
        one | {"attribute_path": "sys/name", "attribute_type": "string", "string_value": "fox"},
        one
        | {
            "attribute_path": "sys/creation_time",
            "attribute_type": "datetime",
            "datetime_value": T0,
        },
    ]
    for i in range(20):
        at = {"step": Decimal(i) * Decimal(scale), "timestamp": T0 + timedelta(seconds=i)}
        for path, value in (("train/loss", 2 / (i + 1)), ("monitoring/abc/cpu", 50.0)):
            rows.append(
                one
                | at
                | {"attribute_path": path, "attribute_type": "float_series", "float_value": value}
            )
    folder.mkdir(parents=True)
    pl.DataFrame(rows, schema=schema).write_parquet(folder / "RUN-1_part_0.parquet")
    return folder


@pytest.mark.parametrize("scale", ["1", "0.5"])
def test_neptune_export(tmp_path: Path, scale: str) -> None:
    run = only(neptune(tmp_path / "data", scale))
    assert (run.id, run.name, run.identity.project, run.identity.entity) == (
        "RUN-1",
        "fox",
        "animals",
        "lab",
    )
    assert run.config == {"params/lr": 0.1}
    assert run.history["_step"].to_list() == list(range(20))
    assert ("step" in run.history.columns) == (scale == "0.5")
    assert run.runtime == 19
    assert run.system.width == 3


# --- console logs ---------------------------------------------------------------------------------


def test_a_console_log_is_a_run(tmp_path: Path) -> None:
    lines = "".join(f"step {i} loss {2 / (i + 1):.4f}\n" for i in range(20))
    run = only(write(tmp_path / "train.log", f"starting\n{lines}"))
    assert run.id == "train"
    assert run.history["_step"].to_list() == list(range(20))
    assert run.console.height == 21


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\n" * 50, "no number is in it"),
        ("epoch 3 of 4 is here\n", "no line with metrics repeats"),
    ],
)
def test_a_console_log_without_metrics_says_what_is_read(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(TargetError, match=rf"train\.log.*{words}.*step 100 loss 2\.31"):
        find(write(tmp_path / "train.log", text))


# --- folders --------------------------------------------------------------------------------------


def test_several_logs_of_one_run_are_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "version_0"
    tb.write(
        folder / "events.out.tfevents.1.host",
        [tb.event(i, [tb.simple("loss", i)]) for i in range(9)],
    )
    write(folder / "metrics.csv", "epoch,step,loss\n0,1,2\n")
    write(folder / "train.log", "starting\n")
    run = only(tmp_path)
    assert run.completeness.source == "tensorboard"
    assert (
        "its folder also holds logs of Lightning CSVLogger, which were not read"
        in run.completeness.notes
    )
    assert run.console["line"].to_list() == ["starting"]


def test_a_folder_with_a_run_of_each_tracker(tmp_path: Path) -> None:
    write(tmp_path / "hf" / "trainer_state.json", trainer_state(100))
    write(
        tmp_path / "csv" / "version_0" / "metrics.csv",
        "step,loss\n" + "".join(f"{i},{i}\n" for i in range(9)),
    )
    write(tmp_path / "sb3" / "progress.csv", "time/total_timesteps,train/loss\n100,1\n200,2\n")
    write(tmp_path / "monitor" / "0.monitor.csv", '#{"t_start": 1.0}\nr,l,t\n1,9,1\n2,9,2\n')
    write(
        tmp_path / "lines" / "a.jsonl", "".join(f'{{"step": {i}, "loss": {i}}}\n' for i in range(9))
    )
    write(tmp_path / "console" / "a.log", "".join(f"step {i} loss {i}.5\n" for i in range(9)))
    tb.write(
        tmp_path / "tb" / "events.out.tfevents.1.host",
        [tb.event(i, [tb.simple("loss", i)]) for i in range(9)],
    )
    trackio(tmp_path / "trackio" / "animals.db")
    (tmp_path / "mlflow").mkdir()
    mlflow_database(tmp_path / "mlflow" / "mlflow.db")
    swanlab(tmp_path / "swanlog")
    neptune(tmp_path / "neptune")
    (tmp_path / "wandb").symlink_to(SAMPLE)
    refs = find(tmp_path)
    assert sorted(ref.source for ref in refs) == [
        "console_log", "hugging_face", "json_lines", "lightning_csv", "mlflow", "monitor", "neptune",
        "stable_baselines", "swanlab", "tensorboard", "trackio", "wandb_local",
    ]  # fmt: skip
    assert len({ref.id for ref in refs}) == len(refs)
    assert what_was_found(refs).startswith("Found 11 runs of other trackers: ")
    options = [
        "--out",
        str(tmp_path / "out"),
        "--no-plots",
        "--no-report",
        "--workers",
        "1",
        "--json",
    ]
    done = CliRunner().invoke(cli, ["analyze", str(tmp_path), *options])
    assert done.exit_code == 0
    assert len(results_of(done.stdout)["runs"]) == len(refs)
    assert "Found 11 runs of other trackers" in done.stderr


def test_a_list_shows_steps_time_and_metric_of_small_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trackio(tmp_path / "animals.db")
    write(tmp_path / "hf" / "trainer_state.json", trainer_state(100))

    def listed() -> dict[str, dict[str, Any]]:
        done = CliRunner().invoke(cli, ["list", str(tmp_path), "--json"])
        return {row["id"]: row for row in results_of(done.stdout)["runs"]}

    fox, hf = listed()["fox-7848908a"], listed()["hf"]
    assert (fox["name"], fox["project"], fox["values"]["_step"]) == ("fox", "animals", 19)
    assert fox["values"]["_runtime"] == 19
    assert (hf["values"]["_step"], hf["values"]["eval/loss"]) == (100, 0.03)
    monkeypatch.setattr(source, "_SMALL", 100)
    source._look.cache_clear()
    assert listed()["fox-7848908a"]["name"] == "fox"
    assert not any(row["values"] for row in listed().values())


def test_a_console_log_beside_other_runs_is_none_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "slurm-1.out", "".join(f"step {i} loss {i}.5\n" for i in range(9)))
    assert only(tmp_path).completeness.source == "console_log"
    (tmp_path / "wandb").symlink_to(SAMPLE)
    assert only(tmp_path).completeness.source == "wandb_local"


def test_texts_of_a_data_set_are_no_runs(tmp_path: Path) -> None:
    for i in range(60):
        write(tmp_path / f"{i}.txt", "0 0.5 0.5 0.1 0.2\n" * 20)
    with pytest.raises(TargetError, match="run in this folder"):
        find(tmp_path)


def test_ids_are_as_long_as_they_must_be(tmp_path: Path) -> None:
    for name in ("a/seed", "b/seed", "c/version_1"):
        write(tmp_path / name / "metrics.csv", "step,loss\n1,2\n2,3\n")
    assert sorted(ref.id for ref in find(tmp_path)) == ["a-seed", "b-seed", "c-version_1"]
