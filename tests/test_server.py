"""Runs on a server: the real SDK, with its real wandb-core, against the stand-in."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import postrun
from postrun.model import TargetError, UsageError
from postrun.sources.wandb_api import connection
from postrun.sources.wandb_api.address import Address, parse
from postrun.sources.wandb_api.connection import Gate
from postrun.sources.wandb_api.options import RemoteOptions
from tests import logs
from tests.conftest import SdkRun, own_environment
from tests.printed import results_of
from tests.standin import Fault, Form, ServerRun, StandIn
from tests.standin.server import KEY

SCRIPT = """
import math, time
import numpy as np
import wandb
run = wandb.init(entity="ent", project="p", name="synced", group="g", job_type="train", tags=["b", "a"],
                 notes="some words", config={"lr": 0.1, "nested": {"a": 1, "b": None}, "list": [1, 2]},
                 settings=wandb.Settings(x_stats_sampling_interval=0.1))
run.define_metric("epoch")
run.define_metric("eval/*", step_metric="epoch", summary="max")
rng = np.random.default_rng(0)
for i in range(250):
    row = {"loss": float(rng.normal()), "whole": i, "flag": i % 2 == 0, "word": f"w{i % 3}"}
    if i % 10 == 0:
        row |= {"eval/acc": i / 250, "epoch": i // 10, "deep": {"x": i, "y": {"z": i / 2}}}
    if i in (50, 51):
        row["loss"] = math.nan
    if i == 60:
        row["loss"] = math.inf
    if i % 50 == 0:
        row["hist"] = wandb.Histogram(rng.normal(size=20))
    if i == 7:
        row["mixed"] = "text"
    elif i < 10:
        row["mixed"] = i
    run.log(row)
    print(f"step {i}")
artifact = wandb.Artifact("model", "model")
with artifact.new_file("weights.txt") as file:
    file.write("1 2 3")
run.log_artifact(artifact)
run.summary["best"] = 3.5
time.sleep(0.5)
run.finish()
"""


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's settings: a key, and nothing of this machine's own."""
    for name in ("ENTITY", "PROJECT", "BASE_URL"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with StandIn() as found:
        monkeypatch.setenv("WANDB_BASE_URL", found.url)
        yield found
        assert found.unknown == []


def run_of(steps: int, id: str = "r1", **fields: Any) -> ServerRun:  # noqa: A002 - the field's name
    run = ServerRun("ent", "p", id, **fields)
    for i in range(steps):
        run.log(
            {"_step": i, "_runtime": i * 0.5, "_timestamp": 1.7e9 + i * 0.5, "loss": 1 / (i + 1)}
        )
    return run


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "postrun", *arguments],
        env=own_environment() | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def synced(sdk: SdkRun) -> Iterator[tuple[StandIn, Path]]:
    """A real offline run, and the server that `wandb sync` uploaded it to."""
    folder = sdk(SCRIPT)
    (log,) = folder.glob("offline-run-*")
    with StandIn() as server:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "wandb"), "sync", "--no-skip-synced", str(log)],
            env=own_environment() | {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert server.unknown == []
        yield server, log


@pytest.mark.slow
@pytest.mark.parametrize("exported", [0, 100, 250])
def test_a_synced_run_reads_the_same_from_both_sources(
    synced: tuple[StandIn, Path], monkeypatch: pytest.MonkeyPatch, exported: int
) -> None:
    server, log = synced
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    ((_, runs),) = server.projects.items()
    ((run_id, theirs),) = runs.items()
    theirs.exported, theirs.per_export = exported, 60
    ours, read = postrun.load(log), postrun.load(f"ent/p/{run_id}")
    assert set(read.history.columns) == set(ours.history.columns)
    for name in ours.history.columns:
        a, b = ours.history[name], read.history[name]
        assert a.dtype == b.dtype, name
        if name == "hist":  # JSON text of equal values
            assert [v and json.loads(v) for v in a] == [v and json.loads(v) for v in b]
        else:
            assert a.equals(b, null_equal=True), name
    assert read.config == ours.config
    logged = [{k: v for k, v in r.summary.items() if k[0] != "_"} for r in (read, ours)]
    assert logged[0] == logged[1]
    for name in (
        "id",
        "name",
        "entity",
        "project",
        "group",
        "job_type",
        "notes",
        "sweep",
        "commit",
    ):
        assert getattr(read.identity, name) == getattr(ours.identity, name), name
    assert sorted(read.identity.tags) == sorted(ours.identity.tags)
    assert read.identity.started_at is not None and ours.identity.started_at is not None
    assert abs((read.identity.started_at - ours.identity.started_at).total_seconds()) < 2
    assert (read.state, read.exit_code) == (ours.state, ours.exit_code)
    assert read.console.select("stream", "line").equals(ours.console.select("stream", "line"))
    assert read.system.drop("_runtime").equals(ours.system.drop("_runtime"), null_equal=True)
    assert read.requirements == ours.requirements
    assert {(f.path, f.size) for f in read.files} == {(f.path, f.size) for f in ours.files}
    assert [(m.name, m.glob, m.x_axis, m.summary, m.goal) for m in read.metrics] == [
        (m.name, m.glob, m.x_axis, m.summary, m.goal) for m in ours.metrics
    ]
    assert [(a.name, a.type, a.direction) for a in read.artifacts] == [
        ("model:v0", "model", "output")
    ]
    assert [a.digest for a in read.artifacts] == [a.digest for a in ours.artifacts]
    same = ("program", "host", "os", "python", "startedAt", "cpu_count", "memory")
    assert {k: read.environment.get(k) for k in same} == {k: ours.environment.get(k) for k in same}
    assert read.completeness.whole and read.completeness.rows == ours.completeness.rows
    assert read.completeness.nonfinite == ours.completeness.nonfinite == 3
    assert read.completeness.media == ours.completeness.media
    assert [f.message for f in postrun.diagnose(read)] == [
        f.message for f in postrun.diagnose(ours)
    ]


@pytest.mark.parametrize("exported", [0, 2_500, 5_000])
def test_history_is_whole_whatever_is_exported(server: StandIn, exported: int) -> None:
    run = server.add(run_of(5_000, exported=exported, per_export=2_000))
    read = postrun.load("ent/p/r1")
    assert read.history["_step"].to_list() == list(range(5_000))
    assert read.completeness.whole and read.completeness.sentence().startswith(
        "complete: 5,000 rows"
    )
    downloads = [r.name for r in server.requests if r.name.startswith("/exports/")]
    assert len(downloads) == len(set(downloads)) == len(range(0, exported, run.per_export))
    assert server.count("HistoryPage") == (0 if exported == 5_000 else 1)


def test_exports_that_grew_are_not_taken_from_the_cache(server: StandIn) -> None:
    run = server.add(run_of(1_000, exported=1_000))
    assert postrun.load("ent/p/r1").history.height == 1_000
    for live in (
        0,
        500,
    ):  # an export of the same name holds more rows than the one in the SDK's cache
        for i in range(len(run.rows), len(run.rows) + 1_000):
            run.log({"_step": i, "loss": 0.1})
        run.exported = len(run.rows) - live
        read = postrun.load("ent/p/r1")
        assert read.history["_step"].to_list() == list(range(len(run.rows)))


def test_servers_without_exports_are_read_page_by_page(server: StandIn) -> None:
    server.exports = False
    server.add(run_of(25_000, exported=25_000))
    read = postrun.load("ent/p/r1")
    assert read.history.height == 25_000 and read.completeness.whole
    assert server.count("HistoryPage") == 3


def test_a_shortfall_is_said(server: StandIn) -> None:
    server.form = Form(values={"historyLineCount": 160})
    server.add(run_of(100))
    read = postrun.load("ent/p/r1")
    assert read.history.height == 100 and not read.completeness.whole
    assert any(
        "the server reports 160 rows and gave 100" in note for note in read.completeness.notes
    )


def test_more_rows_than_steps_are_read(server: StandIn) -> None:
    """A page is as long as its steps, and the server samples what is more: another request helps."""
    run = server.add(run_of(100))
    for i in range(60):
        run.log({"_step": 50, "loss": float(i)})
    read = postrun.load("ent/p/r1")
    rows = sorted(map(json.loads, run.rows), key=lambda row: row["_step"])
    assert read.history["_step"].to_list() == [row["_step"] for row in rows]
    assert read.history["loss"].to_list() == [row["loss"] for row in rows]
    assert read.completeness.whole
    assert "a scan gave 100 rows; the 160 rows here came in one request" in read.completeness.notes


@pytest.mark.parametrize("exported", [0, 30, 60])
def test_rows_that_repeat_a_step_are_kept(server: StandIn, exported: int) -> None:
    run = server.add(run_of(0, exported=exported))
    steps = sorted([*range(0, 100, 2), *[40] * 10])
    for step in steps:
        run.log(
            {"_step": step, "loss": 1.0}
        )  # even equal rows: what was logged twice is there twice
    read = postrun.load("ent/p/r1")
    assert read.history["_step"].to_list() == steps and read.completeness.whole


@pytest.mark.slow
def test_a_sample_is_called_one(server: StandIn, tmp_path: Path) -> None:
    server.add(run_of(1_000))
    done = command("analyze", "ent/p/r1", "--sample", "100", "--out", str(tmp_path), "--no-plots")
    assert done.returncode == 0, done.stderr
    assert "SAMPLED: 100 rows of about 1,000" in done.stdout
    for name in ("report.md", "report.html", "detailed_analysis.json"):
        assert "ampled" in (tmp_path / "r1" / name).read_text()


def test_resumed_steps_and_gaps_are_kept(server: StandIn) -> None:
    run = server.add(run_of(0))
    for step in (*range(50), *range(400, 450)):
        run.log({"_step": step, "loss": 1.0, "_timestamp": 1.7e9 + step, "_runtime": step})
    read = postrun.load("ent/p/r1")
    assert read.history["_step"].to_list() == [*range(50), *range(400, 450)]


@pytest.mark.slow
def test_urls_and_environment_name_runs(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.add(run_of(10))
    for target in (f"{server.url}/ent/p/runs/r1", f"{server.url}/ent/p/runs/r1/logs"):
        assert postrun.load(target).history.height == 10
    monkeypatch.delenv("WANDB_BASE_URL")
    machine = server.url.removeprefix("http://")
    (tmp_path / "netrc").write_text(f"machine {machine} login user password {KEY}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert postrun.load(f"{server.url}/ent/p").id == "r1"
    base = server.url
    done = command("check", WANDB_ENTITY="ent", WANDB_PROJECT="p", WANDB_BASE_URL=base)
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("e/p", Address("e", "p")),
        ("e/p/r", Address("e", "p", "r")),
        ("https://wandb.ai/e/p/runs/r?nw=1", Address("e", "p", "r", base="https://api.wandb.ai")),
        ("https:/wandb.ai/e/p/workspace", Address("e", "p", base="https://api.wandb.ai")),
        ("https://forge.coreweave.com/wandb/e/p/runs/r/logs",
         Address("e", "p", "r", base="https://api.forge.coreweave.com")),
        ("https://w.lab.org/e/p/sweeps/s", Address("e", "p", sweep="s", base="https://w.lab.org")),
        ("https://w.lab.org:8080/e/p/groups/g%201", Address("e", "p", group="g 1", base="https://w.lab.org:8080")),
        ("e", None), ("a/b/c/d", None), ("https://wandb.ai/e", None), ("run-*/x", None),
        ("./e/p", None), ("../e/p", None), ("runs/history.csv", None),
    ],
)  # fmt: skip
def test_addresses(text: str, address: Address | None) -> None:
    assert parse(text) == address


def project(server: StandIn, count: int = 12) -> None:
    for i in range(count):
        run = server.add(run_of(20 + i, id=f"r{i:02}", name=f"run {i}"))
        run.state = "finished" if i % 3 else "failed"
        run.tags, run.group, run.sweep = (
            (["x"] if i % 2 else ["y"]),
            f"g{i % 2}",
            "s1" if i < 4 else None,
        )
        run.created = run.created.replace(day=1 + i)
        run.config = {"lr": {"value": 0.1 * i}, "opt": {"value": "adam" if i % 2 else "sgd"}}
        run.summary = {"loss": float(i)}


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, [f"r{i:02}" for i in range(11, -1, -1)]),
        ({"order": "created", "limit": 2}, ["r00", "r01"]),
        ({"state": ["failed"]}, ["r09", "r06", "r03", "r00"]),
        ({"tag": ["x"], "limit": 1}, ["r11"]),
        ({"group": "g0", "created_after": "2026-01-08"}, ["r10", "r08"]),
        ({"sweep": "s1"}, ["r03", "r02", "r01", "r00"]),
        ({"config": ["lr>0.95"]}, ["r11", "r10"]),
        ({"config": ["opt=sgd", "lr<0.3"]}, ["r02", "r00"]),
        ({"summary": ["loss>=10"], "order": "summary.loss"}, ["r10", "r11"]),
        ({"name": "run 1$"}, ["r01"]),
        ({"config": ["opt~^ad"], "order": "config.lr", "limit": 1}, ["r01"]),
    ],
)
def test_filters_order_and_limit(server: StandIn, options: dict[str, Any], ids: list[str]) -> None:
    project(server)
    assert [ref.id for ref in postrun.runs("ent/p", **options)] == ids
    assert server.count("HistoryPage") == 0  # listing reads no history


