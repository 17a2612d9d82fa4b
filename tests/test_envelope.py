"""One envelope for all JSON: every command's real output fits the published schema, failures too."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import click
import jsonschema
import pytest
from click.testing import CliRunner, Result

from postrun.cli.main import COMMANDS, cli
from tests import logs
from tests.conftest import SAMPLE
from tests.printed import SCHEMA, checker, envelope_of, results_of
from tests.test_index import project_folder

#: Commands that speak a protocol of their own.
OTHER = {"mcp"}
#: What is asked of each command; "{project}", "{run}" and "{store}" are made for the test.
ASKED = {
    "analyze": ["{project}", "--out", "o", "--no-plots", "--no-report"],
    "analyze --brief": ["{run}", "--out", "o", "--no-plots", "--no-report"],
    "open": ["o"],
    "list": ["{project}"],
    "pull": ["{project}", "--out", "o"],
    "query": ["select * from runs", "--store", "{store}"],
    "store verify": ["{store}"],
    "store compact": ["{store}"],
    "store prune": ["{store}"],
    "store refresh": ["{store}"],
    "compare": ["{project}"],
    "sweep": ["{project}", "--metric", "train/loss"],
    "failures": ["{project}"],
    "progress": ["{project}", "--metric", "train/loss"],
    "diff": ["{project}", "--limit", "2"],
    "forecast": ["{run}"],
    "cost": ["{project}", "--price-per-gpu-hour", "2"],
    "plot": ["{run}", "--out", "o"],
    "card": ["{run}", "--out", "o/card.md", "--no-plots"],
    "watch": ["{log}"],
    "check": ["{run}"],
    "check --baseline": ["{run}", "{run}"],
    "check --brief": ["{run}"],
    "publish": [],  # against a server: tests/test_publish.py
    "skill show": [],
    "skill install": ["skills"],
    "rules": [],
    "plugins": [],
    "explain": ["val/loss"],
    "explain RL001": [],
}


def run(*arguments: str) -> Result:
    brief = [] if "--brief" in arguments else ["--json"]
    return CliRunner().invoke(cli, [*arguments, *brief])


def commands(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    """Return all commands by name, those of groups among them."""
    found = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        inner = commands(command, f"{prefix}{name} ") if isinstance(command, click.Group) else None
        found.update({f"{prefix}{name}": command} if inner is None else inner)
    return found


def test_every_command_has_json_and_a_schema() -> None:
    known = set(json.loads(SCHEMA.read_text())["properties"]["command"]["enum"])
    have = {
        name
        for name, command in commands(cli).items()
        if any("--json" in p.opts for p in command.params)
    }
    assert have == known
    assert {name.partition(" ")[0] for name in have} == set(COMMANDS) - OTHER
    assert known <= set(ASKED)


@pytest.mark.parametrize("command", [c for c, asked in ASKED.items() if c != "publish"])
def test_the_output_of_a_command_fits_the_schema(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER", "true")
    asked = ASKED[command]
    places = {"run": str(SAMPLE), "log": str(next(SAMPLE.rglob("*.wandb")))}
    if "{project}" in asked:
        places["project"] = str(project_folder(tmp_path))
    if "{store}" in asked:
        places["store"] = "kept"
        assert run("pull", str(SAMPLE), "--store", "kept").exit_code == 0
    if command == "open":
        (tmp_path / "o").mkdir()
        (tmp_path / "o" / "index.html").write_text("a page")
    done = run(*command.split(), *(word.format(**places) for word in asked))
    assert done.exit_code in (0, 1), done.output
    lines = done.stdout.splitlines() if command == "watch" else [done.stdout]
    assert lines
    for line in lines:
        told = envelope_of(line)
        assert told["command"] == " ".join(
            w for w in command.split() if w.islower() and w[0] != "-"
        )
        assert told["results"] and not told["errors"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["list", "missing"], 3, "no such file or folder"),
        (["analyze", "missing"], 3, "no such file or folder"),
        (["compare", "missing"], 3, "no such file or folder"),
        (["card", "missing"], 3, "no such file or folder"),
        (["check", ".", "--baseline", "missing"], 3, "missing"),
        (["watch", "missing", "--idle", "0.1"], 3, "missing"),
        (["store", "verify", "missing"], 3, "no store"),
        (["query", "select 1", "--store", "missing"], 3, "no store"),
        (["open", "missing"], 3, "no report"),
        (["list", "--state", "odd"], 2, "odd"),
        (["list", "--nonsense"], 2, "--nonsense"),
        (["explain", "RL999"], 2, "RL999"),
        (["check", "--select", "RL999"], 2, "RL999"),
    ],
)
def test_a_failure_is_told_in_the_envelope_as_well(
    arguments: list[str], code: int, error: str, tmp_path: Path
) -> None:
    from tests.test_cli import postrun

    logs.run_folder(tmp_path, "r1", [logs.run_record("r1"), logs.history({"loss": 1.0}, step=0)])
    done = postrun(*arguments, "--json", code=code, cwd=tmp_path)
    told = envelope_of(done.stdout)
    assert error in " ".join(told["errors"]) and error in done.stderr
    assert told["command"] == " ".join(arguments[: 1 + (arguments[0] == "store")])


@pytest.mark.slow
def test_a_run_that_cannot_be_read_is_told_beside_the_others(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    bad = project / "run-20240101_000000-bad1"
    bad.mkdir()
    (bad / "run-bad1.wandb").write_bytes(b"no log at all")
    for command in (
        ["analyze", "--out", str(tmp_path / "o")],
        ["check"],
        ["plot", "--out", str(tmp_path)],
    ):
        done = run(*command, str(project), *(["--no-plots"] if command[0] == "analyze" else []))
        told = envelope_of(done.stdout)
        assert done.exit_code == 3 and "run-bad1" in told["errors"][0]
        assert len(told["results"]["runs"]) == 8


def test_a_command_without_json_prints_none(tmp_path: Path) -> None:
    assert run("store").stdout == "" and run("nonsense").stdout == ""
    assert run("list", "--help").stdout.startswith("Usage")
    assert CliRunner().invoke(cli, ["list", "missing"]).stdout == ""


def test_a_key_that_the_schema_lacks_is_noticed() -> None:
    told = envelope_of(run("check", str(SAMPLE)).stdout)
    for path in ([], ["results"], ["results", "runs", 0], ["results", "runs", 0, "findings", 0],
                 ["results", "runs", 0, "coverage"]):  # fmt: skip
        odd = deepcopy(told)
        at = odd
        for key in path:
            at = at[key]  # type: ignore[index]
        at["added"] = 1
        with pytest.raises(jsonschema.ValidationError):
            checker().validate(odd)


def test_written_json_is_what_is_printed(tmp_path: Path) -> None:
    done = run("check", str(SAMPLE), "--write", f"json={tmp_path / 'check.json'}")
    assert results_of((tmp_path / "check.json").read_text()) == results_of(done.stdout)
