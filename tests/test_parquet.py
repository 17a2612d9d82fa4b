"""Parquet files: unions of W&B's history store, nesting, and any column type."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun.cli.main import cli
from postrun.model import TargetError
from postrun.sources.frames.parquet import columns_of

N = 12


def union(values: list[Any]) -> pa.Array:
    """A mixed column as the history store writes it."""
    kinds = {
        bool: "bool",
        int: "float64",
        float: "float64",
        str: "utf8",
        dict: "struct",
        list: "list",
    }
    cells = [
        None if v is None else {f"_type_{kinds[type(v)]}": float(v) if type(v) is int else v}
        for v in values
    ]
    return pa.array(cells)


def write(path: Path, columns: dict[str, Any]) -> Path:
    table = {"_step": pa.array([float(i) for i in range(N)]), **columns}
    pq.write_table(pa.table(table), path)
    return path


def test_a_mixed_column_is_one_column(tmp_path: Path) -> None:
    values: list[Any] = [
        1.0,
        "NaN",
        0.5,
        "Infinity",
        True,
        None,
        "-Infinity",
        2.5,
        "warming up",
        3,
        4.5,
        5.5,
    ]
    run = postrun.load(write(tmp_path / "run-history.parquet", {"loss": union(values)}))
    loss = run.history["loss"]
    assert run.history["_step"].to_list() == list(range(N))
    assert loss.dtype == pl.Float64 and loss.count() == 10 and loss[4] == 1.0
    assert np.isnan(loss[1]) and loss[3] == np.inf and loss[6] == -np.inf
    assert run.history["loss:text"].drop_nulls().to_list() == ["warming up"]
    assert run.completeness.nonfinite == 3
    assert any("mix numbers and text (loss)" in note for note in run.completeness.notes)


def test_unions_within_structs_and_lists(tmp_path: Path) -> None:
    inner = [
        {"a": {"_type_float64": float(i)}, "b": {"x": {"_type_utf8": "NaN"}}} for i in range(N)
    ]
    lists = [[{"_type_float64": 1.0}, {"_type_utf8": "y"}]] * N
    both = [{"_type_float64": 1.0, "_type_utf8": "also"}] + [
        {"_type_float64": 2.0, "_type_utf8": None}
    ] * (N - 1)
    deep = [
        {"_type_struct": {"k": {"_type_float64": float(i), "_type_utf8": None}}} for i in range(N)
    ]
    run = postrun.load(
        write(
            tmp_path / "a.parquet",
            {
                "nested": pa.array(inner),
                "lists": pa.array(lists),
                "both": pa.array(both),
                "deep": pa.array(deep),
            },
        )
    )
    history = run.history
    assert history["nested.a"].to_list() == [float(i) for i in range(N)]
    assert history["deep.k"].to_list() == [float(i) for i in range(N)]
    assert history["nested.b.x"].is_nan().all()
    assert json.loads(history["lists"][0]) == [1.0, "y"]
    assert history["both"].count() == N and history["both:also"].drop_nulls().to_list() == ["also"]


def test_media_stay_in_one_piece(tmp_path: Path) -> None:
    image = {"_type": "image-file", "path": "media/a.png", "width": 3, "caption": None}
    bins = {"_type": "histogram", "bins": [0.0, 1.0], "values": [3]}
    run = postrun.load(
        write(
            tmp_path / "a.parquet",
            {"image": pa.array([image, *[None] * (N - 1)]), "h": union([bins, *[0.5] * (N - 1)])},
        )
    )
    assert run.completeness.media == {"image-file": 1, "histogram": 1}
    assert json.loads(run.history["image"][0]) == {k: v for k, v in image.items() if v is not None}
    assert run.history["h"].drop_nulls().to_list() == [0.5] * (N - 1)
    assert json.loads(run.history["h:text"][0]) == bins


DAY = dt.date(2024, 1, 31)
CLOCK = dt.datetime(2024, 1, 31, 12, 0, 1, 500_000)
PLAIN: list[tuple[str, Any, Any]] = [
    ("int8", pa.array([1] * N, pa.int8()), pl.Int64),
    ("uint8", pa.array([200] * N, pa.uint8()), pl.Int64),
    ("uint64", pa.array([7] * N, pa.uint64()), pl.Int64),
    ("uint64 beyond", pa.array([2**63 + 2048] * N, pa.uint64()), pl.Float64),
    ("float32", pa.array([0.5] * N, pa.float32()), pl.Float64),
    ("float16", pa.array(np.full(N, 0.5, np.float16)), pl.Float64),
    ("decimal", pa.array([Decimal("0.125")] * N), pl.Float64),
    ("duration", pa.array([dt.timedelta(seconds=1.5)] * N), pl.Float64),
    ("bool", pa.array([True] * N), pl.Boolean),
    ("date", pa.array([DAY] * N), pl.String),
    ("datetime", pa.array([CLOCK] * N), pl.String),
    ("time", pa.array([CLOCK.time()] * N), pl.String),
    ("text", pa.array(["a"] * N), pl.String),
    ("number in words", pa.array(["0.5"] * N), pl.Float64),
    ("dictionary", pa.array(["a", "b"] * (N // 2)).dictionary_encode(), pl.String),
    ("bytes", pa.array([b"abc"] * N), pl.String),
    ("odd bytes", pa.array([b"\xff\x00"] * N), pl.String),
    ("list", pa.array([[1, 2]] * N), pl.String),
    ("list of lists", pa.array([[[1], []]] * N), pl.String),
    ("list of structs", pa.array([[{"a": 1}]] * N), pl.String),
]


@pytest.mark.parametrize(("name", "column", "dtype"), PLAIN)
def test_any_column_type(tmp_path: Path, name: str, column: Any, dtype: Any) -> None:
    path = write(tmp_path / "a.parquet", {"loss": pa.array([1.0] * N), name: column})
    run = postrun.load(path)
    assert run.history[name].dtype == dtype and run.history[name].count() == N
    assert run.history["loss"].count() == N
    out = str(tmp_path / "o")
    done = CliRunner().invoke(cli, ["analyze", str(path), "--out", out, "--no-plots"])
    assert done.exit_code == 0, done.output


def test_values_of_those_types(tmp_path: Path) -> None:
    columns = {name: column for name, column, _ in PLAIN}
    history = postrun.load(
        write(tmp_path / "a.parquet", {"loss": pa.array([1.0] * N), **columns})
    ).history
    assert (
        history["date"][0] == "2024-01-31"
        and history["datetime"][0] == "2024-01-31T12:00:01.500000"
    )
    assert history["time"][0] == "12:00:01.500000" and history["duration"][0] == 1.5
    assert history["bytes"][0] == "abc" and history["odd bytes"][0] == "/wA="
    assert history["decimal"][0] == 0.125 and history["list of structs"][0] == '[{"a": 1}]'


def test_times_that_are_moments(tmp_path: Path) -> None:
    moments = pa.array([CLOCK + dt.timedelta(seconds=i) for i in range(N)])
    run = postrun.load(
        write(tmp_path / "a.parquet", {"_timestamp": moments, "loss": pa.array([1.0] * N)})
    )
    first = CLOCK.replace(tzinfo=dt.UTC).timestamp()
    assert run.history["_timestamp"].to_list() == [first + i for i in range(N)]


def test_a_key_that_is_called_as_another_column(tmp_path: Path) -> None:
    columns = {"opt": pa.array([{"lr": 0.1}] * N), "opt.lr": pa.array([0.2] * N)}
    run = postrun.load(write(tmp_path / "a.parquet", columns))
    assert run.history["opt.lr"].to_list() == [0.2] * N
    assert run.history["opt.lr:also"].to_list() == [0.1] * N
    assert any("opt.lr in opt.lr:also" in note for note in run.completeness.notes)


def test_no_steps_empty_structs_and_columns_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    nothing = pa.array([None] * N, pa.struct([("a", pa.float64())]))
    pq.write_table(
        pa.table({"loss": pa.array([1.0] * N), "null": pa.nulls(N), "none": nothing}), path
    )
    run = postrun.load(path)
    assert run.history["_step"].to_list() == list(range(N)) and run.history["loss"].count() == N


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1"])
def test_what_is_no_parquet_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(TargetError, match="not a readable Parquet file"):
        postrun.load(tmp_path / "a.parquet")


LEAVES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-1000, 1000), st.booleans(),
    st.text("abcé é", min_size=1, max_size=5).filter(lambda t: t.strip() == t and not t[0].isdigit()),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.none(), LEAVES), min_size=1, max_size=20), st.booleans())
def test_every_value_of_a_union_is_found_again(values: list[Any], nested: bool) -> None:
    """At its row, under its name or, for what is no number among numbers, under KEY:text."""
    column = union(values)
    if nested:
        column = pa.StructArray.from_arrays([column], ["inner"])
    frame = pl.from_arrow(pa.table({"m": column, "row": pa.array(range(len(values)))}))
    assert isinstance(frame, pl.DataFrame)
    found = columns_of(frame).columns
    name = "m.inner" if nested else "m"
    for row, value in enumerate(values):
        cells = [found[n][row] for n in (name, f"{name}:text") if n in found]
        held = [c for c in cells if c is not None]
        if value is None:
            assert not held
        else:
            (cell,) = held
            texts = {str(value), json.dumps(value)}
            assert cell == value or cell in texts, (value, cell)
