"""An odd record, field, column or file beside a log costs itself: the rows are read, and it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from benchmarks.fuzz.wire import BYTES, FIXED64, VARINT, Node, encode, parsed, places, varint
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2 as pb

import postrun
from postrun.job import Options, analyze_run
from postrun.model import Run
from tests import logs

ROWS = 12
START = 1_700_000_000


def plain() -> list[pb.Record]:
    """Return the records of an intact run of 12 rows."""
    rows = [
        {"loss": 1 / (i + 1), "_step": i, "_runtime": float(i), "_timestamp": START + float(i)}
        for i in range(ROWS)
    ]
    return [
        logs.run_record("r1", config={"lr": 0.1}),
        *logs.rows(rows),
        stats(),
        logs.exit_record(),
    ]


def stats(**items: str) -> pb.Record:
    """Return a record of system metrics; values are JSON texts."""
    record = pb.Record()
    record.stats.timestamp.seconds = START
    for key, value in (items or {"cpu": "10.0"}).items():
        item = record.stats.item.add()
        item.key, item.value_json = key, value
    return record


def written(folder: Path, payloads: list[bytes]) -> Path:
    """Write payloads as a run folder."""
    path = folder / "run-20240101_000000-r1" / "run-r1.wandb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(logs.frames(payloads))
    return path.parent


def read(folder: Path, payloads: list[bytes], reported: bool = False) -> Run:
    """Read payloads as a user would; `reported` writes the reports as well."""
    run = postrun.load(written(folder, payloads))
    out = folder / "out" if reported else None
    result = analyze_run(run, "r1", Options(out=out, plots=False))
    assert not [f for f in result.findings if f.rule == "RUN000"]
    return run


def with_record(folder: Path, record: pb.Record | bytes, reported: bool = False) -> Run:
    """Read an intact run with one more record."""
    payload = record if isinstance(record, bytes) else record.SerializeToString()
    return read(folder, [*(r.SerializeToString() for r in plain()), payload], reported)


def said(run: Run) -> str:
    return " ".join(run.completeness.notes)


def assert_rows(run: Run) -> None:
    losses = run.history["loss"].drop_nulls().to_list()
    assert [1 / (i + 1) for i in range(ROWS)] == losses[:ROWS]


def broken(record: pb.Record, name: str, change: Callable[[Node], None]) -> bytes:
    """Return a record with a change to the first field of a name."""
    tree = parsed(record.SerializeToString())
    change(next(p.node for p in places(tree) if p.node.name == name))
    return encode(tree)


def wire_type(kind: int) -> Callable[[Node], None]:
    def change(node: Node) -> None:
        node.kind, node.fields, node.value = kind, None, b"\x05" * (8 if kind == FIXED64 else 1)

    return change


def cut(node: Node) -> None:
    if node.kind == BYTES:
        node.length = len(node.encoded()) + 100
    else:
        node.value = b"\xff"


def summary(key: str, value: str) -> pb.Record:
    record = pb.Record()
    item = record.summary.update.add()
    item.key, item.value_json = key, value
    record.summary.remove.add().key = "gone"
    return record


@pytest.mark.parametrize("name", ["update", "remove", "key", "value_json"])
@pytest.mark.parametrize("change", [wire_type(VARINT), wire_type(3), wire_type(FIXED64), cut])
def test_a_wire_error_in_a_summary_costs_the_item(
    tmp_path: Path, name: str, change: Callable[[Node], None]
) -> None:
    run = with_record(tmp_path, broken(summary("best", "1"), name, change))
    assert_rows(run)
    assert "left out" in said(run)


@pytest.mark.parametrize("name", ["timestamp", "seconds", "item", "key", "value_json"])
@pytest.mark.parametrize("change", [wire_type(3), wire_type(7), cut])
def test_a_wire_error_in_system_metrics_costs_itself(
    tmp_path: Path, name: str, change: Callable[[Node], None]
) -> None:
    run = with_record(tmp_path, broken(stats(), name, change))
    assert_rows(run)
    assert run.system["cpu"].drop_nulls().to_list()[0] == 10.0
    assert "left out" in said(run)


@pytest.mark.parametrize("name", ["start_time", "host", "tags", "display_name", "git"])
@pytest.mark.parametrize("change", [wire_type(VARINT), wire_type(FIXED64)])
def test_a_bad_field_of_the_run_record_costs_that_field(
    tmp_path: Path, name: str, change: Callable[[Node], None]
) -> None:
    first, *others = plain()
    first.run.host, first.run.display_name, first.run.git.commit = "node", "named", "ab"
    first.run.tags.append("t")
    run = read(tmp_path, [broken(first, name, change), *(r.SerializeToString() for r in others)])
    assert_rows(run)
    assert run.config == {"lr": 0.1}
    assert "1 field of a record is not readable" in said(run)


def test_an_item_of_the_config_costs_itself(tmp_path: Path) -> None:
    first = logs.run_record("r1", config={"lr": 0.1, "seed": 3})
    payloads = [broken(first, "value_json", wire_type(VARINT))]
    run = read(tmp_path, [*payloads, *(r.SerializeToString() for r in plain()[1:])])
    assert run.config == {"seed": 3}
    assert "1 field of a record" in said(run)


@pytest.mark.parametrize(
    "step", [(1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 53, (1 << 64) - (1 << 40)]
)
def test_a_step_that_no_run_reaches_is_unknown(tmp_path: Path, step: int) -> None:
    payload = broken(logs.history({"loss": 0.5}, step=1), "num", _to(varint(step)))
    run = with_record(tmp_path, payload)
    assert_rows(run)
    assert run.history["_step"].to_list() == [*range(ROWS), None]
    assert "1 row has a step that no run reaches" in said(run)


@pytest.mark.parametrize("value", [b"\xff" * 11, b"\xff" * 9, b""])
def test_a_step_that_is_no_number_is_unknown(tmp_path: Path, value: bytes) -> None:
    run = with_record(tmp_path, broken(logs.history({"loss": 0.5}, step=1), "num", _to(value)))
    assert_rows(run)
    assert run.history["_step"].to_list() == [*range(ROWS), None]


def _to(value: bytes) -> Callable[[Node], None]:
    def change(node: Node) -> None:
        node.value = value

    return change


@pytest.mark.parametrize("step", ["-1", "1e300", "9007199254740992", "1" * 40])
def test_a_logged_step_that_no_run_reaches_is_unknown(tmp_path: Path, step: str) -> None:
    run = with_record(tmp_path, logs.history({"loss": 0.5, "_step": step.encode()}))
    assert_rows(run)
    assert run.history["_step"].to_list() == [*range(ROWS), None]
    assert "_step" in said(run) or "step" in said(run)


@pytest.mark.parametrize("seconds", [-(10**18), -(10**11), 10**13, (1 << 63) - 1])
def test_an_impossible_start_is_unknown(tmp_path: Path, seconds: int) -> None:
    first, *others = plain()
    first.run.start_time.seconds = seconds
    run = read(tmp_path, [r.SerializeToString() for r in (first, *others)])
    assert_rows(run)
    assert run.identity.started_at is None or run.identity.started_at.year >= 2023
    assert "1 time or duration is impossible" in said(run)


@pytest.mark.parametrize("value", ["1e300", "1" * 400, "-5", '"soon"', "[]"])
def test_an_impossible_duration_is_not_believed(tmp_path: Path, value: str) -> None:
    run = with_record(tmp_path, summary("_runtime", value))
    assert_rows(run)
    assert run.runtime is not None and run.runtime < 3600
    assert "the summary's _runtime cannot be true" in said(run)


@pytest.mark.parametrize(
    ("key", "value"), [("_timestamp", 1e300), ("_runtime", 1e300), ("_timestamp", -1.0)]
)
def test_impossible_times_of_a_row_are_unknown(tmp_path: Path, key: str, value: float) -> None:
    run = with_record(tmp_path, logs.history({"loss": 0.5, key: value}, step=ROWS))
    assert_rows(run)
    assert run.history[key].to_list()[-1] is None
    assert f"1 value of {key} cannot be true" in said(run)


@pytest.mark.parametrize("value", ["2023-11-14T22:13:20Z", "soon"])
def test_times_logged_as_text_are_read_or_kept_as_text(tmp_path: Path, value: str) -> None:
    rows = [logs.history({"loss": 1 / (i + 1), "_timestamp": value}, step=i) for i in range(ROWS)]
    run = read(tmp_path, [r.SerializeToString() for r in (plain()[0], *rows)])
    assert_rows(run)
    assert run.history["_timestamp"].to_list()[0] == (START if value != "soon" else None)
    assert "_timestamp" in said(run)
    assert ("_timestamp:text" in run.history.columns) == (value == "soon")


def test_dictionaries_as_steps_are_said(tmp_path: Path) -> None:
    rows = [logs.history({"loss": 1 / (i + 1), "_step": {"a": i}}) for i in range(ROWS)]
    run = read(tmp_path, [r.SerializeToString() for r in (plain()[0], *rows)])
    assert_rows(run)
    assert "_step holds dictionaries" in said(run)


@pytest.mark.parametrize("depth", [480, 900, 1100, 3000])
@pytest.mark.parametrize(("opened", "closed"), [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("place", ["summary", "config", "history", "stats"])
def test_deep_nesting_is_cut_and_said(
    tmp_path: Path, depth: int, opened: str, closed: str, place: str
) -> None:
    value = opened * depth + "1" + closed * depth
    record = logs.history({"deep": value.encode()}) if place == "history" else pb.Record()
    if place == "summary":
        record = summary("deep", value)
    elif place == "config":
        item = record.config.update.add()
        item.key, item.value_json = "deep", value
    elif place == "stats":
        record = stats(deep=value)
    run = with_record(tmp_path, record, reported=depth == 900)
    assert_rows(run)
    assert "1 value is nested more than 100 levels deep" in said(run)


@pytest.mark.parametrize("place", ["summary", "config", "history"])
def test_a_key_of_many_parts_is_cut_and_said(tmp_path: Path, place: str) -> None:
    record = pb.Record()
    items = {"summary": record.summary.update, "config": record.config.update}
    item = (items.get(place, record.history.item)).add()
    item.nested_key.extend(["a"] * 2000)
    item.value_json = "1"
    run = with_record(tmp_path, record)
    assert_rows(run)
    assert place == "history" or "nested more than 100 levels" in said(run)


@pytest.mark.parametrize(
    "value", ['"\\ud800"', '{"\\ud800":1}', '["\\udfff"]', '{"_type":"x","p":"\\ud83d"}']
)
@pytest.mark.parametrize("key", ["note", "loss", "_step", "_timestamp"])
def test_half_a_character_becomes_a_mark_and_is_said(tmp_path: Path, value: str, key: str) -> None:
    run = with_record(tmp_path, logs.history({key: value.encode()}, step=ROWS))
    assert_rows(run)
    assert run.history.height == ROWS + 1
    assert "1 text holds half a character" in said(run)
    assert "\ud800" not in str(run.history.to_dicts())


def test_pairs_of_surrogates_beside_nan_are_whole_characters(tmp_path: Path) -> None:
    rows = [
        logs.history({"a": b'"\\ud83d\\ude00"'}),
        logs.history({"a": b"NaN"}),
        logs.history({"a": b'"x"'}),
    ]
    run = read(tmp_path, [r.SerializeToString() for r in (plain()[0], *rows)])
    assert "😀" in run.history["a:text"].to_list()
    assert "character" not in said(run)


@pytest.mark.parametrize(
    "name", ["*", "^loss$", "^.*$", "^[$", "^l.*$", "literal", "row", "index", "x", "y"]
)
@pytest.mark.parametrize("kind", [float, str, bool])
def test_names_are_data_and_never_patterns(
    tmp_path: Path, name: str, kind: Callable[[int], Any]
) -> None:
    rows = [
        logs.history({"loss": 1 / (i + 1), name: kind(i), "note": "=a", "_step": i}, step=i)
        for i in range(ROWS)
    ]
    records = [plain()[0], *rows, stats(**{"cpu": "1.0", name: "2.0", "^c.*$": "3.0"})]
    run = read(tmp_path, [r.SerializeToString() for r in records], reported=True)
    assert_rows(run)
    assert run.history[name].to_list() == [*map(int if kind is str else kind, range(ROWS))]
    assert run.system[name].to_list() == [2.0]


@pytest.mark.parametrize("name", ["*", "^loss$", "^[$"])
def test_names_are_data_where_two_processes_write_a_run(tmp_path: Path, name: str) -> None:
    for process in ("one", "two"):
        axis = pb.Record()
        axis.metric.name, axis.metric.step_metric = "*", name
        rows = [
            logs.history(
                {name: i, f"loss_{process}": i, "both": i, "_timestamp": START + i}, step=i
            )
            for i in range(ROWS)
        ]
        folder = tmp_path / "wandb" / f"run-20240101_00000{len(process)}-r1{process}"
        logs.write(folder / "run-r1.wandb", [plain()[0], axis, *rows])
    run = postrun.load(tmp_path / "wandb")
    assert {"loss_one", "loss_two", "both", name} <= set(run.history.columns)


@pytest.mark.parametrize("digits", [10, 5000])
@pytest.mark.parametrize("command", ["A", "B", "D", "K"])
def test_numbers_without_end_in_terminal_sequences_mean_nothing(
    tmp_path: Path, digits: int, command: str
) -> None:
    text = f"first\nsecond\x1b[{'7' * digits}{command} goes on\nthird\n"
    run = with_record(tmp_path, logs.output(text))
    assert run.console["line"].to_list() == ["first", "second goes on", "third"]


def test_media_within_media_and_beside_plain_fields_keep_all(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"m._type": "image-file", "m.path": "0", "m.b._type": "table-file", "m.b.path": "1"},
        {"m._type": "image-file", "m.path": "2"},
        {"m.b._type": "table-file", "m.b.path": "3"},
        {"m.path": "4", "m.b.other": 5},
    ]
    records = [logs.history(row, step=i) for i, row in enumerate(rows)]
    run = read(tmp_path, [r.SerializeToString() for r in (plain()[0], *records)])
    first = json.loads(run.history["m"][0])
    assert first["b"] == {"_type": "table-file", "path": "1"} and first["path"] == "0"
    assert json.loads(run.history["m"][1])["path"] == "2"
    assert json.loads(run.history["m.b"][2])["path"] == "3"
    assert run.history["m.path"][3] == "4"
    assert run.completeness.media == {"image-file": 2, "table-file": 2}


def test_an_output_record_without_readable_text_is_said(tmp_path: Path) -> None:
    payload = broken(logs.output("text"), "line", wire_type(VARINT))
    assert "1 record is not readable" in said(with_record(tmp_path, payload))


@pytest.mark.parametrize("value", ["text", ["a", None, {"b": 1}], 5, None, {"a": [1]}, True, 1e300])
def test_metadata_of_wrong_types_is_left_out_and_said(tmp_path: Path, value: Any) -> None:
    folder = written(tmp_path, [r.SerializeToString() for r in plain()])
    names = (
        "os",
        "startedAt",
        "args",
        "git",
        "host",
        "gpu",
        "gpu_count",
        "memory",
        "slurm",
        "state",
    )
    logs.files(
        folder,
        metadata=json.dumps(dict.fromkeys(names, value)),
        summary=json.dumps({"_step": value}),
    )
    run = postrun.load(folder)
    analyze_run(run, "r1", Options(out=tmp_path / "out", plots=False))
    assert_rows(run)
    assert value is None or "wandb-metadata.json" in said(run)


_NAMES = st.text(max_size=6) | st.sampled_from(["loss", "*", "^loss$", "_type", "a.b", "loss:text"])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=80), name=_NAMES, json_text=st.text(max_size=12))
def test_any_payload_and_any_item_cost_themselves(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, name: str, json_text: str
) -> None:
    item = Node(1, BYTES, "item")
    item.fields = [
        Node(1, BYTES, "key", name.encode()),
        Node(16, BYTES, "value_json", json_text.encode()),
    ]
    history = Node(2, BYTES, "history", fields=[item])
    payloads = [*(r.SerializeToString() for r in plain()), payload, encode([history])]
    run = postrun.load(written(tmp_path_factory.mktemp("run"), payloads))
    assert_rows(run)
    analyze_run(run, "r1", Options(out=None))


def test_a_panic_in_polars_is_the_failure_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postrun.gather import gather
    from postrun.job import run_job
    from postrun.privacy import Privacy

    good, bad = (
        written(tmp_path / name, [r.SerializeToString() for r in plain()])
        for name in ("good", "bad")
    )
    ref = postrun.runs(bad)[0]

    def panics() -> Run:
        raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")

    object.__setattr__(ref, "loader", panics)
    assert "PanicException" in run_job(ref, "bad", Options(out=None)).error
    project, problems = gather([ref, postrun.runs(good)[0]], Privacy(), workers=1)
    assert len(project.records) == 1 and "PanicException" in problems[0]