@pytest.mark.slow
def test_list_on_the_command_line(server: StandIn) -> None:
    project(server)
    done = command("list", "ent/p", "--state", "failed", "--json")
    assert [r["id"] for r in results_of(done.stdout)["runs"]] == ["r09", "r06", "r03", "r00"]
    shown = {r["id"]: r["values"] for r in results_of(done.stdout)["runs"]}
    assert shown["r03"]["loss"] == 3.0  # the summary comes with the list, the history does not
    assert server.count("HistoryPage") == 0
    wide = command("list", "ent/p", "--state", "failed", "--metric", "loss")
    assert "loss" in wide.stdout.splitlines()[0] and " 9 " in wide.stdout
    wrong = command("list", "ent/p", "--order", "size")
    assert wrong.returncode == 2 and "created, heartbeat" in wrong.stderr


def test_conditions_that_are_none() -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        RemoteOptions(config=["lr"])


def test_a_project_of_many_pages_is_listed_whole(server: StandIn) -> None:
    for i in range(450):
        server.add(ServerRun("ent", "p", f"r{i}"))
    assert len(postrun.runs("ent/p")) == 450
    assert server.count("Runs") == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "environment", "words"),
    [
        ("ent/p/r1", {"WANDB_API_KEY": ""}, ["no API key", "wandb login"]),
        ("ent/p/r1", {"WANDB_API_KEY": KEY[::-1]}, ["the API key is refused", "--relogin"]),
        ("ent/p/run-01", {}, ["has no run run-01", "Did you mean run 1"]),
        ("ent/pp", {}, ["ent has no project pp", "Did you mean p?"]),
        ("nobody/p", {}, ["no project of nobody", "yours is ent"]),
        ("ent/p/r1", {"WANDB_BASE_URL": "http://127.0.0.1:9"}, ["not reachable", "WANDB_BASE_URL"]),
        ("ent/p/r1", {"WANDB_BASE_URL": "https://no-such-host.invalid"}, ["no such host"]),
        ("ent/p/r1", {"WANDB_BASE_URL": "https"}, ["TLS failed", "SSL_CERT_FILE"]),
    ],
)  # fmt: skip
def test_errors_help(
    server: StandIn, tmp_path: Path, target: str, environment: dict[str, str], words: list[str]
) -> None:
    project(server)
    if environment.get("WANDB_BASE_URL") == "https":
        environment = {"WANDB_BASE_URL": server.url.replace("http:", "https:")}
    home = {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / "none"),
        "WANDB_CONFIG_DIR": str(tmp_path),
    }
    done = command("analyze", target, "--out", str(tmp_path / "out"), **home, **environment)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("Run", "403"), "no permission"),
        (Fault("HistoryPage", "403"), "no permission"),
    ],
)
def test_refusals_are_one_clear_error(server: StandIn, fault: Fault, words: str) -> None:
    server.add(run_of(10))
    server.faults = [fault]
    with pytest.raises(TargetError, match=words):
        postrun.load("ent/p/r1")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("HistoryPage", "429", times=2, seconds=1),
        Fault("HistoryPage", "500", times=1),
        Fault("HistoryPage", "cut", times=2),
        Fault("HistoryPage", "stall", times=1, seconds=1.5),
        Fault("/exports/", "500", times=1),
        Fault("/exports/", "403", times=1),  # a URL that has expired
        Fault("/exports/ent/p/r1/0", "truncate", times=1),
        Fault("/exports/ent/p/r1/1", "cut", times=1),
        Fault("RunParquetHistory", "cut", times=1),
        Fault("Run", "cut", times=1),
    ],
    ids=lambda f: f"{f.on.strip('/')}-{f.kind}",
)
def test_passing_faults_cost_time_and_no_row(server: StandIn, fault: Fault) -> None:
    server.add(run_of(3_000, exported=2_000, per_export=1_000))
    server.faults = [fault]
    read = postrun.load("ent/p/r1")
    assert read.history["_step"].to_list() == list(range(3_000))
    assert read.completeness.whole


