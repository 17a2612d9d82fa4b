"""Scores as Markdown and JSON, one table per source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.faults.cases import Case
from benchmarks.faults.score import Scores, Tally
from benchmarks.faults.statements import Answer

#: What each source is, above its table.
TITLES = {
    "made-after": "Trainings simulated by this project after its rules, as strangers would log them",
    "made-later": "The second round of such trainings, 19 of them real",
    "made": "Trainings of real frameworks that this benchmark makes (each fault beside the healthy training)",
    "frameworks": "Others' trainings of real frameworks",
    "benchdl4real": "Real bugs and their fixes (ICSE 2025), several seeds each",
    "deepmufl": "Programs of StackOverflow with a bug (DeepMufl), trained anew",
    "algoperf": "Training logs of AlgoPerf submissions",
    "nanogpt": "Record runs of modded-nanogpt: nothing is wrong with them",
    "strangers": "Strangers' runs: causes that an expert sees, told in the right words",
    "own-curves": "The project's own curves: their faults come from the same hand as the rules",
}


def markdown(source: str, scores: Mapping[str, Scores], unanswered: Mapping[str, int]) -> str:
    """Return one source's table: a row per tool."""
    columns = list(next(iter(scores.values())))
    lines = [
        f"### {TITLES[source]}",
        "",
        "| tool | " + " | ".join(columns) + " | not answered |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    for tool, score in scores.items():
        cells = [str(score[column]) for column in columns]
        lines.append(f"| {tool} | " + " | ".join(cells) + f" | {unanswered.get(tool, 0)} |")
    return "\n".join(lines)


def published(cases: Sequence[Case]) -> dict[str, Scores]:
    """Return what other detectors are published to say about programs, in the columns of `programs`."""
    out: dict[str, Scores] = {}
    for case in cases:
        for name, hit in case.others.items():
            row = out.setdefault(
                f"{name} (sees the program; published)",
                {"any warning": Tally(), "right words": Tally()},
            )
            row["any warning"].add(case.name, hit)
    return out


def plain(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Return scores as JSON writes them, with the names of hits and misses."""
    return {
        tool: {
            column: {"hits": t.hits, "of": t.of, "hit": t.named, "missed": t.missed}
            for column, t in score.items()
        }
        for tool, score in scores.items()
    }


def silent(answers: Mapping[str, Sequence[Answer]]) -> dict[str, int]:
    """Return how many cases each tool could not be asked about."""
    return {tool: sum(not answer.asked for answer in said) for tool, said in answers.items()}
