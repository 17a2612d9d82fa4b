"""The store: what goes in comes out, as tables, as targets and in SQL."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import postrun
from postrun.incremental.folders import Pulled
from postrun.incremental.into_store import mark_gone, pull_into, refresh
from postrun.model import Run, RunRef
from postrun.privacy import Privacy
from postrun.sources import resolve
from postrun.sources.stored import parse_target
from postrun.store import Exports, Store, schema
from postrun.store.maintenance import compact, prune, verify
from postrun.store.schema import hive
from postrun.store.tables import Tables, rewrite
from tests import logs
from tests.conftest import SAMPLE, SHARED

TRACE = 'Traceback (most recent call last):\n  File "/h/t.py", line 3, in g\n    x\nKeyError: 1\n'


def write(folder: Path, name: str, rows: int = 20, code: int | None = 0, **fields: Any) -> None:
    """A run of two metrics, one of which every fifth row has."""
    fields.setdefault("project", "demo")
    record = logs.run_record(name, **fields)
    history = []
    for i in range(rows):
        row: dict[str, Any] = {"loss": 1 / (i + 1), "_runtime": float(i), "_timestamp": 1.7e9 + i}
        if i % 5 == 0:
            row |= {"val/loss": 2 / (i + 1), "epoch": i // 5}
        history.append(logs.history(row, step=i))
    end = [] if code is None else [logs.output(TRACE if code else "ok\n"), logs.exit_record(code)]
    logs.run_folder(folder, name, [record, *history, *end])


def pull(target: Path | str, root: Path | str, **options: Any) -> list[Pulled]:
    privacy = options.pop("privacy", Privacy())
    return list(pull_into(Store(str(root), write=True), resolve(target), privacy, 1, **options))


def statuses(pulled: list[Pulled]) -> dict[str, str]:
    return {p.id: p.status for p in pulled}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A store of three runs."""
    write(tmp_path, "a", config={"optim": {"lr": 0.1}, "name": "adam"})
    write(tmp_path, "b", rows=10, code=1, config={"optim": {"lr": 0.01}, "name": "sgd"})
    write(tmp_path, "c", code=None, project="other", entity="team", config={"optim": {"lr": 0.001}})
    pull(tmp_path / "wandb", tmp_path / "store")
    return tmp_path / "store"


def assert_same(kept: Run, run: Run) -> None:
    for name in ("history", "system", "console"):
        frame = getattr(run, name)
        if frame.height:
            assert_frame_equal(getattr(kept, name), frame)
        else:
            assert not getattr(kept, name).height
    for name in Run.__dataclass_fields__:
        if name not in ("history", "system", "console"):
            assert repr(getattr(kept, name)) == repr(getattr(run, name)), name


def _targets() -> list[Path]:
    real = [SHARED / "runs", SHARED / "seed_run"] if SHARED.is_dir() else []
    return [SAMPLE, *real]


@pytest.mark.slow
@pytest.mark.parametrize("target", _targets(), ids=lambda p: p.name)
def test_what_goes_in_comes_out(target: Path, tmp_path: Path) -> None:
    refs = resolve(target)
    pulled = pull(target, tmp_path, privacy=Privacy(mask=False))
    assert len(pulled) == len(refs) and not [p for p in pulled if p.status != "new"]
    kept = {ref.id: ref for ref in resolve(tmp_path)}
    wholes: dict[str, Run] = {}
    for ref in refs:  # of copies of a run the longest is kept
        run = ref.load()
        if run.id not in wholes or run.history.height > wholes[run.id].history.height:
            wholes[run.id] = run
    assert kept.keys() == wholes.keys()
    for run in wholes.values():
        assert_same(kept[run.id].load(), run)
    assert verify(Store(str(tmp_path)).storage).sound