@pytest.mark.parametrize("kind", ["truncate", "404"])
def test_exports_that_are_broken_are_not_believed(server: StandIn, kind: str) -> None:
    server.add(run_of(3_000, exported=2_000, per_export=1_000))
    server.faults = [Fault("/exports/ent/p/r1/1", kind)]
    try:
        read = postrun.load("ent/p/r1")
    except TargetError as error:
        assert "r1" in str(error)
    else:  # what is there is given, and what is missing said
        assert not read.completeness.whole
        assert any("3,000" in note for note in read.completeness.notes)


def test_parts_beside_the_history_are_not_fatal(server: StandIn) -> None:
    server.add(run_of(10))
    server.faults = [
        Fault("RunFiles", "404"),
        Fault("RunConsoleLogPage", "404"),
        Fault("RunOutputArtifacts", "404"),
    ]
    read = postrun.load("ent/p/r1")
    assert read.history.height == 10
    text = " ".join(read.completeness.notes)
    assert (
        "files: not to be had" in text and "console log: not" in text and "artifacts: not" in text
    )


def tree(folder: Path) -> dict[str, float]:
    return {
        p.relative_to(folder).as_posix(): p.stat().st_mtime_ns
        for p in folder.rglob("*")
        if p.is_file()
    }


def steps(folder: Path, run_id: str) -> list[int]:
    return pl.read_parquet(folder / run_id / f"{run_id}_history.parquet")["_step"].to_list()


