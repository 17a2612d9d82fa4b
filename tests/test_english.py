"""Rendered texts are in the house style: helps, findings, reports, studies and errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import COMMANDS, cli
from postrun.job import Options, Result, run_job
from postrun.metrics import RunView
from postrun.model import PostrunError
from postrun.report.console import make_console
from postrun.report.html.study_page import study_page
from postrun.report.index.page import index_page
from postrun.report.index.workspace import Entry, workspace
from postrun.report.terminal import print_run
from postrun.rules import find_rule, rules
from postrun.sources import resolve
from postrun.studies.failures import failures_study
from postrun.studies.groups import group_runs
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests.conftest import SAMPLE
from tests.english import all_faults, faults
from tests.test_index import project_folder
from tests.test_rules import ALL

CODES = sorted({code for code, *_ in ALL})


def _unwrapped(text: str) -> str:
    """A docstring whose lines are joined again; paragraphs stay apart."""
    return re.sub(r"(?<!\n)\n(?!\n)\s*", " ", text)


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, _unwrapped(command.help or "")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"{name} {parameter.opts[0]}", parameter.help or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _helps(found, f"{name} {child}")


def test_the_scan_finds_what_it_looks_for() -> None:
    assert faults("The run was interrupted.") and faults("28 % of all tokens.")
    assert faults(" ".join(["word"] * 26)) and not faults(" ".join(["word"] * 25))
    assert not faults("Completed all 480 planned steps. 15% of tokens are masked.")


def test_help_texts() -> None:
    texts = [text for _, text in _helps(cli, "postrun")]
    assert len(texts) > 150
    assert not all_faults([*texts, *COMMANDS.values()])


def test_options_have_a_help_that_starts_with_a_capital() -> None:
    lacking = [name for name, text in _helps(cli, "postrun") if not text[:1].isupper()]
    assert lacking in ([], [name for name in lacking if name.endswith("--format")])


@pytest.mark.parametrize("code", CODES)
def test_findings(code: str) -> None:
    texts: list[str] = []
    for other, _, run, _ in ALL:
        if other == code:
            found = find_rule(code)({}).check(RunView(run))
            texts += [text for f in found for text in (f.message, f.remedy)]
    assert not all_faults(texts)


def test_first_lines_of_rules() -> None:
    assert not all_faults(rule.summary() for rule in rules())


#: Elements whose text stands for itself.
_BLOCKS = frozenset(
    ("p", "li", "td", "th", "h1", "h2", "h3", "summary", "option", "div", "dd", "dt", "b", "span")
) | {"sup", "a", "code", "pre", "title", "text", "figcaption"}


class _Text(HTMLParser):
    """The visible text of a page: scripts and styles left out, block by block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [""]
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        if tag in (
            "p",
            "li",
            "td",
            "th",
            "h1",
            "h2",
            "h3",
            "summary",
            "option",
            "div",
            "dd",
            "dt",
            "b",
            "span",
        ):
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")
        if tag in _BLOCKS:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.blocks[-1] += data


def page_texts(page: str) -> list[str]:
    """The texts that a page shows."""
    parser = _Text()
    parser.feed(page)
    return [" ".join(block.split()) for block in parser.blocks if block.strip()]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """The bundled run and a small project, analyzed."""
    out = tmp_path_factory.mktemp("english")
    refs = [*resolve(SAMPLE), *resolve(project_folder(out))]
    options = Options(out=out / "o", plots=False, glance=True)
    return [run_job(ref, ref.id, options) for ref in refs]


def test_the_terminal(results: list[Result]) -> None:
    console = make_console(width=1000, record=True)
    for result in results:
        assert result.view is not None
        print_run(result.view, result.findings, None, console, verbose=True)
    lines = [re.sub(r"^[✖▲●✔] ", "", line) for line in console.export_text().splitlines()]
    prose = [line for line in lines if line.endswith(".")]
    assert len(prose) > 20 and not all_faults(prose)


def test_the_overview(results: list[Result]) -> None:
    space = workspace([Entry(r.glance) for r in results if r.glance is not None])
    assert not all_faults(page_texts(index_page(space, {})))


def test_reports(results: list[Result]) -> None:
    texts: list[str] = []
    for result in results:
        assert result.folder is not None
        texts += page_texts((result.folder / "report.html").read_text())
        lines = (result.folder / "report.md").read_text().splitlines()
        texts += [
            line.replace("**What to do:** ", "") for line in lines if not line.startswith("|")
        ]
        texts += result.analysis["insights"]
    assert len(texts) > 500 and not all_faults(texts)


@pytest.mark.slow
def test_studies(tmp_path: Path) -> None:
    project = postrun.project(project_folder(tmp_path, 12))
    scores = score(project, "val/accuracy")
    grouping = group_runs(project)
    studies = [
        failures_study(project), progress_study(scores), sweep_study(scores),
        compare_study(scores, grouping),
    ]  # fmt: skip
    for study in studies:
        quoted = {one.ending.message for one in project.records}  # of a run, with its own words
        texts = [t for t in page_texts(study_page(study)) if not any(q in t for q in quoted if q)]
        assert study.headline and not all_faults(texts), study.kind


WRONG = [
    ["analyze", "missing"],
    ["analyze", "someone/project", "--state", "faild"],
    ["analyse"],
    ["list", "--created-after", "soon"],
    ["list", "--order", "speed"],
    ["list", "--name", "["],
    ["list", "--config", "lr"],
    ["check", "--select", "NOPE"],
    ["check", "--threshold", "OPT003.flat=1"],
    ["check", "--threshold", "OPT003"],
    ["check", "--severity", "OPT003=bad"],
    ["check", "--metric-role", "loss"],
    ["check", "--metric-role", "loss=nonsense"],
    ["explain", "OPT9999"],
    ["compare", "missing"],
    ["query", "select", "--store", "missing"],
    ["query", "select", "--out", "rows.txt"],
    ["store", "verify", "missing"],
    ["plot", "--format", "gif"],
    ["pull", "--files", "*", "--store", "s"],
    ["pull", "--cluster", "tcp://nowhere:1"],
    ["open", "nothing"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_errors(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code != 0
    said = str(done.exception) if isinstance(done.exception, PostrunError) else done.output
    assert said.strip() and not faults(_unwrapped(said))
