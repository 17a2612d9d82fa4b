"""Servers answer in many forms: times with and without zone, fields that are null or unknown."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun.cli.main import cli
from postrun.model import State
from postrun.model.times import parse_time
from postrun.sources.wandb_api.answers import make_tolerant
from tests.conftest import SdkRun, own_environment
from tests.standin import OPTIONAL, TIMES, Form, ServerRun, StandIn
from tests.standin.server import KEY
from tests.test_server import SCRIPT

CREATED = datetime(2025, 1, 26, 6, 2, 4, tzinfo=UTC)
NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENTITY", "PROJECT", "BASE_URL"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as found:
        yield found
        assert found.unknown == []


@pytest.fixture
def server(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("WANDB_BASE_URL", standin.url)
    standin.projects.clear()
    yield standin
    standin.form = Form()


def project(
    server: StandIn, rows: int = 40, runs: int = 2, **fields: Any
) -> tuple[str, list[ServerRun]]:
    """A new project of runs: the SDK keeps what it was told of an older one."""
    name = f"p{next(NUMBERS)}"
    start, step = fields.pop("start", 0), fields.pop("step", 1)
    found = []
    for i in range(runs):
        run = ServerRun(
            "ent", name, f"{name}r{i}", name=f"run {i}", created=CREATED, heartbeat=CREATED,
            config={"lr": {"value": 0.1}}, summary={"loss": 0.1, "_step": start + (rows - 1) * step},
            **fields,
        )  # fmt: skip
        for k in range(rows):
            at = start + k * step
            run.log(
                {"_step": at, "_runtime": k * 0.5, "_timestamp": 1.7e9 + k, "loss": 1 / (k + 1)}
            )
        found.append(server.add(run))
    return f"ent/{name}", found


def read_whole(target: str, runs: list[ServerRun]) -> list[postrun.Run]:
    """Every command takes the project; each run has every row that the server counts."""
    listed = CliRunner().invoke(cli, ["list", target])
    assert listed.exit_code == 0, listed.output
    read = []
    for run in runs:
        loaded = postrun.load(f"{target}/{run.id}")
        assert loaded.history["_step"].to_list() == run.steps
        assert [round(1 / v) for v in loaded.history["loss"]] == list(range(1, len(run.rows) + 1))
        assert "No metric was ever logged" not in str(postrun.diagnose(loaded))
        read.append(loaded)
    checked = CliRunner().invoke(cli, ["check", target])
    assert checked.exit_code in (0, 1), checked.output
    assert "No metric was ever logged" not in checked.output
    return read


@pytest.mark.parametrize("form", TIMES)
def test_times(server: StandIn, form: str) -> None:
    server.form = Form(times=form)
    target, runs = project(server)
    for run in read_whole(target, runs):
        started = run.identity.started_at
        assert started is not None and abs((started - CREATED).total_seconds()) < 1
    refs = postrun.runs(target)
    assert all(abs(ref.modified - CREATED.timestamp()) < 1 for ref in refs)


@pytest.mark.parametrize("how", ["null", "absent"])
@pytest.mark.parametrize("name", OPTIONAL)
def test_each_optional_field(server: StandIn, name: str, how: str) -> None:
    server.form = Form(**{how: frozenset({name})})  # type: ignore[arg-type]
    target, runs = project(server)
    (run, _) = read_whole(target, runs)
    told = " ".join(run.completeness.notes)
    assert ("the server does not tell" in told) == (
        name in ("state", "config", "summaryMetrics", "historyLineCount", "historyKeys")
    )
    if name == "state":
        assert run.state is State.UNKNOWN
    if name != "config":
        assert run.config == {"lr": 0.1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config", ""), ("config", "null"), ("config", "[1]"), ("config", "not json"), ("config", {}),
        ("summaryMetrics", "null"), ("summaryMetrics", "[]"), ("summaryMetrics", "3"),
        ("systemMetrics", "null"), ("systemMetrics", '"x"'),
        ("historyKeys", {}), ("historyKeys", {"sets": [], "keys": {}}), ("historyKeys", {"lastStep": -1}),
        ("historyKeys", {"lastStep": None}), ("historyKeys", "{}"), ("historyKeys", []),
        ("state", "preempted"), ("state", "pending"), ("state", "killed"), ("state", "on holiday"),
        ("user", {}), ("user", {"name": None, "username": None}), ("tags", []), ("projectId", "x"),
        ("heartbeatAt", ""), ("heartbeatAt", "soon"), ("createdAt", "soon"), ("createdAt", None),
    ],
)  # fmt: skip
def test_odd_values(server: StandIn, name: str, value: Any) -> None:
    server.form = Form(values={name: value})
    target, runs = project(server)
    (run, _) = read_whole(target, runs)
    if value == "on holiday":
        assert run.state is State.UNKNOWN
        assert 'the server calls the state "on holiday"' in run.completeness.notes


@pytest.mark.parametrize("keys", ["whole", "null", "without last step"])
@pytest.mark.parametrize(("start", "step"), [(61_010, 1), (0, 10_000), (5_000_000, 50_000), (0, 1)])
@pytest.mark.parametrize("exported", [0, 25])
def test_steps_that_begin_late_or_lie_far_apart(
    server: StandIn, keys: str, start: int, step: int, exported: int
) -> None:
    if keys == "null":
        server.form = Form(null=frozenset({"historyKeys"}))
    elif keys == "without last step":
        server.form = Form(values={"historyKeys": {"keys": {}}})
    target, runs = project(server, start=start, step=step, runs=1, exported=exported)
    runs[0].summary.pop("_step")
    before = len(server.requests)
    read_whole(target, runs)
    assert sum(r.name == "HistoryPage" for r in server.requests[before:]) < 12


def test_rows_that_the_server_counts_and_does_not_give(server: StandIn) -> None:
    server.form = Form(values={"historyLineCount": 900})
    target, runs = project(server, rows=0, runs=1)
    run = postrun.load(f"{target}/{runs[0].id}")
    assert run.completeness.sentence() == "no history: the server counts 900 rows and gave none"
    assert "RUN004" not in {f.rule for f in postrun.diagnose(run)}
    server.form = Form()
    empty, runs = project(server, rows=0, runs=1)
    runs[0].summary.clear()
    run = postrun.load(f"{empty}/{runs[0].id}")
    assert "RUN004" in {f.rule for f in postrun.diagnose(run)}  # the server counts none


def test_answers_without_lists(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, artifacts, log lines and system metrics that are null cost themselves only."""
    from tests.standin import queries

    def null(*path: str) -> queries.Handler:
        def answer(found: StandIn, v: dict[str, Any], query: str) -> dict[str, Any] | None:
            value: Any = None
            for name in reversed(path):
                value = {name: value}
            return queries.in_run(found, v, lambda _: value)

        return answer

    for name, path in {
        "RunFiles": ("files",),
        "RunConsoleLogPage": ("logLines",),
        "RunOutputArtifacts": ("outputArtifacts",),
        "RunInputArtifacts": ("inputArtifacts",),
        "RunFullHistory": ("events",),
        "RunParquetHistory": ("parquetHistory",),
    }.items():
        monkeypatch.setitem(queries.HANDLERS, name, null(*path))
    target, runs = project(server, runs=1)
    (run,) = read_whole(target, runs)
    assert not run.files and not run.artifacts and not run.console.height and not run.system.height