@pytest.mark.slow
def test_a_second_pull_fetches_only_what_is_new(server: StandIn, tmp_path: Path) -> None:
    project(server, 5)
    running = server.projects["ent", "p"]["r02"]
    running.state = "running"
    first = command("pull", "ent/p", "--out", str(tmp_path), "--json")
    assert {r["status"] for r in results_of(first.stdout)["runs"]} == {"new"}
    before, asked = tree(tmp_path), len(server.requests)
    second = command("pull", "ent/p", "--out", str(tmp_path), "--json")
    assert {r["status"] for r in results_of(second.stdout)["runs"]} == {"unchanged"}
    assert tree(tmp_path) == before
    assert {r.name for r in server.requests[asked:]} <= {"/", "Viewer", "GetDefaultEntity", "Runs"}
    for i in range(22, 40):
        running.log({"_step": i, "loss": 0.1, "_runtime": i / 2, "_timestamp": 1.7e9 + i})
    del server.projects["ent", "p"]["r04"]
    asked = len(server.requests)
    third = command("pull", "ent/p", "--out", str(tmp_path), "--json")
    status = {r["id"]: r["status"] for r in results_of(third.stdout)["runs"]}
    assert status == {
        "r00": "unchanged",
        "r01": "unchanged",
        "r02": "updated",
        "r03": "unchanged",
        "r04": "deleted",
    }
    pages = [r.variables for r in server.requests[asked:] if r.name == "HistoryPage"]
    assert [p["minStep"] for p in pages] == [21]  # from the last known step on
    assert steps(tmp_path, "r02") == list(range(40))
    assert (tmp_path / "r04" / "r04_history.parquet").is_file()
    assert json.loads((tmp_path / "r04" / "pull.json").read_text())["deleted"] is True


