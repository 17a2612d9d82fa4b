"""How many names of metrics postrun reads as a person does.

    python -m benchmarks.names.run [FILE.csv]...

Reads names.csv beside this file (its README says where the names come from), and further files of the same
columns. A name is right if quantity, split and direction are all right; "not known" if no reading is given. A
person's "?" is right if postrun gives no reading either.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.names.concepts import same
from postrun.cli.explain_command import readings_of
from postrun.metrics import RunView
from postrun.metrics.grammar import read
from postrun.model import Run

_OWN = Path(__file__).with_name("names.csv")


def main(arguments: list[str]) -> int:
    """Print a table for each file, by part, and the names that are read wrongly."""
    for path in [_OWN, *map(Path, arguments)]:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        projects = {row.get("project") or row["repo"] for row in rows}
        print(f"\n## {path.name}: {len(rows)} names of {len(projects)} projects\n")
        print("| part | names | right | wrong | not known | quantity | split | direction |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        for part in sorted({row.get("part", "all") for row in rows}):
            own = [row for row in rows if row.get("part", "all") == part]
            _print(part, own)
        wrong = [(row, got) for row in rows for verdict, got in [_judge(row)] if verdict == "wrong"]
        print("\nRead wrongly:")
        for row, got in wrong:
            wanted = (row["quantity"], row["split"], row["direction"])
            print(f"- {row['name']}: {', '.join(got)} (a person: {', '.join(wanted)})")
    _print_speed()
    return 0


def _print(part: str, rows: list[dict[str, str]]) -> None:
    counts = Counter(_judge(row)[0] for row in rows)
    fits = [0, 0, 0]
    for row in rows:
        got = _judge(row)[1]
        fits[0] += same(got[0], row["quantity"]) or (row["quantity"] == "?" and not got[0])
        fits[1] += got[1] == row["split"]
        fits[2] += got[2] == row["direction"]
    n = len(rows)
    shares = [
        f"{100 * count / n:.0f}%"
        for count in (counts["right"], counts["wrong"], counts["not known"])
    ]
    print(
        f"| {part} | {n} | {' | '.join(shares)} | {' | '.join(f'{100 * s / n:.0f}%' for s in fits)} |"
    )


def _judge(row: dict[str, str]) -> tuple[str, tuple[str, str, str]]:
    """Return the verdict on a name, and what postrun says: quantity, split, direction."""
    found = readings_of(row["name"])
    got = (found[0].quantity, found[0].split, found[0].better) if found else ("", "none", "neither")
    if row["quantity"] == "?":
        return ("right" if not found else "wrong"), got
    if not found:
        return "not known", got
    fits = same(got[0], row["quantity"]) and got[1:] == (row["split"], row["direction"])
    return ("right" if fits else "wrong"), got


def _print_speed() -> None:
    """Print how long 1,500 new names and a run with them take."""
    read("train/loss")  # the lexicon is read once per process
    names = [f"block_{i}/head_{j}/val_loss_{i * j}" for i in range(50) for j in range(30)]
    begin = time.perf_counter()
    for name in names:
        read(name)
    new = time.perf_counter() - begin
    import polars as pl

    run = Run.from_frame(pl.DataFrame({name: [1.0, 2.0] for name in names}))
    begin = time.perf_counter()
    count = len(RunView(run).metrics)
    seen = time.perf_counter() - begin
    print(f"\n{len(names)} new names: {new * 1e3:.0f} ms", end="; ")
    print(f"a run of {count} metrics, names known: {seen * 1e3:.0f} ms")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
