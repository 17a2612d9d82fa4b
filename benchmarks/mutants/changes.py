"""What a mutant is: a file of the package with one operator, number or condition changed."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file of the package with one change, and what was changed, from `line` to `end`."""

    area: str
    file: Path
    line: int
    end: int
    before: str
    after: str
    text: str


def mutants(area: str, root: Path, file: Path) -> Iterator[Mutant]:
    """All mutants of a file, whose path is relative to `root`."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    for number, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            other = next(n for i, n in enumerate(ast.walk(changed)) if i == number)
            change(other)
            line = getattr(node, "lineno", 0)
            end = getattr(node, "end_lineno", line)
            before, after = ast.unparse(node), ast.unparse(other)
            yield Mutant(area, file, line, end, before, after, ast.unparse(changed))


def _changes(node: ast.AST) -> list[Callable[[ast.AST], None]]:
    """Return functions that make a mutant of a node of this kind."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        return [lambda n: n.ops.__setitem__(0, _COMPARED[type(n.ops[0])]())]
    if isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
        return [lambda n: setattr(n, "op", _COMPUTED[type(n.op)]())]
    if isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        return [lambda n: setattr(n, "op", other())]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return [lambda n: setattr(n, "value", n.value * 2 or 1)]
    return []
