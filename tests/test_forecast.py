"""Forecasts: what is expected of curves whose end is known, and when none is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import State, UsageError
from postrun.report.html.study_page import study_page
from postrun.stats.curve import read_curve
from postrun.studies.forecasts import forecast_study
from postrun.studies.sweep_tables import outlook_section
from postrun.training.outlook import forecast_run, outlook
from tests.curves import decay, make_run, noise
from tests.logs import rows, run_folder, run_record
from tests.printed import results_of


def test_intervals_hold_for_simulated_courses() -> None:
    held = made = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, share = 400, float(rng.choice([0.3, 0.5, 0.7]))
        y = decay(n, sigma=0.02, seed=seed) if seed % 2 else 1 + np.exp(-np.arange(n) / 120)
        y = y + noise(n, 0.02, seed)
        seen = int(share * n)
        told = read_curve(np.arange(float(seen)), y[:seen], -1).forecast(n - 1.0)
        if told is not None:
            made += 1
            held += told.low <= float(np.median(y[-20:])) <= told.high
            assert told.low < told.value < told.high
    assert made >= 35
    assert held / made >= 0.85


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (decay(8), "few"),
        (np.r_[decay(60), [np.nan] * 3], "not-finite"),
        (np.r_[np.linspace(3, 1, 40), np.linspace(1, 3, 40)] + noise(80, 0.02), "turned"),
        (noise(200), "flat"),
        (decay(100), ""),
    ],
)
def test_a_curve_without_a_course_has_no_forecast(y: np.ndarray, reason: str) -> None:
    curve = read_curve(np.arange(float(len(y))), y, -1)
    assert curve.no_forecast == reason
    assert (curve.forecast(2.0 * len(y)) is None) == bool(reason)


def test_bounds_are_possible_values() -> None:
    y = np.clip(1 - 0.8 * np.exp(-np.arange(60) / 15) + noise(60, 0.01), 0, 1)
    told = read_curve(np.arange(60.0), y, 1).forecast(180.0)
    assert told is not None and told.high <= 1
    loss = read_curve(np.arange(60.0), np.exp(-np.arange(60) / 20) + 0.01, -1).forecast(180.0)
    assert loss is not None and loss.low >= 0


def test_a_stopped_run_tells_what_its_plan_would_have_brought() -> None:
    config = {"max_steps": 400, "lr": 0.1}
    run = make_run(
        {"val_loss": decay(400, sigma=0.01)[:240]},
        config=config,
        state=State.CRASHED,
        exit_code=None,
    )
    told = outlook(RunView(run))
    assert told is not None and told.planned and told.expected is not None
    assert told.expected.low <= 1.0 <= told.expected.high
    assert told.sentence().startswith("val_loss is expected to be")
    # A finished run has nothing before it.
    assert outlook(RunView(make_run({"val_loss": decay(400)}, config=config))) is None


def test_a_target_is_reached_within_the_interval() -> None:
    y = decay(400, sigma=0.005)
    view = RunView(make_run({"val_loss": y[:200]}))
    told = forecast_run(view, "val_loss", target=float(y[200:260].mean()))
    assert told.reach is not None
    likely, early, late = told.reach
    assert early <= likely <= late
    assert early <= 230 <= late
    never = forecast_run(view, "val_loss", target=0.01)
    assert never.reach is not None and np.isinf(never.reach[1])
    assert "will not reach 0.01" in never.sentence()


@pytest.mark.parametrize(
    ("rate", "config", "reason"),
    [
        (np.linspace(1e-5, 1e-3, 100), {}, "warming up"),
        (np.full(100, 1e-3), {"lr_scheduler_type": "cosine"}, "has not begun"),
        (np.linspace(1e-3, 5e-4, 100), {"lr_scheduler_type": "cosine"}, ""),
        (np.full(100, 1e-3), {"lr_scheduler_type": "constant"}, ""),
    ],
)
def test_a_schedule_that_is_still_to_change_allows_no_forecast(
    rate: np.ndarray, config: dict[str, str], reason: str
) -> None:
    run = make_run({"train/loss": decay(100), "train/lr": rate}, config=config)
    told = forecast_run(RunView(run), "train/loss", at=200)
    assert reason in told.reason and bool(told.reason) == bool(reason)
    assert (told.expected is None) == bool(reason)


def test_a_run_that_is_judged_by_nothing_says_so() -> None:
    run = make_run({"foo": noise(50)})
    with pytest.raises(UsageError, match="--metric"):
        postrun.forecast(run)
    assert postrun.forecast(run, "bar").reason == "the run has no values of it"


def test_the_command_tells_the_expected_value_and_the_time_to_a_target(tmp_path: Path) -> None:
    y = decay(200, sigma=0.01)
    records = [run_record("f1", config={"max_steps": 200})]
    records += rows({"_step": i, "val_loss": float(v)} for i, v in enumerate(y[:100]))
    folder = run_folder(tmp_path, "f1", records)
    done = CliRunner().invoke(cli, ["forecast", str(folder), "--target", "val_loss=1.1", "--json"])
    assert done.exit_code == 0, done.output
    study = results_of(done.output)["studies"][0]
    row = study["tables"]["forecasts"][0]
    assert row["low"] < row["expected"] < row["high"]
    assert row["earliest"] <= row["reaches"]
    wrong = CliRunner().invoke(cli, ["forecast", str(folder), "--target", "val_loss=soon"])
    assert isinstance(wrong.exception, UsageError)
    other = CliRunner().invoke(cli, ["forecast", str(folder), "--metric", "val_los"])
    assert "val_loss" in str(other.exception)


def test_a_search_says_which_runs_would_not_reach_the_best() -> None:
    from postrun.studies.scores import score
    from tests.projects import made_project

    good = [{"metrics": {"loss": decay(200, end=0.5, sigma=0.01, seed=s)}} for s in range(4)]
    bad = {"metrics": {"loss": decay(200, end=1.5, sigma=0.01, seed=9)[:100]}}
    sections = outlook_section(score(made_project([*good, bad]), "loss"))
    assert len(sections) == 1 and sections[0].table is not None
    assert sections[0].table["reaches_best"].to_list() == ["no"]


def test_a_forecast_beyond_the_plan_says_which_step_it_is_for() -> None:
    run = make_run({"eval/loss": 1 + np.exp(-np.arange(200) / 60)})
    said = "The run has no planned steps left"
    assert any(said in c for c in forecast_study([RunView(run)]).caveats)
    assert not any(said in c for c in forecast_study([RunView(run)], at=300).caveats)
    assert any("2 of them have no planned" in c for c in forecast_study([RunView(run)] * 2).caveats)


def test_the_page_draws_the_values_the_fit_and_the_interval() -> None:
    y = 1 + np.exp(-np.arange(300) / 60) + noise(300, 0.02, 3)
    view = RunView(make_run({"val/loss": y}))
    study = forecast_study([view], at=600, target=0.9)
    (chart,) = study.sections[0].charts
    logged, fit, ahead, level = chart.data["lines"]
    assert [line["label"] for line in (logged, fit, level)] == ["logged", "fit", "target 0.9"]
    assert logged["x"][-1] == 299 and ahead["x"][0] == 299 and ahead["x"][-1] == 600
    assert fit["y"][-1] == pytest.approx(ahead["y"][0], abs=0.02)  # one curve, seen and expected
    assert np.abs(np.array(fit["y"]) - 1 - np.exp(-np.array(fit["x"]) / 60)).max() < 0.06
    assert all(
        low < y < high for low, y, high in zip(ahead["low"], ahead["y"], ahead["high"], strict=True)
    )
    page = study_page(study)
    assert page.count("<polygon") == 2 and "target 0.9" in page  # for a desk and a phone


def test_runs_without_a_metric_to_judge_by_stop_no_other_forecast() -> None:
    views = [RunView(make_run({"val/loss": decay(200)})), RunView(make_run({}))]
    study = forecast_study(views)
    assert study["forecasts"]["no_forecast"].to_list() == [
        None,
        "it has no metric that runs are judged by",
    ]
    with pytest.raises(UsageError, match="--metric"):
        forecast_study(views[1:])