def test_odd_values_come_out_as_they_were(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"loss": math.nan, "n": 2**60 + 1, "flag": True, "text": "a"},
        {"loss": math.inf, "n": -3, "flag": False, "table": {"_type": "table-file", "nrows": 2}},
        {"loss": 1e-320, "weird/name,%\"'": 1.5},
    ]
    config = {"bad": math.nan, "nested": {"deep": [1, {"x": None}]}, "ü": "é"}
    record = logs.run_record("odd", project="p/q %é", config=config, entity="..")
    history = [logs.history(row, step=i) for i, row in enumerate(rows)]
    logs.run_folder(tmp_path, "odd", [record, *history, logs.exit_record(0)])
    logs.run_folder(
        tmp_path, "none", [logs.run_record("none", project="x" * 500), logs.exit_record(1)]
    )
    pull(tmp_path / "wandb", tmp_path / "store", privacy=Privacy(mask=False))
    kept = {ref.id: ref.load() for ref in resolve(tmp_path / "store")}
    for ref in resolve(tmp_path / "wandb"):
        assert_same(kept[ref.id], ref.load())
    assert math.isnan(kept["odd"].config["bad"])
    runs = Store(str(tmp_path / "store")).runs.collect()
    assert json.loads(runs.filter(pl.col("id") == "odd")["config"][0])["bad"] == "NaN"
    assert all(not path.name.startswith("..") for path in (tmp_path / "store").rglob("*"))


def test_tables(three: Path) -> None:
    store = postrun.open_store(three)
    assert isinstance(store, Store)
    runs = store.runs.sort("id").collect()
    assert runs["id"].to_list() == ["a", "b", "c"]
    assert runs["state"].to_list() == ["finished", "failed", "crashed"]
    assert runs["ending"].to_list() == ["finished", "error", "killed"]
    assert runs["failed"].to_list() == [False, True, True]
    assert runs["rows"].to_list() == [20, 10, 20]
    assert runs["entity"].to_list() == ["", "", "team"]
    assert "RUN001" in runs["findings"].to_list()[1]
    metrics = store.metrics.filter(pl.col("metric") == "val/loss").sort("run").collect()
    assert metrics["n"].to_list() == [4, 2, 4] and metrics["role"].to_list() == ["loss.eval"] * 3
    whole = {ref.id: ref for ref in resolve(three)}
    findings = store.findings.collect()
    for run in ("a", "b", "c"):
        told = [f.rule for top in postrun.diagnose(whole[run].load()) for f in top.with_symptoms()]
        assert findings.filter(pl.col("run") == run).sort("number")["rule"].to_list() == told


def test_histories_are_lazy_and_read_what_is_asked_for(three: Path) -> None:
    store = Store(str(three))
    lazy = store.history(["val/loss", "nope"])
    assert isinstance(lazy, pl.LazyFrame)
    found = lazy.collect()
    assert found.columns == [
        "entity", "project", "run", "_step", "_runtime", "_timestamp", "val/loss", "nope",
    ]  # fmt: skip
    assert found.height == 10 and found["nope"].null_count() == 10
    assert sorted(found["run"].unique()) == ["a", "b", "c"]
    assert set(found["entity"]) == {"", "team"}
    some = store.history(["loss"], where=pl.col("state") == "failed").collect()
    assert some["run"].unique().to_list() == ["b"] and some.height == 10
    assert store.history(["nope"]).collect().height == 0
    everything = store.history().collect()
    assert set(everything.columns) >= {"loss", "val/loss", "epoch"} and everything.height == 50
    assert everything["epoch"].dtype == pl.Float64
    assert store.console().filter(pl.col("line").str.contains("KeyError")).collect().height == 1
    assert store.system().collect().height == 0


