"""Nested Parquet columns: every value is found again, whatever the nesting and the names."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun.model import TargetError
from postrun.sources.frames.footer import footer_problem
from postrun.sources.frames.parquet import Columns, columns_of

#: A type as nested tuples: ("float",), ("struct", {"a": type}), ("union", {"_type_x": type}), ("list", type).
Kind = tuple[Any, ...]

SCALARS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "float": (pa.float64(), st.floats(-1e6, 1e6).map(lambda v: v + 0.5)),
    "int": (pa.int32(), st.integers(-1000, 1000)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.sampled_from(["warm", "é", "NaN", "Infinity", "[1", ""])),
}
SCALAR = st.sampled_from([(name,) for name in SCALARS])


def union_of(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    fields = st.dictionaries(
        st.sampled_from(["_type_float64", "_type_utf8", "_type_bool"]), SCALAR, min_size=1
    )
    more = st.dictionaries(st.sampled_from(["_type_struct", "_type_list"]), inner)
    return st.tuples(st.just("union"), st.builds(lambda a, b: {**a, **b}, fields, more))


def nesting(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    keys = st.sampled_from(["a", "b", "a.b", "also"])
    return st.one_of(
        st.tuples(st.just("struct"), st.dictionaries(keys, inner, min_size=1, max_size=3)),
        st.tuples(st.just("list"), inner),
        union_of(inner),
    )


KINDS = st.recursive(SCALAR, nesting, max_leaves=6)


def arrow(kind: Kind) -> pa.DataType:
    if kind[0] in SCALARS:
        return SCALARS[kind[0]][0]
    if kind[0] == "list":
        return pa.list_(arrow(kind[1]))
    return pa.struct([(name, arrow(inner)) for name, inner in kind[1].items()])


def values(kind: Kind) -> st.SearchStrategy[Any]:
    if kind[0] in SCALARS:
        return st.none() | SCALARS[kind[0]][1]
    if kind[0] == "list":
        return st.none() | st.lists(values(kind[1]), max_size=3)
    fields = {name: values(inner) for name, inner in kind[1].items()}
    if kind[0] == "struct":
        return st.none() | st.fixed_dictionaries(fields)
    # One field of a union holds the value; sometimes two do.
    held = st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=2, unique=True)
    return st.none() | held.flatmap(
        lambda names: st.fixed_dictionaries({n: fields[n] for n in names})
    )


def plain(kind: Kind, value: Any) -> Any:
    """Return what a list's JSON text says of a value; an odd union keeps the names of its types."""
    if kind[0] in SCALARS or value is None:
        return value
    if kind[0] == "list":
        return [plain(kind[1], v) for v in value]
    fields = {k: plain(kind[1][k], v) for k, v in value.items() if v is not None}
    if kind[0] == "struct":
        return fields
    return fields if len(fields) > 1 else next(iter(fields.values()), None)


