"""Numbers by which a rule decides are thresholds that users can set, not literals in its body."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import postrun.rules
from postrun.metrics import RunView
from postrun.rules import Rule, find_rule, rules
from tests.curves import make_run

FOLDER = Path(postrun.rules.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))

#: Sign, emptiness, a single one, a pair: these are no choices.
NATURAL = {-1, 0, 1, 2}
#: Comparisons that decide nothing, each with its reason.
ALLOWED = {
    ("opt/adversarial.py", "g.after > self.limits['factor'] * max(abs(float(np.median(maker.y[:5]))), 1e-06)"):
        "a guard against a loss of 0",
    ("opt/nonfinite.py", "wasted < 100"): "words: 'the last 100%' is said otherwise",
    ("opt/improved.py", "len(parts) > 4"): "words: how many parts are listed",
    ("dat/constant_metric.py", "len(dead) > 6"): "words: how many names are listed",
    ("dat/log_damaged.py", "len(done.damage) > 3"): "words: how many places are listed",
    ("dat/metric_stopped.py", "len(group) > 4"): "words: how many names are listed",
    ("dat/text_metric.py", "len(keys) > 3"): "words: how many names are listed",
}  # fmt: skip


def literals(node: ast.AST) -> Iterator[float]:
    """Yield the numbers of an expression, but those of windows, quantiles and exponents."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield node.value
    elif isinstance(node, ast.Subscript):
        yield from literals(node.value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Pow):
        yield from literals(node.left)
    elif not (isinstance(node, ast.Call) and ast.unparse(node.func) == "np.quantile"):
        for child in ast.iter_child_nodes(node):
            yield from literals(child)


def decided(source: str) -> set[str]:
    """Return the comparisons in a source's functions that hold a number which somebody chose."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    compared = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Compare)]
    return {ast.unparse(n) for n in compared if set(literals(n)) - NATURAL}


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_numbers_that_decide_are_thresholds(path: Path) -> None:
    allowed = {expression for file, expression in ALLOWED if file == named(path)}
    assert decided(path.read_text(encoding="utf-8")) == allowed


def test_allowed_comparisons_are_of_these_files() -> None:
    assert {file for file, _ in ALLOWED} <= {named(path) for path in FILES}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("len(y) < 20", True),
        ("level < 0.1 * first", True),
        ("not 1e-3 < ratio < 1e3", True),
        ("rise < max(4 * spread, bar)", True),
        ("len(y) < self.limits['min_rows']", False),
        ("y[-1] > 2 * _BAR", False),
        ("median(y[-3:]) > np.quantile(y, 0.99)", False),
        ("last < len(y) // 50 or error > noise / n**0.5", False),
    ],
)
def test_what_is_looked_for(body: str, found: bool) -> None:
    assert bool(decided(f"def check(self, y):\n    return {body}")) is found


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module but the keys of `thresholds` themselves."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "thresholds":
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from texts(node)


#: Those that hold runs beside others are decided where these are read, in `studies/`.
ALONE = [rule for rule in rules() if not rule.code.startswith("BASE")]


@pytest.mark.parametrize("rule", ALONE, ids=lambda r: r.code)
def test_each_threshold_is_read_and_each_that_is_read_is_there(rule: type[Rule]) -> None:
    tree = ast.parse(inspect.getsource(sys.modules[rule.__module__]))
    named = set(texts(tree))
    attributes = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    if "self.usable" in attributes:
        named.add("min_rows")
    assert set(rule.thresholds) <= named
    read = {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "self.limits"
        and isinstance(node.slice, ast.Constant)
    }
    assert read <= set(rule.thresholds)


def test_a_threshold_that_is_set_decides() -> None:
    x = np.arange(400)
    run = make_run({"train/loss": 2 * np.exp(-x / 40) + 0.1, "grad_norm": np.exp(-x / 20)})
    rule = find_rule("OPT009")
    assert not list(rule().check(RunView(run)))  # 0.1 of 2.1 is solved
    assert list(rule({"solved_share": 0.01, "converged_share": 0.01}).check(RunView(run)))


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("OPT002", {"at_once_rows": 1}),
        ("OPT005", {"min_rows": 1}),
        ("OPT027", {"min_rows": 0, "once_rows": 0}),
    ],
)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_as_few_rows_as_one_likes_break_no_rule(
    code: str, limits: dict[str, float], rows: int
) -> None:
    columns = {"train/loss": np.arange(rows) + 1.0, "lr": 0.001 * (np.arange(rows) + 1.0)}
    found = list(find_rule(code)(limits).check(RunView(make_run(columns, config={"lr": 0.01}))))
    assert all(finding.rule == code for finding in found)
