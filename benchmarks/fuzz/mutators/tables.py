"""Mutants of histories as CSV and Parquet files."""

from __future__ import annotations

import datetime
import decimal
from random import Random

import polars as pl

from benchmarks.fuzz import seeds, values
from benchmarks.fuzz.case import Case, Mutator

#: Cells that stand among numbers.
_CELLS = (
    "nan", "NaN", "Infinity", "-inf", "None", "NA", "N/A", "-", "--", "True", "false", " ", '""', "?",
    "#N/A", "null",
    "1e5", "1e400", "0x10", "1_000", '"1,000"', "85%", "{'a': 1}", "[1]", "٣", "１", "1.5.2", "***",
    "9" * 400,
    "=1+1", "'1", "1 2", "tensor(1.)",
)  # fmt: skip


def _cells(random: Random) -> Case:
    """Put odd cells among the numbers of a CSV file."""
    rows = [line.split(",") for line in seeds.history().write_csv().splitlines()]
    intact = set(seeds.ALL)
    for _ in range(random.choice((1, 1, 2))):
        number, column = random.randrange(1, len(rows)), random.randrange(len(rows[0]))
        rows[number][column] = random.choice(_CELLS)
        if rows[0][column] == "loss":
            intact.discard(seeds.loss(number - 1))
    return _csv("\n".join(",".join(row) for row in rows).encode(), frozenset(intact))


def _header(random: Random) -> Case:
    """Give columns of a CSV file odd names."""
    head, _, rest = seeds.history().write_csv().partition("\n")
    names = head.split(",")
    for _ in range(random.choice((1, 2))):
        at = random.choice([i for i, name in enumerate(names) if name != "loss"])
        names[at] = '"' + random.choice(values.NAMES).replace('"', '""').replace("\0", "") + '"'
    return _csv(f"{','.join(names)}\n{rest}".encode("utf-8", "replace"), seeds.ALL)


def _csv_bytes(random: Random) -> Case:
    """Damage a CSV file anywhere: it may be refused, with the cause."""
    data = bytearray(seeds.history().write_csv().encode())
    at = random.randrange(len(data))
    kind = random.randrange(4)
    if kind == 0:
        data[at] = random.randrange(256)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:at] = random.choice(
            (b'"', b"\n", b"\r", b",", b"\0", b"\xff\xfe", random.randbytes(6))
        )
    else:
        text = bytes(data).decode()
        data = bytearray(text.encode(random.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig"))))
    return _csv(bytes(data), frozenset(), refusable=True)


def _csv(data: bytes, intact: frozenset[float], refusable: bool = False) -> Case:
    return Case({"r1_history.csv": data}, "r1_history.csv", intact, refusable)


def _columns(random: Random) -> Case:
    """Add columns of any type and name to a Parquet file."""
    frame = seeds.history()
    for _ in range(random.choice((1, 1, 3))):
        name = random.choice((*values.NAMES, "extra", "extra.a", "eval/acc.x", "m"))
        if name == "loss":
            continue
        column = _column(random, frame.height)
        frame = frame.with_columns(column.alias(name))
    return _parquet(seeds.parquet(frame), seeds.ALL)


def _column(random: Random, height: int) -> pl.Series:
    date = datetime.date(2024, 1, 1)
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    value, dtype = random.choice(
        (
            ({"a": 1, "b": {"c": 2.5}}, None), ({"a": [1, 2]}, None), ([1, None, 3], None),
            ([{"a": 1}], None),
            (b"\xff\0", pl.Binary), (date, pl.Date), (moment, pl.Datetime("ns", "UTC")),
            (datetime.timedelta(days=1), pl.Duration("us")), (datetime.time(1, 2), pl.Time),
            (decimal.Decimal("1.25"), pl.Decimal(10, 2)), ("a", pl.Categorical), ("a", pl.Enum(["a",
            "b"])),
            (True, pl.Boolean), (7, pl.UInt64), (-7, pl.Int8), (1.5, pl.Float32), (None, pl.Null),
            ("1.5", pl.String), ("NaN", pl.String), ([], pl.List(pl.Float64)),
            ([1.0, 2.0], pl.Array(pl.Float64, 2)), ({"_type": "image-file", "path": "x"}, None),
            (1e300, pl.Float64), (float("nan"), pl.Float64), (float("inf"), pl.Float64),
            ((1 << 63) - 1, pl.Int64),
        )
    )  # fmt: skip
    cells = [value if random.random() < 0.8 else None for _ in range(height)]
    return pl.Series("x", cells, dtype=dtype, strict=False)


def _parquet_bytes(random: Random) -> Case:
    """Damage a Parquet file anywhere: it may be refused, with the cause."""
    data = bytearray(seeds.parquet(seeds.history()))
    kind = random.randrange(3)
    near_end = random.random() < 0.7
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(len(data) // 2 if near_end else 0, len(data))
        if kind == 0:
            data[at] = random.randrange(256)
        elif kind == 1:
            del data[at : at + random.randrange(1, 30)]
        else:
            data[at:at] = random.randbytes(random.randrange(1, 8))
        if not data:
            break
    return _parquet(bytes(data), frozenset(), refusable=True)


def _parquet(data: bytes, intact: frozenset[float], refusable: bool = False) -> Case:
    return Case({"r1_history.parquet": data}, "r1_history.parquet", intact, refusable)


MUTATORS = (
    Mutator("CSV: cells", _cells),
    Mutator("CSV: header", _header),
    Mutator("CSV: bytes", _csv_bytes),
    Mutator("Parquet: columns", _columns),
    Mutator("Parquet: bytes", _parquet_bytes),
)
