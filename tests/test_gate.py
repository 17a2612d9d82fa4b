"""`postrun check` in all its formats, each validated against its schema, with the worst of texts in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
import yaml
from click.testing import CliRunner

from postrun.cli.main import cli
from postrun.model import Evidence, Finding, Severity
from postrun.report.gate import FORMATS, Checked, Gate, render
from postrun.report.gate.github import command
from postrun.report.gate.sarif import fingerprint, uri
from postrun.rules.coverage import Coverage
from tests.conftest import ROOT, SAMPLE
from tests.printed import results_of
from tests.test_store import write

SCHEMAS = Path(__file__).parent / "schemas"
#: Ends of lines, commands of GitHub Actions and of terminals, what XML and UTF-8 cannot hold, quotes of XML.
HOSTILE = (
    "a::error title=x::y\r\n::add-mask::z\n##[error]no\x00\x0b\x1b[31m\x85\u2028::debug::q\ud800\ufffe "
    "]]> <x a='\"'> & %0A 100% \u202e ‘é’ \U0001f600"
)


def junit_faults(text: str) -> list[str]:
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    return [str(error) for error in schema.iter_errors(text)]


def sarif_faults(text: str) -> list[str]:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())
    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return [error.message for error in checker.iter_errors(json.loads(text))]


def finding(text: str = "it broke", severity: Severity = Severity.WARNING) -> Finding:
    proof = Evidence(text, step_from=3, step_to=9, before=float("nan"), after=float("inf"), n=4)
    return Finding("OPT001", "not-finite", severity, 0.8, text, f"do {text}", (proof,))


def gate(text: str = "plain", **changes: Any) -> Gate:
    findings = [finding(text, severity) for severity in reversed(Severity)] + [finding(text)]
    run = Checked(
        text, text, text, text, text, text, findings, Coverage(9, (text,), {text: text}),
        worse=[finding(text)], known=frozenset({1}), not_compared=(text,),
    )  # fmt: skip
    made = Gate([run], Severity.WARNING, (text,), (text,))
    return replace(made, **changes)


@pytest.mark.parametrize("text", ["plain", HOSTILE], ids=["plain", "hostile"])
@pytest.mark.parametrize("baseline", [(), ("good",)], ids=["alone", "baseline"])
def test_formats_fit_their_schemas(text: str, baseline: tuple[str, ...]) -> None:
    made = gate(text, baseline=baseline)
    assert not junit_faults(render(made, "junit"))
    assert not sarif_faults(render(made, "sarif"))
    value = results_of(render(made, "json"))
    assert value["failed"] and len(value["runs"][0]["findings"]) == 5
    assert ("worse" in value["runs"][0]) == bool(baseline)
    for form in FORMATS:  # what a file or a pipe of any encoding gets
        render(made, form).encode("utf-8", "replace")


def test_the_schemas_see_faults() -> None:
    assert junit_faults('<testsuites><testsuite name="x"/></testsuites>')
    assert sarif_faults('{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}')


def test_github_gets_its_own_commands_only() -> None:
    lines = render(gate(HOSTILE, baseline=("b",)), "github").splitlines()
    kinds = ("::error title=", "::warning title=", "::notice title=")
    assert lines and all(line.startswith(kinds) for line in lines)
    for line in lines:
        title, _, message = line.partition(" title=")[2].partition("::")
        assert not {":", ",", "\x1b", "\x00"} & set(title)
        assert "\x1b" not in message and "\ud800" not in message
    assert command("error", "a:b,c%", "50%\nx\r\ny") == "::error title=a%3Ab%2Cc%25::50%25%0Ax%0Ay"


def test_what_fails_comes_first_on_github() -> None:
    lines = render(gate(), "github").splitlines()
    assert lines[0] == "::error title=postrun%3A a target could not be read::plain"
    assert [line.split(" ")[0] for line in lines[1:4]] == ["::error", "::warning", "::warning"]
    # The baseline has the second finding as well.
    assert sum("the baseline has it as well" in line for line in lines) == 1


def test_annotations_beyond_those_that_github_shows_are_told() -> None:
    run = replace(gate().runs[0], findings=[finding()] * 12)
    assert "3 more than GitHub shows" in render(Gate([run], Severity.WARNING), "github")


def test_junit_holds_each_finding_once() -> None:
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    value: Any = schema.to_dict(render(gate(), "junit"))
    suite = value["testsuite"][0]
    names = [case["@name"] for case in suite["testcase"]]
    assert len(names) == len(set(names)) == int(suite["@tests"]) == 9
    # Critical, and two warnings; the first warning is the baseline's as well.
    assert suite["@failures"] == "3" and suite["@skipped"] == "2"
    assert value["@errors"] == "1" and value["@failures"] == "3"


def test_sarif_tells_what_the_baseline_has() -> None:
    run = json.loads(render(gate(), "sarif"))["runs"][0]
    assert [r["baselineState"] for r in run["results"]] == [
        "new",
        "new",
        "unchanged",
        "new",
        "new",
        "new",
    ]
    assert [r["level"] for r in run["results"]] == [
        "warning",
        "error",
        "warning",
        "note",
        "none",
        "warning",
    ]
    assert run["results"][4]["kind"] == "pass"
    assert (
        run["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == "NaN or infinite values."
    )
    assert not run["invocations"][0]["executionSuccessful"]
    alone = json.loads(render(gate(baseline=(), errors=()), "sarif"))["runs"][0]
    assert "baselineState" not in alone["results"][0]
    assert alone["invocations"][0]["executionSuccessful"]


def test_a_rule_that_is_not_installed_still_has_a_descriptor() -> None:
    odd = replace(
        gate().runs[0], findings=[replace(finding(), rule="XX999", name="gone")], worse=[]
    )
    text = render(Gate([odd], Severity.WARNING), "sarif")
    assert not sarif_faults(text)
    assert json.loads(text)["runs"][0]["tool"]["driver"]["rules"][0]["id"] == "XX999"


def test_fingerprints_outlive_steps_and_values() -> None:
    one, other = finding("a"), replace(finding("a"), message="other words", confidence=0.1)
    assert fingerprint(one) == fingerprint(other) != fingerprint(finding("b"))


def test_paths_become_uri_references() -> None:
    assert uri("runs/a b/x%.wandb") == "runs/a%20b/x%25.wandb"
    assert uri(str(Path.cwd() / "a" / "b")) == "a/b"
    assert uri("/else where/x") == "file:///else%20where/x"
    assert uri("https://host/e/p/runs/r") == "https://host/e/p/runs/r"
    assert uri("ent/proj/run") == "ent/proj/run"


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_the_sample_run_in_each_format(tmp_path: Path) -> None:
    files = {form: tmp_path / f"x.{form}" for form in FORMATS}
    options = [f"--write={form}={path}" for form, path in files.items()]
    shown = run(SAMPLE, *options, "--format", "github", code=1)
    assert shown == files["github"].read_text()
    assert not junit_faults(files["junit"].read_text())
    assert not sarif_faults(files["sarif"].read_text())
    assert json.loads(files["json"].read_text()) == json.loads(run(SAMPLE, "--json", code=1))
    assert "RL001" in files["text"].read_text() and "\x1b" not in files["text"].read_text()
    place = json.loads(files["sarif"].read_text())["runs"][0]["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"].endswith("run-sample01.wandb")
    assert place["logicalLocations"][0]["name"] == "policy/mismatch_kl"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "1 run checked, with 1 critical finding and 2 warnings; 1 note below the gate."),
        (
            {"baseline": ()},
            "1 run checked, with 1 critical finding and 3 warnings; 1 note below the gate.",
        ),
        ({"runs": [], "errors": ("x",)}, ""),
    ],
)
def test_the_last_line_says_what_was_checked(changes: dict[str, Any], told: str) -> None:
    made = gate(**changes)
    if not made.baseline:
        made = replace(made, runs=[replace(run, known=frozenset()) for run in made.runs])
    lines = render(made, "text").splitlines()
    assert (lines[-1] == told) if told else not any("checked" in line for line in lines)


def test_a_gate_that_passes_says_so_unless_quiet() -> None:
    def said(*arguments: str) -> list[str]:
        done = CliRunner().invoke(cli, ["check", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    critical = ["--fail-on", "critical"]
    below = "2 warnings and 1 note below the gate."
    assert said(str(SAMPLE), *critical) == [f"1 run checked, nothing critical; {below}"]
    assert said(str(SAMPLE), *critical, "--quiet") == []
    assert said(str(SAMPLE), "--select", "OPT001") == ["1 run checked, no warnings."]
    beside = said(str(SAMPLE), "--baseline", str(SAMPLE))
    assert beside[-1].startswith("1 run checked, no warnings that the baseline lacks; 1 note")


def test_usage_errors(tmp_path: Path) -> None:
    for wrong in (
        ["--json", "--format", "sarif"],
        ["--write", "sarif"],
        ["--write", "xml=x"],
        ["--format", "xml"],
    ):
        result = CliRunner().invoke(cli, ["check", str(SAMPLE), *wrong])
        assert result.exit_code != 0
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_read_is_in_every_format(tmp_path: Path) -> None:
    for form in ("json", "sarif", "junit", "github"):
        text = run(SAMPLE, tmp_path / "none", "--format", form, "--fail-on", "critical", code=3)
        assert "none" in text and "RL001" in text


ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Any]:
    """Runs the action's script as a runner does, with inputs; returns exit code, log, outputs and summary."""

    def run_step(**inputs: str) -> tuple[int, str, dict[str, str], str]:
        (action,) = ACTION["runs"]["steps"]
        given = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | inputs
        variables = {
            name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
            for name, value in action["env"].items()
            if "inputs." in value
        }
        output, summary = tmp_path / "output", tmp_path / "summary"
        output.touch()
        summary.touch()
        environment = os.environ | variables | {
            "POSTRUN_SOURCE": str(ROOT), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary),
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", action["run"]],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode, done.stdout + done.stderr, outputs, summary.read_text()

    yield run_step


