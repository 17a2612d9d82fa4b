"""`postrun mcp` asked by the SDK's own client, `--brief`, and the skill."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import polars as pl
import pytest
from click.testing import CliRunner
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

import postrun
from postrun.agents import installing
from postrun.agents.access import Access
from postrun.agents.tools import ToolFailedError, Tools
from postrun.cli.main import cli
from postrun.model import Evidence, Finding, Severity, UsageError
from postrun.report.brief import brief_runs
from postrun.report.budget import Budget, one_line, tokens
from postrun.report.gate import Checked
from postrun.rules.coverage import Coverage
from tests.conftest import SAMPLE, own_environment
from tests.printed import results_of
from tests.standin import ServerRun, StandIn
from tests.standin.server import KEY
from tests.test_gate import HOSTILE

Asked = list[tuple[str, bool]]
Question = tuple[str, dict[str, Any]]


def conversation(questions: list[Question], *options: str, cwd: Path, **variables: str) -> Asked:
    """Ask a server over stdio, by the SDK's client; each answer's text, and whether it is an error."""
    answers: Asked = []

    async def ask() -> None:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "postrun", "mcp", *options],
            cwd=cwd,
            env=own_environment() | variables,
        )
        with open(os.devnull, "w") as errors:  # noqa: PTH123
            async with Client(stdio_client(server, errors)) as client:
                for name, arguments in questions:
                    result: Any = await client.call_tool(name, arguments)
                    answers.append((result.content[0].text, bool(result.is_error)))

    asked: Callable[[], Awaitable[None]] = ask
    anyio.run(asked)
    return answers


#: Ten questions about the sample run, whose answers its training script gives: where the two parts of the
#: policy disagree, which reward term is dead, how far it came, ...
QUESTIONS: list[tuple[Question, tuple[str, ...]]] = [
    (("list_runs", {"target": str(SAMPLE)}), ("1 run", "sample01 · int8-sampler · finished · step 479")),
    (("diagnose", {"target": str(SAMPLE)}), ("RL001", "from step 70", "4.87e-05 → 0.09436", "15% of tokens")),
    (("diagnose", {"target": str(SAMPLE), "budget": 4000}), ("DAT004", "exact_reward is 0 in all 480 rows")),
    (("diagnose", {"target": str(SAMPLE), "budget": 300}), ("RL001", "DAT004", "Left out: ")),
    (("diagnose", {"target": str(SAMPLE)}), ("hardware use (no system metrics)", "Understood 22 of 22")),
    (("explain", {"what": "RL001"}), ("trainer-inference-mismatch", "What to do")),
    (("explain", {"what": "policy/entropy", "target": str(SAMPLE)}), ("entropy", "Judged by ", "RL002")),
    (("failures", {"targets": [str(SAMPLE)]}), ("The one run whose end is known did not fail",)),
    (("query", {"sql": "select id, rows from runs", "store": "lab"}), ("1 rows", "sample01 | 480")),
    (("report", {"target": str(SAMPLE)}), ("Report: ", "out/sample01/report.html")),
]  # fmt: skip


@pytest.mark.slow
def test_ten_questions_over_stdio(tmp_path: Path) -> None:
    postrun.pull(SAMPLE, tmp_path / "lab")
    answers = conversation([q for q, _ in QUESTIONS], "--out", str(tmp_path / "out"), cwd=tmp_path)
    for ((name, arguments), wanted), (text, failed) in zip(QUESTIONS, answers, strict=True):
        assert not failed, text
        for part in wanted:
            assert part in text, (name, text)
        assert tokens(text) <= arguments.get("budget", 2000)
        assert "Left out: " in text and "Not checked: " in text
    assert (tmp_path / "out" / "sample01" / "report.html").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lab", "out"]


SEED = (
    ("7nikv4vp", ("SAMPLED: 500 rows", "RL001", "all 1,000 planned steps", "to 998")),
    ("29hn8w98", ("metrics/exact_match_reward", "metrics/pattern_reward", "reward/mean")),
)


@pytest.mark.parametrize(("run", "wanted"), SEED, ids=[run for run, _ in SEED])
def test_the_seed_run(shared: Path, run: str, wanted: tuple[str, ...]) -> None:
    found = [p for p in (shared / "seed_run").iterdir() if run in p.name]
    if not found:
        pytest.skip(f"no run {run} in the shared data")
    text = Tools().diagnose(str(found[0]), budget=4000)
    for part in wanted:
        assert part in text, text


def test_tools_and_their_hints(tmp_path: Path) -> None:
    from postrun.agents.server import make_server

    async def names(access: Access) -> dict[str, Any]:
        async with Client(make_server(access)) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    found = anyio.run(names, Access(out=tmp_path))
    assert list(found) == [
        "list_runs",
        "diagnose",
        "compare",
        "failures",
        "query",
        "explain",
        "report",
    ]
    assert all(tool.annotations.read_only_hint for name, tool in found.items() if name != "report")
    assert not found["report"].annotations.read_only_hint
    assert "report" not in anyio.run(names, Access())


@pytest.mark.slow
def test_errors_reach_the_agent_and_the_server_goes_on(tmp_path: Path) -> None:
    answers = conversation(
        [
            ("diagnose", {"target": "/no/such/place"}),
            ("query", {"sql": "drop table runs", "store": str(tmp_path)}),
            ("report", {"target": str(SAMPLE)}),
            ("diagnose", {"target": str(SAMPLE), "budget": 1}),
            ("diagnose", {"target": "ent/proj/run"}),
            ("explain", {"what": "train/loss"}),
        ],
        "--read-only", "--offline", cwd=tmp_path,
    )  # fmt: skip
    assert [failed for _, failed in answers] == [True] * 5 + [False]
    assert "/no/such/place" in answers[0][0] and "--offline" in answers[4][0]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_runs_on_a_server(tmp_path: Path) -> None:
    with StandIn() as server:
        run = server.add(ServerRun("ent", "p", "abc", name=HOSTILE[:60]))
        for step in range(60):
            run.log({"_step": step, "train/loss": 2 - step / 60, "reward/dead": 0.0})
        answers = conversation(
            [("list_runs", {"target": "ent/p"}), ("diagnose", {"target": "ent/p/abc"})],
            cwd=tmp_path, WANDB_BASE_URL=server.url, WANDB_API_KEY=KEY,
        )  # fmt: skip
    assert "1 run, newest first" in answers[0][0] and "target ent/p/abc" in answers[0][0]
    assert "train/loss" in answers[1][0] and not answers[1][1], answers
    assert all("\x1b" not in text for text, _ in answers)


def test_reading_is_kept_below_the_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    access = Access((inside,))
    access.require(
        [str(inside), str(inside / "a*"), "store:", "ent/project", f"{inside}?state=failed"]
    )
    for target in (
        str(outside),
        str(inside / "link"),
        f"{inside}/../out",
        f"{outside}/*",
        "/etc/passwd",
        "",
        "a\0b",
    ):
        with pytest.raises(UsageError):
            access.require([target])
    for target in ("ent/project", "https://host/e/p", "s3://bucket/x", "mlflow://host/3"):
        with pytest.raises(UsageError, match="--offline"):
            Access(offline=True).require([target])


def test_a_report_goes_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="may not write"):
        Tools().report(str(SAMPLE))
    told = Tools(Access(out=tmp_path / "here")).report(str(SAMPLE))
    assert str(tmp_path / "here" / "sample01" / "report.html") in told


def test_secrets_are_masked_in_answers(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    frame = pl.DataFrame({"_step": range(30), "loss": [1.0] * 30})
    folder = tmp_path / secret
    folder.mkdir()
    frame.write_csv(folder / "x.csv")
    tools, log = Tools(), str(folder / "x.csv")
    for text in (tools.list_runs(log), tools.diagnose(log)):
        assert secret not in text
    with pytest.raises(ToolFailedError) as caught:
        tools.diagnose(str(folder / "none"))
    assert secret not in str(caught.value)


def checked(count: int, text: str = "x") -> Checked:
    proof = Evidence(text, step_from=0, step_to=9, before=0, after=1, n=10)
    levels = [Severity.WARNING, Severity.CRITICAL, Severity.INFO, Severity.GOOD]
    findings = [
        Finding(
            f"R{i}", text, levels[i % 4], 0.5, f"{text} {i}", f"do {text}", (proof,), symptoms=()
        )
        for i in range(count)
    ]
    findings.sort(key=lambda f: -f.severity)
    gaps = {f"{text} {i}": text for i in range(count)}
    return Checked(text, text, text, text, text, text, findings, Coverage(9, (text,), gaps))


@pytest.mark.slow
@pytest.mark.parametrize("budget", [200, 500, 2000, 10_000])
@pytest.mark.parametrize("text", ["plain words", HOSTILE, "語" * 5000, "x" * 100_000])
def test_no_answer_is_longer_than_its_budget(budget: int, text: str) -> None:
    for runs in ([checked(40, text)], [checked(3, text) for _ in range(60)], []):
        told = brief_runs(runs, budget, errors=[text] * 30, unread=7)
        assert tokens(told) <= budget
        assert told.splitlines()[-1].startswith("Left out: ")
        assert "Not checked: " in told.splitlines()[-2]
        assert not set(told) & set("\x00\x1b\x0b\ud800\x85\u202e")


def test_what_matters_most_is_kept() -> None:
    told = brief_runs([checked(40)], 600)
    assert told.count("CRITICAL") == 10 and "INFO" not in told and "GOOD" not in told
    out = Budget(200)
    out.say("a detail", 5, "detail")
    out.say("x" * 2000, 1, "long line")
    out.say("first", 0, "line")
    assert out.text().splitlines() == [
        "first",
        "Not checked: no gaps are known.",
        "Left out: 1 detail, 1 long line. A larger budget shows more.",
    ]


def test_a_name_cannot_begin_a_line() -> None:
    assert one_line("a\nCRITICAL fake\r\n\x1b[2Jb") == "a CRITICAL fake �[2Jb"
    assert one_line("x" * 5000).endswith("[5,000 characters]")


@pytest.mark.parametrize("command", ["check", "analyze"])
def test_brief_gives_the_text_of_the_tool(command: str, tmp_path: Path) -> None:
    options = ["--out", str(tmp_path), "--no-plots", "--no-report"] if command == "analyze" else []
    result = CliRunner().invoke(cli, [command, str(SAMPLE), "--brief", *options])
    assert result.exit_code == (command == "check")
    value = results_of(result.stdout)
    assert tokens(result.stdout) <= 2300 and value["tokens"] <= 2000
    told = Tools().diagnose(str(SAMPLE)).splitlines()
    if command == "check":  # which has no curves to show
        told = [line for line in told if ": first " not in line]
    assert value["text"].splitlines() == told


def test_brief_of_check_tells_what_is_new_beside_a_baseline() -> None:
    arguments = ["check", str(SAMPLE), "--baseline", str(SAMPLE), "--brief"]
    value = results_of(CliRunner().invoke(cli, arguments).stdout)
    assert not value["failed"] and "WARNING" not in value["text"]
    assert "the baseline has these findings as well: RL001, DAT004" in value["text"]
    both = CliRunner().invoke(cli, ["check", str(SAMPLE), "--brief", "--json"])
    assert both.exit_code != 0


def install(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["skill", "install", *arguments])
    return result.exit_code, str(result.exception) if result.exit_code else result.stdout


def test_the_skill_is_installed_and_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "skills"
    path = folder / "postrun" / "SKILL.md"
    assert install(str(folder)) == (0, f"Written: {path}\n")
    assert install(str(folder)) == (0, f"Unchanged: {path}\n")
    text = path.read_text()
    assert text.startswith("---\nname: postrun\ndescription: ")
    path.write_text(text.replace("postrun list", "postrun list "))
    code, error = install(str(folder))
    assert code != 0 and "--force" in error and "postrun list  " in path.read_text()
    assert install(str(folder), "--force") == (0, f"Updated: {path}\n") and path.read_text() == text
    path.write_text(installing._marked("an older version\n"))
    assert install(str(folder))[1] == f"Updated: {path}\n"


def test_the_skill_names_commands_that_exist() -> None:
    import re

    from postrun.cli.main import COMMANDS

    text = installing.skill()
    named = set(re.findall(r"`postrun (\w+)", text))
    assert named <= set(COMMANDS) and {"check", "list", "explain", "compare"} <= named
    assert len(text.splitlines()[2]) < 1024 + len("description: ")  # the limit of the format
    assert tokens(text) < 1500