def test_a_metric_may_have_another_type_in_each_run(tmp_path: Path) -> None:
    values: dict[str, list[Any]] = {
        "ints": [1, 2], "floats": [1.5, 2.5], "flags": [True, False], "texts": ["x", "y"],
    }  # fmt: skip
    for name, given in values.items():
        rows = [logs.history({"m": v, "t": "word"}, step=i) for i, v in enumerate(given)]
        logs.run_folder(tmp_path, name, [logs.run_record(name), *rows, logs.exit_record(0)])
    pull(tmp_path / "wandb", tmp_path / "store")
    found = Store(str(tmp_path / "store")).history(["m", "t"]).collect()
    by_run = {key[0]: part["m"].to_list() for key, part in found.group_by("run")}
    assert by_run == {"ints": [1, 2], "floats": [1.5, 2.5], "flags": [1, 0], "texts": [None, None]}
    assert found["m"].dtype == pl.Float64 and found["t"].to_list() == ["word"] * 8


def test_names_too_long_for_a_folder_are_still_told(tmp_path: Path) -> None:
    project = "projekt-ü" * 40
    write(tmp_path, "a", project=project)
    write(tmp_path, "b")
    pull(tmp_path / "wandb", tmp_path / "store")
    found = Store(str(tmp_path / "store")).history(["loss"]).collect()
    assert set(found["project"]) == {project, "demo"} and found.height == 40
    assert len(hive(project)) < 50 and hive(project) != hive(project + "x")
    assert [r.id for r in resolve(f"{tmp_path / 'store'}?project={project}")] == ["a"]


def test_what_is_unchanged_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", rows=5, code=None)
    store = tmp_path / "store"
    assert statuses(pull(tmp_path / "wandb", store)) == {"a": "new", "b": "new"}
    before = {p: p.stat().st_mtime_ns for p in store.rglob("*.parquet")}
    assert statuses(pull(tmp_path / "wandb", store)) == {"a": "unchanged", "b": "unchanged"}
    assert {p: p.stat().st_mtime_ns for p in store.rglob("*.parquet")} == before
    write(tmp_path, "b", rows=8)  # it went on
    assert statuses(pull(tmp_path / "wandb", store)) == {"a": "unchanged", "b": "updated"}
    runs = Store(str(store)).runs.sort("id").collect()
    assert runs["rows"].to_list() == [20, 8] and runs["state"].to_list() == ["finished"] * 2
    found = Store(str(store)).history(["loss"]).collect()
    assert found.filter(pl.col("run") == "b").height == 8
    look = verify(Store(str(store)).storage)
    assert look.sound and look.unnamed == 1
    assert prune(Store(str(store)).storage, older=0).files == 1
    assert verify(Store(str(store)).storage).unnamed == 0
    # Asked for in another way, it is read again.
    other = pull(tmp_path / "wandb", store, privacy=Privacy(anonymize=True))
    assert statuses(other) == {"a": "updated", "b": "updated"}


def test_of_copies_the_longest_counts(tmp_path: Path) -> None:
    write(tmp_path / "whole", "a", rows=20)
    write(tmp_path / "cut", "a", rows=7, code=None)
    store = tmp_path / "store"
    pull(tmp_path / "whole" / "wandb", store)
    pull(tmp_path / "cut" / "wandb", store)
    assert statuses(pull(tmp_path / "cut" / "wandb", store)) == {"a": "unchanged"}
    opened = Store(str(store))
    assert opened.runs.collect()["rows"].to_list() == [20]
    assert opened.history(["loss"]).collect().height == 20
    assert opened.metrics.collect()["run"].len() == 3
    assert verify(opened.storage).copies == 1
    assert prune(opened.storage, copies=True, older=0).rows["copies"] == 1
    assert verify(opened.storage).copies == 0 and opened.runs.collect()["rows"].to_list() == [20]
    assert len([*(store / "history").rglob("*.parquet")]) == 1
    compact(opened.storage)  # what was forgotten stays forgotten
    assert verify(opened.storage).copies == 0
    assert statuses(pull(tmp_path / "cut" / "wandb", store)) == {"a": "new"}  # until it comes again