@pytest.mark.slow
def test_rows_that_were_rewritten_are_read_anew(server: StandIn, tmp_path: Path) -> None:
    run = server.add(run_of(50))
    assert command("pull", "ent/p/r1", "--out", str(tmp_path)).returncode == 0
    run.rows[:] = run.rows[:30]  # rewound, and gone on differently
    run._steps.clear()
    for i in range(30, 60):
        run.log({"_step": i, "loss": -1.0, "_runtime": i / 2, "_timestamp": 1.7e9 + i})
    run.rows.append(json.dumps({"_step": 60, "loss": -2.0}))
    command("pull", "ent/p/r1", "--out", str(tmp_path))
    frame = pl.read_parquet(tmp_path / "r1" / "r1_history.parquet")
    assert frame["_step"].to_list() == list(range(61))


@pytest.mark.slow
def test_a_pull_that_is_killed_goes_on(server: StandIn, tmp_path: Path) -> None:
    project(server, 10)
    server.latency = 0.03
    for number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "postrun", "pull", "ent/p", "--out", str(tmp_path), "--workers", "2"],
            env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while (
            time.monotonic() < deadline and len(list(tmp_path.glob("*/pull.json"))) < 2 * number + 1
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = command("pull", "ent/p", "--out", str(tmp_path), "--json")
    status = [r["status"] for r in results_of(done.stdout)["runs"]]
    assert "unchanged" in status and len(status) == 10
    for i in range(10):
        assert steps(tmp_path, f"r{i:02}") == list(range(20 + i))
        json.loads((tmp_path / f"r{i:02}" / "full_analysis.json").read_text())


@pytest.mark.slow
def test_in_a_batch_the_others_go_on(server: StandIn, tmp_path: Path) -> None:
    project(server, 6)
    server.faults = [
        Fault("/exports/ent/p/r03", "404"),
        Fault("HistoryPage", "403", times=1, skip=2),
    ]
    done = command("pull", "ent/p", "ent/nothing", "--out", str(tmp_path), "--workers", "1")
    assert done.returncode == 3
    assert len(list(tmp_path.glob("*/pull.json"))) == 5
    complaints = done.stderr.strip().splitlines()
    assert len(complaints) == 2
    assert any("no permission" in line for line in complaints)
    assert any("ent has no project nothing" in line for line in complaints)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_no_more_requests_at_a_time_than_workers(server: StandIn, tmp_path: Path) -> None:
    project(server, 12)
    server.latency = 0.02
    done = command("pull", "ent/p", "--out", str(tmp_path), "--workers", "3")
    assert done.returncode == 0, done.stderr
    assert 2 <= server.most_in_flight <= 3


def test_the_gate_keeps_everybody_waiting() -> None:
    gate = Gate()
    gate.close(0.2)
    gate.close(0.05)  # does not open it earlier
    begin = time.monotonic()
    gate.wait()
    assert 0.15 < time.monotonic() - begin < 0.5


def test_system_metrics_and_files_of_old_servers(server: StandIn) -> None:
    run = server.add(run_of(10))
    run.events = [
        json.dumps({"system.gpu.0.gpu": 50 + i, "_timestamp": 1.7e9 + i, "_runtime": i})
        for i in range(30)
    ]
    run.console = [
        ("2026-01-02T03:04:05.5", "info", "hello"),
        ("2026-01-02T03:04:06", "error", "Traceback"),
    ]
    read = postrun.load("ent/p/r1")
    assert read.system["gpu.0.gpu"].to_list() == [50 + i for i in range(30)]
    assert read.console["stream"].to_list() == ["stdout", "stderr"]
    assert not math.isnan(read.console["timestamp"][0])


def test_values_that_json_has_no_words_for(server: StandIn) -> None:
    run = server.add(run_of(0))
    for i, value in enumerate([1.0, math.nan, math.inf, -math.inf]):
        run.log({"_step": i, "x": value, "all": math.nan})
    for exported in (0, 4):
        run.exported = exported
        read = postrun.load("ent/p/r1")
        assert np.array_equal(
            read.history["x"].to_numpy(), [1.0, np.nan, np.inf, -np.inf], equal_nan=True
        )
        assert read.history["all"].is_nan().all()
        assert read.completeness.nonfinite == 7


_NUMBERS = st.one_of(
    st.floats(width=64),
    st.integers(-(2**53), 2**53),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0]),
)
_VALUES = {
    "loss": st.floats(width=64),
    "count": st.integers(-(2**53), 2**53),
    "either": _NUMBERS,
    "flag": st.booleans(),
    "word": st.sampled_from(["a", "b c", "ünï", "true", "NaN?", "{x", ""]),
    "deep": st.fixed_dictionaries(
        {"x": _NUMBERS, "y": st.fixed_dictionaries({"z": st.integers(0, 9)})}
    ),
    "list": st.lists(st.integers(0, 5), max_size=3),
    "mixed": st.one_of(st.integers(0, 9), st.sampled_from(["text", "more"])),
    "train/acc": st.floats(0, 1),
}
_ROWS = st.lists(st.fixed_dictionaries({}, optional=_VALUES).filter(bool), min_size=1, max_size=12)


