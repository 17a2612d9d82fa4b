"""What people export from the W&B page: the CSV of a chart, the CSV of the runs table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.model import State


def write(path: Path, rows: list[list[Any]]) -> Path:
    """As the page writes it: every cell quoted."""
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def chart(
    path: Path, runs: dict[str, range], metric: str = "eval/loss", axis: str = "Step"
) -> Path:
    """A chart with bands; each run has values at the steps of its range."""
    steps = sorted({s for r in runs.values() for s in r})
    header = [axis]
    for run in runs:
        header += [f"{run} - {metric}{band}" for band in ("", "__MIN", "__MAX")]
    rows: list[list[Any]] = [header]
    for step in steps:
        row: list[Any] = [step]
        for own in runs.values():
            value = 10 / (step + 1)
            row += [value, 0.9 * value, 1.1 * value] if step in own else ["", "", ""]
        rows.append(row)
    return write(path, rows)


def test_a_charts_runs(tmp_path: Path) -> None:
    runs = {"sunny-fog-12": range(0, 400, 10), "dark - sea": range(0, 400, 20)}
    refs = postrun.runs(chart(tmp_path / "wandb_export_2025.csv", runs))
    assert {ref.id for ref in refs} == set(runs)
    for ref in refs:
        run, steps = ref.load(), list(runs[ref.id])
        assert run.history["_step"].to_list() == steps
        assert run.history["eval/loss"].to_list() == [10 / (s + 1) for s in steps]
        assert {"eval/loss__MIN", "eval/loss__MAX"} < set(run.history.columns)
        assert "draws long histories from a sample" in run.completeness.sentence()
        assert not run.completeness.sentence().startswith("complete")
    assert len(postrun.runs(tmp_path)) == 2  # in a folder, too


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (["a - loss", "b - loss"], {("a", "loss"), ("b", "loss")}),
        (["a - b - loss", "c - b - loss"], {("a - b", "loss"), ("c - b", "loss")}),
        (["run - 1 - loss", "run - 1 - acc", "run - 2 - loss"],
         {("run - 1", "loss"), ("run - 1", "acc"), ("run - 2", "loss")}),
        (["x - train/loss", "y-2 - train/loss"], {("x", "train/loss"), ("y-2", "train/loss")}),
    ],
)  # fmt: skip
def test_names_that_hold_the_separator(
    tmp_path: Path, columns: list[str], wanted: set[tuple[str, str]]
) -> None:
    path = write(
        tmp_path / "c.csv", [["Step", *columns], *[[i, *[1.0] * len(columns)] for i in range(5)]]
    )
    runs = [ref.load() for ref in postrun.runs(path)]
    assert {(r.id, name) for r in runs for name in r.history.columns[3:]} == wanted


def test_another_axis_and_own_steps(tmp_path: Path) -> None:
    path = chart(tmp_path / "a.csv", {"r": range(50)}, axis="train/global_step")
    run = postrun.load(path)
    assert run.history["train/global_step"].to_list() == run.history["_step"].to_list()
    path = chart(tmp_path / "b.csv", {"r": range(50)}, axis="Relative Time (Process)")
    assert postrun.load(path).history["_runtime"].to_list() == list(range(50))
    header = ["epoch", "r - loss", "r - _step", "r - _step__MIN", "r - _step__MAX"]
    path = write(
        tmp_path / "c.csv",
        [header, *[[i / 2, 1 / (i + 1), 7 * i, 7 * i, 7 * i] for i in range(20)]],
    )
    run = postrun.load(path)
    assert run.history["_step"].to_list() == [7 * i for i in range(20)]
    assert run.history.columns[3:] == ["epoch", "loss"]


def test_values_that_are_not_finite_in_a_chart(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Step", "r - loss"]]
    rows += [
        [i, "NaN" if i == 3 else "Infinity" if i == 4 else "" if i == 5 else 1.0] for i in range(20)
    ]
    run = postrun.load(write(tmp_path / "a.csv", rows))
    assert run.history.height == 19 and run.completeness.nonfinite == 2


def runs_table(path: Path, count: int = 24) -> Path:
    header = ["Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "Group",
              "batch_size", "lr", "model.depth", "optimizer", "width", "epoch", "val_acc", "val/loss",
              "Custom"]  # fmt: skip
    rows: list[list[Any]] = [header]
    for i in range(count):
        lr = [0.1, 0.01, 0.001][i % 3]
        state = "finished" if i % 8 else "killed"
        acc = 0.6 + 0.1 * (i % 3) + 0.001 * i
        rows.append([
            f"run-{i % 20}", state, "-", "me", "a, b" if i % 2 else "", f"2024-05-{i + 1:02d}T10:00:00.000Z",
            600 + i, "", "g", 32 * (1 + i % 2), lr, 2 + i % 2, "adam" if i % 2 else "sgd", 64, 10, acc,
            1 - acc, 0.123 * i,
        ])  # fmt: skip
    return write(path, rows)


def test_a_runs_table_is_a_project(tmp_path: Path) -> None:
    refs = postrun.runs(runs_table(tmp_path / "wandb_export_runs.csv"))
    assert len({ref.id for ref in refs}) == 24 and "run-19" in {ref.id for ref in refs}
    assert {"run-0 #1", "run-0 #2"} <= {ref.id for ref in refs}
    (ref,) = [ref for ref in refs if ref.id == "run-5"]
    assert ref.name == "run-5" and ref.state is State.FINISHED
    run = ref.load()
    assert run.config == {
        "batch_size": 64, "lr": 0.001, "model": {"depth": 3}, "optimizer": "adam", "width": 64,
    }  # fmt: skip
    assert run.summary["val_acc"] == pytest.approx(0.805) and run.summary["epoch"] == 10
    assert run.summary["Custom"] == pytest.approx(0.615) and set(run.summary) == {
        "val_acc", "val/loss", "epoch", "Custom",
    }  # fmt: skip
    assert run.identity.tags == ["a", "b"] and run.runtime == 605.0 and run.identity.group == "g"
    assert run.identity.started_at is not None and run.identity.started_at.day == 6
    assert run.history.height == 0 and run.completeness.sentence().startswith(
        "no history: a runs table"
    )
    assert "taken as settings are batch_size, lr" in run.completeness.notes[0]
    assert {f.rule for f in postrun.diagnose(run)}.isdisjoint({"DAT002", "RUN004"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list"], "run-19"),
        (["sweep", "--metric", "val_acc"], "lr"),
        (["sweep", "--metric", "val_acc", "--goal", "max"], "0.8"),
        (["compare", "--metric", "val_acc", "--by", "lr"], "0.001"),
        (["progress", "--metric", "val_acc"], "highest"),
        (["failures"], "runs"),
    ],
)
def test_commands_over_a_runs_table(tmp_path: Path, arguments: list[str], words: str) -> None:
    path = runs_table(tmp_path / "runs.csv")
    command, *rest = arguments
    done = CliRunner().invoke(cli, [command, str(path), *rest])
    assert done.exit_code == 0, done.output
    assert words in done.output


@pytest.mark.slow
def test_the_best_of_a_runs_table(tmp_path: Path) -> None:
    study = postrun.sweep(postrun.project(runs_table(tmp_path / "runs.csv")), "val_acc")
    assert study["configurations"].to_dicts()[0]["lr"] == "0.001"
    line = postrun.progress(postrun.project(tmp_path / "runs.csv"), "val_acc")
    assert line["records"]["value"].to_list()[-1] == pytest.approx(0.823)


@pytest.mark.slow
def test_a_main_metric_is_found_without_histories(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["sweep", str(runs_table(tmp_path / "runs.csv"))])
    assert done.exit_code == 0 and "val" in done.output
