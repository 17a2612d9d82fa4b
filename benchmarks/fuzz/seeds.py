"""Intact runs that mutants are made of. `loss` of row i is 1 / (i + 1), so that each row is known by it."""

from __future__ import annotations

import io
import json
from functools import cache

import polars as pl
from wandb.proto import wandb_internal_pb2 as pb

ROWS = 12
START = 1_700_000_000
RUN = "run-20231114_221320-fuzz0001"
LOG = f"{RUN}/run-fuzz0001.wandb"


def loss(row: int) -> float:
    """Return the loss of a row."""
    return 1 / (row + 1)


ALL = frozenset(loss(row) for row in range(ROWS))


@cache
def records() -> tuple[bytes, ...]:
    """Return the payloads of a log that has each kind of record."""
    found = [_run(), _environment(), _metric(), _telemetry(), *_files_and_artifacts()]
    for row in range(ROWS):
        found.append(_history(row))
        if row % 3 == 0:
            found += [_stats(row), _output(row, raw=row % 2 == 0)]
        if row % 4 == 0:
            found.append(_summary(row))
    found += [_config(), _summary(ROWS - 1), _exit()]
    for number, record in enumerate(found):
        record.num = number + 1
    return tuple(record.SerializeToString() for record in found)


@cache
def row_of() -> dict[int, int]:
    """Return the row that each payload with a row holds, by the payload's number."""
    rows: dict[int, int] = {}
    for number, payload in enumerate(records()):
        if pb.Record.FromString(payload).HasField("history"):
            rows[number] = len(rows)
    return rows


def _item(target: object, key: str, value: object) -> None:
    item = target.add()  # type: ignore[attr-defined]
    if "." in key:
        item.nested_key.extend(key.split("."))
    else:
        item.key = key
    item.value_json = json.dumps(value)


def _run() -> pb.Record:
    record = pb.Record()
    record.run.run_id, record.run.entity, record.run.project = "fuzz0001", "lab", "fuzz"
    record.run.display_name, record.run.host = "seed run", "node-1"
    record.run.tags.extend(["a", "b"])
    record.run.start_time.seconds = START
    record.run.git.commit = "ab" * 20
    for key, value in {"lr": 0.1, "model": {"layers": 2}, "seed": 1}.items():
        _item(record.run.config.update, key, value)
    _item(record.run.summary.update, "best", 0.5)
    return record


def _environment() -> pb.Record:
    record = pb.Record()
    record.environment.os, record.environment.python = "Linux", "3.11.7"
    record.environment.args.extend(["--lr", "0.1"])
    record.environment.program, record.environment.gpu_count = "train.py", 1
    return record


def _metric() -> pb.Record:
    record = pb.Record()
    record.metric.name, record.metric.step_metric = "loss", "epoch"
    record.metric.summary.min = True
    return record


def _telemetry() -> pb.Record:
    record = pb.Record()
    record.telemetry.python_version, record.telemetry.cli_version = "3.11.7", "0.20.0"
    record.telemetry.imports_init.torch = True
    return record


def _files_and_artifacts() -> list[pb.Record]:
    files, made, used, alert = (pb.Record() for _ in range(4))
    files.files.files.add().path = "config.yaml"
    made.artifact.name, made.artifact.type = "weights", "model"
    made.artifact.aliases.append("best")
    used.use_artifact.id, used.use_artifact.name = "x1", "data:v1"
    alert.alert.title, alert.alert.text = "late", "slow"
    return [files, made, used, alert]


def _history(row: int) -> pb.Record:
    record = pb.Record()
    values = {
        "loss": loss(row), "epoch": row // 4, "eval.acc": row / 20, "note": f"row {row}",
        "image": {"_type": "image-file", "path": f"{row}.png", "width": 4}, "flag": row % 2 == 0,
        "_step": row, "_runtime": 5.0 * row, "_timestamp": START + 5.0 * row,
    }  # fmt: skip
    for key, value in values.items():
        _item(record.history.item, key, value)
    record.history.step.num = row
    return record


def _summary(row: int) -> pb.Record:
    record = pb.Record()
    values = {"loss": loss(row), "_step": row, "_runtime": 5.0 * row, "eval.acc": row / 20}
    for key, value in values.items():
        _item(record.summary.update, key, value)
    if row:
        record.summary.remove.add().key = "gone"
    return record


