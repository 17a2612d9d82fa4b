"""`make rule`: what a newcomer begins with works as it is."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.new_rule import coming_version, problem_with, write_rule

from postrun.metrics import RunView
from postrun.rules import Rule
from postrun.rules.base import PREVIEW

ROOT = Path(__file__).parents[1]


def test_the_rule_and_its_cases_work(tmp_path: Path) -> None:
    files = write_rule("OPT999", "loss-grows", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in files] == [
        "src/postrun/rules/opt/loss_grows.py", "tests/rule_cases/loss_grows.py",
    ]  # fmt: skip
    rule, cases = (runpy.run_path(str(path)) for path in files)
    made: Rule = rule["LossGrows"]()
    assert (made.since, made.status) == (coming_version(), PREVIEW)
    for code, severity, run, window in cases["FIRES"]:
        (finding,) = made.check(RunView(run))
        assert (finding.rule, finding.severity) == (code, severity)
        assert finding.evidence[0].step_from == window[0]
    for _, _, run in cases["SILENT"]:
        assert not list(made.check(RunView(run)))
    # Which imports are the project's own is told by where a file lies: not here.
    lint = ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "I001"]
    done = subprocess.run(
        [sys.executable, "-m", *lint, *map(str, files)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    with pytest.raises(FileExistsError):
        write_rule("OPT999", "loss-grows", tmp_path)


@pytest.mark.parametrize(
    ("code", "name", "problem"),
    [
        ("OPT999", "loss-grows", ""),
        ("OPT1", "loss-grows", "a family and three digits"),
        ("XYZ001", "loss-grows", "OPT000"),
        ("OPT999", "Loss grows", "lower-case words"),
        ("OPT001", "loss-grows", "OPT001 not-finite is there already"),
        ("OPT999", "not-finite", "OPT001 not-finite is there already"),
    ],
)
def test_codes_and_names(code: str, name: str, problem: str) -> None:
    found = problem_with(code, name)
    assert problem in found and bool(problem) == bool(found)
