"""The terminal: what is shown at which width, bars that share no line with results, TAB completion."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

import postrun
from postrun.cli.main import cli
from postrun.report.console import wrapped
from postrun.report.explaining import metric_page, readings_of, rule_page
from postrun.report.terminal import print_run
from postrun.rules import rules
from tests.conftest import SAMPLE


def shown(width: int, verbose: bool = False) -> str:
    view = postrun.RunView(postrun.load(SAMPLE))
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    print_run(view, postrun.diagnose(view), None, console, verbose=verbose)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_run_fits_the_terminal(width: int) -> None:
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    for words in ("reward/mean", "0.0423", "0.6899", "RL001", "do  ", "more key metrics (-v)"):
        assert words in text, words
    assert ("columns not shown at this width: curve" in text) == (width == 60)


def test_evidence_comes_when_it_is_asked_for() -> None:
    brief, whole = shown(100), shown(100, verbose=True)
    assert "confidence" not in brief and "n = 480" not in brief
    assert "confidence 95%" in whole and "n = 480" in whole and "started" in whole
    assert len(brief.splitlines()) < 0.7 * len(whole.splitlines())


_WORK = """
import time
from postrun.report import progress
progress.DELAY = {delay}
with progress.progress_bar(3) as advance:
    for i in range(3):
        time.sleep(0.4)
        with advance.paused():
            print(f"result {{i}}")
        advance(100)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("delay", "bar"), [(0.1, True), (60, False)])
def test_bars_and_results_share_no_line(delay: float, bar: bool) -> None:
    import pty

    own, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", _WORK.format(delay=delay)], stdout=theirs, stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            part = os.read(own, 65536)
        except OSError:  # the child closed its end
            break
        if not part:
            break
        said += part
    assert child.wait(timeout=60) == 0
    os.close(own)
    text = said.decode()
    assert ("Reading runs" in text) is bar
    # A line of the screen is what follows the last return to its beginning that erases it.
    lines = [re.split(r"\x1b\[2K|\r", line)[-1] for line in text.split("\r\n")]
    plain = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line) for line in lines]
    assert [line for line in plain if "result" in line] == ["result 0", "result 1", "result 2"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("postrun an", "analyze"),
        ("postrun check --select OPT00", "OPT001"),
        ("postrun check --select OPT001,RL00", "OPT001,RL001"),
        ("postrun explain loss-div", "loss-diverged"),
        ("postrun check --threshold OPT003.f", "OPT003.flat_share="),
        ("postrun check --severity OPT003=w", "OPT003=warning"),
        ("postrun list --state fa", "failed"),
    ],
)  # fmt: skip
def test_tab_completes(words: str, found: str) -> None:
    count = len(words.split()) - 1
    done = CliRunner().invoke(
        cli, prog_name="postrun",
        env={"_POSTRUN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)},
    )  # fmt: skip
    assert f"plain,{found}" in done.output.splitlines()


def test_tab_completes_paths() -> None:
    done = CliRunner().invoke(
        cli, prog_name="postrun",
        env={"_POSTRUN_COMPLETE": "bash_complete", "COMP_WORDS": "postrun analyze wa", "COMP_CWORD": "2"},
    )  # fmt: skip
    assert "file,wa" in done.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("analyse", "analyze"), ("lst", "list"), ("sweeps", "sweep"), ("diagnose-all", None)],
)
def test_a_mistyped_command(typed: str, meant: str | None) -> None:
    done = CliRunner().invoke(cli, [typed])
    assert done.exit_code == 2
    assert f"Did you mean {meant}" in done.output if meant else "postrun --help" in done.output


def test_a_target_in_the_place_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wandb").mkdir()
    assert "To analyze it: postrun analyze wandb" in CliRunner().invoke(cli, ["wandb"]).output


@pytest.mark.parametrize("width", [80, 100, 120])
def test_codes_stand_in_one_column(width: int) -> None:
    lines = shown(width).splitlines()
    ends = {len(line.rstrip()) for line in lines if re.search(r" [A-Z]{2,5}\d{3}\s*$", line)}
    assert ends == {width}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_explanations_fit_the_terminal(width: int) -> None:
    pages = [rule_page(rule) for rule in rules()]
    pages += [metric_page(key, readings_of(key), None) for key in ("train/loss", "fps", "foo_bar")]
    for page in pages:
        told = wrapped(page, width)
        assert told.split() == page.split()  # nothing is lost, no word is broken
        long = [
            line
            for line in told.splitlines()
            if len(line) > width and " " in line.strip() and not line.startswith(("|", "    ", "#"))
        ]
        assert long == []


def test_lists_and_code_keep_their_lines() -> None:
    text = "# One\n\nsome words\nthat go on\n\n- an item that is long\n- two\n\n```\na   b\n```\n| a | b |"
    assert wrapped(text, 16) == (
        "# One\n\nsome words that\ngo on\n\n- an item that\n  is long\n- two\n\n```\na   b\n```\n| a | b |"
    )
