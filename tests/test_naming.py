"""Names of groups of runs: W&B's own, settings, or codes with a legend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrun.model import UsageError
from postrun.model.study import Study
from postrun.model.text import shortened
from postrun.records.project import Project
from postrun.report.studies.files import markdown, write_study
from postrun.studies.groups import group_named, group_runs
from postrun.studies.naming import natural
from postrun.studies.scores import score
from postrun.studies.versus import compare_study
from tests.projects import flat, made_project

LONG = {"optimizer_name": "adamw_torch_fused", "scheduler": "cosine"}


def project_of(configs: list[dict[str, Any]], **fields: Any) -> Project:
    """Two seeds of each config; a field may be a function of the config's place and the seed."""
    return made_project(
        [
            {
                "config": {**config, "seed": seed},
                "metrics": {"loss": flat(1.0 + place)},
                **{k: v(place, seed) if callable(v) else v for k, v in fields.items()},
            }
            for place, config in enumerate(configs)
            for seed in range(2)
        ]
    )


def labels(project: Project, *by: str) -> list[str]:
    return [g.label for g in group_runs(project, by).groups]


LRS: list[dict[str, Any]] = [{"lr": 0.5}, {"lr": 0.05}]


def test_a_group_is_never_a_bare_number() -> None:
    assert labels(project_of(LRS)) == labels(project_of(LRS), "lr") == ["lr=0.5", "lr=0.05"]
    flags: list[dict[str, Any]] = [{"ema": True}, {"ema": False}]
    assert labels(project_of(flags), "ema") == ["ema=true", "ema=false"]
    words: list[dict[str, Any]] = [{"opt": "adam"}, {"opt": "sgd"}]
    assert labels(project_of(words), "opt") == ["adam", "sgd"]
    assert labels(project_of(words)) == ["opt=adam", "opt=sgd"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"group": lambda place, seed: f"night-{place}"}, ["night-0", "night-1"]),
        ({"sweep": lambda place, seed: f"sw{place}x"}, ["sw0x", "sw1x"]),
        ({"name": lambda place, seed: f"wide{place}b-seed{seed}"}, ["wide0b", "wide1b"]),
        ({"group": "all"}, ["lr=0.5", "lr=0.05"]),  # does not tell them apart
        ({"group": lambda place, seed: f"{place}"}, ["lr=0.5", "lr=0.05"]),  # a bare number
        ({"group": lambda place, seed: f"a, {place}"}, ["lr=0.5", "lr=0.05"]),  # reads like two
    ],
)
def test_names_of_wandb_come_first_if_they_tell_groups_apart(
    fields: dict[str, Any], expected: list[str]
) -> None:
    assert labels(project_of(LRS, **fields)) == expected


def long_project() -> Project:
    return project_of(
        [{**LONG, "lr": lr, "scheduler": s} for lr in (0.1, 0.01) for s in ("cosine", "linear")]
    )


def test_long_names_are_codes_that_do_not_depend_on_the_order_of_runs() -> None:
    project = long_project()
    grouping = group_runs(project, ("lr", "scheduler", "optimizer_name"))
    assert [g.label for g in grouping.groups] == ["g3", "g4", "g1", "g2"]
    turned = group_runs(
        project.take(range(len(project) - 1, -1, -1)), ("lr", "scheduler", "optimizer_name")
    )
    told = [{g.label: g.settings for g in made.groups} for made in (grouping, turned)]
    assert told[0] == told[1]
    assert (
        grouping.groups[2].told
        == "g1 (lr=0.01, scheduler=cosine, optimizer_name=adamw_torch_fused)"
    )


def study_of(project: Project) -> Study:
    grouping = group_runs(project, ("lr", "scheduler", "optimizer_name"))
    return compare_study(score(project, "loss"), grouping)


def test_the_legend_says_only_what_differs_and_is_the_same_everywhere(tmp_path: Path) -> None:
    study = study_of(long_project())
    assert study["legend"].columns == ["group", "lr", "scheduler"]
    assert study["legend"]["group"].to_list() == ["g1", "g2", "g3", "g4"]
    for table, column in (("groups", "group"), ("runs", "group"), ("pairs", "first")):
        assert set(study[table][column]) <= set(study["legend"]["group"])
    assert study.as_dict()["tables"]["legend"][0] == {
        "group": "g1",
        "lr": "0.01",
        "scheduler": "cosine",
    }
    assert "| g1 | 0.01 | cosine |" in markdown(study)
    write_study(study, tmp_path)
    assert (tmp_path / "compare_legend.csv").read_text().splitlines()[1] == "g1,0.01,cosine"


def test_plain_names_need_no_legend() -> None:
    assert "legend" not in study_of_names(project_of(LRS)).tables


def study_of_names(project: Project) -> Study:
    return compare_study(score(project, "loss"), group_runs(project))


def test_names_with_commas_become_codes_and_runs_go_by_their_ids() -> None:
    lists: list[dict[str, Any]] = [{"betas": [0.9, 0.99]}, {"betas": [0.8, 0.99]}]
    assert labels(project_of(lists)) == ["g2", "g1"]
    single = made_project([{"name": f"a, b {i}", "metrics": {"loss": flat(i)}} for i in range(2)])
    assert labels(single) == ["r0000", "r0001"]


def test_texts_that_begin_alike_stay_two_groups() -> None:
    stem = "x" * 80
    prompts: list[dict[str, Any]] = [{"prompt": stem + "a"}, {"prompt": stem + "b"}]
    assert labels(project_of(prompts)) == ["g1", "g2"]
    study = study_of_names(project_of(prompts))
    assert len(set(study["legend"]["prompt"])) == 2


def test_a_group_is_found_by_its_name() -> None:
    grouping = group_runs(long_project(), ("lr", "scheduler"))
    names = [g.label for g in grouping.groups]
    assert group_named(grouping, names[1]).members == [2, 3]
    with pytest.raises(UsageError, match=re.escape(f"Did you mean {names[0]!r}")):
        group_named(grouping, names[0] + "x")


def test_a_sentence_has_the_sign_of_its_interval() -> None:
    rows = [(lr, s) for lr in (0.5, 0.05) for s in range(6)]
    project = made_project(
        [
            {
                "config": {"lr": lr, "seed": s},
                "metrics": {"loss": flat(1 - lr + 0.01 * s, noise=0.001)},
            }
            for lr, s in rows
        ]
    )
    (told,) = [h for h in study_of_names(project).headline if "is better than" in h]
    found = re.search(r"lr=0.5 is better than lr=0.05 by ([\d.]+) \[([\d.]+), ([\d.]+)\]", told)
    assert found is not None
    gap, low, high = map(float, found.groups())
    assert low <= gap <= high and gap == pytest.approx(0.45, abs=0.01)


def test_natural_order() -> None:
    assert sorted(["g10", "g2", "a", "g1"], key=natural) == ["a", "g1", "g2", "g10"]


@given(st.lists(st.text(max_size=60), max_size=12), st.integers(6, 40))
def test_shortened_texts_stay_different(texts: list[str], width: int) -> None:
    short = shortened(texts, width)
    assert len(set(short)) == len(set(texts))
    assert all(
        s == t for s, t in zip(short, texts, strict=True) if len(t) <= width and "…" not in t
    )
