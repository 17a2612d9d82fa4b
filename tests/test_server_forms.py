"""Servers answer in many forms: times with and without zone, fields that are null or unknown."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import event, given, settings
from hypothesis import strategies as st

import postrun
from postrun.cli.main import cli
from postrun.model import State
from postrun.model.times import parse_time
from postrun.sources.wandb_api.answers import make_tolerant
from tests.conftest import SdkRun, own_environment
from tests.printed import results_of
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
        ("historyKeys", {"lastStep": 0}), ("historyKeys", {"lastStep": 10}),
        ("historyKeys", {"lastStep": "39"}), ("historyLineCount", 0), ("tags", [None, "a"]),
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
    note = "the server does not tell its files, its system metrics and its artifacts"
    assert note in run.completeness.notes


def changed(
    monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Let the stand-in change what it answers on a run to operations of this name."""
    from tests.standin import queries

    old = queries.HANDLERS[name]

    def answer(found: StandIn, v: dict[str, Any], query: str) -> queries.Answer:
        told = old(found, v, query)
        assert told is not None
        change(told["project"]["run"])
        return told

    monkeypatch.setitem(queries.HANDLERS, name, answer)


@pytest.mark.parametrize("how", ["null", "absent"])
@pytest.mark.parametrize("name", ["id", "name", "url", "directUrl", "sizeBytes", "mimetype", "md5"])
def test_each_field_of_a_file(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    def change(run: dict[str, Any]) -> None:
        node = run["files"]["edges"][0]["node"]
        if how == "null":
            node[name] = None
        else:
            del node[name]

    changed(monkeypatch, "RunFiles", change)
    target, runs = project(
        server, runs=1, files={"config.yaml": b"a: 1", "wandb-metadata.json": b'{"host": "h"}'}
    )
    (run,) = read_whole(target, runs)
    assert run.identity.host == "h"  # the other file is read in any case
    assert len(run.files) == (1 if name == "name" else 2)
    lost = "config.yaml: not to be had from the server" in str(run.completeness.notes)
    assert lost == (name == "url")


@pytest.mark.parametrize(
    "told", [{}, {"historyKeys"}, {"historyLineCount"}, {"historyKeys", "historyLineCount"}]
)
@pytest.mark.parametrize("live", [None, []])
def test_live_rows_that_the_server_does_not_mention(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, live: list[Any] | None, told: set[str]
) -> None:
    """wandb-core does not ask for rows that are not exported if the server mentions none."""
    changed(
        monkeypatch, "RunParquetHistory", lambda run: run["parquetHistory"].update(liveData=live)
    )
    server.form = Form(null=frozenset(told))
    target, runs = project(server, runs=1, exported=25)
    (run,) = read_whole(target, runs)
    assert run.completeness.whole
    unsure = told == {"historyKeys", "historyLineCount"}
    assert bool(run.completeness.unsure) == unsure


@pytest.mark.parametrize(
    "absent",
    [
        frozenset(),
        frozenset({"historyKeys"}),
        frozenset({"historyLineCount"}),
        frozenset({"historyKeys", "historyLineCount"}),
    ],
)
@pytest.mark.parametrize("kind", ["even", "crowded", "dense"])
def test_many_rows_at_steps_far_apart(server: StandIn, kind: str, absent: frozenset[str]) -> None:
    """Tokens as steps: thousands of pages of steps would hold few rows or none."""
    server.form = Form(absent=absent)
    target, (run,) = project(server, runs=1, rows=0)
    for k in range(12_000):
        crowd = kind == "crowded" and k < 11_000
        step = k if kind == "dense" else 7 * k if crowd else 1_000_003 * k
        run.log({"_step": step, "loss": float(k)})
    before = len(server.requests)
    read = postrun.load(f"{target}/{run.id}")
    assert read.history["loss"].to_list() == list(range(12_000))
    assert read.completeness.whole
    assert sum(r.name == "HistoryPage" for r in server.requests[before:]) < 150


def test_output_log_takes_the_place_of_log_lines(server: StandIn) -> None:
    target, runs = project(server, runs=1, files={"output.log": b"10%\r100%\ndone\n"})
    (run,) = read_whole(target, runs)
    assert run.console["line"].to_list() == ["100%", "done"]
    runs[0].console.append(("2025-01-26T06:02:05", "info", "from the server"))
    (run,) = read_whole(target, runs)
    assert run.console["line"].to_list() == ["from the server"]


@pytest.mark.parametrize("told", ["heartbeatAt", "historyLineCount", "neither"])
def test_a_second_pull_finds_new_rows(server: StandIn, tmp_path: Path, told: str) -> None:
    """If nothing tells whether a run went on, it is read again."""
    server.form = Form(null=frozenset({"heartbeatAt", "historyLineCount"} - {told}))
    target, (run,) = project(server, runs=1)
    arguments = ["pull", target, "--out", str(tmp_path), "--json"]

    def pull() -> str:
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
        return str(results_of(done.output)["runs"][0]["status"])

    assert pull() == "new"
    assert pull() == ("updated" if told == "neither" else "unchanged")
    for k in range(40, 55):
        run.log({"_step": k, "_runtime": k * 0.5, "_timestamp": 1.7e9 + k, "loss": 1 / (k + 1)})
    run.heartbeat += timedelta(minutes=1)
    assert pull() == "updated"
    assert postrun.load(tmp_path / run.id).history.height == 55


@pytest.mark.parametrize(
    "form", [Form(values={"createdAt": "soon"}), Form(absent=frozenset({"createdAt"}))]
)
def test_a_run_of_unknown_age(server: StandIn, form: Form) -> None:
    server.form = form
    target, runs = project(server)
    for run in read_whole(target, runs):
        assert run.identity.started_at is None
        assert "the server does not tell when it was created" in run.completeness.notes


def test_a_heartbeat_before_the_creation_is_no_duration(server: StandIn) -> None:
    server.form = Form(values={"heartbeatAt": "1970-01-01T00:00:00Z", "summaryMetrics": "{}"})
    target, (run,) = project(server, runs=1, rows=0)
    assert postrun.load(f"{target}/{run.id}").runtime is None


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


EXAMPLES = 60
#: Values that are neither null nor the run's own, of fields that tell how much there is to read.
ODD = st.fixed_dictionaries(
    {},
    optional={
        "historyKeys": st.sampled_from([{}, {"keys": {}}, {"lastStep": -1}, {"lastStep": 3}]),
        "state": st.sampled_from(["preempted", "pending", "killed", "on holiday"]),
        "config": st.sampled_from(["", "null", "[]", "{}"]),
        "summaryMetrics": st.sampled_from(["null", "[]", "{}"]),
        "createdAt": st.sampled_from([None, "soon"]),
    },
)


def test_a_last_step_that_is_too_low_costs_no_row_if_rows_are_not_counted(server: StandIn) -> None:
    server.form = Form(
        absent=frozenset({"historyLineCount"}), values={"historyKeys": {"lastStep": 3}}
    )
    for exported in (0, 7, 12):
        read_whole(*project(server, rows=12, exported=exported, start=0))


@pytest.mark.parametrize("examples", [8, pytest.param(EXAMPLES, marks=pytest.mark.slow)])
def test_any_combination(server: StandIn, tmp_path: Path, examples: int) -> None:
    """No command fails, whatever optional fields are null, absent or odd, and no row is lost."""
    tried: set[str] = set()

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(
        times=st.sampled_from(sorted(TIMES)),
        null=st.frozensets(st.sampled_from(OPTIONAL)),
        absent=st.frozensets(st.sampled_from(OPTIONAL)),
        values=ODD,
        exported=st.sampled_from([0, 7, 12]),
        start=st.sampled_from([0, 61_010]),
    )
    def each(
        times: str,
        null: frozenset[str],
        absent: frozenset[str],
        values: dict[str, Any],
        exported: int,
        start: int,
    ) -> None:
        tried.add(repr((times, sorted(null), sorted(absent), values, exported, start)))
        event(f"{len(null | absent)} fields missing")
        server.form = Form(times=times, null=null, absent=absent, values=values)
        target, runs = project(server, rows=12, exported=exported, start=start)
        read_whole(target, runs)
        options = ["--out", str(tmp_path), "--json", "--no-plots", "--no-report"]
        for arguments in (
            ["analyze", target, *options],
            ["compare", target, "--metric", "loss", "--json"],
        ):
            done = CliRunner().invoke(cli, arguments)
            assert done.exit_code == 0, done.output

    each()
    assert len(tried) >= examples * 0.9


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


@pytest.mark.slow
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