def metrics(name: str, kind: Kind, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the metrics that one cell holds, each with its name."""
    if value is None:
        return
    if kind[0] in SCALARS:
        yield name, value
    elif kind[0] == "list":
        yield name, plain(kind, value)
    else:
        for key, child in value.items():
            inner = name if kind[0] == "union" else f"{name}.{key}"
            yield from metrics(inner, kind[1][key], child)


def is_same(cell: Any, value: Any) -> bool:
    if isinstance(value, list):
        return isinstance(cell, str) and cell.startswith("[") and json.loads(cell) == value
    if isinstance(value, bool):
        return cell in (value, json.dumps(value))
    if isinstance(value, str):
        number = {"NaN": math.nan, "Infinity": math.inf}.get(value)
        words = isinstance(cell, float) and number is not None
        return cell == value or (words and (cell == number or (cell != cell and value == "NaN")))
    return bool(cell == value)


def found(read: Columns, row: int) -> dict[str, list[Any]]:
    """Return the cells of a row by the names of their metrics."""
    out: dict[str, list[Any]] = {}
    for name, series in read.columns.items():
        if series[row] is not None:
            out.setdefault(re.sub(r"(:text|:also)+$", "", name), []).append(series[row])
    return out


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Kind], list[dict[str, Any]]]:
    names = st.sampled_from(["m", "m.a", "m.a.b", "m.b", "x"])
    kinds = draw(st.dictionaries(names, KINDS, min_size=1, max_size=4))
    row = st.fixed_dictionaries({name: values(kind) for name, kind in kinds.items()})
    return kinds, draw(st.lists(row, min_size=1, max_size=6))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(tables(), st.booleans())
def test_every_value_is_found_again(
    table: tuple[dict[str, Kind], list[dict[str, Any]]], exported: bool
) -> None:
    """In its row, under its metric's name; what has no place there, under KEY:text or KEY:also."""
    kinds, rows = table
    columns = {n: pa.array([row[n] for row in rows], arrow(kind)) for n, kind in kinds.items()}
    frame = pl.from_arrow(pa.table(columns))
    assert isinstance(frame, pl.DataFrame)
    read = columns_of(frame, exported)
    for number, row in enumerate(rows):
        cells = found(read, number)
        for name, kind in kinds.items():
            for metric, value in metrics(name, kind, row[name]):
                there = cells.get(metric, [])
                at = next((i for i, cell in enumerate(there) if is_same(cell, value)), None)
                if value == "" and at is None:
                    continue  # a blank among numbers is a missing value
                assert at is not None, (metric, value, there)
                del there[at]
        assert not any(cells.values()), cells  # and nothing else


def load(tmp_path: Path, **columns: Any) -> postrun.Run:
    rows = len(next(iter(columns.values())))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"loss": pa.array([1.0] * rows), **columns}), path)
    return postrun.load(path)


def test_columns_that_are_one_metric_are_joined(tmp_path: Path) -> None:
    """A dictionary that a union holds in some rows, and its key as a column in the others."""
    union = pa.array([{"_type_struct": {"lr": 0.1}}, {"_type_float64": 3.0}, None])
    run = load(tmp_path, **{"opt": union, "opt.lr": pa.array([None, None, 0.3])})
    assert run.history["opt.lr"].to_list() == [0.1, None, 0.3]
    assert run.history["opt"].to_list() == [None, 3.0, None]
    assert not any(name.endswith(":also") for name in run.history.columns)


def test_second_values_are_said(tmp_path: Path) -> None:
    inner = {"_type_int64": 7, "_type_utf8": "third"}
    both = pa.array([{"_type_float64": 1.5, "_type_struct": inner}, {"_type_float64": 2.5}])
    run = load(tmp_path, both=both)
    assert run.history["both:also:also"].to_list() == ["third", None]
    assert run.history["both"].to_list() == [1.5, 2.5]
    assert run.history["both:also"].to_list() == [7, None]
    assert any("both in both:also" in note for note in run.completeness.notes)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([4_000_000], pa.date32()), "4000000 d since 1970-01-01"),
        (pa.array([9 * 10**15], pa.timestamp("ms")), "9000000000000000 ms since 1970-01-01"),
        (pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")), "2023-11-14T22:13:20.123456789"),
        (pa.array([[9 * 10**15]], pa.list_(pa.timestamp("ms"))), '["9000000000000000 ms since 1970-01-01"]'),
        (pa.array([[dt.datetime(2024, 1, 2, tzinfo=dt.UTC)]]), '["2024-01-02T00:00:00+00:00"]'),
        (pa.array([[dt.date(2024, 1, 2)]]), '["2024-01-02"]'),
        (pa.array([[dt.timedelta(seconds=2.5)]]), "[2.5]"),
        (pa.array([[b"\xff\x00"]]), '["/wA="]'),
    ],
)  # fmt: skip
def test_dates_of_any_year_and_bytes_in_lists(tmp_path: Path, column: Any, text: str) -> None:
    assert load(tmp_path, odd=column).history["odd"].to_list() == [text]


@pytest.mark.skipif(not hasattr(pl, "Map"), reason="this version of Polars reads maps as lists")
def test_maps_are_dictionaries(tmp_path: Path) -> None:
    texts = pa.map_(pa.string(), pa.string())
    layers = pa.map_(pa.int64(), pa.struct([("x", pa.float64())]))
    image = {"_type": "image-file", "path": "media/a.png"}
    run = load(
        tmp_path,
        layers=pa.array([[(1, {"x": 0.5})], [(2, {"x": 1.5})]], layers),
        image=pa.array([list(image.items()), None], texts),
    )
    assert run.history["layers.1.x"].to_list() == [0.5, None]
    assert run.history["layers.2.x"].to_list() == [None, 1.5]
    assert json.loads(run.history["image"][0]) == image and run.completeness.media == {
        "image-file": 1
    }


