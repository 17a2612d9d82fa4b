"""How many names of metrics postrun reads as a person does.

    python -m benchmarks.names.run [--part PART] [--no-projects] [FILE.csv]...

Reads names.csv beside this file, and further files with the columns project (or repo), name, quantity,
split and direction. A name is right if quantity, split and direction are all right; "not known" if no
reading is given. A person's "?" is right if postrun gives no reading either. Names of the part "report" are
not shown one by one: nothing may be tuned to them.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.names.concepts import same
from postrun.metrics import RunView
from postrun.metrics.grammar import read
from postrun.model import Run
from postrun.report.explaining import readings_of

_OWN = Path(__file__).with_name("names.csv")
_FIELDS = ("quantity", "split", "direction")
_VERDICTS = ("right", "wrong", "not known")
#: Names and repetitions of the measurement of speed.
_NAMES, _TIMES = 1500, 5


@dataclass(frozen=True, slots=True)
class Judged:
    """A name as a person and as postrun read it; `fits` tells which of quantity, split, direction agree."""

    row: dict[str, str]
    got: tuple[str, str, str]
    verdict: str
    fits: tuple[bool, bool, bool]

    @property
    def project(self) -> str:
        """The project that the name comes from."""
        return self.row.get("project") or self.row["repo"]

    @property
    def part(self) -> str:
        """The part of the corpus: "tune" or "report"; "all" if there are no parts."""
        return self.row.get("part", "all")


def judge(row: dict[str, str]) -> Judged:
    """Return how a name is read, beside how a person reads it."""
    found = readings_of(row["name"])
    got = (found[0].quantity, found[0].split, found[0].better) if found else ("", "none", "neither")
    unnamed = row["quantity"] == "?"
    quantity = not found if unnamed else same(got[0], row["quantity"])
    fits = (quantity, got[1] == row["split"], got[2] == row["direction"])
    if not found:
        return Judged(row, got, "right" if unnamed else "not known", fits)
    verdict = "right" if all(fits) else "wrong"
    return Judged(row, got, verdict, fits)


def main(arguments: Sequence[str]) -> int:
    """Print a table for each file, by part and by project, and the names that are read wrongly."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.names.run")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.csv")
    parser.add_argument("--part", help="Judge the names of this part only.")
    parser.add_argument(
        "--no-projects", action="store_true", help="Leave out the table by project."
    )
    given = parser.parse_args(arguments)
    for path in [*([_OWN] if _OWN.exists() else []), *given.files]:
        with path.open(encoding="utf-8") as file:
            names = [judge(row) for row in csv.DictReader(file)]
        names = [name for name in names if given.part in (None, name.part)]
        _print_file(path.name, names, by_project=not given.no_projects)
    _print_speed()
    return 0


def _print_file(title: str, names: Sequence[Judged], by_project: bool) -> None:
    print(f"\n## {title}: {len(names)} names of {len({n.project for n in names})} projects\n")
    _print_table(
        "part", {part: [n for n in names if n.part == part] for part in _in_order(names, "part")}
    )
    if by_project:
        print()
        groups = {p: [n for n in names if n.project == p] for p in _in_order(names, "project")}
        _print_table("project", groups)
    shown = [n for n in names if n.verdict != "right" and n.part != "report"]
    for verdict in ("wrong", "not known"):
        print(f"\n{verdict.capitalize()} (names of the part report are not shown):")
        for name in (n for n in shown if n.verdict == verdict):
            wanted = ", ".join(name.row[field] for field in _FIELDS)
            print(f"- {name.row['name']}: {', '.join(name.got)} (a person: {wanted})")


def _in_order(names: Sequence[Judged], field: str) -> list[str]:
    return sorted({getattr(name, field) for name in names})


def _print_table(what: str, groups: dict[str, list[Judged]]) -> None:
    print(f"| {what} | names | {' | '.join(_VERDICTS)} | {' | '.join(_FIELDS)} |")
    print(f"|---{'|---:' * 7}|")
    everything = [name for group in groups.values() for name in group]
    for title, group in [*groups.items(), *([("in all", everything)] if len(groups) > 1 else [])]:
        counts, n = Counter(name.verdict for name in group), len(group)
        shares = [counts[verdict] / n for verdict in _VERDICTS]
        shares += [sum(name.fits[i] for name in group) / n for i in range(3)]
        print(f"| {title} | {n} | {' | '.join(f'{share:.1%}' for share in shares)} |")


def _print_speed() -> None:
    """Print what new names cost, and a run of which all names are new: processor time, the least of several."""
    cold = _child("from postrun.metrics.grammar.lexicon import lexicon", "lexicon()")
    names = [_invented(i) for i in range(_NAMES * _TIMES)]
    read("train/loss")  # the lexicon is read once per process
    reads, views = [], []
    for i in range(_TIMES):
        part = names[i * _NAMES : (i + 1) * _NAMES]
        run = Run.from_frame(pl.DataFrame({name: [1.0, 2.0] for name in part}))
        begin = time.process_time()
        metrics = RunView(run).metrics
        views.append(time.process_time() - begin)
        assert len(metrics) == len(part)
        read.cache_clear()
        begin = time.process_time()
        for name in part:
            read(name)
        reads.append(time.process_time() - begin)
    run = Run.from_frame(pl.DataFrame({name: [1.0, 2.0] for name in part}))
    begin = time.process_time()
    RunView(run).metrics  # noqa: B018 - computed on first access
    again = time.process_time() - begin
    print(
        f"\nProcessor time of {_NAMES} new names: {min(reads) * 1e3:.0f} ms to read them, "
        f"{min(views) * 1e3:.0f} ms as metrics of a run;"
    )
    print(
        f"of a further run with the same names: {again * 1e3:.0f} ms; the lexicon, once: {cold * 1e3:.0f} ms"
    )


def _invented(i: int) -> str:
    """Return a name like those of a model that logs each layer: all different, most words known."""
    kind = ("val_loss", "grad_norm", "acc", "kl", "time_ms")[i % 5]
    return f"block_{i // 40}/head_{i % 40}/{kind}_{i % 7}"


def _child(prepare: str, timed: str) -> float:
    """Return how many seconds a statement takes in a new process."""
    code = (
        f"import time\n{prepare}\nt = time.process_time()\n{timed}\nprint(time.process_time() - t)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
