"""How often curves of two seeds of one program are said to part, beside a bug and its fix.

python -m benchmarks.curves.seeds --data FOLDER

`FOLDER/faults/benchdl4real` holds real bugs and their fixes with up to five seeds each (ICSE 2025). Noise
within two curves says nothing of seeds: this measures how much that matters.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import postrun
from benchmarks.faults.sources.bugs import benchdl4real
from postrun.metrics import RunView, Series
from postrun.stats.curve.parting import part

#: Seeds of each program that are compared.
_SEEDS = 3
Curves = dict[str, Series]


def main() -> None:
    """Print both shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    programs: dict[tuple[str, str], list[Curves]] = {}
    for case in benchdl4real(parser.parse_args().data, Path()):
        own = programs.setdefault((case.pair, case.label), [])
        if case.subject.path is not None and len(own) < _SEEDS:
            view = RunView(postrun.load(case.subject.path))
            own.append({key: view.series(key).finite for key in view.metrics})
    with np.errstate(all="ignore"):
        seeds = [
            parts
            for own in programs.values()
            for a, b in itertools.combinations(own, 2)
            for parts in _parted(a, b)
        ]
        fixes = [
            parts
            for (pair, label), own in programs.items()
            if label == "buggy"
            for a, b in zip(own, programs.get((pair, "fixed"), []), strict=False)
            for parts in _parted(a, b)
        ]
    print("| two runs | pairs of curves | part |")
    print("|---|---:|---:|")
    for name, found in (("seeds of one program", seeds), ("a bug and its fix", fixes)):
        print(f"| {name} | {len(found)} | {100 * float(np.mean(found)):.0f}% |")


def _parted(a: Curves, b: Curves) -> Iterator[bool]:
    """Yield for each shared curve that is not equal whether it parts."""
    for key in a.keys() & b.keys():
        told = part((a[key].x, a[key].y), (b[key].x, b[key].y))
        if told is not None and told.noise > 0:
            yield told.at is not None


if __name__ == "__main__":
    main()
