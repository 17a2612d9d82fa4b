"""The vectorised reader against the plain way: the SDK's protobuf classes and json.loads."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2 as pb

from postrun.sources.text_numbers import read_number
from postrun.sources.wandb_local.framing import LogReader
from postrun.sources.wandb_local.log import Log, read_log
from tests import logs
from tests.conftest import SAMPLE, SdkRun


def read(tmp_path: Path, records: list[pb.Record]) -> Log:
    return read_log(logs.write(tmp_path / "run-t.wandb", records))


def column(log: Log, name: str) -> list[Any]:
    return log.history[name].to_list()


def plainly(path: Path) -> list[dict[str, Any]]:
    """History rows by protobuf and json, value by value."""
    rows = []
    for batch in LogReader(path):
        for payload in batch:
            record = pb.Record.FromString(payload)
            if record.WhichOneof("record_type") == "history":
                rows.append(
                    {
                        ".".join(item.nested_key) or item.key: json.loads(item.value_json)
                        for item in record.history.item
                    }
                )
    return rows


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, int | float) and math.isnan(a):
        return math.isnan(b)
    return bool(a == b)


def test_sample_run_equals_plain_reading() -> None:
    path = next(SAMPLE.rglob("*.wandb"))
    expected = plainly(path)
    log = read_log(path)
    assert log.history.height == len(expected) == 480
    scalars = {k for row in expected for k, v in row.items() if isinstance(v, int | float | str)}
    scalars = {k for k in scalars if not k.startswith("eval/weights")}
    for name in scalars:
        for ours, theirs in zip(column(log, name), expected, strict=True):
            assert same(ours, theirs[name]) if name in theirs else ours is None


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(2**62), 2**62),
    st.booleans(),
    st.text(max_size=8),
    st.none(),
)
rows = st.lists(
    st.dictionaries(st.sampled_from(["a", "b/c", "é\n../x", "long" * 9, "_step"]), values),
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@example(rows=[{"a": 0.5}, {"a": 2**53 + 1}], nested=False)
@example(rows=[{"a": 2**53 + 1}, {"a": 0.5}, {"a": "text"}], nested=True)
@example(rows=[{"a": "0"}, {"a": 0.5}, {"a": "nan"}, {"b/c": "1"}, {"b/c": "x"}], nested=False)
@given(rows=rows, nested=st.booleans())
def test_any_history(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], nested: bool
) -> None:
    """Whatever is logged: each value is in its row, in its column or in KEY:text."""
    for row in rows:
        row.pop("_step", None)
    folder = tmp_path_factory.mktemp("any")
    records = [logs.history(row, step=i, nested=nested) for i, row in enumerate(rows)]
    log = read(folder, records)
    assert log.history.height == len(rows)
    assert column(log, "_step") == list(range(len(rows)))
    for i, row in enumerate(rows):
        for key, value in row.items():
            cells = [
                log.history[name][i] for name in (key, f"{key}:text") if name in log.history.columns
            ]
            if value is None:
                assert all(cell is None for cell in cells)
            elif isinstance(value, bool):
                assert value in cells or str(value).lower() in cells
            elif isinstance(value, str) and read_number(value) is not None:  # logged as text
                assert value in cells or any(same(read_number(value), c) for c in cells)
            elif not any(same(value, c) for c in cells if c is not None):
                # A whole number beyond 2^53 in a column of floats: the nearest, and counted.
                assert isinstance(value, int) and abs(value) > 2**53
                assert log.history.schema[key] == pl.Float64
                assert float(value) in cells
                assert any("beyond 2^53 are rounded" in note for note in log.notes)


def test_types(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        [
            logs.history({"i": 1, "f": 1, "n": 1.0, "b": True, "s": "x", "m": 1, "h": 10**30}),
            logs.history(
                {"i": 2**60 + 1, "f": 0.5, "n": b"NaN", "b": False, "s": "=1", "m": "off"}
            ),
            logs.history({"i": 3, "f": 2, "n": b"-Infinity", "l": [1, 2], "m": [1], "h": 2**63}),
            logs.history({"n": "Infinity", "b": None, "d": {"x": {"y": 2}, "z": 1.5}}),
        ],
    )
    schema = log.history.schema
    assert schema["i"] == pl.Int64 and column(log, "i") == [1, 2**60 + 1, 3, None]
    assert schema["f"] == pl.Float64 and column(log, "f") == [1.0, 0.5, 2.0, None]
    assert math.isnan(column(log, "n")[1])
    assert column(log, "n")[2:] == [-math.inf, math.inf]
    assert schema["b"] == pl.Boolean and column(log, "b") == [True, False, None, None]
    assert column(log, "s") == ["x", "=1", None, None]
    assert column(log, "m") == [1, None, None, None]
    assert column(log, "m:text") == [None, "off", "[1]", None]
    assert column(log, "h") == [1e30, None, 2.0**63, None]
    assert column(log, "l") == [None, None, "[1, 2]", None]
    assert column(log, "d.x.y")[3] == 2 and column(log, "d.z")[3] == 1.5
    assert log.nonfinite == 3
    assert any("mix numbers and text (m)" in note for note in log.notes)
    assert any("2 whole numbers beyond 64 bits" in note for note in log.notes)


def test_rounded_whole_numbers_are_counted(tmp_path: Path) -> None:
    many = [logs.history({"x": 2**53 + 1, "pad": "p" * 5000}) for _ in range(300)]  # other batches
    log = read(tmp_path, [*many, logs.history({"x": 0.5})])
    assert log.history["x"].dtype == pl.Float64
    assert any(note.startswith("300 whole numbers beyond 2^53") for note in log.notes)
    log = read(tmp_path, [*many, logs.history({"x": 5})])
    assert log.history["x"].dtype == pl.Int64 and column(log, "x")[0] == 2**53 + 1
    assert not log.notes


def test_floats_are_exact(tmp_path: Path) -> None:
    exact = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 123456.789e-7]
    log = read(tmp_path, [logs.history({"x": v}) for v in exact])
    assert column(log, "x") == exact


def test_media_in_both_forms(tmp_path: Path) -> None:
    picture = {"_type": "image-file", "path": "media/images/a.png", "width": 4}
    log = read(
        tmp_path,
        [
            logs.history({"picture": picture}),
            logs.history(
                {"w|_type": "histogram", "w|bins": [0, 1], "w|values": [3], "loss": 1.0},
                nested=True,
            ),
        ],
    )
    assert log.media == {"image-file": 1, "histogram": 1}
    assert json.loads(column(log, "picture")[0]) == picture
    assert json.loads(column(log, "w")[1]) == {"_type": "histogram", "bins": [0, 1], "values": [3]}
    assert "w.bins" not in log.history.columns


def test_typed_items_of_newer_sdks(tmp_path: Path) -> None:
    record = pb.Record()
    for key, field, value in (
        ("a", "integer", -3),
        ("b", "number", 0.5),
        ("c", "text", "hi"),
        ("d", "boolean", True),
        ("e", "json", "[1]"),
    ):
        item = record.history.item.add()
        if not hasattr(item, field):
            pytest.skip("this SDK's schema has no typed history items")
        item.key = key
        setattr(item, field, value)
    log = read(tmp_path, [record])
    assert [column(log, k)[0] for k in "abcde"] == [-3, 0.5, "hi", True, "[1]"]


def test_steps_from_records_and_items(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        [
            logs.history({"x": 1}, step=5),
            logs.history({"x": 2, "_step": 3}, step=9),
            logs.history({"x": 3}, step=2**40),
            logs.history({}, step=0),
        ],
    )
    assert column(log, "_step") == [5, 3, 2**40, 0]


def test_summary_keeps_the_last_update_and_removals(tmp_path: Path) -> None:
    records = []
    for i in range(30):
        record = pb.Record()
        for key in ("a", "b") if i < 10 else ("a",):
            item = record.summary.update.add()
            item.nested_key.append(key)
            item.value_json = str(i)
        records.append(record)
    nested = pb.Record()
    item = nested.summary.update.add()
    item.nested_key.extend(["acc", "max"])
    item.value_json = "0.5"
    removal = pb.Record()
    removal.summary.remove.add().key = "b"
    log = read(tmp_path, [*records, nested, removal])
    assert log.summary == {"a": 29, "acc": {"max": 0.5}}


def test_many_keys_few_rows(tmp_path: Path) -> None:
    row = {f"layer.{i}.{'x' * (i % 30)}": i * 0.5 for i in range(1500)}
    log = read(tmp_path, [logs.history(row, step=0), logs.history(row, step=1)])
    assert log.history.shape == (2, 1503)
    assert all(column(log, key) == [value, value] for key, value in row.items())


def test_other_records(tmp_path: Path) -> None:
    config = pb.Record()
    item = config.config.update.add()
    item.nested_key.extend(["optim", "lr"])
    item.value_json = "0.1"
    stats = pb.Record()
    stats.stats.timestamp.seconds = 1_700_000_010
    stat = stats.stats.item.add()
    stat.key, stat.value_json = "gpu.0.gpu", "97"
    alert = pb.Record()
    alert.alert.title = "late"
    used = pb.Record()
    used.use_artifact.name, used.use_artifact.type = "data:v1", "dataset"
    logged = pb.Record()
    logged.artifact.name, logged.artifact.type = "model", "model"
    logged.artifact.aliases.append("best")
    metric = pb.Record()
    metric.metric.name = "epoch"
    indexed = pb.Record()
    indexed.metric.glob_name, indexed.metric.step_metric_index = "val/*", 1
    indexed.metric.goal = 1
    preempting = pb.Record()
    preempting.preempting.SetInParent()
    files = pb.Record()
    files.files.files.add().path = "a.txt"
    log = read(
        tmp_path,
        [
            logs.run_record("t", config={"optim": {"name": "adam"}}, display_name="N", tags=["q"]),
            config,
            stats,
            alert,
            used,
            logged,
            metric,
            indexed,
            preempting,
            files,
            logs.output("line by line\n", raw=False),
            logs.exit_record(3),
        ],
    )
    assert log.config == {"optim": {"name": "adam", "lr": 0.1}}
    assert log.run["display_name"] == "N" and log.run["tags"] == ["q"]
    assert log.system.to_dicts() == [{"_timestamp": 1_700_000_010.0, "gpu.0.gpu": 97}]
    assert log.alerts[0].title == "late"
    assert [(a.name, a.direction, a.aliases) for a in log.artifacts] == [
        ("data:v1", "input", []),
        ("model", "output", ["best"]),
    ]
    assert log.metrics["val/*"].x_axis == "epoch" and log.metrics["val/*"].goal == "minimize"
    assert log.metrics["val/*"].glob
    assert log.preempting and "a.txt" in log.files
    assert log.console["line"].to_list() == ["line by line"]
    assert (log.exited, log.exit_code) == (True, 3)


def test_unreadable_records_are_counted(tmp_path: Path) -> None:
    good = logs.history({"x": 1.0})
    good.num = 1
    path = tmp_path / "run-u.wandb"
    path.write_bytes(logs.frames([good.SerializeToString(), b"\x0a\xff\xff\xff\xff\xff", b"\x8a"]))
    log = read_log(path)
    assert column(log, "x") == [1.0]
    assert any("2 records are not readable" in note for note in log.notes)


@pytest.mark.slow
def test_written_by_the_sdk(sdk: SdkRun) -> None:
    folder = sdk(
        """
