"""How many small faults in the code the tests notice: python -m benchmarks.mutants [COUNT [MINUTES [SEED]]]

A mutant is the package with one operator, number or condition changed; COUNT (60) are drawn at random
from `stats/` and as many from `rules/`. It is killed if a test that reaches the changed line fails.
Mutants that change nothing that can be seen are among the survivors. What is left after MINUTES (10)
is not tried.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

from benchmarks.mutants.changes import Mutant, mutants
from benchmarks.mutants.covered import Covered, measure, passes

ROOT = Path(__file__).parents[2]
PACKAGE = Path("src/postrun")
#: What is changed, and the tests that should notice.
TESTS = {
    area: tuple(f"tests/test_{name}.py" for name in names.split())
    for area, names in {
        "stats": "stats stats_small stats_pinned curve curve_invariance curve_kinds messages rules "
        "stats_references aggregate forecast curve_families baseline compare",
        "rules": "messages rules rule_lists rule_bounds rule_variants rules_odd basis crash axis_back "
        "curve_kinds coverage siblings one_cause ending baseline axis_findings text_numbers "
        "dropped_rows parsed",
    }.items()
}
#: What looks at thresholds and not at what they decide: asked where a line that runs at import is changed.
AT_IMPORT = ("tests/test_parsed.py::test_the_catalogue_tells_what_the_rules_do",)


def main() -> None:
    """Draw mutants, run the tests on each, and print a table and the survivors."""
    given = dict(enumerate(sys.argv[1:]))
    chosen = draw(int(given.get(0, "60")), int(given.get(2, "0")))
    minutes = float(given.get(1, "10"))
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(max(workers, len(TESTS))):
            tree = Path(folder) / str(number) / "src"
            shutil.copytree(ROOT / "src", tree, ignore=shutil.ignore_patterns("__pycache__"))
            trees.put(tree)

        def reached(area: str) -> Covered:
            tree, data = trees.get(), Path(folder) / f"{area}.coverage"
            try:
                return measure(f"postrun/{area}", TESTS[area], ROOT, tree, data)
            finally:
                trees.put(tree)

        covered = dict(zip(TESTS, pool.map(reached, TESTS), strict=True))
        deadline = time.monotonic() + 60 * minutes

        def killed(mutant: Mutant) -> bool | None:
            if time.monotonic() > deadline:
                return None
            tests = covered[mutant.area].tests(mutant.file, mutant.line, mutant.end, AT_IMPORT)
            tree = trees.get()
            file = tree.parent / mutant.file
            whole = file.read_bytes()
            try:
                file.write_text(mutant.text, encoding="utf-8")
                return bool(tests) and not passes(tests, ROOT, tree)
            finally:
                file.write_bytes(whole)
                trees.put(tree)

        dead = list(pool.map(killed, chosen))
    show(chosen, dead)


def draw(count: int, seed: int) -> list[Mutant]:
    """`count` mutants of each area, in turn."""
    chosen: list[Mutant] = []
    for area in TESTS:
        files = sorted((ROOT / PACKAGE / area).rglob("*.py"))
        every = [m for file in files for m in mutants(area, ROOT, file.relative_to(ROOT))]
        drawn = random.Random(seed).sample(every, min(count, len(every)))
        chosen = [m for both in zip_longest(chosen, drawn) for m in both if m is not None]
        print(f"{area}: {len(every):,} mutants, {len(drawn)} drawn", flush=True)
    return chosen


def show(chosen: list[Mutant], dead: list[bool | None]) -> None:
    """Print the table and the survivors; None stands for one that was not tried."""
    tried = [(m, gone) for m, gone in zip(chosen, dead, strict=True) if gone is not None]
    print("\n| area | mutants | survive |\n|---|---|---|")
    for area in TESTS:
        alive = [not gone for m, gone in tried if m.area == area]
        if alive:
            print(f"| {area} | {len(alive)} | {sum(alive)} ({sum(alive) / len(alive):.0%}) |")
    print("\nSurvivors:")
    for mutant, gone in tried:
        if not gone:
            print(f"{mutant.file}:{mutant.line}: {mutant.before[:70]}  ->  {mutant.after[:70]}")


if __name__ == "__main__":
    main()
