"""Which tests reach a line: those alone can notice a change in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coverage import CoverageData

from benchmarks.mutants.only import ENVIRONMENT

#: Several times what the tests of an area take where no mutant is: one that never ends is noticed.
SECONDS = 600


@dataclass(frozen=True)
class Covered:
    """What the tests of an area reach, read from coverage's file."""

    data: Path
    root: Path

    @cached_property
    def _files(self) -> dict[str, dict[int, set[str]]]:
        """Per file, the tests that run each line; "" stands for what runs at import."""
        data = CoverageData(str(self.data))
        data.read()
        return {
            file: {
                line: {test.removesuffix("|run") for test in tests}
                for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }

    @cached_property
    def _reach(self) -> Counter[str]:
        """How many lines each test runs: the fewer, the closer it looks at them."""
        lines = (tests for file in self._files.values() for tests in file.values())
        return Counter(test for tests in lines for test in tests)

    def tests(self, file: Path, first: int, last: int, at_import: tuple[str, ...]) -> list[str]:
        """The tests that reach the lines, the closest first.

        Of lines that run at import they are `at_import` and those that reach any line of the file.
        """
        lines = self._files.get(str(self.root / file), {})
        here = set[str]().union(*(lines.get(n, set()) for n in range(first, last + 1)))
        begin: tuple[str, ...] = ()
        if "" in here or not here:
            here, begin = set[str]().union(*lines.values()), at_import
        rest = here - {"", *begin}
        return [*begin, *sorted(rest, key=lambda test: (self._reach[test], test))]


def measure(package: str, tests: tuple[str, ...], root: Path, tree: Path, data: Path) -> Covered:
    """Run the tests of an area once, where no mutant is, and keep what each reaches.

    Raises RuntimeError if one fails.
    """
    extra = [f"--cov={tree / package}", "--cov-context=test", "--cov-report=", *tests]
    done = _pytest(root, tree, extra, {"COVERAGE_FILE": str(data)})
    if done.returncode:
        raise RuntimeError(f"tests fail without a mutant:\n{done.stdout[-3000:]}")
    return Covered(data, tree.parent)


def passes(tests: list[str], root: Path, tree: Path) -> bool:
    """True if the named tests pass on the package in `tree`."""
    named = tree.parent / "tests.json"
    named.write_text(json.dumps(tests), encoding="utf-8")
    files = sorted({test.partition("::")[0] for test in tests})
    extra = ["-x", "-p", "benchmarks.mutants.only", *files]
    try:
        return _pytest(root, tree, extra, {ENVIRONMENT: str(named)}).returncode == 0
    except subprocess.TimeoutExpired:  # it would never end: that is noticed
        return False


def _pytest(
    root: Path, tree: Path, extra: list[str], variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, with the package in `tree`.

    Tools that fork a process which has loaded Polars wait forever for its threads.
    """
    path = os.pathsep.join([str(tree), str(root)])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | variables
    base = ["-m", "pytest", "-q", "-n0", "--dist", "no", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, *base, *extra],
        cwd=root, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
