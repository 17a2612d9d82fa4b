"""A cell costs itself, not the column: odd cells among numbers in CSV and Parquet files."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import postrun
from postrun.model import TargetError
from postrun.sources.frames import files
from postrun.sources.frames.footer import footer_problem

#: Cells that are neither numbers nor empty; each is counted.
ODD = (
    "None", "NA", "N/A", "#N/A", "null", "NULL", "<NA>", "nil", "-", "--", "—", "?", "*", "True", "False",
    "true", "١٢٣", "१२", "½", "²", "−1.5", "0x1F", "1_000", "abc", "12%", "$5", "1 000", "1.5.2", "(1.5)",
    "[0.5]", "[]", "{}", "2024-01-01", "12:30", "  ", "\u00a0", "1,234", "'0.5'", "#DIV/0!", "err",
)  # fmt: skip
#: Cells that are numbers in another spelling.
NUMBERS = (
    "nan",
    "NaN",
    "Infinity",
    "-inf",
    "1e5",
    ".5",
    "5.",
    "+3",
    "1.5 ",
    "tensor(0.5)",
    "1,234.5",
)


def write(path: Path, cells: Sequence[str | None]) -> Path:
    """Write a history with these cells as its loss."""
    steps = range(len(cells))
    if path.suffix == ".parquet":
        pl.DataFrame({"_step": steps, "loss": pl.Series(cells, dtype=pl.String)}).write_parquet(
            path
        )
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["_step", "loss", "acc"])
        writer.writerows([[step, cell, 0.5] for step, cell in zip(steps, cells, strict=True)])
    return path


def told(run: postrun.Run) -> int:
    """Return how many cells a run's notes count."""
    found = [re.search(r"^([\d,]+) cells? (?:is|are) no number", n) for n in run.completeness.notes]
    return sum(int(match[1].replace(",", "")) for match in found if match)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("rows", [3, 20])
def test_one_odd_cell(tmp_path: Path, odd: str, suffix: str, rows: int) -> None:
    cells = [str(1 / (i + 1)) for i in range(rows)]
    cells[1] = odd
    run = postrun.load(write(tmp_path / f"a{suffix}", cells))
    loss = run.history["loss"]
    assert loss.dtype == pl.Float64 and loss.null_count() == 1 and loss[1] is None
    assert told(run) == 1
    assert f'"{odd}" in row 2' in " ".join(run.completeness.notes)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("spelled", NUMBERS)
