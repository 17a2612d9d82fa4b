"""A store on the command line: pull, list, query, and looking after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

import postrun
from postrun.cli.main import cli
from postrun.model import UsageError
from postrun.store import Store
from tests.conftest import SAMPLE
from tests.printed import envelope_of, results_of
from tests.test_store import pull, write


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [*map(str, words)])


def rows(*words: str | Path) -> list[dict[str, Any]]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = results_of(done.stdout)["rows"]
    return found


@pytest.fixture
def three(tmp_path: Path) -> Path:
    write(tmp_path, "a", config={"optim": {"lr": 0.1}, "name": "adam"})
    write(tmp_path, "b", rows=10, code=1, config={"optim": {"lr": 0.01}, "name": "sgd"})
    write(tmp_path, "c", code=None, project="other", entity="team", config={"optim": {"lr": 1e-3}})
    pull(tmp_path / "wandb", tmp_path / "store")
    return tmp_path / "store"


def test_pull_and_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a")
    first = run("pull", tmp_path / "wandb", "--store", tmp_path / "store")
    assert first.exit_code == 0 and first.output == "a  new  complete: 20 rows, _step 0 to 19\n"
    again = run("pull", tmp_path / "wandb", "--store", tmp_path / "store")
    assert again.output == "a  unchanged\n"
    force = run("pull", tmp_path / "wandb", "--store", tmp_path / "store", "--force")
    assert force.output.startswith("a  updated")
    monkeypatch.setenv("POSTRUN_STORE", str(tmp_path / "own"))
    assert run("pull", tmp_path / "wandb", "--store", "store:").exit_code == 0
    assert rows("query", "select id from runs") == [{"id": "a"}]
    looked = run("store", "verify")
    assert looked.output.startswith("1 run, 2 files, ") and "as they were written" in looked.output
    copied = run("pull", "store:", "--store", tmp_path / "copy")  # a store is a target as well
    assert copied.exit_code == 0 and (tmp_path / "copy" / "store.json").exists()


def test_the_library_keeps_and_asks(tmp_path: Path) -> None:
    write(tmp_path, "a")
    bad = tmp_path / "wandb" / "run-20240101_000000-x" / "run-x.wandb"
    bad.parent.mkdir()
    bad.write_bytes(b"no log")
    found = postrun.pull([tmp_path / "wandb", tmp_path / "none"], tmp_path / "lab")
    assert dict(found.select("id", "status").iter_rows()) == {
        "a": "new", "x": "failed", str(tmp_path / "none"): "failed",
    }  # fmt: skip
    assert found.filter(pl.col("id") == "a")["rows"].to_list() == [20]
    assert all(found.filter(pl.col("status") == "failed")["error"])
    assert postrun.pull(tmp_path / "wandb", tmp_path / "lab")["status"].to_list()[1] == "unchanged"
    assert postrun.query("select id, rows from runs", tmp_path / "lab").rows() == [("a", 20)]
    with pytest.raises(postrun.TargetError):
        postrun.pull(tmp_path / "none", tmp_path / "lab")
    with pytest.raises(UsageError):
        postrun.query("select", tmp_path / "lab")


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    for words, message in (
        (["--store", tmp_path / "s", "--files", "*"], "a store cannot hold files"),
        (["--cluster", "tcp://x:1"], "workers write to a store"),
    ):
        with pytest.raises(UsageError, match=message):
            CliRunner().invoke(
                cli, ["pull", str(tmp_path / "wandb"), *map(str, words)],
                standalone_mode=False, catch_exceptions=False,
            )  # fmt: skip


def test_a_list_shows_steps_time_and_values_of_stored_runs(three: Path) -> None:
    found = {r["id"]: r for r in results_of(run("list", three, "--json").output)["runs"]}
    chosen = "select last_step, runtime from runs where id = 'a'"
    (row,) = rows("query", chosen, "--store", three)
    assert found["a"]["values"]["_step"] == row["last_step"]
    assert found["a"]["values"]["_runtime"] == row["runtime"]
    words = {name: one["ended"] for name, one in found.items()}
    assert words == {"a": "finished", "b": "failed (an exception)", "c": "killed (no exit record)"}


def test_a_list_shows_the_summary_of_stored_runs(tmp_path: Path) -> None:
    pull(SAMPLE, tmp_path)
    (row,) = rows("query", "select summary from runs", "--store", tmp_path)
    (found,) = results_of(run("list", tmp_path, "--json").output)["runs"]
    numbers = {k: v for k, v in json.loads(row["summary"]).items() if isinstance(v, int | float)}
    assert numbers and numbers.items() <= found["values"].items()


def test_filters_are_options_or_part_of_the_target(three: Path) -> None:
    def listed(*words: str | Path) -> list[str]:
        done = run("list", *words, "--json")
        assert done.exit_code == 0, done.output
        return sorted(r["id"] for r in results_of(done.stdout)["runs"])

    assert listed(three) == ["a", "b", "c"]
    assert listed(three, "--state", "failed") == listed(f"{three}?state=failed") == ["b"]
    assert listed(three, "--config", "optim.lr<0.05") == ["b", "c"]
    assert listed(three, "--created-after", "2020-01-01") == ["a", "b", "c"]
    assert listed(f"{three}/team", "--name", "^c$") == ["c"]
    assert listed(f"{three}/_", f"{three}/team/other") == ["a", "b", "c"]
    text = run("list", three).output
    assert "killed" in text and "failed" in text


def test_commands_take_a_store(three: Path, tmp_path: Path) -> None:
    for words in (
        ["check", f"{three}?state=finished", "--fail-on", "critical"],
        ["compare", three, "--metric", "val/loss", "--by", "name"],
        ["failures", f"{three}/_/demo"],
        ["progress", three, "--metric", "val/loss"],
        ["sweep", three, "--metric", "val/loss"],
        ["plot", f"{three}/_/demo/a", "--out", tmp_path / "plots"],
        ["card", f"{three}/_/demo/a", "--out", tmp_path / "README.md"],
        ["analyze", f"{three}/_/demo/a", "--out", tmp_path / "out", "--no-plots"],
        ["pull", f"{three}/team", "--out", tmp_path / "exported"],
    ):
        done = run(*map(str, words))
        assert done.exit_code == 0, (words, done.output)
    assert (tmp_path / "exported" / "c" / "c_history.csv").is_file()


def test_queries(three: Path, tmp_path: Path) -> None:
    store = ["--store", str(three)]
    assert rows("query", "select id, rows from runs where state = 'failed'", *store) == [
        {"id": "b", "rows": 10}
    ]
    asked = 'select id, "config.optim.lr" as lr, "config.name" from runs where "config.optim.lr" > 0.005'
    asked += " order by lr"
    assert rows("query", asked, *store) == [
        {"id": "b", "lr": 0.01, "config.name": "sgd"},
        {"id": "a", "lr": 0.1, "config.name": "adam"},
    ]
    finals = "select run, final from metrics where metric = 'loss' order by final"
    assert [r["run"] for r in rows("query", finals, *store)][-1] == "b"
    joined = (
        "select r.project, count(*) as n, max(m.final) as worst from runs r join metrics m on r.id = m.run "
        "where m.metric = 'val/loss' group by r.project order by n desc"
    )
    assert [(r["project"], r["n"]) for r in rows("query", joined, *store)] == [
        ("demo", 2),
        ("other", 1),
    ]
    history = 'select run, max(_step) as last, min("val/loss") as best from history group by run order by run'
    assert [r["last"] for r in rows("query", history, *store)] == [19, 9, 19]
    assert rows("query", "select count(*) as n from history where run = 'b'", *store) == [{"n": 10}]
    assert rows("query", "select avg(loss) as m from history where _step < 1", *store) == [
        {"m": 1.0}
    ]
    every = rows("query", "select * from history limit 1", *store)
    assert {"run", "_step", "loss", "val/loss", "epoch"} <= set(every[0])
    lines = rows("query", "select run, line from console where line like '%KeyError%'", *store)
    assert lines == [{"run": "b", "line": "KeyError: 1"}]
    rules = rows("query", "select run, rule from findings where severity = 'critical'", *store)
    assert {"run": "b", "rule": "RUN001"} in rules
    assert "val/loss" in run("query", "select metric from metrics", *store).output
    assert (
        run("query", "select id from runs order by id", *store, "--csv").output == "id\na\nb\nc\n"
    )
    for suffix in ("csv", "parquet", "json"):
        out = tmp_path / f"answer.{suffix}"
        assert run("query", "select id, tags from runs", *store, "--out", out).exit_code == 0
        assert out.stat().st_size
    assert pl.read_parquet(tmp_path / "answer.parquet").height == 3
    wide = run("query", "select * from runs order by id", *store).output.splitlines()
    assert [line.split() for line in wide if line.startswith("state")] == [
        ["state", "finished"], ["state", "failed"], ["state", "crashed"],
    ]  # fmt: skip
    assert "no rows" in run("query", "select id from runs where rows > 999", *store).output


@pytest.mark.parametrize(
    "sql",
    ["select", "select nope from runs", "select * from nope", "select 1 +"],
)
def test_a_query_that_is_none_says_what_there_is(three: Path, sql: str) -> None:
    with pytest.raises(UsageError, match="The tables are runs, metrics"):
        CliRunner().invoke(
            cli,
            ["query", sql, "--store", str(three)],
            standalone_mode=False,
            catch_exceptions=False,
        )
    assert Store(str(three)).runs.collect().height == 3


def test_other_programs_read_the_store(three: Path) -> None:
    """The files are plain Parquet, and DuckDB takes the frames."""
    import duckdb

    store = postrun.open_store(three)
    assert isinstance(store, Store)
    runs, metrics = store.runs.collect(), store.metrics.collect()
    found = duckdb.sql(
        "select r.id, r.config->>'$.optim.lr' as lr, m.final from runs r join metrics m on r.id = m.run "
        "where m.metric = 'loss' order by r.id"
    ).fetchall()
    assert [(i, lr) for i, lr, _ in found] == [("a", "0.1"), ("b", "0.01"), ("c", "0.001")]
    assert (runs.height, metrics.height) == (3, 9)
    files = f"{three}/history/**/*.parquet"
    counted = duckdb.sql(
        f"select run, count(loss) from read_parquet('{files}', hive_partitioning = true, union_by_name = true) "
        "group by run order by run"
    ).fetchall()
    assert counted == [("a", 20), ("b", 10), ("c", 20)]


def test_looking_after(three: Path, tmp_path: Path) -> None:
    write(tmp_path, "a", rows=25)
    assert run("pull", tmp_path / "wandb", "--store", three).exit_code == 0
    looked = run("store", "verify", three)
    assert "tables in 2 batches" in looked.output and "1 file (" in looked.output
    assert run("store", "compact", three).output == "2 batches of tables: 1 now\n"
    dry = run("store", "prune", three, "--older-than", "0", "--dry-run")
    assert dry.output.startswith("7 files, ") and dry.output.endswith("would be deleted\n")
    pruned = envelope_of(run("store", "prune", three, "--older-than", "0", "--json").output)
    assert pruned["results"]["files"] == 7 and pruned["errors"] == []
    quick = results_of(run("store", "verify", three, "--quick", "--json").output)
    assert quick["runs"] == 3 and quick["unnamed"] == 0 and not quick["problems"]
    assert run("store", "refresh", three).output == "0 runs diagnosed again\n"
