"""How many small faults in the code the tests notice: python -m benchmarks.mutants [COUNT [MINUTES]]

A mutant is the package with one operator, number or condition changed, drawn at random (seed 0) from
`stats/` and `rules/`. It is killed if a test of those fails on it. Each runs in a process of its own:
tools that fork a process which has loaded Polars wait forever for its threads. Mutants that change
nothing that can be seen are among the survivors. What is left after MINUTES (10) is not tried.
"""

from __future__ import annotations

import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/postrun")
#: What is changed, and the tests that should notice.
TESTS = {
    area: tuple(f"tests/test_{name}.py" for name in names.split())
    for area, names in {
        # The quick ones first: most mutants are noticed within seconds.
        "stats": "stats stats_pinned curve curve_invariance curve_kinds messages rules stats_references "
        "aggregate forecast curve_families baseline compare",
        "rules": "messages rules rule_variants rules_odd basis crash axis_back curve_kinds coverage siblings "
        "one_cause ending baseline axis_findings text_numbers dropped_rows",
    }.items()
}
#: Several times what the tests of an area take where no mutant is: one that never ends is noticed.
SECONDS = 600

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file of the package with one change, and what was changed."""

    area: str
    file: Path
    line: int
    before: str
    after: str
    text: str


def mutants(area: str, file: Path) -> Iterator[Mutant]:
    """All mutants of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for number, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            other = next(n for i, n in enumerate(ast.walk(changed)) if i == number)
            change(other)
            line = getattr(node, "lineno", 0)
            yield Mutant(
                area, file, line, ast.unparse(node), ast.unparse(other), ast.unparse(changed)
            )


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


def killed(mutant: Mutant, tree: Path) -> bool:
    """True if a test fails on the mutant; `tree` is a copy of `src`, as it was before and after."""
    file = tree / mutant.file.relative_to("src")
    whole = file.read_bytes()
    try:
        file.write_text(mutant.text, encoding="utf-8")
        return not passes(TESTS[mutant.area], tree)
    finally:
        file.write_bytes(whole)


def passes(tests: tuple[str, ...], tree: Path) -> bool:
    """True if the tests pass on the package in `tree`."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "-m", "not slow"]
    try:
        done = subprocess.run(
            [sys.executable, *command, *tests],
            cwd=ROOT, env=environment, capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:  # it would never end: that is noticed
        return False
    return done.returncode == 0


def main() -> None:
    """Draw mutants, run the tests on each, and print a table and the survivors."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    deadline = time.monotonic() + 60 * (float(sys.argv[2]) if len(sys.argv) > 2 else 10)
    chosen: list[Mutant] = []
    for area in TESTS:
        files = sorted((ROOT / PACKAGE / area).rglob("*.py"))
        every = [m for file in files for m in mutants(area, file.relative_to(ROOT))]
        drawn = random.Random(0).sample(every, min(count, len(every)))
        chosen = [m for both in zip_longest(chosen, drawn) for m in both if m is not None]
        print(f"{area}: {len(every):,} mutants, {min(count, len(every))} drawn", flush=True)
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            tree = Path(folder) / str(number)
            shutil.copytree(ROOT / "src", tree, ignore=shutil.ignore_patterns("__pycache__"))
            trees.put(tree)
            if number == 0:
                for area, tests in TESTS.items():
                    assert passes(tests, tree), f"the tests of {area} fail without a mutant"

        def run(mutant: Mutant) -> bool | None:
            tree = trees.get()
            try:
                return killed(mutant, tree) if time.monotonic() < deadline else None
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(workers) as pool:
            dead = list(pool.map(run, chosen))
    print("\n| area | mutants | survive |\n|---|---|---|")
    for area in TESTS:
        tried = zip(chosen, dead, strict=True)
        alive = [not d for m, d in tried if m.area == area and d is not None]
        if not alive:
            continue
        print(f"| {area} | {len(alive)} | {sum(alive)} ({sum(alive) / len(alive):.0%}) |")
    print("\nSurvivors:")
    for mutant, gone in zip(chosen, dead, strict=True):
        if gone is False:
            print(f"{mutant.file}:{mutant.line}: {mutant.before[:70]}  ->  {mutant.after[:70]}")


if __name__ == "__main__":
    main()