def same(a: pl.Series, b: pl.Series) -> bool:
    """Equal values; whole numbers are whole whether written 1 or 1.0, which an export cannot tell."""
    if a.dtype.is_numeric() and b.dtype.is_numeric():
        a, b = a.cast(pl.Float64), b.cast(pl.Float64)
    return a.dtype == b.dtype and a.equals(b, null_equal=True)


@pytest.mark.slow
@given(rows=_ROWS, share=st.sampled_from([0.0, 0.5, 1.0]), gap=st.integers(1, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_run_reads_the_same_from_both_sources(
    server: StandIn, tmp_path: Path, rows: list[dict[str, Any]], share: float, gap: int
) -> None:
    run_id = f"run{len(server.projects.get(('ent', 'p'), {}))}"
    theirs = server.add(ServerRun("ent", "p", run_id))
    records = [logs.run_record(run_id)]
    for number, row in enumerate(rows):
        step = number * gap
        whole = {"_step": step, "_runtime": step * 0.5, "_timestamp": 1.7e9 + step * 0.5} | row
        theirs.log(whole)
        records.append(logs.history(whole))
    theirs.exported, theirs.per_export = int(share * len(rows)), 3
    local = postrun.load(
        logs.write(tmp_path / f"run-{run_id}.wandb", [*records, logs.exit_record()])
    )
    read = postrun.load(f"ent/p/{run_id}")
    known = {c for c in local.history.columns if local.history[c].dtype != pl.Null}
    assert {c for c in read.history.columns if read.history[c].dtype != pl.Null} == known
    for name in sorted(known):
        assert same(local.history[name], read.history[name]), (
            name,
            local.history[name],
            read.history[name],
        )
    assert read.completeness.whole
    assert read.completeness.nonfinite == local.completeness.nonfinite


def test_a_server_that_refuses_for_good_is_given_up(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(run_of(10))
    monkeypatch.setattr(connection, "PATIENCE", 4)
    server.faults = [Fault("Run", "429", seconds=1)]
    begin = time.monotonic()
    with pytest.raises(TargetError, match="too many requests"):
        postrun.load("ent/p/r1")
    assert time.monotonic() - begin < 20
    assert server.count("Run") <= 6  # `Retry-After` is honoured


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_keeps_what_is_done(server: StandIn, tmp_path: Path) -> None:
    project(server, 6)
    server.faults = [Fault("HistoryPage", "stall", seconds=60, skip=2)]
    # A test may itself run where Ctrl-C is ignored, which children inherit.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += "from postrun.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "pull", "ent/p", "--out", str(tmp_path), "--workers", "2"],
        env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(tmp_path.glob("*/pull.json"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - begin < 10
    assert "finished results are kept" in complaints and "Traceback" not in complaints
    assert len(list(tmp_path.glob("*/pull.json"))) == 2


@pytest.mark.slow
def test_files_are_downloaded(server: StandIn, tmp_path: Path) -> None:
    run = server.add(run_of(10))
    run.files = {
        "config.yaml": b"lr:\n  value: 0.1\nhf_token: hf_" + b"aB3" * 11,
        "requirements.txt": b"torch==2.9\n",
        "media/images/a.png": b"\x89PNG...",
        "media/big.bin": bytes(100_000),
        "../../outside.txt": b"no",
    }
    done = command("pull", "ent/p/r1", "--out", str(tmp_path / "out"), "--files", "media/*")
    assert done.returncode == 0, done.stderr
    files = tmp_path / "out" / "r1" / "files"
    assert (files / "requirements.txt").read_text() == "torch==2.9\n"
    assert (
        "hf_aB3" not in (files / "config.yaml").read_text()
    )  # masked, as everything that is written
    assert (files / "media" / "images" / "a.png").read_bytes() == b"\x89PNG..."
    assert (files / "media" / "big.bin").stat().st_size == 100_000
    wicked = command("pull", "ent/p/r1", "--out", str(tmp_path / "b"), "--files", "*")
    assert wicked.returncode == 3 and "1 of 5 files were not written" in wicked.stderr
    assert "leads out of the folder" in wicked.stderr and ".." not in wicked.stderr.split(")")[-1]
    assert not list(tmp_path.rglob("outside.txt"))
    others = {"config.yaml", "requirements.txt", "media/images/a.png", "media/big.bin"}
    folder = tmp_path / "b" / "r1" / "files"
    assert others <= {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_what_was_pulled_in_another_way_is_read_anew(server: StandIn, tmp_path: Path) -> None:
    run = server.add(run_of(1_000))
    run.config = {"api_key": {"value": "s3cr3tkeyvalue"}}

    def pull(*options: str) -> str:
        done = command("pull", "ent/p/r1", "--out", str(tmp_path), "--json", *options)
        return str(results_of(done.stdout)["runs"][0]["status"])

    assert pull("--sample", "100") == "new" and len(steps(tmp_path, "r1")) == 100
    assert pull() == "updated" and steps(tmp_path, "r1") == list(
        range(1_000)
    )  # never left a sample
    config = tmp_path / "r1" / "r1_config.json"
    assert pull() == "unchanged" and "s3cr3t" not in config.read_text()
    assert pull("--no-mask") == "updated" and "s3cr3t" in config.read_text()
    run.files = {"media/a.txt": b"a"}
    assert pull("--no-mask", "--files", "media/*") == "updated"
    assert (tmp_path / "r1" / "files" / "media" / "a.txt").is_file()


@pytest.mark.slow
def test_many_runs_of_a_project_are_read_once(server: StandIn, tmp_path: Path) -> None:
    for i in range(6):
        server.add(run_of(60, f"r{i}", config={"lr": (i + 1) / 10}, sweep="s1" if i < 4 else ""))
    own = {"WANDB_BASE_URL": server.url, "POSTRUN_CACHE_DIR": str(tmp_path)}
    arguments = ("sweep", "ent/p", "--sweep", "s1", "--metric", "loss", "--json")
    done = command(*arguments, **own)
    assert done.returncode == 0, done.stderr
    (study,) = results_of(done.stdout)["studies"]
    assert len(study["tables"]["configurations"]) == 4
    assert {row["lr"] for row in study["tables"]["configurations"]} == {"0.1", "0.2", "0.3", "0.4"}
    before = len(server.requests)
    again = command(*arguments, **own)
    assert results_of(again.stdout)["studies"] == [study]
    asked = {r.name for r in server.requests[before:]}
    assert asked <= {
        "/",
        "Viewer",
        "GetDefaultEntity",
        "Runs",
    }  # the list of runs, and nothing of any of them
    failures = results_of(command("failures", "ent/p", "--json", **own).stdout)["studies"][0]
    assert sum(row["runs"] for row in failures["tables"]["endings"]) == 6
