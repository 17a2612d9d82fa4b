"""One filter for runs on disk, in exports, in stores and on servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.model import TargetError, UsageError
from postrun.model.filter import RunFilter, fits, split_condition
from postrun.sources import Choice
from tests import logs
from tests.conftest import own_environment
from tests.printed import results_of
from tests.standin import ServerRun, StandIn
from tests.standin.server import KEY

RUNS = [
    # id, state, tags, group, lr, loss, day
    ("r0", "finished", ["a", "b"], "g1", 0.1, 0.5, 1),
    ("r1", "failed", ["a"], "g1", 0.01, 0.4, 2),
    ("r2", "finished", [], "g2", 0.001, 0.3, 3),
    ("r3", "failed", ["b"], "g2", 0.1, None, 4),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same runs as folders, as a store, and exported."""
    root = tmp_path_factory.mktemp("filter")
    for name, state, tags, group, lr, loss, day in RUNS:
        start = 1_704_067_200 + 86_400 * (day - 1)  # 2024-01-01
        config = {"lr": lr, "opt": {"name": "adam" if lr < 0.1 else "sgd"}}
        record = logs.run_record(
            name, start, tags=tags, run_group=group, display_name=f"name-{name}", config=config
        )
        values = [{"_step": i, "loss": loss} for i in range(3)] if loss else []
        rows = logs.rows(values, start)
        exit_record = logs.exit_record(0 if state == "finished" else 1)
        folder = logs.run_folder(root, name, [record, *rows, exit_record], f"2024010{day}_000000")
        logs.files(folder, summary=json.dumps({"loss": loss} if loss else {}))
    postrun.pull(root / "wandb", root / "store")
    return {"folders": str(root / "wandb"), "store": str(root / "store")}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    from datetime import UTC, datetime

    with StandIn() as found:
        monkeypatch.setenv("WANDB_BASE_URL", found.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        for name in ("ENTITY", "PROJECT"):
            monkeypatch.delenv(f"WANDB_{name}", raising=False)
        for name, state, tags, group, lr, loss, day in RUNS:
            run = ServerRun(
                "ent", "filtered", name, name=f"name-{name}", state=state, tags=tags, group=group,
                config={"lr": {"value": lr}, "opt": {"value": {"name": "adam" if lr < 0.1 else "sgd"}}},
                summary={"loss": loss} if loss else {}, created=datetime(2024, 1, day, tzinfo=UTC),
            )  # fmt: skip
            found.add(run)
        yield "ent/filtered"


CHOICES: list[tuple[Choice, list[str]]] = [
    ({}, ["r3", "r2", "r1", "r0"]),
    ({"state": "failed"}, ["r3", "r1"]),
    ({"state": ["failed", "finished"]}, ["r3", "r2", "r1", "r0"]),
    ({"tag": "a"}, ["r1", "r0"]),
    ({"tag": ["a", "b"]}, ["r0"]),
    ({"group": "g2"}, ["r3", "r2"]),
    ({"name": "-r[12]$"}, ["r2", "r1"]),
    ({"created_after": "2024-01-02T12:00:00"}, ["r3", "r2"]),
    ({"config": "lr>0.005"}, ["r3", "r1", "r0"]),
    ({"config": ["lr>0.005", "opt.name=sgd"]}, ["r3", "r0"]),
    ({"config": "opt.name~^ad"}, ["r2", "r1"]),
    ({"summary": "loss<0.45"}, ["r2", "r1"]),
    ({"summary": "loss!=0.5"}, ["r3", "r2", "r1"]),
    ({"state": "failed", "config": "lr=0.1"}, ["r3"]),
    ({"order": "config.lr", "state": "finished"}, ["r2", "r0"]),
    ({"order": "-summary.loss", "limit": 2}, ["r0", "r1"]),
    ({"order": "created"}, ["r0", "r1", "r2", "r3"]),
    ({"limit": 3}, ["r3", "r2", "r1"]),
]


@pytest.mark.parametrize(("choice", "wanted"), CHOICES)
@pytest.mark.parametrize("place", ["folders", "store"])
def test_the_same_runs_on_disk_and_in_a_store(
    places: dict[str, str], place: str, choice: Choice, wanted: list[str]
) -> None:
    assert [ref.id for ref in postrun.runs(places[place], **choice)] == wanted


@pytest.mark.parametrize(("choice", "wanted"), CHOICES)
def test_the_same_runs_on_a_server(server: str, choice: Choice, wanted: list[str]) -> None:
    assert [ref.id for ref in postrun.runs(server, **choice)] == wanted


def test_commands_take_the_same_filters(places: dict[str, str], tmp_path: Path) -> None:
    arguments = ["--config", "lr>0.005", "--state", "failed"]
    for place in places.values():
        listed = CliRunner().invoke(cli, ["list", place, "--json", *arguments])
        assert {r["id"] for r in results_of(listed.output)["runs"]} == {"r1", "r3"}
        shown = CliRunner().invoke(cli, ["failures", place, "--json", "--no-cache", *arguments])
        assert shown.exit_code == 0, shown.output
        (study,) = results_of(shown.output)["studies"]
        assert {r["id"] for r in study["tables"]["runs"]} == {"r1", "r3"}
    assert len(postrun.project(places["folders"], cache=False, group="g2").records) == 2
    assert own_environment()  # the commands ran in this process


@pytest.mark.parametrize("place", ["folders", "store"])
def test_none_left(places: dict[str, str], place: str) -> None:
    with pytest.raises(TargetError, match="no run"):
        postrun.runs(places[place], tag="nobody")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"config": "lr"}, "--config lr: write NAME=VALUE"),
        ({"summary": ["loss<1", "x"]}, "--summary x"),
        ({"created_after": "soon"}, "--created-after soon"),
        ({"order": "size"}, "--order size"),
        ({"name": "("}, "not a regular expression"),
    ],
)
def test_what_makes_no_sense(choice: Choice, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        postrun.runs("anywhere", **choice)


@pytest.mark.parametrize(
    ("value", "condition", "wanted"),
    [
        (3, "a>2", True), (2, "a>2", False), (2, "a>=2", True), (2.0, "a=2", True), ("2", "a=2", True),
        (None, "a=2", False), (None, "a!=2", True), ("x", "a>2", False), ("x", "a!=2", True),
        (["x", "y"], "a=y", True), (["x", "y"], "a!=y", False), (True, "a=true", True),
        ("llama-7b", "a~^llama", True), (None, "a~x", False), (None, "a=none", False),
    ],
)  # fmt: skip
def test_conditions(value: Any, condition: str, wanted: bool) -> None:
    _, sign, want = split_condition(condition, "--config")
    assert fits(value, sign, want) is wanted


def test_an_order_by_no_key_is_refused() -> None:
    with pytest.raises(UsageError, match=r"config\.KEY"):
        RunFilter(order="config.")


def test_the_form_of_a_condition_is_not_masked() -> None:
    command = [sys.executable, "-m", "postrun", "list", "--config", "lr", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--config lr: write NAME=VALUE, with" in done.stderr
