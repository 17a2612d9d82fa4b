"""Groups of runs against each other: who is better, by how much, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set

import numpy as np
import polars as pl

from postrun.model.study import Study
from postrun.model.text import number
from postrun.records.project import Project
from postrun.stats.aggregate import interval, iqm
from postrun.studies.groups import Group, Grouping
from postrun.studies.naming import value_texts
from postrun.studies.pairs import Pair, compare_pairs, usable
from postrun.studies.scores import Scores, matrix, run_table
from postrun.studies.versus_tables import (
    best_settings,
    curve_sections,
    difference_sections,
    divergence_section,
    group_section,
    legend_section,
    pair_section,
    profile_section,
    run_section,
    tuned_table,
)

#: p values below this are told as they are; above, that so few runs cannot confirm a difference.
_SURE = 0.05


def compare_study(scores: Scores, grouping: Grouping, task: str = "", baseline: str = "") -> Study:
    """The study of one metric over groups of runs.

    Args:
        scores: The metric on common ground.
        grouping: The groups.
        task: A config key whose values are tasks: each is scaled to its own range, and strata of the
            bootstrap.
        baseline: A group's label: then it is compared with each other one, and no other pairs are.
    """
    tasks, task_names = _tasks(scores.project, task)
    ranked = _ranked(scores, grouping, tasks)
    pairs = compare_pairs(scores, ranked, tasks, baseline)
    study = Study(
        "compare",
        f"{scores.metric}: {len(grouping.groups)} groups of {len(scores.project)} runs",
        subject=scores.metric,
        axis=scores.axis,
        results=scores.results,
    )
    if not grouping.single:
        ids = [r.id for r in scores.project.records]
        study.groups = {ids[i]: g.label for g in grouping.groups for i in g.members}
    if grouping.single:
        study.title = f"{scores.metric}: {len(scores.project)} runs"
    tuned = tuned_table(scores, grouping, ranked)
    _headline(study, scores, grouping, ranked, pairs, tuned)
    _caveats(study, scores, grouping, ranked, task_names)
    per_run = run_table(scores, grouping)
    study.add(
        group_section(scores, ranked, tasks, per_run),
        *legend_section(grouping),
        *curve_sections(scores, ranked),
        *profile_section(scores, ranked, tasks),
        pair_section(pairs),
        *best_settings(tuned),
        divergence_section(scores, ranked, baseline),
        run_section(scores, per_run),
        *difference_sections(scores.project, grouping),
    )
    return study


def _tasks(project: Project, task: str) -> tuple[list[list[int]], list[str]]:
    if not task:
        return [list(range(len(project)))], []
    found: dict[str, list[int]] = {}
    for i, text in enumerate(value_texts([r.config.get(task) for r in project.records])):
        found.setdefault(text, []).append(i)
    return list(found.values()), list(found)


def _ranked(scores: Scores, grouping: Grouping, tasks: Sequence[Sequence[int]]) -> list[Group]:
    """Groups from the best on; those without any level last."""

    def key(group: Group) -> tuple[bool, float]:
        values = matrix(scores, group.members, tasks)
        return (not values.size, -float(iqm(values)) if values.size else 0.0)

    return sorted(grouping.groups, key=key)


def _headline(
    study: Study,
    scores: Scores,
    grouping: Grouping,
    ranked: list[Group],
    pairs: list[Pair],
    tuned: pl.DataFrame | None,
) -> None:
    with_level = [g for g in ranked if usable(scores, g)]
    if not with_level:
        study.headline.append(f"No run has a value of {scores.metric} to compare.")
        return
    best = with_level[0]
    way = "lower is better" if scores.sign < 0 else "higher is better"
    place = f" near {scores.end_words}" if scores.ground.end else ""
    if len(with_level) == 1:
        study.headline.append(
            f"Only {best.told} has runs with {scores.metric}{place}: there is nothing to compare it with."
        )
    elif tuned is not None:
        # Groups that mix settings are no replicates: their average is that of a search.
        each = " ".join(
            f"{label}: {number(value)} ({setting}; {tried} tried)."
            for label, tried, setting, value, _ in tuned.head(4).iter_rows()
        )
        study.headline.append(
            f"Groups at each one's best {', '.join(grouping.varying[:3])}, by {scores.name} ({way}){place}. "
            f"{each}"
        )
    else:
        value = _estimate(scores, best)
        runs = len(usable(scores, best))
        what = "its one run" if runs == 1 else f"interquartile mean of {runs} runs"
        study.headline.append(
            f"Best by {scores.name} ({way}): {best.told}, {value} ({what}){place}."
        )
    if scores.why:
        study.headline.append(scores.why)
    leading = (
        [p for p in pairs if p.matched and p.apart] if tuned is not None
        else [p for p in pairs if p.first is best]
    )  # fmt: skip
    study.headline += [pair_sentence(scores, pair) for pair in leading[:3]]
    if all(len(usable(scores, g)) < 3 for g in with_level) and len(with_level) > 1:
        few = (
            "Every run stands for itself"
            if grouping.single
            else "Groups have fewer than three runs"
        )
        study.headline.append(
            f"{few}: this shows what happened, not what would happen again with other seeds."
        )


def _estimate(scores: Scores, group: Group) -> str:
    values = scores.levels[usable(scores, group)]
    made = interval(values[:, None])
    text = number(made.value)
    return (
        text if not np.isfinite(made.low) else f"{text} [{number(made.low)}, {number(made.high)}]"
    )


def pair_sentence(scores: Scores, pair: Pair) -> str:
    """Return what is said of two groups; the better one first, and bounds that count its lead."""
    gap, chance = pair.difference, pair.improvement.value
    a, b = pair.first.label, pair.second.label
    if not pair.first_leads:
        a, b, chance = b, a, 1 - chance
    size = number(abs(gap.value))
    if not np.isfinite(gap.low):
        return _few_runs(scores, pair, a, b, size)
    low, high = sorted((gap.low, gap.high) if gap.value >= 0 else (-gap.low, -gap.high))
    bounds = f"[{number(low)}, {number(high)}]"
    how = f" over {pair.matched} matched pairs" if pair.matched else ""
    if not pair.apart:
        return f"{a} and {b} cannot be told apart with {gap.n} runs each: {a} leads by {size} {bounds}{how}."
    sure = ""
    if np.isfinite(pair.p):
        p = f"p = {number(pair.p, 2)}"
        sure = f" ({p})" if pair.p < _SURE else f" ({p}: too few runs to confirm it)"
    return (
        f"{a} is better than {b} by {size} {bounds}{how}{sure}. A run of {a} beats one of {b} with probability "
        f"{number(chance, 2)}."
    )


def _few_runs(scores: Scores, pair: Pair, a: str, b: str, size: str) -> str:
    """Return what is said of two groups if one has a single run, so that only the curves tell the noise."""
    both = [*usable(scores, pair.first), *usable(scores, pair.second)]
    noise = float(np.sqrt(np.nansum(np.square(scores.errors[both]))))
    told = (
        f"; the curves' own noise is ±{number(2 * noise, 2)}"
        if noise and np.isfinite(noise)
        else ""
    )
    if noise and abs(pair.difference.value) < 2 * noise:
        return f"{a} and {b} end equal within the curves' own noise: {size} apart{told}."
    return f"{a} ends better than {b} by {size}{told}."


def _caveats(
    study: Study, scores: Scores, grouping: Grouping, ranked: list[Group], tasks: list[str]
) -> None:
    lost = _in_groups(ranked, set(np.flatnonzero(~np.isfinite(scores.levels)).tolist()))
    if lost:
        study.caveats.append(
            f"{scores.left_out} Left out: {lost}. A group whose settings make runs fail looks too good."
        )
    if scores.diverged:
        worst = max((scores.levels[i] for i in scores.diverged), key=abs)
        few = len(scores.diverged) == 1
        study.caveats.append(
            f"{len(scores.diverged)} of {len(scores.project)} runs diverged, with {scores.name} "
            f"{'of' if few else 'up to' if worst > 0 else 'down to'} {number(worst, 2)}: "
            f"{_in_groups(ranked, scores.diverged)}. {'It counts' if few else 'They count'} as worse than all "
            f"others, and {'is' if few else 'are'} left out of means, intervals and curves."
        )
    if scores.went_on:
        study.caveats.append(scores.went_on)
    records = scores.project.records
    compared = {frozenset(records[i].project for i in g.members) for g in ranked}
    if len(compared) < len(ranked) or any(len(projects) > 1 for projects in compared):
        study.caveats += scores.project.mixed()
    if grouping.varying and any(len(g.members) > 1 for g in ranked):
        keys = ", ".join(grouping.varying[:6])
        study.caveats.append(
            f"Runs within a group differ in more than seeds ({keys}): these settings add to the spread within "
            "groups."
        )
    if tasks:
        study.caveats.append(
            f"Levels are scaled to each task's own range over these runs ({len(tasks)} tasks)."
        )
    whole = [r for r in scores.project.records if not r.whole]
    if whole:
        study.caveats.append(
            f"{len(whole)} of {len(scores.project)} logs are incomplete or sampled: see the table of runs."
        )
    if _code_differs(scores.project, grouping):
        study.caveats.append(
            "The groups also differ in their git commit, so the code may explain a difference."
        )


def _in_groups(groups: list[Group], which: Set[int]) -> str:
    """Return how many of such runs each group has: "2 of 6 in lr=3", "" if there are none."""
    counts = [(g, sum(i in which for i in g.members)) for g in groups]
    counts = [(g, n) for g, n in counts if n]
    shown = ", ".join(f"{n} of {len(g.members)} in {g.label}" for g, n in counts[:4])
    more = f", and others in {len(counts) - 4} more groups" if len(counts) > 4 else ""
    return f"{shown}{more}"


def _code_differs(project: Project, grouping: Grouping) -> bool:
    """True where no two groups share a git commit."""
    if grouping.single:
        return False
    commits = [{project.records[i].commit for i in g.members} - {""} for g in grouping.groups]
    known = [c for c in commits if c]
    return len(known) > 1 and not any(a & b for a, b in itertools.combinations(known, 2))
