"""What runs cost: energy of samples alone, sums, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import Run, State
from postrun.report.export import detailed_analysis
from postrun.studies.cost import Rates, cost_study
from postrun.training.cost import CO2_PER_KWH, cost_of
from tests.curves import decay, make_run
from tests.printed import results_of
from tests.projects import failed, flat, made_project


def powered(seconds: np.ndarray, *watts: np.ndarray, runtime: float | None = 3600.0) -> Run:
    """A run of an hour whose GPUs' power was sampled at these seconds."""
    columns = {"_timestamp": seconds + 1.7e9, "_runtime": seconds}
    for i, values in enumerate(watts):
        columns[f"system.gpu.{i}.powerWatts"] = values
        columns[f"system.gpu.{i}.gpu"] = np.full(len(seconds), 90.0)
        columns[f"system.gpu.{i}.memoryAllocated"] = np.full(len(seconds), 50.0)
    return make_run(
        {"train/loss": decay(360)}, system=pl.DataFrame(columns), runtime=runtime,
        environment={"gpu": "A100", "gpu_count": len(watts)},
    )  # fmt: skip


def test_energy_is_the_integral_of_the_samples() -> None:
    seconds = np.arange(0, 3601, 30.0)
    spent = cost_of(RunView(powered(seconds, np.full(121, 300.0), np.full(121, 100.0))))
    assert spent.gpus == 2
    assert spent.gpu_hours == pytest.approx(2.0)
    assert spent.kwh == pytest.approx(0.4)
    assert spent.sampled == pytest.approx(1.0)
    assert "0.4 kWh" in spent.sentence() and "only" not in spent.sentence()


def test_no_power_is_made_up_for_gaps() -> None:
    seconds = np.r_[np.arange(0, 901, 30.0), np.arange(2700, 3601, 30.0)]
    spent = cost_of(RunView(powered(seconds, np.full(len(seconds), 200.0))))
    assert spent.kwh == pytest.approx(0.2 * 0.5)
    assert spent.sampled == pytest.approx(0.5)
    assert "50% of the time only" in spent.sentence()


def test_impossible_power_counts_for_nothing() -> None:
    seconds = np.arange(0, 3601, 30.0)
    watts = np.full(121, 200.0)
    watts[10], watts[20] = 65_535_000.0, -5.0
    spent = cost_of(RunView(powered(seconds, watts)))
    assert spent.kwh == pytest.approx(0.2, rel=0.02)


def test_without_samples_no_energy_is_told() -> None:
    run = make_run({"train/loss": decay(360)}, environment={"gpu": "A100"})
    spent = cost_of(RunView(run))
    assert spent.kwh is None and spent.gpu_hours == pytest.approx(1.0)
    assert spent.sentence().endswith("no power was sampled")
    assert cost_of(RunView(make_run({"train/loss": decay(360)}))).sentence() == ""
    one = powered(np.array([5.0]), np.array([300.0]))
    assert cost_of(RunView(one)).kwh is None


def test_the_analysis_holds_the_cost() -> None:
    seconds = np.arange(0, 3601, 30.0)
    made = detailed_analysis(RunView(powered(seconds, np.full(121, 300.0))), [])
    assert made["cost"]["kwh"] == pytest.approx(0.3)
    assert made["cost"]["kg_co2"] == pytest.approx(0.3 * CO2_PER_KWH)
    assert any(line.startswith("Cost: 1 GPU hours") for line in made["insights"])


def test_sums_by_project_and_gain() -> None:
    gpu = {"gpu": "A100", "gpus": 2, "runtime": 3600.0}
    runs = [
        {**gpu, "project": "a", "kwh": 1.0, "power_sampled": 1.0, "metrics": {"loss": flat(1.0)}},
        {**gpu, "project": "a", "kwh": 2.0, "power_sampled": 0.5, "metrics": {"loss": flat(0.9)}},
        {**gpu, "project": "b", "metrics": {"loss": flat(0.7)}, "state": State.FINISHED.value},
        {**gpu, "project": "b", "ending": failed("OSError", "disk full")},
    ]
    study = cost_study(made_project(runs), Rates(2.5, 0.1), "loss")
    text = " ".join(study.headline)
    assert "8 GPU hours, 3 kWh, 0.3 kg CO2 and a price of 20" in text
    assert "1 failed runs took 2 GPU hours" in text
    # From 1 to 0.7 by two runs of two GPU hours each: 4 / 0.3 per unit, 1.333 per 0.1.
    assert "1.33 GPU hours" in text and "per 0.1 of gain" in text
    assert study["projects"]["gpu_hours"].to_list() == [4.0, 4.0]
    assert study["gains"]["gpu_hours_per_gain"].to_list() == pytest.approx([20.0, 10.0])
    told = " ".join(study.caveats)
    assert "2 of 4 runs sampled no power" in told and "at the least 50%" in told


def test_copies_of_a_run_count_once() -> None:
    runs = [{"id": "x", "started": 5.0, "gpu": "A100", "gpus": 1, "runtime": 3600.0}] * 2
    study = cost_study(made_project(runs))
    assert study["runs"].height == 1
    assert any("copies" in c for c in study.caveats)


def test_the_command_prints_json(tmp_path: Path) -> None:
    from tests.logs import exit_record, rows, run_folder, run_record

    history = rows({"_step": i, "val_loss": 1 / (i + 1)} for i in range(20))
    run_folder(tmp_path, "c1", [run_record("c1"), *history, exit_record()])
    done = CliRunner().invoke(
        cli, ["cost", str(tmp_path / "wandb"), "--json", "--no-cache", "--price-per-gpu-hour", "2"]
    )
    assert done.exit_code == 0, done.output
    study = results_of(done.output)["studies"][0]
    assert study["tables"]["runs"][0]["kwh"] is None
    assert any("No run sampled the power" in c for c in study["caveats"])


@pytest.mark.parametrize(("hosts", "gpus", "gpu_hours", "kwh"), [
    (("a", "b"), 2, 1.5, 0.3 + 0.1),  # 300 W for an hour, 200 W for half an hour
    (("a", "a"), 1, 1.0, 0.3),
])  # fmt: skip
def test_runs_of_one_training_that_share_a_gpu_count_it_once(
    hosts: tuple[str, str], gpus: int, gpu_hours: float, kwh: float
) -> None:
    parts = []
    for i, (host, seconds, watts) in enumerate(
        zip(hosts, (3600, 1800), (300.0, 200.0), strict=True)
    ):
        at = np.arange(0, seconds + 1, 30.0)
        part = powered(at, np.full(len(at), watts), runtime=float(seconds))
        part.identity.id, part.identity.host = f"part{i}", host
        parts.append(part)
    whole = make_run({"train/loss": decay(360)})
    whole.parts = parts
    spent = cost_of(RunView(whole))
    assert (spent.hours, spent.gpus) == (1.0, gpus)
    assert spent.gpu_hours == pytest.approx(gpu_hours)
    assert spent.kwh == pytest.approx(kwh)
    assert spent.sampled == pytest.approx(1.0)
