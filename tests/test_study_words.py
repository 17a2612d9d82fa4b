"""Studies as people read them: sentences of the house style, units that fit, charts for desk and phone."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from postrun.metrics import RunView
from postrun.model import Identity, Run
from postrun.model.headings import heading, texts
from postrun.model.study import Chart, Section, Study, readable
from postrun.report.console import make_console
from postrun.report.html.figures import figure
from postrun.report.html.opening import opening
from postrun.report.studies.files import markdown
from postrun.report.studies.terminal import print_study
from postrun.studies.groups import group_runs
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests.english import all_faults
from tests.projects import made_project
from tests.test_basis import sweep_of, training

ROOT = Path(__file__).parents[1]


def studies() -> list[Study]:
    project = sweep_of()
    short = made_project(
        [training(32), training(128), training(32, epochs=4), training(64, epochs=1)]
    )
    return [
        compare_study(score(project, "loss"), group_runs(project)),
        compare_study(score(project, "loss", use="best"), group_runs(project, ["batch_size"])),
        compare_study(score(short, "loss"), group_runs(short)),
        sweep_study(score(project, "loss"), [score(project, "hours")]),
        progress_study(score(project, "loss")),
        progress_study(score(short, "loss")),
    ]


@pytest.mark.slow
def test_sentences_are_in_the_house_style() -> None:
    for study in studies():
        tables = [text for s in study.sections if s.table is not None for text in s.text]
        assert not all_faults([*study.headline, *study.caveats, *tables]), study.kind


@pytest.mark.parametrize(
    ("hours", "column", "shown"),
    [
        ([0.000361, 0.0005], "seconds", 1.2996),
        ([0.5, None], "minutes", 30.0),
        ([0.5, 30.0], "hours", 0.5),
        ([None, None], "hours", None),
    ],
)
def test_times_are_told_in_a_unit_that_fits(
    hours: list[float | None], column: str, shown: float | None
) -> None:
    frame = pl.DataFrame(
        {"run": ["a", "b"], "hours": hours}, schema_overrides={"hours": pl.Float64}
    )
    made = readable(frame)
    assert made.columns == ["run", column]
    assert made[column][0] == (None if shown is None else pytest.approx(shown))


def test_files_keep_hours_and_odd_names_stay() -> None:
    frame = pl.DataFrame({"*": [1.0], "^a$": [2.0], "hours": [0.001], "seconds": [4.0]})
    assert readable(frame).columns == ["*", "^a$", "hours", "seconds"]


def rows(labels: list[str]) -> Chart:
    made = [{"label": t, "value": i, "low": i - 1, "high": i + 1} for i, t in enumerate(labels)]
    return Chart("intervals", "t", {"x": "loss", "rows": made})


def test_labels_of_a_chart_are_never_cut_so_that_two_look_alike() -> None:
    stem = "a-very-long-name-of-a-configuration-" * 3
    drawn = str(figure(rows([f"{stem}0{stem}", f"{stem}1{stem}"])))
    for part in drawn.split('class="phone"'):
        labels = re.findall(r'text-anchor="start" class="">([^<]+)<', part)
        assert len(labels) == len(set(labels)) == 2


def test_a_chart_is_drawn_for_desk_and_phone_with_dashes_after_eight_lines() -> None:
    lines = [{"label": f"g{i}", "x": [0, 1], "y": [i, i + 1]} for i in range(12)]
    drawn = str(figure(Chart("lines", "t", {"x": "step", "y": "loss", "lines": lines}), alone=True))
    assert re.findall(r'class="figure" viewBox="0 0 (\d+)', drawn) == ["1180", "360"]
    kinds = re.findall(r'polyline class="([^"]+)"', drawn)[:12]
    assert len(set(kinds)) == 12 and kinds[8] == "c0 d1"


def test_a_run_that_diverged_sets_no_scale() -> None:
    made = [
        {"label": f"g{i}", "value": v, "low": v - 0.1, "high": v + 0.1}
        for i, v in enumerate((0.4, 0.5, 0.6))
    ]
    made.append({"label": "diverged", "value": 0.55, "low": -1e30, "high": 1e30})
    drawn = str(figure(Chart("intervals", "t", {"x": "loss", "rows": made}), alone=True))
    assert "◂" in drawn and "▸" in drawn and "e+30<" not in drawn
    flat = [0.5, 0.4, 0.3, 0.35, 0.3, 0.32]
    band = {"low": [0.2] * 6, "high": [0.6, 0.5, 0.4, 1e34, 1e34, 0.5]}
    lines = [{"label": "a", "x": list(range(6)), "y": flat, **band}]
    drawn = str(figure(Chart("lines", "t", {"x": "step", "y": "loss", "lines": lines}), alone=True))
    assert "e+3" not in drawn and ">0.4<" in drawn


def run_of(number: int, opt: str) -> Run:
    level = {"adam": 1.0, "sgd": 2.0}[opt] + 0.01 * number
    history = pl.DataFrame({"_step": range(30), "val/loss": [level] * 30})
    config = {"opt": opt, "lr": number % 5, "seed": number, "run_name": f"r{number}"}
    return Run(Identity(f"r{number}"), config=config, history=history)


def test_a_page_of_many_runs_opens_grouped_by_what_explains_most() -> None:
    views = [RunView(run_of(i, ("adam", "sgd")[i % 2])) for i in range(16)]
    config: dict[str, Any] = {
        key: [v.flat_config[key] for v in views] for key in ("lr", "opt", "seed", "run_name")
    }
    study = Study("sweep", "t", subject="val/loss")
    made = opening(study, views, config)
    assert made["groupby"] == "config:opt" and made["subject"] == "val/loss"
    assert made["choices"] == ["lr", "opt"]
    few = opening(study, views[:8], {k: v[:8] for k, v in config.items()})
    assert few["groupby"] == ""
    study.groups = {v.run.id: v.flat_config["opt"] for v in views}
    named = opening(study, views, config)
    assert named["groupby"] == "study" and named["groups"][:2] == ["adam", "sgd"]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_names_of_runs_are_not_broken(width: int) -> None:
    names = [f"mlp-lr0.003-bs128-wd0.0-seed{i}" for i in range(3)]
    table = pl.DataFrame(
        {"at": ["2026-11-26 21:44"] * 3, "run": names, "value": [0.6668, 0.65, 0.4852],
         "gain": [None, 0.01673, 0.1649], "within_noise": [None, True, False],
         "changed": ["", "nothing that is logged", "lr 0.003 → 0.01"]}
    )  # fmt: skip
    console = make_console(width=width, record=True)
    with console.capture() as shown:
        print_study(
            Study("progress", "t", sections=[Section("records", "Records", [], table)]),
            console=console,
        )
    text = shown.get()
    assert max(map(len, text.splitlines())) <= width
    for name in [*names, "0.4852"]:
        assert name in text


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_names_and_results_whole(width: int) -> None:
    study = studies()[0]
    console = make_console(width=width, record=True)
    with console.capture() as shown:
        print_study(study, console=console)
    text = shown.get()
    assert max(map(len, text.splitlines())) <= width
    for group in study["groups"]["group"]:
        assert group in text


@pytest.mark.slow
def test_the_page_on_disk_names_its_groups(tmp_path: Path) -> None:
    from postrun.report.html.study_page import write_study_page

    study = studies()[1]
    write_study_page(tmp_path / "a.html", study)
    page = (tmp_path / "a.html").read_text()
    assert "batch_size=32" in page and "best loss by group" in page


def test_headings_are_words_and_files_keep_the_columns() -> None:
    glossary = tomllib.loads((ROOT / "docs" / "glossary.toml").read_text("utf-8"))
    for kind in ("compare", "sweep", "failures", "progress", "cost", "forecast", "diff"):
        for table, columns in glossary[kind].items():
            for column in [*columns, *glossary["common"]]:
                shown = heading(column, f"{kind}.{table}")
                assert "_" not in shown and shown != "iqm", f"{kind}.{table}: {column}"
    assert heading("weight_decay", "sweep.configurations") == "weight_decay"  # a setting's own name


def test_what_tables_explain_is_called_as_in_their_heads() -> None:
    project = sweep_of()
    study = compare_study(score(project, "loss"), group_runs(project, ["lr"]))
    page = markdown(study)
    assert "| mean (IQM) | low (95%) |" in page and "P(first better)" in page
    assert "iqm" not in page and "p_improvement" not in page
    assert "iqm" in study["groups"].columns
    out = io.StringIO()
    print_study(study, console=Console(file=out, width=140, highlight=False))
    assert "mean (IQM)" in out.getvalue() and "iqm" not in out.getvalue()


def test_shares_are_percent_and_probabilities_have_two_digits() -> None:
    frame = pl.DataFrame(
        {"share": [0.98271, 0.0006041, None, 0.9999], "p_chance": [0.05, 0.0002, None, 1.0]}
    )
    assert texts(frame["share"], "sweep.importance") == ["98%", "<0.1%", "", "100%"]
    assert texts(frame["p_chance"], "sweep.importance") == ["0.05", "<0.001", "", "1"]
    assert texts(pl.Series("expected_error", [0.041563]), "sweep.configurations") == ["0.042"]
    assert texts(pl.Series("share", [0.98271])) == ["0.9827"]  # of a table of one's own


@pytest.mark.parametrize("width", [50, 60, 80, 100])
def test_a_terminal_shows_both_bounds_of_an_interval_or_none(width: int) -> None:
    project = sweep_of()
    out = io.StringIO()
    study = compare_study(score(project, "loss"), group_runs(project, ["lr"]))
    print_study(study, console=Console(file=out, width=width, highlight=False))
    assert out.getvalue().count("low (95%)") == out.getvalue().count("high (95%)")
