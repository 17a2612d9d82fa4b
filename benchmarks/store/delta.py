"""The store's tables beside Delta Lake: the same rows, the same questions, the same accidents.

python -m benchmarks.store.delta [PART]...

Parts: weight, lines, sizes (2,000 and 10,000 runs), million (rows of `runs`), kills, pairs, writers, flushed
(needs strace), disk (mounts a small one), s3; all of them if none is named. Rows are made (`made_rows`): no run
is read or diagnosed.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.store import delta_faults
from benchmarks.store.delta_ways import WAYS, Way, size
from benchmarks.store.made_rows import Frames, rows

ROOT = Path(__file__).parents[2]
STORE = ROOT / "src" / "postrun" / "store"
BATCH, ONES = 25, 48
#: What Delta Lake would do for `runs`, `metrics` and `findings`, as functions and constants of today's store.
GOES = {
    "tables.py": {
        "parquet", "write_batch", "scan_batch", "Tables._counting", "Tables.size", "Tables._scan",
        "Tables._sound", "Tables._noted", "Tables._keys", "Tables.runs", "Tables.table",
        "Tables.__init__", "Tables.origins", "rewrite",
    },
    "schema.py": {"BatchName", "_STEM", "MIGRATIONS", "migrated"},
    "maintenance.py": {"compact", "_torn", "_headless", "_forget"},
    "store.py": {"Writer._merge", "Writer.close"},
    "stored_runs.py": {"load_stored", "read_row"},
}  # fmt: skip


def weight() -> None:
    """What the library weighs."""
    print("## Weight\n\n| | |\n|---|---:|")
    for name in ("deltalake", "arro3-core", "Deprecated"):
        found = distribution(name)
        files = [Path(str(f.locate())) for f in found.files or []]
        mega = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
        print(f"| {name} {found.version}, installed | {mega:.0f} MB |")
    for module in ("postrun.store.store", "deltalake"):
        took = median(_seconds("import polars", f"import {module}") for _ in range(7))
        print(f"| `import {module}`, after Polars | {took * 1e3:.0f} ms |")
    print()


def _seconds(before: str, code: str) -> float:
    script = (
        f"import time; {before}; b = time.perf_counter(); {code}; print(time.perf_counter() - b)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def lines() -> None:
    """Lines of today's store that would go, and of what takes their place in this benchmark."""
    print("## Lines\n\n| file | lines | would go |\n|---|---:|---:|")
    whole = gone = 0
    for path in sorted(STORE.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        count, less = len(text.splitlines()), _named(text, GOES.get(path.name, set()))
        whole, gone = whole + count, gone + less
        print(f"| `{path.name}` | {count} | {less} |")
    new = len((Path(__file__).parent / "delta_tables.py").read_text(encoding="utf-8").splitlines())
    print(f"| all | {whole:,} | {gone} ({gone / whole:.0%}) |")
    print(f"\nWhat takes their place here (`delta_tables.py`): {new} lines\n")


def _named(text: str, names: set[str]) -> int:
    """Lines of the definitions with these names; every name must be there."""
    found: dict[str, int] = {}

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            called = getattr(node, "name", "")
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                called = getattr(target, "id", "")
            found[prefix + called] = (node.end_lineno or start) - start + 1
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{called}.")

    look(ast.parse(text).body, "")
    return sum(found[name] for name in names)


def sizes(count: int, folder: Path) -> None:
    """Writing and asking, of `count` runs."""
    table = Table(f"{count:,} runs, 70 metrics each")
    ways = {name: WAYS[name](str(folder / f"{name}_{count}")) for name in ("today", "delta")}
    one = f"run{count // 2:07d}"
    pace = _by_turns(ways, lambda n: rows(n * BATCH, BATCH), _append, count // BATCH)
    table.row(f"append, batches of {BATCH}, runs/s", _rates(pace, count), more=True)
    ones = _by_turns(ways, lambda n: rows(count + n, 1), _append, ONES)
    table.row("append, batches of one run, runs/s", _rates(ones, ONES), more=True)
    table.row("on disk, as a pull leaves it, MB", _bytes(ways))
    _asked(table, ways, "", one)
    again = _by_turns(ways, lambda n: rows(n, 1, version=1), _replace, 12)
    table.row("replace a run (Delta: MERGE), ms", _each(again, 12))
    newest = {"delta": WAYS["newest"](ways["delta"].root)}
    other = _by_turns(newest, lambda n: rows(100 + n, 1, version=1), _replace, 12)
    table.row("replace a run (Delta: append), ms", _each(again | other, 12))
    gone = _by_turns(ways, lambda n: [f"run{50 + n:07d}"], _delete, 5)
    table.row("delete a run, ms", _each(gone, 5))
    table.row("merge all, s", _by_turns(ways, lambda n: None, lambda way, _: way.compact(), 1))
    table.row("delete files, s", _by_turns(ways, lambda n: None, lambda way, _: way.prune(), 1))
    table.row("on disk then, MB", _bytes(ways))
    _asked(table, ways, ", merged", one)
    table.end()


def both_sizes(folder: Path) -> None:
    """Those of a group, and of a group after years."""
    for count in (2_000, 10_000):
        sizes(count, folder)


def million(count: int, folder: Path, batch: int = 50_000) -> None:
    """Questions of a large table of runs, with four metrics per run."""
    table = Table(f"{count:,} runs, 4 metrics each")
    ways = {name: WAYS[name](str(folder / f"{name}_{count}")) for name in ("today", "delta")}
    took = _by_turns(ways, lambda n: rows(n * batch, batch, 4), _append, count // batch)
    table.row(f"append, batches of {batch:,}, runs/s", _rates(took, count), more=True)
    more = _by_turns(ways, lambda n: rows(count + n * BATCH, BATCH, 4), _append, 5)
    table.row(f"append {BATCH} runs (one merge in five), ms", _each(more, 5))
    table.row("on disk, MB", _bytes(ways))
    _asked(table, ways, "", f"run{count // 2:07d}", rounds=1, tries=1)
    again = _by_turns(ways, lambda n: rows(n, 1, 4, version=1), _replace, 3)
    table.row("replace a run (Delta: MERGE), ms", _each(again, 3))
    gone = _by_turns(ways, lambda n: [f"run{50 + n:07d}"], _delete, 3)
    table.row("delete a run, ms", _each(gone, 3))
    table.row("merge all, s", _by_turns(ways, lambda n: None, lambda way, _: way.compact(), 1))
    table.end()


class Table:
    """Rows of figures, today's beside Delta's."""

    def __init__(self, title: str) -> None:
        print(
            f"## {title}\n\n| | today | Delta | Delta's time or size, today's as 1 |\n|---|---:|---:|---:|",
            flush=True,
        )

    def row(self, name: str, values: dict[str, float], *, more: bool = False) -> None:
        """Print a row; `more` is better in it."""
        ours, theirs = values["today"], values["delta"]
        ratio = ours / theirs if more else theirs / ours
        print(f"| {name} | {ours:.3g} | {theirs:.3g} | {ratio:.2f} |", flush=True)

    def end(self) -> None:
        """End it."""
        print(flush=True)


def _by_turns(
    ways: dict[str, Way], make: Callable[[int], Any], job: Callable[[Way, Any], Any], times: int
) -> dict[str, float]:
    """Seconds of a job that is done so often, the ways by turns; what it is given is made before."""
    took = dict.fromkeys(ways, 0.0)
    for n in range(times):
        given = make(n)
        for name, way in ways.items():
            begin = time.perf_counter()
            job(way, given)
            took[name] += time.perf_counter() - begin
    return took


def _append(way: Way, frames: Frames) -> None:
    way.append(frames)


def _replace(way: Way, frames: Frames) -> None:
    way.replace(frames)


def _delete(way: Way, ids: list[str]) -> None:
    way.delete(ids)


def _rates(took: dict[str, float], count: int) -> dict[str, float]:
    return {name: count / seconds for name, seconds in took.items()}


def _each(took: dict[str, float], count: int) -> dict[str, float]:
    return {name: seconds / count * 1e3 for name, seconds in took.items()}


def _bytes(ways: dict[str, Way]) -> dict[str, float]:
    return {name: size(way.root) for name, way in ways.items()}


def _asked(
    table: Table, ways: dict[str, Way], when: str, one: str, rounds: int = 3, tries: int = 5
) -> None:
    """Ask each question in processes of their own, the ways by turns; of a single round the memory as well."""
    found: dict[str, list[dict[str, list[float]]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            module = [sys.executable, "-m", "benchmarks.store.delta_ways"]
            words = [*module, "ask", name, way.root, one, str(tries)]
            done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
            found[name].append(json.loads(done.stdout))
    for question in found["today"][0]:
        middle = {n: median(t[question][0] for t in told) * 1e3 for n, told in found.items()}
        table.row(f"{question}{when}, ms", middle)
    if rounds == 1:
        most = {n: max(v[1] for told in f for v in told.values()) for n, f in found.items()}
        table.row("memory of these at their peak, MB", most)


PARTS: dict[str, Callable[[Path], Any]] = {
    "weight": lambda folder: weight(),
    "lines": lambda folder: lines(),
    "sizes": both_sizes,
    "million": lambda folder: million(1_000_000, folder),
    "kills": delta_faults.kills,
    "pairs": delta_faults.pairs,
    "writers": delta_faults.writers,
    "flushed": delta_faults.flushed,
    "disk": delta_faults.disk,
    "s3": delta_faults.s3,
}


if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        place = Path(tempfile.mkdtemp())
        try:
            PARTS[part](place)
        finally:
            shutil.rmtree(place)
