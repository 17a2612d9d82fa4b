"""Ask postrun and its peers about trainings whose fault is known, and score them source by source.

    python -m benchmarks.faults                        trainings that the benchmark makes itself, and its curves
    python -m benchmarks.faults --data ../shared/data  others' trainings as well
    python -m benchmarks.faults --details              what postrun misses and where it raises false alarms

Prints Markdown and writes benchmarks/faults/out/scores.json. Trainings are made once, under --made, and
peers are asked once (--force asks them again).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.ask import Answers, ask_all
from benchmarks.faults.cases import Case
from benchmarks.faults.score import SCORES, Scores
from benchmarks.faults.sources import SOURCES
from benchmarks.faults.tables import markdown, plain, published, silent
from benchmarks.faults.tools import TOOLS, Tool, installed

OUT = Path(__file__).with_name("out")


def main() -> None:
    """Run the benchmark."""
    options = _options()
    tools = [tool for tool in TOOLS if tool.name in options.tools]
    ready = [tool for tool in tools if installed(tool)]
    for tool in tools:
        if tool not in ready:
            print(f"{tool.name} is left out: it is not installed", file=sys.stderr)
    report: dict[str, Any] = {
        "tools": {tool.name: installed(tool) for tool in ready},
        "sources": {},
    }
    for source in options.sources:
        cases = SOURCES[source](options.data, options.made)
        if cases:
            answers = ask_all(cases, ready, OUT / "answers" / source, options.force)
            report["sources"][source] = _source(source, cases, ready, answers, options.details)
    (OUT / "scores.json").write_text(json.dumps(report, indent=1))


def _source(
    source: str, cases: Sequence[Case], tools: Sequence[Tool], answers: Answers, details: bool
) -> dict[str, Any]:
    """Print one source's table, and return it as JSON writes it."""
    asked = {
        tool.name: [(case, answers[source, case.name][tool.name]) for case in cases]
        for tool in tools
    }
    scores = {name: SCORES[source](pairs) for name, pairs in asked.items()}
    missing = silent({name: [answer for _, answer in pairs] for name, pairs in asked.items()})
    named = {f"{tool.name} {installed(tool)}": scores[tool.name] for tool in tools}
    counts = {f"{tool.name} {installed(tool)}": missing[tool.name] for tool in tools}
    print(f"\n{markdown(source, {**named, **published(cases)}, counts)}\n", flush=True)
    if details and "postrun" in scores:
        _details(scores["postrun"])
    return {"scores": plain(scores), "not answered": missing, "cases": len(cases)}


def _details(score: Scores) -> None:
    for column, tally in score.items():
        if column == "all causes":  # the classes above name them
            continue
        bad = "any warning" in column and column.startswith(("healthy", "clean", "any"))
        bad |= column in ("called flat", "fixed runs warned", "fixed programs warned in most seeds")
        names = tally.named if bad else tally.missed
        print(
            f"- {column}: {'raised' if bad else 'missed'}:",
            *sorted(set(names)) or ["none"],
            sep="\n    ",
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder with faults/, frameworks/ and labelled/")
    parser.add_argument(
        "--made", type=Path, default=OUT / "made", help="folder of the trainings made here"
    )
    parser.add_argument("--sources", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    names = [tool.name for tool in TOOLS]
    parser.add_argument("--tools", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--details", action="store_true", help="name postrun's misses and false alarms"
    )
    parser.add_argument("--force", action="store_true", help="ask all tools again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