def test_pull_goes_on_where_the_last_step_is_not_told(server: StandIn, tmp_path: Path) -> None:
    server.form = Form(null=frozenset({"historyKeys", "heartbeatAt"}))
    target, runs = project(server, runs=1)
    arguments = ["pull", target, "--out", str(tmp_path)]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    for k in range(40, 55):
        runs[0].log({"_step": k, "_runtime": k * 0.5, "_timestamp": 1.7e9 + k, "loss": 1 / (k + 1)})
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert postrun.load(tmp_path / runs[0].id).history.height == 55


def test_a_fork_names_its_parent(server: StandIn) -> None:
    target, (run,) = project(server, runs=1, start=101)
    run.config["_wandb"] = {"value": {"branch_point": {"run_id": "parent", "step": 100}}}
    assert postrun.load(f"{target}/{run.id}").identity.parent == "parent at step 100"
    target, (run,) = project(server, runs=1)
    run.config["_wandb"] = {"value": {"branch_point": {"run_id": run.id, "step": 10}}}
    assert not postrun.load(f"{target}/{run.id}").identity.parent  # rewound


def test_any_combination(server: StandIn, tmp_path: Path) -> None:
    """No command fails, whatever optional fields are null or absent, and no counted row is lost."""
    tried = 0

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        times=st.sampled_from(sorted(TIMES)),
        null=st.frozensets(st.sampled_from(OPTIONAL)),
        absent=st.frozensets(st.sampled_from(OPTIONAL)),
        exported=st.sampled_from([0, 7, 12]),
        start=st.sampled_from([0, 61_010]),
    )
    def each(
        times: str, null: frozenset[str], absent: frozenset[str], exported: int, start: int
    ) -> None:
        nonlocal tried
        tried += 1
        server.form = Form(times=times, null=null, absent=absent)
        target, runs = project(server, rows=12, runs=1, exported=exported, start=start)
        read_whole(target, runs)
        options = ["--out", str(tmp_path), "--json", "--no-plots", "--no-report"]
        analyzed = CliRunner().invoke(cli, ["analyze", target, *options])
        assert analyzed.exit_code == 0, analyzed.output

    each()
    assert tried >= 60


