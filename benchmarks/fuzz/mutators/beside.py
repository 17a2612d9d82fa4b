"""Mutants of the small files beside an intact log."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from benchmarks.fuzz import seeds, values
from benchmarks.fuzz.case import Case, Mutator
from benchmarks.fuzz.framing import framed

#: Pieces of YAML that a parser may choke on.
_YAML = (
    "!!bool maybe", "!!int ''", "!!int abc", "!!float x", "!!timestamp 2020-99-99", "2020-13-45",
    "2020-01-01",
    "9999-12-31 23:59:59 -23:59", "!!binary '%%'", "!!set {a, b}", "!!omap [a: 1]",
    "!!python/object:os.system x",
    "&a {b: *a}", "&a [*a, *a]", "*unknown", "<<: *n", "[", "{", "|", "'", '"\\ud800"', '"\\x00"',
    "1" * 5000,
    "1:1:1:1:1:1:1:1:1", "_", "__1__", "0x", "0b2", ".inf", ".nan", "~", "? [a]\n: b", "- - - - -",
    "---\n...\n---",
    "%YAML 9.9", "\t", "@x", "`x`", "yes", "{a: 1, a: 2}", "!<tag:x> y", "- a\n b: c", "😀", "1e400",
    "-", "? ",
)  # fmt: skip


def _case(**files: bytes) -> Case:
    """Return an intact log with other files beside it."""
    whole = {**seeds.BESIDE, **files}
    return Case(
        {seeds.LOG: framed(seeds.records())[0]}
        | {f"{seeds.RUN}/files/{name}": data for name, data in whole.items()},
        seeds.RUN,
        seeds.ALL,
    )


def _yaml(random: Random) -> Case:
    name, data = "config.yaml", seeds.BESIDE["config.yaml"]
    kind = random.randrange(6)
    if kind == 0:
        text = _bomb(random)
    elif kind == 1:
        depth = random.choice((90, 101, 300, 999, 1001, 5000))
        opened, closed = random.choice((("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")))
        text = "a: " * (opened in "[{") + opened * depth + "1" + closed * depth
    elif kind == 2:
        lines = data.decode().splitlines()
        lines[random.randrange(len(lines))] = random.choice(_YAML)
        text = "\n".join(lines)
    elif kind == 3:
        text = f"lr:\n  value: {random.choice(_YAML)}\nmodel:\n  value: {random.choice(_YAML)}\n"
    elif kind == 4:
        return _case(**{name: _damaged(random, data)})
    else:
        text = random.choice((*_YAML, json.dumps(values.tree(random, 4))))
    return _case(**{name: text.encode("utf-8", "surrogatepass")})


def _bomb(random: Random) -> str:
    """Return YAML whose aliases stand for far more than it holds."""
    width, levels = random.choice((2, 9, 30)), random.choice((5, 12, 40))
    form = random.choice(("[{}]", "{{k: [{}]}}"))
    lines = ["a0: &a0 [x, x]"]
    for level in range(levels):
        inner = ", ".join([f"*a{level}"] * width)
        lines.append(f"a{level + 1}: &a{level + 1} " + form.format(inner))
    return "\n".join(lines)


def _json_file(name: str, random: Random) -> Case:
    data = seeds.BESIDE[name]
    kind = random.randrange(4)
    if kind == 0:
        return _case(**{name: _damaged(random, data)})
    if kind == 1:
        return _case(**{name: values.json_text(random).encode("utf-8", "surrogatepass")})
    return _case(**{name: changed(random, json.loads(data))})


def changed(random: Random, value: dict[str, Any]) -> bytes:
    """Return a JSON object of which some values are others, as text."""
    keys = list(value)
    marks = {}
    for number in range(random.choice((1, 1, 2, len(keys)))):
        mark = f"@@{number}@@"
        marks[json.dumps(mark)] = values.json_text(random)
        value[random.choice(keys)] = mark
    text = json.dumps(value)
    for mark, odd in marks.items():
        text = text.replace(mark, odd)
    return text.encode("utf-8", "surrogatepass")


def _damaged(random: Random, data: bytes) -> bytes:
    """Return bytes of which some are others, missing, or more."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 4))):
        at = random.randrange(len(out)) if out else 0
        kind = random.randrange(4)
        if kind == 0 and out:
            out[at] = random.randrange(256)
        elif kind == 1:
            out[at:at] = random.choice((b"\xff", b"\0", b'"', b"{", b"\n", random.randbytes(5)))
        elif kind == 2:
            del out[at:]
        else:
            del out[at : at + random.randrange(10)]
    return bytes(out)


def _text_file(random: Random) -> Case:
    name = random.choice(("output.log", "requirements.txt"))
    data = b"\n".join(random.choice((*values.TEXTS, seeds.BESIDE[name])) for _ in range(3))
    return _case(**{name: data})


_FILES: tuple[tuple[str, Callable[[Random], Case]], ...] = (
    ("config.yaml", _yaml),
    ("metadata", partial(_json_file, "wandb-metadata.json")),
    ("summary", partial(_json_file, "wandb-summary.json")),
    ("output.log and requirements", _text_file),
)
MUTATORS = tuple(Mutator(f"beside: {name}", make) for name, make in _FILES)
