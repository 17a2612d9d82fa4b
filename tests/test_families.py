"""Keys without end: kept together in one column each family, counted, said, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrun import load
from postrun.metrics import RunView
from postrun.model import Run
from postrun.model.families import family_of, is_family, siblings_of
from postrun.report.html.trees import shortened
from postrun.sources.frames.families import FAMILY, families
from postrun.sources.wandb_local.columns import Table
from tests import logs

MANY = FAMILY + 44


def read(folder: Path, rows: Iterable[dict[str, Any]], nested: bool = True) -> Run:
    records = [
        logs.history(
            {"_timestamp": 1.7e9 + i, "_runtime": float(i), "_step": i} | row, step=i, nested=nested
        )
        for i, row in enumerate(rows)
    ]
    log = [logs.run_record("r"), *records, logs.exit_record()]
    return load(str(logs.write(folder / "run-r.wandb", log)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("table_0", "table_{n}"),
        ("layer_3/head.12/loss", "layer_{n}/head.{n}/loss"),
        ("loss", "loss"),
        ("sample/6f1c2f0e-7b0a-4d67-9c51-2b7a1d0e9f33", "sample/{n}"),
        ("hash/3f2a9c1b7d4e", "hash/{n}"),
        ("defaced", "defaced"),
    ],
)
def test_the_family_of_a_name(name: str, expected: str) -> None:
    assert family_of(name) == expected
    assert is_family(expected) == (name != expected)


def test_siblings_share_a_parent() -> None:
    assert siblings_of("eval/some/acc") == "eval/some/{name}"
    assert siblings_of("acc") == "{name}"


def test_one_new_number_in_each_row_makes_one_column(tmp_path: Path) -> None:
    run = read(tmp_path, ({"loss": 1.0, f"value_{i}": i / 4} for i in range(MANY)))
    assert run.history.columns[3:] == ["loss", "value_{n}", "value_{n}:key"]
    assert run.history["value_{n}"].to_list() == [i / 4 for i in range(MANY)]
    assert run.history["value_{n}:key"].to_list() == [f"value_{i}" for i in range(MANY)]
    assert run.completeness.notes == [
        f"{MANY} keys are kept together in one column, for most rows hold none of them: value_{{n}} "
        f"({MANY} keys)"
    ]


def test_a_family_is_one_chart_and_no_metric_that_rules_judge(tmp_path: Path) -> None:
    run = read(tmp_path, ({"train/loss": 1.0, f"eval/loss_{i}": i / 4} for i in range(MANY)))
    view = RunView(run)
    assert view.metrics["eval/loss_{n}"].role is None
    assert list(view.metrics) == ["eval/loss_{n}", "train/loss"]
    assert len(view.series("eval/loss_{n}")) == MANY


@pytest.mark.parametrize("nested", [True, False])
def test_one_new_table_in_each_row_stays_one_piece(tmp_path: Path, nested: bool) -> None:
    def row(i: int) -> dict[str, Any]:
        fields = {"_type": "table-file", "nrows": i, "path": f"media/table_{i}.json"}
        if nested:
            return {f"table_{i}|{key}": value for key, value in fields.items()}
        return {f"table_{i}": fields}

    run = read(tmp_path, map(row, range(MANY)), nested)
    assert run.history.columns[3:] == ["table_{n}", "table_{n}:key"]
    cells = [json.loads(cell) for cell in run.history["table_{n}"]]
    assert cells[7] == {"_type": "table-file", "nrows": 7, "path": "media/table_7.json"}
    assert run.history["table_{n}:key"][7] == "table_7"
    assert run.completeness.media == {"table-file": MANY}


def test_one_new_histogram_in_each_row(tmp_path: Path) -> None:
    run = read(
        tmp_path,
        (
            {f"h_{i}|_type": "histogram", f"h_{i}|bins": [i, i + 1], f"h_{i}|values": [i]}
            for i in range(MANY)
        ),
    )
    assert json.loads(run.history["h_{n}"][200]) == {
        "_type": "histogram",
        "bins": [200, 201],
        "values": [200],
    }
    assert run.completeness.media == {"histogram": MANY}


def test_many_keys_in_one_row_are_one_cell(tmp_path: Path) -> None:
    values = {f"key_{i}": i / 4 for i in range(20_000)}
    run = read(tmp_path, [{"loss": 1.0}, {"loss": 0.5} | values, {"loss": 0.1}])
    assert run.history.columns[3:] == ["key_{n}", "loss"]
    assert json.loads(run.history["key_{n}"][1]) == values
    assert run.history["key_{n}"].null_count() == 2


def test_keys_without_numbers_are_kept_together_if_they_are_too_many(tmp_path: Path) -> None:
    letters = "abcdefghij"
    names = ["".join(letters[int(d)] for d in f"{i:05}") for i in range(11_000)]
    run = read(tmp_path, [{f"seen/{name}": 1 for name in names} | {"loss": 0.5}])
    assert run.history.columns[3:] == ["loss", "seen/{name}"]
    assert len(json.loads(run.history["seen/{name}"][0])) == 11_000


def test_keys_that_are_logged_often_keep_their_columns(tmp_path: Path) -> None:
    rows = [{f"layer_{i}/loss": i + s for i in range(MANY)} for s in range(30)]
    run = read(tmp_path, rows)
    assert run.history.width == MANY + 3
    assert run.history["layer_299/loss"].to_list() == [299 + s for s in range(30)]
    assert not run.completeness.notes


def test_late_keys_of_several_types_follow_the_type_rule(tmp_path: Path) -> None:
    early = {f"early_{chr(97 + i // 26)}{chr(97 + i % 26)}": 1 for i in range(FAMILY)}
    late: list[dict[str, Any]] = [
        {"mixed": 1, "word": "a", "flag": True, "stats": {"a": 1, "b": 2.5}, "list": [1, 2]},
        {"mixed": "x", "word": "b", "flag": False, "stats": {"a": 2}, "none": None},
    ]
    run = read(tmp_path, [early, *late], nested=False)
    assert run.history["mixed"].to_list() == [None, 1, None]
    assert run.history["mixed:text"].to_list() == [None, None, "x"]
    assert run.history["stats.a"].to_list() == [None, 1, 2]
    assert run.history["stats.b"].to_list() == [None, 2.5, None]
    assert run.history["flag"].to_list() == [None, True, False]
    assert run.history["list"].to_list() == [None, "[1, 2]", None]


def test_nonfinite_values_of_a_family_are_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{f"v_{i}": float(i) for i in range(MANY)}]
    rows[0]["v_3"], rows[0]["v_4"] = float("nan"), "Infinity"
    assert read(tmp_path, rows).completeness.nonfinite == 2


def test_a_wanted_family_is_read_alone(tmp_path: Path) -> None:
    table = Table(frozenset({"value_{n}"}))
    table.rows = MANY
    for i in range(MANY):
        assert table._wanted(f"value_{i}")
    assert not table._wanted("loss")


def test_dense_families_of_long_histories_are_worth_their_columns() -> None:
    keys = [f"expert_{i}" for i in range(400)]
    assert (families(keys, np.full(400, 200_000), 200_000).of < 0).all()
    assert (
        families(keys, np.full(400, 100), 200_000).of == 0
    ).all()  # 80 million cells, nearly all empty
    assert (families(keys, np.full(400, 100), 2_000).of < 0).all()


VALUES = st.one_of(
    st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=5), st.booleans(), st.none()
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(VALUES, min_size=1), st.integers(1, 6))
def test_no_value_is_lost_whatever_is_kept_together(
    random: Random, values: list[Any], height: int
) -> None:
    """Each value of each key is found again, in its own column or in that of its family."""
    rows = [
        {
            f"k_{i}": random.choice(values)
            for i in random.sample(range(2_000), random.randrange(600))
        }
        for _ in range(height)
    ]
    table = Table()
    table.rows = len(rows)
    for number, row in enumerate(rows):
        for key, value in row.items():
            table.put_column(key, np.array([number], np.int64), [value])
    frame = {series.name: series for series in table.series()}
    held = sum(_held(name, series) for name, series in frame.items())
    assert held == sum(value is not None for row in rows for value in row.values())


def _held(name: str, series: pl.Series) -> int:
    if name.endswith(":key"):
        return 0
    known = series.drop_nulls().to_list()
    if is_family(name) and not any(n.isdigit() for n in name):
        return sum(len(cell) if (cell := _members(text)) is not None else 1 for text in known)
    return len(known)


def _members(text: Any) -> dict[str, Any] | None:
    found = json.loads(text) if isinstance(text, str) and text.startswith('{"k_') else None
    return found if isinstance(found, dict) else None


def test_a_page_lists_the_first_keys_of_a_family() -> None:
    values = {"loss": 0.5} | {f"table_{i}": i for i in range(1_000)} | {"acc": 1}
    shown = shortened(values)
    assert list(shown)[:2] == ["loss", "table_0"] and list(shown)[-1] == "acc"
    assert len(shown) == 13
    assert shown["table_{n}"] == "990 more keys like these; the JSON files have all"
    assert shortened({"a": 1}) == {"a": 1}