@pytest.fixture(scope="module")
def synced(sdk: SdkRun) -> Iterator[tuple[StandIn, Path]]:
    """A real offline run, and the server that `wandb sync` uploaded it to."""
    (log,) = sdk(SCRIPT).glob("offline-run-*")
    with StandIn() as found:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "wandb"), "sync", "--no-skip-synced", str(log)],
            env=own_environment() | {"WANDB_BASE_URL": found.url, "WANDB_API_KEY": KEY},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield found, log


#: Optional fields that hold nothing of the run that its log would not tell as well.
NEEDLESS = tuple(name for name in OPTIONAL if name not in ("config", "summaryMetrics", "state"))


@pytest.mark.parametrize("form", [*(Form(times=name) for name in TIMES), *(
    Form(**{how: frozenset({name})}) for name in NEEDLESS for how in ("null", "absent")  # type: ignore[arg-type]
)])  # fmt: skip
def test_a_synced_run_reads_back_equal_in_each_form(
    synced: tuple[StandIn, Path], monkeypatch: pytest.MonkeyPatch, form: Form
) -> None:
    server, log = synced
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    server.form = form
    ((_, runs),) = server.projects.items()
    (run_id,) = runs
    ours, read = postrun.load(log), postrun.load(f"ent/p/{run_id}")
    assert set(read.history.columns) == set(ours.history.columns)
    for name in set(ours.history.columns) - {"hist"}:
        assert ours.history[name].equals(read.history[name], null_equal=True), name
    assert read.config == ours.config and read.state is ours.state
    assert read.console["line"].equals(ours.console["line"])
    assert read.completeness.rows == ours.completeness.rows and read.completeness.whole
    wanted, found = ours.identity.started_at, read.identity.started_at
    assert wanted is not None and found is not None and abs((wanted - found).total_seconds()) < 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2025-01-26T06:02:04Z", 0.0), ("2025-01-26T06:02:04z", 0.0), ("2025-01-26T06:02:04", 0.0),
        ("2025-01-26 06:02:04", 0.0), ("2025-01-26T06:02:04+00:00", 0.0), ("2025-01-26T06:02:04+0000", 0.0),
        ("2025-01-25T23:02:04-07:00", 0.0), ("2025-01-25T23:02:04-07", 0.0), ("2025-01-26T06:02:04.1Z", 0.1),
        ("2025-01-26T06:02:04.123Z", 0.123), ("2025-01-26T06:02:04.123456", 0.123456),
        ("2025-01-26T06:02:04.123456789Z", 0.123456), ("2025-01-26T06:02:04,5", 0.5),
        (CREATED.timestamp(), 0.0), (CREATED.timestamp() * 1000, 0.0), (int(CREATED.timestamp()), 0.0),
    ],
)  # fmt: skip
def test_one_parser_of_times(text: object, seconds: float) -> None:
    moment = parse_time(text)
    assert moment is not None and moment.tzinfo is UTC
    assert (moment - CREATED).total_seconds() == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "soon",
        "2025-13-26T06:02:04Z",
        True,
        1e300,
        float("nan"),
        [],
        "2025-01-26T25:00:00",
    ],
)
def test_what_is_no_time(text: object) -> None:
    assert parse_time(text) is None


def test_the_sdk_without_what_is_wrapped_is_used_as_it_is() -> None:
    make_tolerant(object())
