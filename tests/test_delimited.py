"""CSV and its kin as programs and people write them."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.model import TargetError

ROWS = [(i, 1 / (i + 1), round(0.5 + i / 100, 4)) for i in range(30)]


def table(delimiter: str = ",", comma: bool = False, end: str = "\n") -> str:
    lines = [delimiter.join(("step", "loss", "acc"))]
    for step, loss, acc in ROWS:
        cells = [str(step), f"{loss:.6f}", f"{acc:.4f}"]
        lines.append(delimiter.join(c.replace(".", ",") if comma else c for c in cells))
    return end.join(lines) + end


def read(path: Path, content: str | bytes) -> postrun.Run:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return postrun.load(path)


def numbers(run: postrun.Run, name: str) -> list[float]:
    column = run.history[name]
    assert column.dtype.is_numeric(), column.dtype
    return column.drop_nulls().to_list()


def same_as_written(run: postrun.Run) -> None:
    assert run.history["_step"].to_list() == [r[0] for r in ROWS]
    assert numbers(run, "loss") == pytest.approx([r[1] for r in ROWS], abs=1e-6)
    assert numbers(run, "acc") == pytest.approx([r[2] for r in ROWS])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize(
    ("delimiter", "comma"),
    [(",", False), (";", False), (";", True), ("\t", False), ("\t", True), ("|", False)],
)
def test_separators_and_line_ends(tmp_path: Path, delimiter: str, comma: bool, end: str) -> None:
    run = read(tmp_path / "a.csv", table(delimiter, comma, end))
    same_as_written(run)
    assert not run.completeness.notes


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings(tmp_path: Path, encoding: str, delimiter: str) -> None:
    same_as_written(read(tmp_path / "a.csv", table(delimiter).encode(encoding)))


def test_latin_1_is_said(tmp_path: Path) -> None:
    run = read(tmp_path / "a.csv", table().replace("acc", "précision").encode("latin-1"))
    assert "précision" in run.history.columns and "Latin-1" in run.completeness.notes[0]


def test_compressed_and_tab_separated(tmp_path: Path) -> None:
    same_as_written(read(tmp_path / "a.csv.gz", gzip.compress(table().encode())))
    run = read(tmp_path / "b.tsv", table("\t"))
    same_as_written(run)
    assert run.id == "b"


MISSING = ["NA", "na", "N/A", "None", "NULL", "null", "#N/A", "  ", ""]
NOT_FINITE = ["nan", "NaN", "NAN", "inf", "-inf", "+inf", "Infinity", "-Infinity", "-INF"]
ODD = ["?", "0x1F", "12%", "1_000", "1.#INF", "--", "{'a': 1}", "true", "oom", "1e"]


def with_cell(cell: str, at: int = 12) -> str:
    lines = table().splitlines()
    step, _, acc = lines[at].split(",")
    quoted = f'"{cell}"' if "," in cell else cell
    lines[at] = f"{step},{quoted},{acc}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("cell", MISSING)
def test_missing_cells(tmp_path: Path, cell: str) -> None:
    run = read(tmp_path / "a.csv", with_cell(cell))
    assert run.history.height == 30 and len(numbers(run, "loss")) == 29
    assert run.history["loss"][11] is None
    assert bool(run.completeness.notes) == bool(cell)  # an empty cell needs no word


@pytest.mark.parametrize("cell", NOT_FINITE)
def test_cells_that_are_not_finite(tmp_path: Path, cell: str) -> None:
    run = read(tmp_path / "a.csv", with_cell(cell))
    value = numbers(run, "loss")[11]
    want = float(cell)
    assert math.isnan(value) if math.isnan(want) else value == want
    assert run.completeness.nonfinite == 1
    assert "1 of 30 rows" in " ".join(f.message for f in postrun.diagnose(run))


@pytest.mark.parametrize("cell", ODD)
def test_odd_cells_are_kept_counted_and_named(tmp_path: Path, cell: str) -> None:
    run = read(tmp_path / "a.csv", with_cell(cell))
    assert len(numbers(run, "loss")) == 29
    assert run.history["loss:text"].drop_nulls().to_list() == [cell]
    assert f'loss: 1 cell ("{cell}" in row 12)' in run.completeness.notes[0]


def test_a_column_of_nan_alone_is_one_of_numbers(tmp_path: Path) -> None:
    run = read(tmp_path / "a.csv", "step,loss\n0,nan\n1,nan\n2,nan\n")
    assert run.history["loss"].is_nan().all() and run.completeness.nonfinite == 3


def test_index_of_pandas(tmp_path: Path) -> None:
    frame = "\n".join(f"{i},{10 * i},{loss}" for i, (_, loss, _) in enumerate(ROWS))
    for first in ("", "Unnamed: 0"):
        run = read(tmp_path / "a.csv", f"{first},step,loss\n{frame}\n")
        assert run.history.columns == ["_step", "_runtime", "_timestamp", "loss", "step"]
        assert run.history["_step"].to_list() == [10 * i for i in range(30)]
    run = read(tmp_path / "b.csv", ",step,loss\n7,0,1.0\n3,1,0.5\n5,2,0.25\n")
    assert run.history["column_1"].to_list() == [7, 3, 5]  # no counter: kept


def test_header_comments_repeats_and_ragged_rows(tmp_path: Path) -> None:
    run = read(
        tmp_path / "a.csv", "# made by me\n#,,\nstep,loss,loss\n0,1.0,2.0\n1,0.5,1.0,9\n2,0.25\n"
    )
    assert run.history["loss"].to_list() == [1.0, 0.5, 0.25]
    assert run.history["loss (2)"].to_list() == [2.0, 1.0, None]
    told = " ".join(run.completeness.notes)
    assert "the header repeats loss" in told
    assert "1 row has more cells than the header (3), the first in line 5" in told
    assert "1 row has fewer cells than the header (3), the first in line 6" in told
    run = read(tmp_path / "b.csv", "# step,loss\n0,1.0\n1,0.5\n")  # as numpy.savetxt
    assert run.history["_step"].to_list() == [0, 1]


def test_quoted_cells_with_separators_and_texts(tmp_path: Path) -> None:
    content = 'step,loss,prompt\n0,1.0,"a, b"\n1,0.5,"say ""hi"""\n2,0.25,c\n'
    run = read(tmp_path / "a.csv", content)
    assert run.history["prompt"].to_list() == ["a, b", 'say "hi"', "c"]