def test_other_spellings_are_numbers(tmp_path: Path, spelled: str, suffix: str) -> None:
    run = postrun.load(write(tmp_path / f"a{suffix}", ["0.5", spelled, "0.25"]))
    assert run.history["loss"].dtype == pl.Float64 and run.history["loss"].count() == 3
    assert told(run) == 0


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.sampled_from(ODD),
            st.sampled_from(["", "nan", "inf"]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([".csv", ".parquet"]),
)
def test_the_numbers_stay_and_the_counts_agree(
    tmp_path: Path, cells: list[str], suffix: str
) -> None:
    """Whatever odd cells are put among numbers, the numbers keep the column if they are a tenth of it."""
    cells = [*cells, *["0.125"] * (1 + len(cells) // 9)]
    run = postrun.load(write(tmp_path / f"a{suffix}", cells))
    loss = run.history["loss"].to_list()
    assert len(loss) == len(cells)
    for cell, value in zip(cells, loss, strict=True):
        if cell in ODD or not cell:
            assert value is None
        else:
            assert value is not None and repr(float(value)) == repr(float(cell))
    assert told(run) == sum(cell in ODD for cell in cells)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_of_texts_stays_one(tmp_path: Path, suffix: str) -> None:
    run = postrun.load(write(tmp_path / f"a{suffix}", [*["word"] * 20, "7"]))
    assert run.history["loss"].to_list() == [*["word"] * 20, "7"]
    assert any("columns of text that hold some numbers" in n for n in run.completeness.notes)


def test_ids_with_leading_zeros_in_parquet_stay_texts(tmp_path: Path) -> None:
    run = postrun.load(write(tmp_path / "a.parquet", [f"{i:03}" for i in range(20)]))
    assert run.history["loss"].to_list() == [f"{i:03}" for i in range(20)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "_step,loss\n0,0.5\n1,0.4\n1.5,0.3\n2,0.2\n",
            "1 value of _step is no whole number (1.5 in row 3)",
        ),
        (
            "_step,loss\n0,0.5\n1,0.4\nnan,0.3\n2,0.2\n",
            "1 value of _step is no whole number (nan in row 3)",
        ),
    ],
)
def test_an_odd_step_costs_itself(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    run = postrun.load(path)
    assert run.history["_step"].to_list() == [0, 1, None, 2]
    assert run.history["loss"].to_list() == [0.5, 0.4, 0.3, 0.2]
    assert any(words in note for note in run.completeness.notes)


def test_fractions_are_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("epoch,loss\n0.1,0.5\n0.2,0.4\n0.3,0.3\n")
    assert postrun.load(path).history["_step"].to_list() == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "rows", "words"),
    [
        ("_step,loss,a\n0,0.5,1\n1,0.4\n2,0.3,3\n", 3, "fewer cells than the header (3), the first in line 3"),
        ('_step,loss,a\n0,0.5,"x"\n1,0.4\n2,0.3,"y"\n', 3, "1 row has fewer cells"),
        ("_step,loss\n\n0,0.5\n1,0.4,7,8\n", 2, "more cells than the header (2), the first in line 4"),
        ('_step,loss,a\n0,0.5,1\n1,"0.4,2\n2,0.3,3\n3,0.2,4\n', 4, "1 line with odd quotes, line 3"),
        ("_step,loss\n0,0.5\n1,0\0.4\n2,0.3\n", 3, "1 zero byte in the file was left out"),
        ("0,0.5\n1,0.4\n2,0.3\n", 3, "the first line holds numbers, no names"),
    ],
)  # fmt: skip
def test_odd_rows_cost_themselves(tmp_path: Path, content: str, rows: int, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    run = postrun.load(path)
    assert run.history.height == rows
    assert any(words in note for note in run.completeness.notes), run.completeness.notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("sep=;\n_step;loss\n0;0.5\n1;0.4\n".encode(encoding))
    assert postrun.load(path).history["loss"].to_list() == [0.5, 0.4]


def test_whole_numbers_beyond_64_bits_are_floats(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("_step,loss\n0,123456789012345678901234567890\n1,1\n")
    run = postrun.load(path)
    assert run.history["loss"].to_list() == [1.2345678901234568e29, 1.0]
    assert any("beyond 64 bits" in note for note in run.completeness.notes)


def test_a_parquet_file_that_promises_more_than_any_history_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    empty = pl.repeat(None, 40_000_000, dtype=pl.Int64, eager=True)
    pl.DataFrame({"_step": empty}).write_parquet(
        path, row_group_size=1 << 28, data_page_size=1 << 30
    )
    assert path.stat().st_size < 2_000
    with pytest.raises(TargetError, match="promises 40,000,000 rows, 305 MiB, in a file of"):
        postrun.load(path)
    with pytest.raises(pl.exceptions.ComputeError, match="promises"):  # an export of the server
        files.read_whole(path)


def test_a_parquet_file_larger_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"_step": range(100_000), "loss": [0.5] * 100_000}).write_parquet(path)
    assert footer_problem(path, None) == ""
    assert postrun.load(path).history.height == 100_000
    monkeypatch.setattr(files, "available", lambda: 1 << 20)
    with pytest.raises(TargetError, match="more than the 1 MiB that are free"):
        postrun.load(path)


@pytest.mark.parametrize("name", ["*", "^a$", "^[$", "^x.*$"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_names_that_are_patterns_are_names(name: str, suffix: str, tmp_path: Path) -> None:
    """Polars reads some names as patterns; their cells are read like all others."""
    path = tmp_path / f"history{suffix}"
    cells = ["0.5", "-", "1.5", "2.5", "nan"]
    frame = pl.DataFrame([pl.Series("_step", range(5)), pl.Series(name, cells)])
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    history = postrun.load(path).history
    assert history[name].alias("x").drop_nulls().to_list()[:3] == [0.5, 1.5, 2.5]
    assert f"{name}:text" in history.columns


def test_a_footer_that_ends_within_its_schema_is_no_error_of_ours() -> None:
    from postrun.sources.frames.footer import _leaves

    assert list(_leaves(iter([{5: 3}, {5: 2}, {5: 0}]))) == [True]
    assert list(_leaves(iter([]))) == []