def _stats(row: int) -> pb.Record:
    record = pb.Record()
    record.stats.timestamp.seconds = START + 5 * row
    for key, value in {"cpu": 10.0 + row, "gpu.0.gpu": 50 + row}.items():
        item = record.stats.item.add()
        item.key, item.value_json = key, json.dumps(value)
    return record


def _output(row: int, raw: bool) -> pb.Record:
    record = pb.Record()
    target = record.output_raw if raw else record.output
    target.output_type = 1
    target.timestamp.seconds = START + 5 * row
    target.line = f"step {row} \x1b[32mloss\x1b[0m {loss(row):.3f}\n"
    return record


def _config() -> pb.Record:
    record = pb.Record()
    _item(record.config.update, "late", [1, 2, 3])
    return record


def _exit() -> pb.Record:
    record = pb.Record()
    record.exit.exit_code, record.exit.runtime = 0, 60
    return record


#: Small files that the SDK leaves beside a log, by their names in `files/`.
BESIDE: dict[str, bytes] = {
    "config.yaml": b"wandb_version: 1\n_wandb:\n  desc: null\n  value:\n    cli_version: 0.20.0\n    t:\n"
    b"      1: [1, 5]\n      3: [2, 3]\nlr:\n  desc: null\n  value: 0.1\nmodel:\n  value:\n    layers: 2\n"
    b"    names: &n [a, b]\n    again: *n\n",
    "wandb-metadata.json": json.dumps(
        {"os": "Linux", "python": "3.11.7", "startedAt": "2023-11-14T22:13:20.000Z", "program": "train.py",
         "args": ["--lr", "0.1"], "git": {"remote": "https://example.org/x", "commit": "ab" * 20},
         "host": "node-1", "cpu_count": 8, "gpu": "A100", "gpu_count": 1, "memory": {"total": 64},
         "disk": {"/": {"total": 1}}, "slurm": {"job_gpus": "0"}, "executable": "/usr/bin/python"}
    ).encode(),
    "wandb-summary.json": json.dumps(
        {"loss": loss(ROWS - 1), "_step": ROWS - 1, "_runtime": 60.0, "_timestamp": START + 60.0,
         "_wandb": {"runtime": 60}, "eval": {"acc": 0.5}}
    ).encode(),
    "requirements.txt": b"torch==2.4.0\nnumpy==1.26.0\n",
    "output.log": b"step 0 loss 1.0\r\n\x1b[2Kstep 1\nTraceback (most recent call last):\nValueError: x\n",
}  # fmt: skip


@cache
def history() -> pl.DataFrame:
    """Return the history of an exported run."""
    rows = range(ROWS)
    return pl.DataFrame(
        {
            "_step": list(rows),
            "_runtime": [5.0 * row for row in rows],
            "_timestamp": [START + 5.0 * row for row in rows],
            "loss": [loss(row) for row in rows],
            "eval/acc": [row / 20 if row % 4 == 0 else None for row in rows],
            "note": [f"row {row}" for row in rows],
        }
    )


@cache
def export_files() -> dict[str, bytes]:
    """Return the files of an exported run by name; its history is CSV."""
    about = {
        "run_id": "r1", "name": "seed run", "state": "finished", "created_at": "2023-11-14T22:13:20",
        "project": "fuzz", "entity": "lab", "tags": ["a"], "summary": {"loss": 0.1, "_step": ROWS - 1},
        "config": {"lr": {"value": 0.1}}, "environment": {"gpu": "A100", "gpu_count": 1},
        "requirements": ["torch==2.4.0"], "telemetry": {"imports": ["torch"]}, "exit_code": 0,
        "schema_version": 1, "completeness": {"sampled": False, "notes": ["kept"], "seams": []},
    }  # fmt: skip
    system = pl.DataFrame({"_timestamp": [START + 1.0], "_runtime": [1.0], "cpu": [5.0]})
    return {
        "full_analysis.json": json.dumps(about).encode(),
        "detailed_analysis.json": json.dumps({"run_id": "r1", "findings": []}).encode(),
        "r1_summary.json": json.dumps(about["summary"]).encode(),
        "r1_config.json": json.dumps(about["config"]).encode(),
        "r1_console.log": b"step 0\nstep 1\n",
        "r1_history.csv": history().write_csv().encode(),
        "r1_system.parquet": parquet(system),
    }


def parquet(frame: pl.DataFrame) -> bytes:
    """Return a frame as a Parquet file."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()