def test_whole_numbers_beyond_64_bits_are_counted(tmp_path: Path) -> None:
    run = load(tmp_path, big=pa.array([2**64 - 1, 5], pa.uint64()))
    assert run.history["big"].to_list() == [float(2**64 - 1), 5.0]
    assert "1 whole numbers beyond 64 bits are kept as floats" in run.completeness.notes


def test_text_that_was_parted_before_stays_text(tmp_path: Path) -> None:
    """An export's KEY:text is what the rule left as text: it is not read as numbers later."""
    history = load(
        tmp_path, **{"answer": pa.array([1.0, None]), "answer:text": pa.array([None, "12"])}
    ).history
    assert history["answer:text"].to_list() == [None, "12"]


def footer_with(path: Path, old: bytes, new: bytes) -> None:
    """Replace bytes of a file's footer, which must hold them once."""
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert data.count(old, start) == 1 and len(old) == len(new)
    path.write_bytes(data[:start] + data[start:].replace(old, new))


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 values, its row group 52 rows"), (-1, "-1 values"), (60, "60 values")],
)
def test_a_footer_with_a_wrong_count(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], value: int, words: str
) -> None:
    """Refused with the cause; Polars would end its threads with a trace on standard error."""
    path = tmp_path / "a.parquet"
    table = pa.table({"loss": pa.array([0.5] * 52)})
    pq.write_table(table, path, write_statistics=False, compression="none", use_dictionary=False)
    zigzag = value << 1 if value >= 0 else -value * 2 - 1
    # `path_in_schema`, the codec (0), then the number of values: 52 is 104 in Thrift's zigzag.
    footer_with(path, b"loss\x15\x00\x16\x68", b"loss\x15\x00\x16" + bytes([zigzag]))
    with pytest.raises(TargetError, match=f"its footer is wrong: column loss has {words}"):
        postrun.load(path)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("options", [{}, {"row_group_size": 3}, {"data_page_version": "2.0"}])
def test_right_footers_are_believed(tmp_path: Path, options: dict[str, Any]) -> None:
    nested = pa.array([{"a": [1, 2], "b": {"c": None}}, None, {"a": [], "b": {"c": 1}}] * 3)
    maps = pa.array([[("k", 1)], [], None] * 3, pa.map_(pa.string(), pa.int64()))
    table = pa.table({"n": nested, "m": maps, "x": [0.5] * 9, "t": ["a"] * 9})
    pq.write_table(table, tmp_path / "a.parquet", **options)
    assert footer_problem(tmp_path / "a.parquet") == ""


@pytest.mark.filterwarnings("ignore")
def test_a_column_that_cannot_be_read_costs_itself(tmp_path: Path) -> None:
    """Polars 2.1 panics on lists of a fixed width of 0; a later version may read them."""
    run = load(tmp_path, none=pa.array([[], []], pa.list_(pa.int64(), 0)))
    assert run.history["loss"].to_list() == [1.0, 1.0]
    left_out = any("left out: none" in note for note in run.completeness.notes)
    assert left_out or run.history["none"].to_list() == ["[]", "[]"]


@pytest.mark.parametrize("name", ["*", "^loss$", "^[$", "^.*$"])
@pytest.mark.parametrize(
    "value", [dt.date(2024, 1, 2), dt.datetime(2024, 1, 2), "a text", [{"a": 1}], b"bytes"]
)
def test_names_of_columns_are_never_patterns(tmp_path: Path, name: str, value: Any) -> None:
    columns = {"_step": list(range(9)), "loss": [0.5] * 9, "odd": [value, None, *[value] * 7]}
    frame = pl.DataFrame(columns).rename({"odd": name})  # Polars cannot make such times itself
    frame.write_parquet(tmp_path / "r1_history.parquet")
    (result,) = postrun.analyze(tmp_path / "r1_history.parquet", out=tmp_path / "out")
    assert not result.error and result.rows == 9