def test_secrets_stay_out(tmp_path: Path) -> None:
    key = "hf_" + "aB3" * 12
    write(tmp_path, "a", config={"token": key, "lr": 1})
    pull(tmp_path / "wandb", tmp_path / "store")
    run = resolve(tmp_path / "store")[0].load()
    assert "masked" in run.config["token"] and run.config["lr"] == 1
    runs = Store(str(tmp_path / "store")).runs.collect()
    assert "1 value masked" in runs["masked"][0]
    assert not [
        p for p in (tmp_path / "store").rglob("*.parquet") if key.encode() in p.read_bytes()
    ]
    frame = pl.concat([pl.read_parquet(p) for p in (tmp_path / "store" / "tables").glob("*runs*")])
    assert key not in str(frame.to_dicts())


def test_other_rules_diagnose_anew_what_is_in_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", code=1)
    root = tmp_path / "store"
    pull(tmp_path / "wandb", root)
    files = {p: p.stat().st_mtime_ns for p in (root / "history").rglob("*.parquet")}
    monkeypatch.setattr("postrun.incremental.into_store.features_version", lambda: "other rules")
    shutil.move(tmp_path / "wandb", tmp_path / "away")  # the source is not needed for it
    store = Store(str(root), write=True)
    assert [p.status for p in refresh(store, 1)] == ["updated", "updated"]
    assert list(refresh(store, 1)) == []
    assert set(store.tables().runs().collect()["features"]) == {"other rules"}
    assert set((root / "history").rglob("*.parquet")) == set(files)
    # And a record that other rules made is not believed by commands over many runs.
    project = postrun.project(root)
    assert [r.id for r in project.records] == [r.id for r in resolve(root)]
    assert project.kept == [None, None]


def test_a_pull_after_the_rules_changed_reads_the_store_and_not_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a")
    pull(tmp_path / "wandb", tmp_path / "store")
    refs = resolve(tmp_path / "wandb")
    monkeypatch.setattr("postrun.incremental.into_store.features_version", lambda: "other rules")

    def refuse() -> Run:
        raise AssertionError("the source was read")

    from dataclasses import replace

    lame = [replace(ref, loader=refuse) for ref in refs]
    store = Store(str(tmp_path / "store"), write=True)
    assert [p.status for p in pull_into(store, lame, Privacy(), 1)] == ["updated"]


def test_commands_say_of_a_store_what_they_say_of_the_logs(three: Path, tmp_path: Path) -> None:
    logs_too, store = tmp_path / "wandb", three

    def studies(target: Path) -> list[dict[str, Any]]:
        project = postrun.project(sorted_refs(target))
        found = [
            postrun.compare(project, "val/loss", by="state"),
            postrun.failures(project),
            postrun.progress(project, "val/loss"),
            postrun.sweep(project, "val/loss"),
        ]
        return [study.as_dict() for study in found]

    def sorted_refs(target: Path) -> list[str]:
        return [str(ref.path) for ref in sorted(resolve(target), key=lambda r: r.id)]

    assert studies(store) == studies(logs_too)
    project = postrun.project(store)
    assert all(kept is not None for kept in project.kept)
    force = postrun.project(store, cache=False)  # read, not believed
    assert force.kept == [None] * 3
    assert postrun.failures(force).as_dict() == postrun.failures(project).as_dict()


def test_curves_of_a_store_are_the_histories_own_values(three: Path) -> None:
    project = postrun.project(three)
    runs = {ref.id: ref.load() for ref in resolve(three)}
    for number, record in enumerate(project.records):
        history = runs[record.id].history.select("_step", "_runtime", "val/loss").drop_nulls()
        for axis, name in (("step", "_step"), ("time", "_runtime")):
            curve = project.curve(number, "val/loss", axis)
            assert curve is not None
            assert curve.x.tolist() == history[name].to_list()
            assert curve.y.tolist() == history["val/loss"].to_list()
        assert project.curve(number, "nope") is None


def ids(target: str) -> list[str]:
    return sorted(ref.id for ref in resolve(target))


