"""What this version says where an expert judged what an earlier version said.

    python -m benchmarks.faults.said_now --data ../shared/data

Prints UNTRUE.csv (statements known to be untrue) with a column "said now", counts of VERDICTS.csv, how well
this benchmark's matching of words agrees with the expert's reading (RECALL.csv), and contradictions over
all runs. VERDICTS.csv with its column "said now" is written to benchmarks/faults/out/verdicts.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from functools import cache
from pathlib import Path

import postrun
from benchmarks.faults.ask import ask
from benchmarks.faults.cases import Case, Truth
from benchmarks.faults.consistency import Contradiction, contradictions, praised
from benchmarks.faults.kinds import kind_of
from benchmarks.faults.sources.strangers import run_folder
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.statements import Statement
from benchmarks.faults.subject import Subject
from benchmarks.faults.tools.postrun_tool import PostrunTool
from benchmarks.faults.untrue import Untrue, untrue
from postrun.metrics import RunView
from postrun.report.story import verdict

OUT = Path(__file__).with_name("out")


@cache
def statements(path: Path) -> list[Statement]:
    """Return what postrun says of the runs at a path."""
    return list(ask(PostrunTool(), Case("", path.name, Truth.MIXED, Subject(path))).statements)


def untrue_table(data: Path) -> str:
    """Return UNTRUE.csv as Markdown, with what is said now under the same rules and whether it is untrue."""
    lines = ["| data | run | rule | said | said now | untrue |", "|---|---|---|---|---|---|"]
    counts: Counter[str] = Counter()
    for row in untrue(data):
        said, state = _now(row, data)
        counts[state] += 1
        cells = (row.data, row.run, ", ".join(row.rules), row.said, said, state)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    summary = ", ".join(f"{state}: {count}" for state, count in sorted(counts.items()))
    return f"## Statements known to be untrue ({summary})\n\n" + "\n".join(lines)


def _now(row: Untrue, data: Path) -> tuple[str, str]:
    """Return what is said now (of the first run that it is still said of) and "still said", "no" or "-"."""
    paths = row.paths(data)
    if not paths:
        return "", "run not here"
    found = {path.name: row.still_said(statements(path)) for path in paths}
    hits = {name: said for name, said in found.items() if said}
    if hits:
        name, said = next(iter(hits.items()))
        share = f" ({len(hits)} of {len(paths)} runs)" if len(paths) > 1 else ""
        return f"{name}: {said[0].words}{share}", "still said"
    other = [s.words for path in paths for s in statements(path) if row.by(s)]
    return (other[0] if other else ""), "no"


def verdicts(data: Path, out: Path) -> str:
    """Write VERDICTS.csv with "said now" and return counts by the expert's verdict."""
    counts: Counter[tuple[str, str]] = Counter()
    written = []
    for row in rows(data, "labelled", "VERDICTS.csv"):
        folder = run_folder(data, row["repo"], row["run"])
        code = row["rule"].split()[0]
        said = [s for s in statements(folder) if s.check.startswith(code)] if folder else []
        now = "; ".join(f"{s.level.name.lower()}: {s.words}" for s in said)
        same = any(s.words == row["message"] for s in said)
        state = "word by word" if same else "in other words" if said else "not said"
        counts[row["verdict"], state] += 1
        written.append({**row, "said now": now})
    out.parent.mkdir(parents=True, exist_ok=True)
    if written:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(written[0]))
            writer.writeheader()
            writer.writerows(written)
    states = ("word by word", "in other words", "not said")
    lines = ["| expert's verdict | " + " | ".join(states) + " |", "|---|---:|---:|---:|"]
    for judged in sorted({judged for judged, _ in counts}):
        cells = " | ".join(str(counts[judged, state]) for state in states)
        lines.append(f"| {judged} | {cells} |")
    return (
        f"## Findings that an expert judged: said now under the same rule ({out})\n\n"
        + "\n".join(lines)
    )


def recall(data: Path) -> str:
    """Return how the expert's reading of which causes were found compares with this matching of words."""
    counts: Counter[tuple[str, bool]] = Counter()
    for row in rows(data, "labelled", "RECALL.csv"):
        folder = run_folder(data, row["repo"], row["run"])
        kind = kind_of(row["cause"])
        told = folder is not None and kind is not None and kind.told(statements(folder))
        counts[row["found"], told] += 1
    lines = ["| expert on 0.1.0 | told now | not told now |", "|---|---:|---:|"]
    lines += [
        f"| {found} | {counts[found, True]} | {counts[found, False]} |"
        for found in ("yes", "partly", "no")
    ]
    return "## Causes that an expert sees in strangers' runs\n\n" + "\n".join(lines)


def run_paths(data: Path) -> list[Path]:
    """Return all runs and curves of the data folder."""
    folders = [
        p for part in ("labelled", "runs") for p in sorted((data / part).glob("*/*")) if p.is_dir()
    ]
    frameworks = [p for p in sorted((data / "frameworks").glob("*")) if p.is_dir()]
    curves = [p for p in sorted((data / "faults").glob("*/*.csv")) if p.name != "TRUTH.csv"]
    return [p for p in folders + frameworks + curves if not p.is_symlink()]


def inconsistent(path: Path) -> list[Contradiction | str]:
    """Return what contradicts itself in what postrun says of the runs at a path."""
    out: list[Contradiction | str] = []
    try:
        refs = postrun.runs(path)
    except postrun.TargetError:
        return out
    for ref in refs:
        view = RunView(ref.load())
        findings = postrun.diagnose(view)
        out += contradictions(findings)
        whole = verdict(view, findings)
        out += [f"{whole} but critical: {f.message}" for f in praised(whole, findings)]
    return out


def consistency(data: Path) -> str:
    """Return all contradictions over the runs and curves of the data folder."""
    paths = run_paths(data)
    found = [(path, item) for path in paths for item in inconsistent(path)]
    runs = len({path for path, _ in found})
    title = f"## Contradictions: {len(found)} in {runs} of {len(paths)} runs\n"
    return "\n".join(
        [title, *(f"- {path.parent.name}/{path.name}: {item}" for path, item in found)]
    )


def main() -> None:
    """Print all four parts, or those that are asked for."""
    parts = {
        "untrue": untrue_table,
        "verdicts": lambda data: verdicts(data, OUT / "verdicts.csv"),
        "recall": recall,
        "consistency": consistency,
    }
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults.said_now",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with UNTRUE.csv and labelled/"
    )
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="default: all")
    options = parser.parse_args()
    for name in options.parts or parts:
        print(parts[name](options.data), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
