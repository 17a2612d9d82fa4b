"""A `.wandb` file is read on while it grows: the same columns as reading it whole, whatever is done to it."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from postrun.model import State, TargetError
from postrun.sources import resolve
from postrun.sources.wandb_local.live import LiveLog, LiveRun
from postrun.sources.wandb_local.log import Log, read_log
from tests import logs
from tests.conftest import SAMPLE

ROW = {"loss": 0.5, "name": "a", "deep": {"x": 1, "y": [1, 2]}}


def records(count: int = 300, exits: bool = True, **fields: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    rows = [
        {"_step": i, **ROW, "loss": float(rng.normal()), f"rare_{i % 40}": i, **fields}
        for i in range(count)
    ]
    rows[7]["loss"] = float("nan")
    rows[9]["name"] = "b" * 70_000  # a record of several blocks
    found = [logs.run_record("r1"), *logs.rows(rows), logs.output("hello\n")]
    return [*found, logs.exit_record()] if exits else found


def data_of(found: list[Any], origin: int = 0) -> bytes:
    for number, record in enumerate(found, 1):
        record.num = number
    return logs.frames([r.SerializeToString() for r in found], origin)


def differing(one: Log, two: Log) -> list[str]:
    out = []
    for item in dataclasses.fields(one):
        a, b = getattr(one, item.name), getattr(two, item.name)
        same = a.equals(b) and a.schema == b.schema if isinstance(a, pl.DataFrame) else a == b
        if not same:
            out.append(item.name)
    return out


@pytest.mark.parametrize("origin", [0, 7])
@pytest.mark.parametrize("seed", range(3))
def test_a_growing_log_gives_what_the_whole_file_gives(
    tmp_path: Path, seed: int, origin: int
) -> None:
    data, path = data_of(records(), origin), tmp_path / "run-r1.wandb"
    path.write_bytes(b"")
    rng, live, at = random.Random(seed), LiveLog(path), 0
    while at < len(data):
        size = rng.choice([1, 6, 7, 50, 3_000, 32_768, 60_000])
        with path.open("ab") as file:
            file.write(data[at : at + size])
        at += size
        live.poll()
        if rng.random() < 0.2:
            log = live.log()
            assert log.history.height == live.rows
    assert not live.changed and live.exited and live.offset == len(data)
    assert differing(live.log(), read_log(path)) == []


def test_the_sample_run_grows_into_itself(tmp_path: Path) -> None:
    whole = next(SAMPLE.glob("wandb/*/*.wandb"))
    data, path = whole.read_bytes(), tmp_path / whole.name
    live = LiveLog(path)
    for end in range(0, len(data) + 50_000, 50_000):
        path.write_bytes(data[:end]) if not path.exists() else path.open("ab").write(
            data[end - 50_000 : end]
        )
        live.poll()
    log = live.log()
    expected = read_log(whole)
    assert log.history.equals(expected.history) and log.summary == expected.summary


def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run-r1.wandb"
    data = data_of(records(2_000))
    half = len(data) // 2
    path.write_bytes(data[:half])
    live = LiveLog(path)
    assert live.poll() and not live.poll()
    before = live._records.log.records
    with path.open("ab") as file:
        file.write(data[half:])
    added = []
    monkeypatch.setattr(
        live._records, "add", lambda payloads: added.append(len(payloads)), raising=True
    )
    live.poll()
    assert before + sum(added) == read_log(path).records


def test_a_snapshot_does_not_change_what_comes_later(tmp_path: Path) -> None:
    path = tmp_path / "run-r1.wandb"
    data = data_of(records(900))
    path.write_bytes(data[: len(data) // 3])
    live = LiveLog(path)
    live.poll()
    first = live.log()
    again = live.log()
    assert differing(first, again) == []
    with path.open("ab") as file:
        file.write(data[len(data) // 3 :])
    live.poll()
    assert first.history.height < live.rows
    assert first.history.equals(again.history)


@pytest.mark.parametrize("how", ["truncated", "replaced", "written anew", "rotated"])
def test_a_log_that_is_another_one_is_read_from_its_start(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run-r1.wandb"
    path.write_bytes(data_of(records(300, exits=False)))
    live = LiveLog(path)
    live.poll()
    other = data_of(records(400, exits=False, other=1))
    if how == "truncated":
        path.write_bytes(data_of(records(20, exits=False)))
    elif how == "replaced":
        aside = tmp_path / "aside"
        aside.write_bytes(other)
        aside.replace(path)
    elif how == "rotated":
        path.rename(tmp_path / "old.wandb")
        path.write_bytes(other)
    else:
        with path.open("r+b") as file:
            file.write(data_of([logs.run_record("zz", 1_800_000_000), *records(500)[1:]]))
    assert live.poll() and live.changed
    assert differing(live.log(), read_log(path)) == []
    assert not live.poll() and not live.changed


def test_a_log_that_is_gone_for_a_moment_is_an_error_that_passes(tmp_path: Path) -> None:
    path = tmp_path / "run-r1.wandb"
    path.write_bytes(data_of(records(50, exits=False)))
    live = LiveLog(path)
    live.poll()
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(OSError):
        live.poll()
    path.write_bytes(kept + b"")
    assert live.poll() or live.rows == 50


def test_damage_waits_until_something_follows(tmp_path: Path) -> None:
    path = tmp_path / "run-r1.wandb"
    data = bytearray(data_of(records(3_000)))
    data[40_000:40_100] = bytes(100)
    path.write_bytes(data[:40_200])
    live = LiveLog(path)
    live.poll()
    seen = live.rows
    assert not live.log().damage
    with path.open("ab") as file:
        file.write(data[40_200:])
    live.poll()
    assert live.log().damage and live.rows > seen
    assert live.rows == read_log(path).history.height


def test_what_is_no_log_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run-r1.wandb"
    path.write_bytes(b"")
    live = LiveLog(path)
    assert not live.poll()
    path.write_bytes(b"something else entirely")
    with pytest.raises(TargetError):
        live.poll()


def test_a_run_is_running_until_it_exits_or_is_gone(tmp_path: Path) -> None:
    folder = logs.run_folder(tmp_path, "r1", records(60, exits=False))
    ref = resolve(folder)[0]
    assert ref.follow is not None
    growing = ref.follow()
    growing.poll()
    run = growing.run()
    assert run.state is State.RUNNING and run.completeness.whole and run.history.height == 60
    assert growing.run(gone=True).state is State.CRASHED
    logs.write(folder / "run-r1.wandb", records(60))
    growing.poll()
    assert growing.exited and growing.run().state is State.FINISHED


def test_older_segments_of_a_resumed_run_are_read_once(tmp_path: Path) -> None:
    first = logs.run_folder(tmp_path, "r1", records(40, exits=False), "20240101_000000")
    later = [logs.run_record("r1", 1_700_001_000, resumed=True)]
    later += logs.rows([{"_step": i, "loss": 0.1} for i in range(40, 60)], 1_700_001_000)
    second = logs.run_folder(tmp_path, "r1", later, "20240102_000000")
    live = LiveRun("r1", [first / "run-r1.wandb", second / "run-r1.wandb"])
    live.poll()
    assert live.run().history.height == 60
    os.remove(first / "run-r1.wandb")  # noqa: PTH107
    assert live.run().history.height == 60 and live.run().completeness.seams