@pytest.mark.slow
def test_the_action_runs(step: Any, tmp_path: Path) -> None:
    python = {"install": "false", "python": sys.executable}
    code, log, outputs, summary = step(targets=f"{SAMPLE}\n", junit="out/j.xml", **python)
    assert code == 1, log
    assert "::warning title=RL001" in log
    assert outputs == {"exit-code": "1", "sarif": "postrun.sarif"}
    assert not sarif_faults((tmp_path / "postrun.sarif").read_text())
    assert not junit_faults((tmp_path / "out" / "j.xml").read_text())
    assert "### postrun check" in summary and "    int8-sampler" in summary


@pytest.mark.slow
def test_inputs_of_the_action_are_no_code(step: Any, tmp_path: Path) -> None:
    python = {"install": "false", "python": sys.executable}
    evil = '$(touch owned)`touch owned`"; touch owned; #'
    code, log, outputs, _ = step(targets=evil, baseline="", sarif="", **python)
    assert code == 3 and outputs == {"exit-code": "3"}, log
    assert not (tmp_path / "owned").exists()


@pytest.mark.slow
def test_the_action_passes_with_a_baseline(step: Any) -> None:
    python = {"install": "false", "python": sys.executable}
    code, log, _, summary = step(
        targets=str(SAMPLE), baseline=str(SAMPLE), arguments="--ignore=PERF", **python
    )
    assert code == 0, log
    assert "the baseline has these findings as well: RL001, DAT004" in summary


def test_every_input_and_output_of_the_action_is_described() -> None:
    for part in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert part["description"].endswith(".")
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_hooks_fit_the_manifest_and_find_run_logs() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    hooks = clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert [hook["id"] for hook in hooks] == ["postrun-check", "postrun-newest"]
    import re

    pattern = re.compile(hooks[0]["files"])
    for name in (
        "wandb/run-x/run-abc.wandb",
        "out/abc/abc_history.csv",
        "checkpoint-5/trainer_state.json",
    ):
        assert pattern.search(name)
    assert not pattern.search("src/history.py")
    for hook in hooks:
        assert CliRunner().invoke(cli, [*hook["entry"].split()[1:], "--help"]).exit_code == 0


@pytest.mark.parametrize("state", ["failed", "finished"])
def test_check_chooses_runs_as_other_commands_do(tmp_path: Path, state: str) -> None:
    for name, code in (("one", 0), ("two", 1)):
        write(tmp_path, name, rows=9, code=code)
    asked = ["check", str(tmp_path / "wandb"), "--state", state, "--json", "--fail-on", "critical"]
    found = results_of(CliRunner().invoke(cli, asked).stdout)
    assert [run["id"] for run in found["runs"]] == [{"finished": "one", "failed": "two"}[state]]
