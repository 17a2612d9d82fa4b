"""What postrun says of the ends of runs, beside what an expert says.

    python -m benchmarks.endings ../shared/data/labelled/TRUTH.csv FOLDER [FOLDER]...

The truth is a CSV with the columns repo, run, class, cause and where; rows of other classes than "ending" are
left out. FOLDERs hold the runs as repo/run. The table is to be read by a person: whether two sentences say the
same is not for a program to decide. What it counts are endings about which nothing is said.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import postrun
from postrun.metrics import RunView
from postrun.model import PostrunError
from postrun.training.end_words import headline

_RULES = ["RUN001", "RUN002", "RUN003", "RUN008"]


def main(arguments: list[str]) -> int:
    """Print the table; 0 if something is said of every ending."""
    truth, folders = Path(arguments[0]), [Path(a) for a in arguments[1:]]
    rows = [r for r in csv.DictReader(truth.open(encoding="utf-8")) if r["class"] == "ending"]
    silent = 0
    print("| run | an expert | postrun | headline |\n|---|---|---|---|")
    for row in rows:
        found = [
            f / row["repo"] / row["run"] for f in folders if (f / row["repo"] / row["run"]).exists()
        ]
        told, short = _said(found[0]) if found else ("(not here)", "")
        silent += not told
        cells = (f"{row['repo']}/{row['run']}", f"{row['cause']} @ {row['where']}", told, short)
        print("|", " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells), "|")
    print(f"\n{len(rows)} endings; nothing is said of {silent}.")
    return int(silent > 0)


def _said(path: Path) -> tuple[str, str]:
    try:
        view = RunView(postrun.load(path))
    except PostrunError as error:
        return str(error), ""
    found = [f for top in postrun.diagnose(view, select=_RULES) for f in top.with_symptoms()]
    return "; ".join(f.message for f in found), headline(view)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