def test_times(tmp_path: Path) -> None:
    rows = "".join(f"{i},2024-01-01T00:00:{i:02d}Z,{loss}\n" for i, (_, loss, _) in enumerate(ROWS))
    run = read(tmp_path / "a.csv", "step,_timestamp,loss\n" + rows)
    assert run.history["_timestamp"].to_list() == [1704067200.0 + i for i in range(30)]
    run = read(tmp_path / "b.csv", "step,_timestamp,loss\n" + rows.replace("Z", " o'clock"))
    assert run.history["_timestamp"].null_count() == 30
    assert run.history["_timestamp:text"].count() == 30
    assert "_timestamp" in run.completeness.notes[-1]


@pytest.mark.parametrize("name", ["*", "^.*$", "a[0]", "loss:text", "x y"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    run = read(tmp_path / "a.csv", table().replace("acc", name, 1))
    assert numbers(run, name.strip()) == pytest.approx([r[2] for r in ROWS])
    done = CliRunner().invoke(
        cli, ["analyze", str(tmp_path / "a.csv"), "--out", str(tmp_path / "o")]
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\nx,y\n", "no column of numbers"),
        (b"PK\x03\x04\x00\x01\x00\x02" * 9, "zero bytes"),
    ],
)
def test_refused_with_its_cause(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        read(tmp_path / "a.csv", content)


def test_odd_values_of_an_export_cost_themselves_only(tmp_path: Path) -> None:
    (tmp_path / "r1_history.csv").write_text(table())
    about = {"summary": 3, "config": "x", "tags": 7, "requirements": 1.5, "environment": [], "exit_code": "0",
             "name": "kept", "created_at": "soon", "completeness": "?"}  # fmt: skip
    (tmp_path / "full_analysis.json").write_text(json.dumps(about))
    (tmp_path / "r1_config.json").write_text("[" * 4000 + "]" * 4000)
    (tmp_path / "r1_system.parquet").write_text("no parquet")
    run = postrun.load(tmp_path)
    assert (
        run.name == "kept"
        and run.history.height == 30
        and run.config == {}
        and run.exit_code is None
    )
    told = " ".join(run.completeness.notes)
    for word in ("summary is of type int", "config is of type str", "tags", "requirements", "exit_code",
                 "r1_config.json holds no JSON object", "r1_system.parquet"):  # fmt: skip
        assert word in told


def test_plain_numbers_take_the_fast_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from postrun.sources.exported import delimited
    from postrun.sources.frames import texts

    def fail(*arguments: object) -> pl.DataFrame:
        raise AssertionError("cells were looked at one by one")

    monkeypatch.setattr(delimited, "_as_texts", fail)
    monkeypatch.setattr(texts, "read_texts", fail)
    same_as_written(read(tmp_path / "a.csv", table()))
