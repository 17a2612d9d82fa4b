"""The lists: where a value stands in a run, its name, and a text whose random parts are made when it is read.

A line is `place|name|text`. `{A34}` are 34 random letters and digits, `{}` is nothing: it keeps a prefix apart,
so that no file holds what a scanner of repositories would report. `[[...]]` marks what must not be shown.
"""

from __future__ import annotations

import base64
import random
import re
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Identity, Run
from postrun.model.run import Alert, Artifact, RunFile, empty_console

HERE = Path(__file__).parent
_LETTERS = string.ascii_letters + string.digits
#: What random parts are made of, by their letter.
ALPHABETS = {
    "A": _LETTERS,
    "a": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "u": _LETTERS + "_-",
    "h": "0123456789abcdef",
    "d": string.digits,
    "b": _LETTERS + "+/",
    "w": _LETTERS + "!#%*+?.~^@",
}
_PART = re.compile(r"\{(?:([AaUuhdbw])(\d+)|(uuid|basic|e|))\}")
_MARKED = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Case:
    """One value. `hidden` are its parts that must not be shown, none of an innocent one."""

    kind: str
    place: str
    name: str
    text: str
    hidden: tuple[str, ...] = ()
    #: The line as the list has it.
    source: str = field(default="", compare=False)


def cases(name: str, seed: int) -> list[Case]:
    """Return the cases of a list, "secrets" or "innocent", with other random parts for each seed."""
    return list(_read(HERE / f"{name}.txt", random.Random(seed)))


def _read(path: Path, generator: random.Random) -> Iterator[Case]:
    kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            kind = line[2:]
            continue
        place, name, text = line.split("|", 2)
        text = _PART.sub(lambda m: _random(m, generator), _unescaped(text))
        hidden = tuple(piece for part in _MARKED.findall(text) for piece in part.split("\n"))
        yield Case(
            kind,
            place,
            name,
            text.replace("[[", "").replace("]]", "") if hidden else text,
            hidden,
            line,
        )


def _unescaped(text: str) -> str:
    """Return a text with its line ends; a doubled backslash stays one."""
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


def _random(match: re.Match[str], generator: random.Random) -> str:
    letter, count, word = match[1], match[2], match[3]
    if letter:
        return "".join(generator.choice(ALPHABETS[letter]) for _ in range(int(count)))
    if word == "uuid":
        return str(uuid.UUID(int=generator.getrandbits(128), version=4))
    if word == "basic":
        password = "".join(generator.choice(ALPHABETS["w"]) for _ in range(14))
        return base64.b64encode(f"trainer:{password}".encode()).decode()
    return "\x1b" if word == "e" else ""


def run_of(case: Case) -> Run:
    """Return a run that holds a case's value where it says."""
    return _PLACES[case.place](Run(Identity("r1", name="run one")), case)


def shown(run: Run) -> str:
    """Return all texts of a run."""
    frames = (run.history, run.console)
    columns = [s for f in frames for s in f if s.dtype == pl.String]
    parts = [
        run.identity, run.config, run.summary, run.environment, run.requirements, run.texts, run.files,
        run.artifacts, run.alerts, [f.columns for f in frames], [s.to_list() for s in columns],
    ]  # fmt: skip
    return "\n".join(text for part in parts for text in _texts(part))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))
    elif hasattr(value, "__dataclass_fields__"):
        yield from (t for name in value.__dataclass_fields__ for t in _texts(getattr(value, name)))


def _nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return dict(value)


def _console(run: Run, case: Case) -> Run:
    lines = pl.DataFrame(
        {"line": case.text.split("\n"), "stream": "stdout"},
        schema_overrides={"line": pl.String},
    )
    return replace(run, console=pl.concat([empty_console(), lines], how="diagonal"))


def _identity(name: str) -> Callable[[Run, Case], Run]:
    def place(run: Run, case: Case) -> Run:
        value: Any = [case.text] if name == "tags" else case.text
        return replace(run, identity=replace(run.identity, **{name: value}))

    return place


def _column(name: str, values: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"_step": [0], name: values})


#: Where a value stands, to what puts it there.
_PLACES: dict[str, Callable[[Run, Case], Run]] = {
    "config": lambda run, c: replace(run, config=_nested(c.name, c.text)),
    "summary": lambda run, c: replace(run, summary=_nested(c.name, c.text)),
    "list": lambda run, c: replace(run, config={c.name: [c.text]}),
    "environment": lambda run, c: replace(run, environment={c.name: c.text}),
    "argv": lambda run, c: replace(
        run, environment={"args": ["train.py", *([c.name] if c.name else []), c.text]}
    ),
    "command": lambda run, c: replace(run, environment={"command": c.text}),
    "console": _console,
    "lines": _console,
    "history": lambda run, c: replace(run, history=_column(c.name, [c.text])),
    "metric": lambda run, c: replace(run, history=_column(c.text, [0.5])),
    "name": _identity("name"),
    "group": _identity("group"),
    "jobtype": _identity("job_type"),
    "tag": _identity("tags"),
    "notes": _identity("notes"),
    "remote": _identity("repository"),
    "file": lambda run, c: replace(run, files=[RunFile(c.text)]),
    "artifact": lambda run, c: replace(run, artifacts=[Artifact(c.text)]),
    "alert": lambda run, c: replace(run, alerts=[Alert("alert", c.text)]),
    "requirement": lambda run, c: replace(run, requirements=[c.text]),
    "texts": lambda run, c: replace(run, texts={"code/train.py": f"import x\n{c.text}\n"}),
}
