"""Writing `.wandb` files record by record, with the SDK's own protobuf classes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from struct import pack
from typing import Any
from zlib import crc32

from wandb.proto import wandb_internal_pb2 as pb

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32768


def frames(payloads: Iterable[bytes], origin: int = 0) -> bytes:
    """Payloads in LevelDB log blocks, as the SDK writes them.

    Blocks are counted from byte `origin`: 0, or 7 as wandb-core before 0.17.6 did.
    """
    out = bytearray(HEADER)
    for payload in payloads:
        first = True
        while True:
            room = BLOCK - (len(out) - origin) % BLOCK
            if room < 7:
                out += bytes(room)
                room = BLOCK
            part, payload = payload[: room - 7], payload[room - 7 :]
            last = not payload
            kind = 1 if first and last else 2 if first else 4 if last else 3
            out += pack("<IHB", crc32(part, crc32(bytes([kind]))), len(part), kind) + part
            first = False
            if last:
                break
    return bytes(out)


def history(row: dict[str, Any], step: int | None = None, nested: bool = False) -> pb.Record:
    """One history record; values are JSON-encoded unless they are bytes (raw JSON text)."""
    record = pb.Record()
    for key, value in row.items():
        item = record.history.item.add()
        if nested:
            item.nested_key.extend(key.split("|"))
        else:
            item.key = key
        item.value_json = value.decode() if isinstance(value, bytes) else json.dumps(value)
    if step is not None:
        record.history.step.num = step
    if not row:
        record.history.SetInParent()
    return record


def run_record(run_id: str, start: int = 1_700_000_000, **fields: Any) -> pb.Record:
    """The run record; `config` is a dictionary of top-level values."""
    record = pb.Record()
    record.run.run_id = run_id
    record.run.start_time.seconds = start
    for key, value in fields.pop("config", {}).items():
        item = record.run.config.update.add()
        item.key, item.value_json = key, json.dumps(value)
    for name, value in fields.items():
        if isinstance(value, list):
            getattr(record.run, name).extend(value)
        else:
            setattr(record.run, name, value)
    return record


def exit_record(code: int = 0) -> pb.Record:
    """The exit record."""
    record = pb.Record()
    record.exit.exit_code = code
    record.exit.SetInParent()
    return record


def output(text: str, stream: str = "stdout", raw: bool = True, seconds: int = 1) -> pb.Record:
    """A console record."""
    record = pb.Record()
    target = record.output_raw if raw else record.output
    target.output_type = 1 if stream == "stdout" else 0
    target.line = text
    target.timestamp.seconds = seconds
    return record


def write(path: Path, records: Iterable[pb.Record], origin: int = 0) -> Path:
    """Write records, numbered as the SDK numbers them; `origin` as in `frames`."""
    payloads = []
    for number, record in enumerate(records, 1):
        record.num = number
        payloads.append(record.SerializeToString())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frames(payloads, origin))
    return path


def rows(
    values: Iterable[dict[str, Any]], start: float = 1_700_000_000.0, every: float = 1.0
) -> list[pb.Record]:
    """History records of rows with a `_step`; one each `every` seconds from `start` on."""
    return [
        history(
            {"_timestamp": start + i * every, "_runtime": i * every} | row, step=int(row["_step"])
        )
        for i, row in enumerate(values)
    ]


def files(folder: Path, **contents: str) -> Path:
    """Write `files/` of a run folder; keys are short names of its files (`summary`, `output`)."""
    names = {
        "config": "config.yaml",
        "summary": "wandb-summary.json",
        "metadata": "wandb-metadata.json",
        "output": "output.log",
        "requirements": "requirements.txt",
    }
    below = folder / "files"
    below.mkdir(parents=True, exist_ok=True)
    for key, text in contents.items():
        (below / names[key]).write_text(text)
    return folder


def run_folder(
    root: Path, run_id: str, records: Iterable[pb.Record], stamp: str = "20240101_000000"
) -> Path:
    """A run folder below `root/wandb`; returns the folder."""
    folder = root / "wandb" / f"run-{stamp}-{run_id}"
    write(folder / f"run-{run_id}.wandb", records)
    return folder