def test_targets_in_a_store(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(f"{three}") == ["a", "b", "c"]
    assert (
        ids(f"{three}/team") == ids(f"{three}/team/other") == ids(f"{three}/team/other/c") == ["c"]
    )
    assert ids(f"{three}/_/demo") == ["a", "b"]
    assert ids(f"{three}/entity=team/project=other") == ["c"]
    assert ids(f"{three}?state=failed") == ["b"]
    assert ids(f"{three}/_/demo?config.optim.lr>0.05") == ["a"]
    assert ids(f"{three}?config.name~^a|s") == ["a", "b"]
    assert ids(f"{three}?rows>=20&state!=crashed") == ["a"]
    assert (
        ids(f"{three}?started>2020-01-01")
        == ["a", "b", "c"]
        != ids(f"{three}?id=b&started>2020-01-01")
    )
    with pytest.raises(postrun.TargetError, match="no run of this store fits"):
        resolve(f"{three}?started<2020-01-01")
    assert ids(f"{three}?finding=RUN001") == ["b"] and ids(f"{three}?failed=true") == ["b", "c"]
    assert ids(f"{three}/*/demo/[ab]") == ["a", "b"] and ids(f"{three}/t*") == ["c"]
    monkeypatch.chdir(three.parent)
    assert ids("store/team") == ["c"] == ids("./store/team/other/c")
    monkeypatch.setenv("POSTRUN_STORE", str(three))
    assert ids("store:") == ["a", "b", "c"] and ids("store:team/other") == ["c"]
    assert ids("store:?state=finished") == ["a"]
    options: dict[str, Any] = {"config": ["optim.lr>0.005"], "order": "config.optim.lr"}
    assert [r.id for r in postrun.runs(three, **options)] == ["b", "a"]
    assert len(postrun.runs(three, state=["failed", "crashed"])) == 2
    assert len(postrun.runs(three, state=["failed", "crashed"], limit=1)) == 1
    with pytest.raises(postrun.TargetError, match="no run of this store fits"):
        resolve(f"{three}?config.missing=1")
    with pytest.raises(postrun.TargetError, match="no run of this store fits"):
        resolve(f"{three}/nobody")
    with pytest.raises(postrun.PostrunError, match=r"speed: not a column of the runs; config\.KEY"):
        resolve(f"{three}?speed>3")
    with pytest.raises(postrun.PostrunError, match="write NAME=VALUE"):
        resolve(f"{three}?state")
    with pytest.raises(postrun.TargetError, match="no store is here"):
        Store(str(three.parent / "no"))
    monkeypatch.setenv("POSTRUN_STORE", str(three.parent / "no"))
    with pytest.raises(postrun.TargetError, match=r"no store is here\. Make one"):
        resolve("store:")


def test_who_is_in_a_stores_folder_may_mean_a_server(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(three)
    assert ids(".") == ["a", "b", "c"]
    assert parse_target("team/other") is None  # the server's, though the store has one of that name
    assert parse_target("../store/team") is not None


def test_batches_are_merged_and_read_as_one(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    for number in range(5):
        write(tmp_path / str(number), f"r{number}", rows=5 + number)
        pull(tmp_path / str(number) / "wandb", root)
    store = Store(root)
    before = {n: f.sort(*by).collect() for n, f, by in _frames(store)}
    stale = store.tables()
    assert compact(store.storage) == (5, 1) and compact(store.storage) == (1, 1)
    for name, frame, by in _frames(store):
        assert_frame_equal(frame.sort(*by).collect(), before[name])
    assert stale.runs().collect().height == 5  # who read before still can
    assert len(store.tables().replaced) == 5
    done = prune(store.storage, older=0)
    assert done.files == 15 and verify(store.storage).sound
    assert store.runs.collect().height == 5
    write(tmp_path / "0", "r0", rows=50)
    pull(tmp_path / "0" / "wandb", root)
    assert sorted(store.runs.collect()["rows"]) == [6, 7, 8, 9, 50]


def test_a_long_pull_merges_its_small_batches_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postrun.store.store._MOST", 1)
    monkeypatch.setattr("postrun.store.store._MANY", 3)
    for number in range(10):
        write(tmp_path, f"r{number}", rows=5)
    root = str(tmp_path / "store")
    pull(tmp_path / "wandb", root)
    tables = Store(root).tables()
    assert len(tables.stems) <= 4 and len(tables.replaced) >= 9
    assert sorted(Store(root).runs.collect()["id"]) == [f"r{n}" for n in range(10)]
    keys = Store(root).metrics.select("run", "metric").collect()
    assert keys.height == keys.unique().height == 30


def test_a_merge_of_some_batches_leaves_what_was_written_again(tmp_path: Path) -> None:
    """Rows that were marked lie in a later, small batch, and their metrics in an earlier, large one."""
    store = Store(str(tmp_path / "store"), write=True)
    for name in ("a", "b"):
        write(tmp_path / name, name)
        pull(tmp_path / name / "wandb", store.root)
    before = {n: f.sort(*by).collect() for n, f, by in _frames(store) if n != "runs"}
    tables = store.tables()
    rewrite(tables, tables.origins, gone=True)
    rewrite(store.tables(), store.tables().origins, gone=False)
    limit = min(store.tables().size(s) for s in tables.stems)
    assert [store.tables().size(s) < limit for s in store.tables().stems] == [
        False,
        False,
        True,
        True,
    ]
    assert compact(store.storage, limit) == (4, 3)
    for name, frame, by in _frames(store):
        if name != "runs":
            assert_frame_equal(frame.sort(*by).collect(), before[name])
    assert store.runs.collect().height == 2 and not store.runs.collect()["gone"].any()
    assert compact(store.storage) == (3, 1)
    for name, frame, by in _frames(store):
        if name != "runs":
            assert_frame_equal(frame.sort(*by).collect(), before[name])


def _frames(store: Store) -> list[tuple[str, pl.LazyFrame, list[str]]]:
    return [
        ("runs", store.runs, ["id"]),
        ("metrics", store.metrics, ["run", "metric"]),
        ("findings", store.findings, ["run", "number"]),
    ]


def test_two_who_merge_at_a_time_double_nothing(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    for number in range(3):
        write(tmp_path / str(number), f"r{number}")
        pull(tmp_path / str(number) / "wandb", root)
    store = Store(root)
    tables = store.tables()
    first = {n: f.sort(*by).collect() for n, f, by in _frames(store)}
    from postrun.store.tables import write_batch

    for _ in range(2):  # each of them saw the same three batches
        frames = {"runs": tables.runs().collect()}
        frames |= {n: tables.table(n).collect() for n in ("metrics", "findings")}
        write_batch(store.storage, frames, [s.name for s in tables.stems])
    assert len(store.tables().stems) == 2
    for name, frame, by in _frames(store):
        assert_frame_equal(frame.sort(*by).collect(), first[name])
    assert compact(store.storage) == (2, 1)
    for name, frame, by in _frames(store):
        assert_frame_equal(frame.sort(*by).collect(), first[name])


def test_an_older_store_is_read_and_brought_forward(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next version renames a column, adds one, and comes with a migration."""
    kept = Store(str(three)).runs.sort("id").collect()

    def forward(table: str, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.rename({"host": "machine"}) if table == "runs" else frame

    runs = {("machine" if n == "host" else n): t for n, t in schema.RUNS.items()}
    runs["colour"] = pl.String
    for module in ("schema", "tables", "store"):
        monkeypatch.setattr(f"postrun.store.{module}.VERSION", 2, raising=False)
    monkeypatch.setitem(schema.SCHEMAS, "runs", runs)
    monkeypatch.setitem(schema.MIGRATIONS, 1, forward)
    found = Store(str(three)).runs.sort("id").collect()
    assert found["machine"].to_list() == kept["host"].to_list()
    assert found["colour"].null_count() == 3 and "host" not in found.columns
    store = Store(
        str(three), write=True
    )  # to be written to, it says so before anything else is written
    assert json.loads((three / "store.json").read_text())["version"] == 2
    assert [s.version for s in store.tables().stems] == [1]


def test_a_newer_store_is_not_touched(three: Path) -> None:
    (three / "store.json").write_text('{"format": "postrun store", "version": 99}')
    for write_to in (False, True):
        with pytest.raises(
            postrun.TargetError, match=r"version 99, and this postrun knows up to 1\. Upgrade"
        ):
            Store(str(three), write=write_to)
    (three / "store.json").write_text("{}")
    with pytest.raises(postrun.TargetError, match=r"store.json is not a store's"):
        Store(str(three))


def test_runs_that_their_server_has_no_more_are_kept_and_marked(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    local = {ref.id: ref for ref in resolve(tmp_path / "wandb")}

    def served(run: str) -> RunRef:
        return RunRef(
            run, "wandb_api", Path(f"team/demo/{run}"), local[run].loader, remote=True, version="1"
        )

    store = Store(str(tmp_path / "store"), write=True)
    both = [served("a"), served("b")]
    list(pull_into(store, both, Privacy(), 1))
    assert mark_gone(store, "team/demo", both) == []
    for _ in range(2):
        assert [(p.id, p.status) for p in mark_gone(store, "team/demo", both[:1])] == [
            ("b", "deleted")
        ]
    assert mark_gone(store, "team/other", []) == []
    runs = store.runs.sort("id").collect()
    assert runs["gone"].to_list() == [False, True]
    assert store.metrics.filter(pl.col("run") == "b").collect().height == 3
    assert store.history(["loss"]).collect().height == 40
    compact(store.storage)
    assert store.runs.sort("id").collect()["gone"].to_list() == [False, True]
    assert [p.status for p in pull_into(store, both, Privacy(), 1)] == [
        "unchanged",
        "updated",
    ]  # it is back
    assert not store.runs.collect()["gone"].any()
    mark_gone(store, "team/demo", both[:1])
    assert prune(store.storage, gone=True, older=0).rows["gone"] == 1
    assert store.runs.collect()["id"].to_list() == ["a"]
    assert prune(store.storage, gone=True, older=0).rows["gone"] == 0


def test_prune_leaves_what_a_writer_may_be_about_to_name(three: Path) -> None:
    store = Store(str(three))
    fresh = three / "history" / "entity=_" / "project=demo" / "run=z" / "0123456789abcdef.parquet"
    fresh.parent.mkdir(parents=True)
    fresh.write_bytes(b"x" * 10)
    (three / "tables" / ".half.parquet.7-abcd.part").write_bytes(b"y" * 5)
    assert prune(store.storage).files == 0 and fresh.exists()
    dry = prune(store.storage, older=0, dry=True)
    assert (dry.files, dry.bytes) == (2, 15) and fresh.exists()
    assert prune(store.storage, older=0).files == 2 and not fresh.parent.exists()
    assert verify(store.storage).sound and store.runs.collect().height == 3


def test_exports_are_asked_alike(three: Path, tmp_path: Path) -> None:
    postrun.analyze(three, tmp_path / "out", plots=False, report=False)
    exports = postrun.open_store(tmp_path / "out")
    assert isinstance(exports, Exports) and isinstance(exports.runs, pl.LazyFrame)
    assert exports.runs.collect().height == 3


def test_tables_know_nothing_of_other_programs_files(three: Path) -> None:
    (three / "tables" / "notes.runs.parquet").write_text("mine")
    (three / "tables" / "read.me").write_text("mine")
    tables = Tables(Store(str(three)).storage)
    assert tables.rows.height == 3 and not tables.problems
    assert prune(Store(str(three)).storage, older=0).files == 0


@pytest.mark.parametrize(
    ("text", "word", "wanted"),
    [
        ("no such bucket at http://127.0.0.1:40391/nobucket", "403", False),
        ("status 403 Forbidden", "403", True),
        ("403", "403", True),
        ("Error: accessdenied for you", "AccessDenied", True),
    ],
)
def test_a_port_is_no_status(text: str, word: str, wanted: bool) -> None:
    from postrun.store.objects import _says

    assert _says(text, word) is wanted
