"""Every command, over streams that cannot hold what it says: encodings, full disks, readers that left."""

from __future__ import annotations

import io
import math
import os
import re
import signal
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import polars as pl
import pytest

from postrun.cli import main as command_line
from postrun.cli.main import COMMANDS
from postrun.model.text import inert
from postrun.report.export import spreadsheet_safe
from tests import logs
from tests.conftest import SAMPLE, own_environment
from tests.printed import envelope_of

#: Sets a terminal's title, asks it for an answer, colours it, and goes to the line's start.
ESCAPES = "\x1b]0;title\x07 \x1b[6n \x9b31m \x7f\r"
#: What has no place in output, whatever a run is called.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NAME = f"größe→😀 ≥ {ESCAPES}"
LOSS = f"träin/λoss😀{ESCAPES}"
ENCODINGS = ("utf-8", "ascii", "cp1252", "latin-1", "cp437", "euc-jp")

ARGUMENTS: dict[str, list[list[str]]] = {
    "analyze": [
        ["a", "--no-plots", "--out", "o1"],
        ["wandb", "--no-plots", "--json", "--out", "o2"],
    ],
    "list": [["wandb"], ["wandb", "--json"]],
    "pull": [["wandb", "--out", "o3"], ["wandb", "--out", "o4", "--json"]],
    "query": [
        ["select * from runs", "--store", "kept"],
        ["select id, name from runs", "--store", "kept", "--csv"],
        ["select * from runs", "--store", "kept", "--json"],
        ["select * from runs where", "--store", "kept"],
    ],
    "store": [["verify", "kept"], ["verify", "kept", "--json"]],
    "compare": [
        ["wandb", "--metric", LOSS, "--goal", "min"],
        ["wandb", "--metric", LOSS, "--goal", "min", "--json"],
    ],
    "sweep": [["wandb", "--metric", LOSS, "--goal", "min"]],
    "failures": [["wandb"], ["wandb", "--json"]],
    "progress": [["wandb", "--metric", LOSS, "--goal", "min"]],
    "diff": [["wandb", "--limit", "2"], ["wandb", "--limit", "2", "--json"], ["a", "no→where"]],
    "forecast": [["a", "--metric", LOSS], ["wandb", "--metric", LOSS, "--json"]],
    "cost": [["wandb"], ["wandb", "--metric", LOSS, "--goal", "min", "--json"]],
    "open": [["no→where"]],
    "plot": [["a", "--out", "o5"]],
    "card": [["a", "--no-plots", "--out", "o6/README.md"]],
    "check": [["wandb"], ["wandb", "--json"], ["no→where"]],
    "watch": [["a"], ["a", "--json"], ["no→where"]],
    "publish": [["no→where/a/b"], ["no→where/a/b", "--dry-run", "--json"]],
    "mcp": [["--root", "no→where"]],
    "skill": [["show"], ["install", "o7"], ["install", "o8→"]],
    "rules": [[], ["--json"]],
    "plugins": [[], ["--json"]],
    "explain": [["OPT001"], [LOSS], [LOSS, "a", "--json"]],
}
CASES = [(name, i) for name in COMMANDS for i in range(len(ARGUMENTS[name]))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs of hostile names, one of them linked as "a", and a store of them."""
    folder = tmp_path_factory.mktemp("place")
    for number in range(3):
        values = [{"_step": i, LOSS: 1 / (i + 1 + number), "note": NAME} for i in range(40)]
        values[30 + number][LOSS] = math.nan
        start = logs.run_record(
            f"r{number}", display_name=NAME, run_group=NAME, tags=[NAME], config={NAME: number}
        )
        printed = logs.output(f"{NAME}\n")
        made = logs.run_folder(
            folder, f"r{number}", [start, *logs.rows(values), printed, logs.exit_record(1)]
        )
    (folder / "a").symlink_to(made if made.is_dir() else made.parent)
    done = subprocess.run(
        [sys.executable, "-m", "postrun", "pull", "wandb", "--store", "kept"],
        cwd=folder, capture_output=True, text=True, timeout=120, env=own_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def run(
    arguments: list[str], folder: Path, streams: tuple[TextIO, TextIO], patch: pytest.MonkeyPatch
) -> int:
    """Run the command line in this process over given streams; its exit code."""
    with patch.context() as own, warnings.catch_warnings():
        warnings.simplefilter("default")
        own.chdir(folder)
        own.setattr(sys, "argv", ["postrun", *arguments])
        own.setattr(sys, "stdout", streams[0])
        own.setattr(sys, "stderr", streams[1])
        own.setattr(command_line, "end_by_signals", lambda: None)
        own.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as end:
            command_line.main()
    return int(end.value.code or 0)


def in_encoding(name: str) -> tuple[io.BytesIO, TextIO]:
    data = io.BytesIO()
    return data, io.TextIOWrapper(data, encoding=name, errors="strict")


@pytest.mark.slow
@pytest.mark.parametrize(("command", "number"), CASES)
def test_each_command_in_each_encoding(
    command: str, number: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [command, *ARGUMENTS[command][number]]
    codes, values = set(), []
    for encoding in ENCODINGS:
        (out, stdout), (errors, stderr) = in_encoding(encoding), in_encoding(encoding)
        codes.add(run(arguments, place, (stdout, stderr), monkeypatch))
        told = errors.getvalue().decode(encoding)
        raw = "--csv" in arguments  # a CSV file is UTF-8 on every system
        shown = out.getvalue().decode("utf-8" if raw else encoding)
        assert "Traceback" not in told + shown and "internal error" not in told
        assert not CONTROLS.search(told + shown), (encoding, CONTROLS.findall(told + shown))
        assert shown or told
        if "--json" in arguments:
            found = [
                envelope_of(s) for s in (shown.splitlines() if command == "watch" else [shown])
            ]
            for event in found if command == "watch" else ():
                if event["results"]:
                    del event["results"]["time"]  # when it was told
            values.append(found)
    assert len(codes) == 1 and codes <= {0, 1, 2, 3}
    if command != "pull":  # which tells what it did, and the second time there is nothing to do
        assert all(value == values[0] for value in values), "an encoding changes what JSON says"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize(("command", "number"), CASES)
def test_each_command_on_a_full_disk_and_for_a_reader_that_left(
    command: str, number: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [command, *ARGUMENTS[command][number]]
    errors, stderr = in_encoding("utf-8")
    out, stdout = in_encoding("utf-8")
    usual = run(arguments, place, (stdout, stderr), monkeypatch)
    silent = not out.getvalue()  # what prints nothing cannot fail to print
    for expected, target in ((4, _full()), (141, _left())):
        errors, stderr = in_encoding("utf-8")
        code = run(arguments, place, (target, stderr), monkeypatch)
        with suppress(
            OSError
        ):  # what it could not write: closed here, not when memory is collected
            target.close()
        assert code == (usual if silent else expected), errors.getvalue().decode()
        told = errors.getvalue().decode()
        assert "Traceback" not in told
        assert silent or expected == 141 or "cannot write the output: No space left" in told


def _full() -> TextIO:
    return open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123


def _left() -> TextIO:
    ours, theirs = os.pipe()
    os.close(ours)
    return os.fdopen(theirs, "w", encoding="utf-8")


def real(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`postrun` as a shell runs it: `shell` follows its arguments."""
    words = [sys.executable, "-m", "postrun", *arguments]
    line = " ".join(words) + " " + shell
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"], env=own_environment() | environment,
        capture_output=True, text=True, timeout=120, errors="replace",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "code"), [("| true", 141), ("> /dev/full", 4), (">&-", 0), ("2>&-", 0), ("", 0)]
)
def test_exit_codes_in_a_shell(shell: str, code: int, tmp_path: Path) -> None:
    wanted = ["analyze", str(SAMPLE), "--no-plots", "--no-report", "--json", "--out", str(tmp_path)]
    done = real(*(["rules"] if shell == ">&-" else wanted), shell=shell)
    assert done.returncode == code, done.stderr
    assert not done.stderr or (code == 4 and done.stderr.count("\n") == 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252:strict"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_the_sample_run_in_poor_environments(environment: dict[str, str], tmp_path: Path) -> None:
    done = real("analyze", str(SAMPLE), "--no-plots", "--out", str(tmp_path), **environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "RL001" in done.stdout and "Report:" in done.stdout
    if "ascii" in environment.values():
        assert done.stdout.isascii()


def test_glyphs_stand_for_what_an_encoding_lacks() -> None:
    from postrun.cli.output import _replaced, prepare_streams

    prepare_streams()
    assert "5 → 6 ± 1 … ▁█ é\ud800".encode("ascii", "postrun.glyphs") == b"5 -> 6 +/- 1 ... _# ??"
    with pytest.raises(UnicodeDecodeError):
        _replaced(UnicodeDecodeError("ascii", b"\xff", 0, 1, "no"))


def test_an_internal_error_has_its_own_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("postrun.cli.targets._find", broken)
    errors, stderr = in_encoding("utf-8")
    assert run(["check", str(SAMPLE)], tmp_path, (io.StringIO(), stderr), monkeypatch) == 4
    told = errors.getvalue().decode()
    assert re.search(
        r"internal error at test_streams.py:\d+: KeyError: 'planted'\. This is a", told
    )
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["list", ".", "--name", "["],
        ["list", ".", "--config", "lr~["],
        ["list", ".", "--summary", "a~("],
    ],
)
def test_a_broken_pattern_is_wrong_usage(
    arguments: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors, stderr = in_encoding("utf-8")
    assert run(arguments, place, (io.StringIO(), stderr), monkeypatch) == 2
    assert "not a regular expression" in errors.getvalue().decode()


def test_files_do_not_command_a_terminal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = (io.StringIO(), io.StringIO())
    run(["analyze", "wandb", "--no-plots", "--out", "files"], place, streams, monkeypatch)
    run(["compare", "wandb", "--out", "files/study"], place, streams, monkeypatch)
    run(["card", "a", "--no-plots", "--out", "files/README.md"], place, streams, monkeypatch)
    kinds = ("*.md", "*.csv", "*.json")
    written = [p for kind in kinds for p in (place / "files").rglob(kind)]
    assert {p.suffix for p in written} == {kind[1:] for kind in kinds}
    for path in written:
        found = CONTROLS.findall(path.read_bytes().decode())
        assert not found, (path, found)


def test_inert_text_keeps_lines_and_letters() -> None:
    assert inert("größe\t→ 😀\n\x1b[31m\u202eabc\ud800") == "größe\t→ 😀\n�[31m�abc�"
    frame = spreadsheet_safe(
        pl.DataFrame(
            {"a\x1b": ["x\x9b", "=1", None], "*": [1, 2, 3], "=b": ["two\nlines", "", "="]}
        )
    )
    assert frame.to_dict(as_series=False) == {
        "a�": ["x�", "'=1", None], "*": [1, 2, 3], "'=b": ["two\nlines", "", "'="],
    }  # fmt: skip


def test_signals_end_with_their_own_exit_code() -> None:
    code = (
        "import os, sys; from postrun.cli import main; number = int(sys.argv[1]);"
        "main.cli.main = lambda **_: os.kill(os.getpid(), number); main.main()"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        done = subprocess.run([sys.executable, "-c", code, str(int(number))], timeout=60)
        assert done.returncode == 128 + number
