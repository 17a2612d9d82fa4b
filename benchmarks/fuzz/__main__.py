"""Judge mutants and print what became of them: exit 1 if any is a defect."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import click

from benchmarks.fuzz.oracle import Outcome
from benchmarks.fuzz.run import Judged, chosen, fuzz, mutant


@click.command()
@click.option("-n", "--count", default=20_000, show_default=True, help="Mutants.")
@click.option("--seed", default=1, show_default=True, help="Seed: the same mutants again.")
@click.option("--only", multiple=True, help="Mutators whose names hold this text. Repeat to add.")
@click.option("--workers", type=int, help="Processes (default: all cores).")
@click.option("--keep", type=int, help="Write the mutant of this number and stop.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("mutant"), help="Its folder.")
def main(
    count: int, seed: int, only: tuple[str, ...], workers: int | None, keep: int | None, out: Path
) -> None:
    """Fuzz postrun with mutants of logs, of files beside them, and of exports."""
    if keep is not None:
        mutator, case = mutant(seed, keep, chosen(only))
        for name, data in case.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)
        click.echo(f"{mutator.name}: {out / case.target}")
        return
    started = time.monotonic()
    found = list(fuzz(seed, count, only, workers))
    click.echo(table(found))
    click.echo(f"{len(found):,} mutants of seed {seed} in {time.monotonic() - started:.0f} s")
    defects = [one for one in found if one.verdict.outcome.is_defect]
    click.echo(listed(defects))
    sys.exit(bool(defects))


def table(found: list[Judged]) -> str:
    """Return the number of mutants by mutator and outcome."""
    outcomes = [o for o in Outcome if any(one.verdict.outcome is o for one in found)]
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for one in found:
        counts[one.mutator][one.verdict.outcome] += 1
        counts["all"][one.verdict.outcome] += 1
    names = [m.name for m in chosen(()) if m.name in counts] + ["all"]
    rows = [["mutator", *outcomes], ["---", *("---:" for _ in outcomes)]]
    rows += [[name, *(f"{counts[name][o]:,}" for o in outcomes)] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def listed(defects: list[Judged]) -> str:
    """Return each kind of defect with its count and the numbers of the first mutants that show it."""
    kinds: dict[str, list[Judged]] = defaultdict(list)
    for one in defects:
        kinds[f"{one.verdict.outcome}: {one.verdict.why}"].append(one)
    lines = []
    for kind, ones in sorted(kinds.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(str(one.number) for one in ones[:3])
        lines.append(f"{len(ones):6,} x {kind} [{ones[0].mutator}; {shown}]")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
