"""Tools asked about cases: bounded in time, and asked once."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.faults.cases import Case
from benchmarks.faults.statements import Answer, Level, Statement
from benchmarks.faults.tools import Tool, installed

#: Seconds that a tool may think about one training.
PATIENCE = 60

#: Source, then name of the case, then name of the tool.
Answers = dict[tuple[str, str], dict[str, Answer]]


def ask_all(
    cases: Sequence[Case], tools: Sequence[Tool], keep: Path, force: bool = False
) -> Answers:
    """Return what each tool says about each case; answers of tools that do not change are kept in a folder."""
    out: Answers = {}
    stores = {tool.name: _Kept(keep, tool, force) for tool in tools}
    for number, case in enumerate(cases):
        print(
            f"\r{number + 1}/{len(cases)} {case.source}/{case.name}"[:99].ljust(100),
            end="",
            file=sys.stderr,
        )
        out[case.source, case.name] = {tool.name: stores[tool.name].answer(case) for tool in tools}
    print(file=sys.stderr)
    for store in stores.values():
        store.write()
    return out


def ask(tool: Tool, case: Case) -> Answer:
    """Return what a tool says about a case; one that raises or takes too long says nothing."""
    try:
        with _patience(PATIENCE), warnings.catch_warnings(), _silence():
            warnings.simplefilter("ignore")
            return Answer.of(tool.ask(case.subject))
    except Exception as error:  # other people's code, on data that it was not written for
        return Answer(asked=False, problem=f"{type(error).__name__}: {error}"[:200])


class _Kept:
    """The answers of one tool, in a file named after its version."""

    def __init__(self, folder: Path, tool: Tool, force: bool) -> None:
        self.tool = tool
        self.path = folder / f"{tool.name}-{installed(tool)}.json"
        usable = tool.cached and not force and self.path.exists()
        self.known: dict[str, Any] = json.loads(self.path.read_text()) if usable else {}

    def answer(self, case: Case) -> Answer:
        key = f"{case.source}/{case.name}"
        if key not in self.known:
            self.known[key] = _pack(ask(self.tool, case))
        return _unpack(self.known[key])

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.known, indent=1, sort_keys=True))


def _pack(answer: Answer) -> dict[str, Any]:
    said = [[s.check, int(s.level), s.words] for s in answer.statements]
    return {"asked": answer.asked, "problem": answer.problem, "said": said}


def _unpack(data: dict[str, Any]) -> Answer:
    said = tuple(Statement(check, Level(level), words) for check, level, words in data["said"])
    return Answer(said, data["asked"], data["problem"])


@contextlib.contextmanager
def _patience(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread once the time is over."""

    def over(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what a tool prints to itself."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
