"""Numbers that were logged as text: which texts are numbers, and which columns become numeric."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import postrun
from postrun.model import Run, Severity
from postrun.sources.frames.rows import frame_of
from postrun.sources.text_numbers import read_number, read_percent
from postrun.sources.wandb_local.columns import Table
from tests import logs
from tests.curves import decay, make_run
from tests.standin import StandIn
from tests.test_server import own_settings, run_of, server

__all__ = ["own_settings", "server"]  # fixtures


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5), (" 1e-3 ", 1e-3), ("12", 12), ("-3", -3), ("+0.25", 0.25), (".5", 0.5), ("1.", 1.0),
        ("0", 0), ("1E5", 1e5), ("0.30000000000000004", 0.30000000000000004), ("9" * 15, 10**15 - 1),
        ("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("-12,345.25", -12345.25),
        ("tensor(0.5)", 0.5), ("tensor(0.5, device='cuda:0')", 0.5), ("tensor(3)", 3), ("tensor(1.)", 1.0),
        ("tensor([0.5], device='cuda:0')", 0.5), ("tensor(2.3026e+00, grad_fn=<NllLossBackward0>)", 2.3026),
        ("tensor(0.5, device='cuda:0', dtype=torch.float64)", 0.5), ("np.float64(0.5)", 0.5),
        ("Array(0.5, dtype=float32)", 0.5), ("tf.Tensor(0.5, shape=(), dtype=float32)", 0.5),
        ("<tf.Tensor: shape=(), dtype=float32, numpy=0.5>", 0.5), ("inf", math.inf), ("-Infinity", -math.inf),
    ],
)  # fmt: skip
def test_texts_that_are_numbers(text: str, value: float) -> None:
    found = read_number(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "007", "-01", "00", "9" * 16, "1,234", "0,5", "1,23,456", "1.2.3", "1e400", "12e56", "0x1f",
        "1_000", "0.5%", "5 ms", "1/2", "tensor([0.5, 0.6])", "tensor(0.5", "(0.5)", "[0.5]", "v1", "1.5GB",
        "٣", "\u00bd", "true", "None", "e5", "--1", "2024-01-31", "12:30",
    ],
)  # fmt: skip
def test_texts_that_are_not(text: str) -> None:
    assert read_number(text) is None


@given(st.floats() | st.integers(-(10**15) + 1, 10**15 - 1))
def test_whatever_python_prints_reads_back_equal(value: float) -> None:
    found = read_number(str(value))
    assert found == value or (math.isnan(value) and found is not None and math.isnan(found))


@given(st.text(max_size=12))
def test_any_text_is_a_number_to_python_too_or_none(text: str) -> None:
    found = read_number(text)
    if found is not None and "," not in text:
        assert found == float(text) or math.isnan(found)


def test_percent() -> None:
    assert read_percent("85.3%") == 85.3 and read_percent(" 7% ") == 7
    assert read_percent("85.3") is None and read_percent("%") is None


def columns(name: str, values: list[Any]) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns that one key makes, and the notes."""
    table = Table()
    table.rows = len(values)
    table.put_column(name, np.arange(len(values)), values)
    return {s.name: s.to_list() for s in table.series()}, table.notes


def test_a_column_of_texts_becomes_numeric() -> None:
    found, notes = columns("loss", ["0.5", "1e-3", "tensor(2., device='cuda:0')", None])
    assert found == {"loss": [0.5, 0.001, 2.0, None]}
    assert notes == ["1 column of numbers was logged as text (loss) and read as numbers"]
    assert columns("loss", ["1", "2", "30"])[0] == {"loss": [1, 2, 30]}
    found, notes = columns("acc", ["85.3%", "90%", "nan"])
    assert found["acc"][:2] == [85.3, 90.0] and math.isnan(found["acc"][2])
    assert "(acc in percent)" in notes[0]


def test_by_far_most() -> None:
    nine = [str(i / 7) for i in range(9)]
    found, notes = columns("loss", [*nine, "n/a"])
    assert found["loss"] == [*(i / 7 for i in range(9)), None]
    assert found["loss:text"] == [None] * 9 + ["n/a"]
    assert len(notes) == 2 and "mix numbers and text (loss)" in notes[1]
    texts = [*nine[:8], "n/a", "?"]
    assert columns("loss", texts) == ({"loss": texts}, [])


