"""Two runs held against each other: what changed, the likeliest cause first, and where the curves part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from postrun.metrics import RunView
from postrun.model.study import Chart, Section, Study
from postrun.model.text import unique_labels
from postrun.stats.decimate import min_max
from postrun.studies.diff.changes import Change, Weight
from postrun.studies.diff.curves import Pair, Shared, shared_curves
from postrun.studies.diff.differences import Differences, differences
from postrun.studies.diff.patches import FileChange
from postrun.studies.diff.sentences import (
    causes,
    ended_apart,
    other_program,
    outcome,
    partings,
    some,
)

#: Lines of code that differ which are shown, of each file and of all.
_LINES, _ALL_LINES = 60, 400
#: Metrics that are drawn, and the points of each.
_DRAWN, _POINTS = 4, 400


def diff_study(first: RunView, second: RunView) -> Study:
    """Return the study of what changed from one run to another.

    Both runs are masked already; their `texts` hold the patch and the code that they saved
    (`postrun.sources.saved_code.with_code`).
    """
    names = unique_labels((v.run.name, v.run.id) for v in (first, second))
    found, shared = differences(first, second), shared_curves(first, second)
    study = Study("diff", f"{names[0]} → {names[1]}", axis="step")
    study.headline += [
        outcome(first, second, names, shared.pairs),
        other_program(first, second) or causes(found, ended_apart(shared.pairs)),
        *partings(shared, found),
    ]
    study.headline = [s for s in study.headline if s]
    study.caveats += [shared.note] if shared.note and shared.pairs else []
    study.caveats += found.notes
    if shared.unlike:
        study.caveats.append(
            f"Not compared, because they mean different things: {some(shared.unlike)}."
        )
    if any(p.parting is not None and p.parting.at is not None for p in shared.pairs):
        study.caveats.append(
            "Noise is that within the two curves. Another seed would part them as well: to tell an effect from "
            "chance, compare several runs of each (postrun compare)."
        )
    study.subject = shared.pairs[0].key if shared.pairs else ""
    sections = change_sections(found)
    curves = [_curve_section(shared, names), _only_section(shared, names)]
    study.add(*[s for s in sections if s.key != "aside"], *curves)
    study.add(*[s for s in sections if s.key == "aside"])
    return study


def with_changes(study: Study, views: Sequence[RunView]) -> Study:
    """Return a comparison of two runs, or two groups, with what changed from one to the other before its
    tables.

    Of groups, one run of each is taken: the first with a result. What all runs of a group share, the table
    `differences` tells.
    """
    pair = _one_of_each(study, views)
    if pair is None:
        return study
    names = unique_labels((v.run.name, v.run.id) for v in pair)
    found = [s for s in change_sections(differences(*pair)) if s.key != "aside"]
    for section in found:
        section.title = f"{section.title}: {names[0]} → {names[1]}"
    own = {s.key for s in study.sections}
    made = replace(study, sections=[])
    made.add(*(s for s in found if s.key not in own))
    made.sections = [*study.sections[:1], *made.sections, *study.sections[1:]]
    return made


def _one_of_each(study: Study, views: Sequence[RunView]) -> tuple[RunView, RunView] | None:
    """Return two runs that stand for what a study compares; None if it compares more than two things."""
    if len(views) == 2 and not study.groups:
        return views[0], views[1]
    groups = list(dict.fromkeys(study.groups.values()))
    if len(groups) != 2:
        return None
    found = []
    for group in groups:
        own = [v for v in views if study.groups.get(v.run.id) == group]
        own.sort(key=lambda v: v.run.id not in study.results)
        found += own[:1]
    return (found[0], found[1]) if len(found) == 2 else None


def change_sections(found: Differences) -> list[Section]:
    """Return what changed as sections: single changes, packages, and the code itself."""
    shown = [c for c in found.changes if c.weight not in (Weight.PACKAGE, Weight.ASIDE)]
    rest = [c for c in found.changes if c.weight in (Weight.PACKAGE, Weight.ASIDE)]
    schema = dict.fromkeys(("what", "key", "first", "second", "because", "how"), pl.String)

    def table(changes: Sequence[Change]) -> pl.DataFrame:
        rows = [[c.kind, c.key, c.before, c.after, c.weight.words, c.how] for c in changes]
        return pl.DataFrame(rows, schema=schema, orient="row")

    text = ["Sorted by what decides a training most, as a rule: a guess, not a measurement."]
    folded = (
        [
            f"{len(found.folded)} more keys differ that name runs, places or times: {some(found.folded)}."
        ]
        if found.folded
        else []
    )
    sections = [
        Section(
            "changes",
            "What changed",
            [*text, *folded],
            table(shown),
            wide=("how", "because"),
            whole=True,
        ),
        Section("aside", "What matters less", [], table(rest), wide=("how", "because")),
        Section("commits", "Commits between them", found.commits),
        Section("code", "Code that differs", _code_lines(found.files)),
    ]
    if not shown and found.folded:
        sections.insert(0, Section("folded", "What changed", folded))
    return sections


def _code_lines(files: Sequence[FileChange]) -> list[str]:
    out: list[str] = []
    for file in files:
        out.append(f"{file.path}: {file.how} (-{file.removed} +{file.added} lines)")
        shown = file.lines[:_LINES]
        out += [f"  {line}" for line in shown]
        if len(file.lines) > len(shown):
            out.append(f"  and {len(file.lines) - len(shown)} more lines")
        if len(out) > _ALL_LINES:
            out.append("and more files")
            break
    return out


def _curve_section(shared: Shared, names: list[str]) -> Section:
    rows = []
    for pair in shared.pairs:
        p, (a, b) = pair.parting, pair.finals
        rows.append(
            {
                "metric": pair.key,
                "first": a,
                "second": b,
                "same_digits_to": None if p is None else p.equal_to,
                "parts_at": None if p is None else p.at,
                "difference": None if p is None else -p.difference,
                "noise": None if p is None else 2 * p.noise,
                "lasting": None if p is None or p.at is None else p.lasting,
                "shared": 0 if p is None else p.shared,
            }
        )
    schema = {
        "metric": pl.String, **dict.fromkeys(
            ("first", "second", "same_digits_to", "parts_at", "difference", "noise"), pl.Float64
        ), "lasting": pl.Boolean, "shared": pl.Int64,
    }  # fmt: skip
    text = "First, second: final values (medians of the last 5%)."
    if any(row["parts_at"] is not None for row in rows):
        text += (
            f" Part at: the first {shared.unit} from which the curves differ by more than their noise, "
            "corrected for the number of places and metrics looked at. Difference: second minus first from "
            "there; noise: two standard errors of it."
        )
    return Section(
        "curves", "Where the curves part", [text], pl.DataFrame(rows, schema=schema, orient="row"),
        [_chart(pair, names, shared.unit) for pair in shared.pairs[:_DRAWN]],
        wide=("same_digits_to", "shared", "noise"),
    )  # fmt: skip


def _chart(pair: Pair, names: list[str], unit: str) -> Chart:
    lines = []
    for name, series in zip(names, (pair.first, pair.second), strict=True):
        kept = series.take(min_max(series.y, _POINTS)) if len(series) > _POINTS else series
        lines.append({"label": name, "x": kept.x.tolist(), "y": kept.y.tolist()})
    return Chart("lines", pair.key, {"x": unit, "y": pair.key, "lines": lines})


def _only_section(shared: Shared, names: list[str]) -> Section:
    lines = [
        f"Only in {name}: {some(keys, 40)}"
        for name, keys in zip(names, shared.alone, strict=True)
        if keys
    ]
    return Section("only", "Metrics that one run has", lines)