import numpy as np, wandb
run = wandb.init(project="p", name="n", config={"a": {"b": 1}, "lr": 0.1}, tags=["t"])
run.define_metric("val/*", step_metric="epoch")
for i in range(50):
    run.log({"loss": 1 / (i + 1), "nan": float("nan"), "n": i, "flag": i % 2 == 0,
             "nest": {"x": i}, "word": "w", "h": wandb.Histogram(np.arange(5.0))})
run.log({"val/loss": 0.5, "epoch": 1})
run.summary["best"] = 7
run.config.update({"late": True})
print("hello")
run.finish()
"""
    )
    path = next(folder.glob("offline-run-*/*.wandb"))
    log = read_log(path)
    assert log.history.height == 51
    assert column(log, "loss")[:50] == [1 / (i + 1) for i in range(50)]
    assert column(log, "nest.x")[:50] == list(range(50))
    assert log.history["n"].dtype == pl.Int64 and log.history["flag"].dtype == pl.Boolean
    assert log.nonfinite == 50 and log.media == {"histogram": 50}
    assert log.config["late"] is True and log.config["a"] == {"b": 1}
    assert log.summary["best"] == 7
    assert "hello" in log.console["line"].to_list()
    assert log.exited and log.exit_code == 0 and not log.damage
    assert log.metrics["val/*"].x_axis == "epoch"