def test_texts_among_numbers_join_them() -> None:
    found, notes = columns("loss", [0.5, "0.25", "off", "nan", 1, "007", "NaN"])
    assert [v for v in found["loss"] if v is not None and v == v] == [0.5, 0.25, 1.0]
    assert [math.isnan(found["loss"][i]) for i in (3, 6)] == [True, True]
    assert found["loss:text"] == [None, None, "off", None, None, "007", None]
    assert len(notes) == 2
    assert columns("n", [1, "2", True])[0] == {"n": [1, 2, 1]}
    assert columns("x", [0.5, "NaN"])[1] == []  # as W&B writes it


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("code", ["007", "008", "012"]),
        ("code", [*(str(i) for i in range(100, 199)), "099"]),
        ("batch", ["20240131", "20240201"]),
        ("saved", ["20240131123000", "20240201103059"]),
        ("sample", ["1234567890123456", "1234567890123457"]),
        ("version", ["1.10", "1.11"]),
        ("model/id", ["12", "13"]),
        ("data_hash", ["12345678", "1234567"]),
        ("eval/answer", ["42", "17"]),
        ("commit", ["1e5", "2e7"]),
        ("git", ["12e4567", "7654321"]),
        ("words", ["NaN", "inf"]),
        ("flag", ["true", "false"]),
        ("mixed", ["85%", "0.5"]),
        ("price", ["1,234", "2,345"]),
        ("list", [[0.5], "0.5"]),
    ],
)
def test_what_stays_text(name: str, values: list[Any]) -> None:
    found, notes = columns(name, values)
    assert list(found) == [name] and not notes
    assert all(isinstance(v, str) for v in found[name])


def test_local_logs_and_server_rows_agree(tmp_path: Path) -> None:
    values = ["0.5", "0.25", "1e-3", "tensor(0.125)"]
    rows = [{"_step": i, "loss": v, "epoch": str(i), "id": str(i)} for i, v in enumerate(values)]
    records = [logs.run_record("a1"), *(logs.history(row) for row in rows), logs.exit_record()]
    run = postrun.load(logs.run_folder(tmp_path, "a1", records))
    remote = frame_of(rows)
    for name, dtype in {"loss": pl.Float64, "epoch": pl.Int64, "id": pl.String}.items():
        assert run.history[name].dtype == remote[name].dtype == dtype
        assert run.history[name].to_list() == remote[name].to_list()
    assert run.history["loss"].to_list() == [0.5, 0.25, 0.001, 0.125]
    assert any("logged as text (loss, epoch)" in note for note in run.completeness.notes)


@pytest.mark.parametrize("exported", [0, 20, 40])
def test_a_servers_exports_agree(server: StandIn, exported: int) -> None:
    theirs = run_of(0)
    for i in range(40):
        theirs.log({"_step": i, "loss": f"{1 / (i + 1):.4f}", "note": f"row {i}"})
    theirs.exported = exported
    server.add(theirs)
    run = postrun.load("ent/p/r1")
    assert run.history["loss"].to_list() == [round(1 / (i + 1), 4) for i in range(40)]
    assert run.history["note"].to_list() == [f"row {i}" for i in range(40)]
    assert sum("logged as text (loss)" in note for note in run.completeness.notes) >= 1


def found(run: Run) -> list[str]:
    return [f.message for f in postrun.diagnose(run) if f.rule == "DAT009"]


def test_the_rule_names_the_metrics() -> None:
    run = make_run({"train/loss": decay(50), "acc": decay(50)}, summary={"train/loss": "0.5312"})
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "DAT009"]
    assert finding.severity is Severity.INFO
    assert finding.message == 'train/loss was logged as text ("0.5312"): W&B does not plot it'
    (proof,) = finding.evidence
    assert (proof.metric, proof.role, proof.after, proof.n) == (
        "train/loss",
        "loss.train",
        0.5312,
        50,
    )
    run.summary["acc"] = "85.3%"
    assert found(run) == ['train/loss, acc were logged as text ("0.5312"): W&B does not plot them']


@pytest.mark.parametrize("text", ["NaN", "Infinity", "unknown", "tensor([1, 2])", 0.5, None])
def test_the_rule_is_silent_on_other_summaries(text: Any) -> None:
    assert not found(make_run({"train/loss": decay(50)}, summary={"train/loss": text}))
    assert not found(make_run({"strange": decay(50)}, summary={"strange": "0.5"}))
