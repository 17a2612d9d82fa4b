"""A checkpoint is advised only if the run's record shows that there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from postrun.metrics import RunView
from postrun.model import Artifact, Run, RunFile
from postrun.training.checkpoints import go_back, go_on, saved_before, saves
from tests.curves import decay, make_run


def run(counter: str = "train/global_step", stride: int = 1, **fields: object) -> Run:
    columns = {"train/loss": decay(40), counter: stride * np.arange(1, 41)}
    return replace(make_run(columns), **fields)  # type: ignore[arg-type]


def view(*args: object, **fields: object) -> RunView:
    return RunView(run(*args, **fields))  # type: ignore[arg-type]


def console(*lines: str) -> pl.DataFrame:
    return pl.DataFrame({"line": lines})


@pytest.mark.parametrize(
    ("fields", "before", "any_"),
    [
        ({}, None, False),
        ({"config": {"save_steps": 10}}, 20.0, True),
        ({"config": {"save_steps": 10, "save_strategy": "IntervalStrategy.NO"}}, None, False),
        ({"config": {"save_steps": 500, "save_strategy": "epoch"}}, None, True),
        ({"config": {"checkpoint_every": 10}}, None, True),  # ten what?
        ({"config": {"save_every_n_steps": 10}}, 20.0, True),
        ({"config": {"ckpt": {"interval_steps": 10}}}, 20.0, True),
        ({"files": [RunFile("out/checkpoint-15/model.safetensors", 1)]}, 15.0, True),
        ({"files": [RunFile("epoch=3-step=24.ckpt", 1), RunFile("epoch=5-step=36.ckpt", 1)]}, 24.0, True),
        ({"files": [RunFile("out/best.pt", 1)]}, None, True),
        ({"files": [RunFile("media/images/samples_step_20_ab.png", 1)]}, None, False),
        ({"files": [RunFile("code/src/checkpointing.py", 1)]}, None, False),
        ({"artifacts": [Artifact("model-abc", "model", "output")]}, None, True),
        ({"artifacts": [Artifact("model-abc", "model", "input")]}, None, False),
        ({"console": console("Saving model checkpoint to out/checkpoint-24")}, 24.0, True),
        ({"console": console("loaded checkpoint-24")}, None, False),
        ({"files": [RunFile("out/checkpoint-9000/model.pt", 1)]}, None, True),  # of another run
    ],
)  # fmt: skip
def test_what_a_run_saved(fields: dict[str, object], before: float | None, any_: bool) -> None:
    seen = view(**fields)
    assert (saved_before(seen, 25.0), saves(seen)) == (before, any_)


def test_numbers_in_names_count_what_the_axis_counts() -> None:
    files = [RunFile(f"out/epoch_{n}/model.pt", 1) for n in (10, 20, 30)]
    assert saved_before(view(files=files), 25) is None  # steps on the axis, epochs in the names
    assert saved_before(view("epoch", files=files), 25) == 20
    assert saved_before(view("epoch", config={"save_steps": 10}), 25) is None
    zips = [RunFile("models/rl_model_200_steps.zip", 1)]
    assert saved_before(view("global_step", 10, files=zips), 250) == 200


def test_small_numbers_beside_a_checkpoint_are_no_steps() -> None:
    """The third checkpoint of a run of 40,000 steps is not that of step 3."""
    files = [RunFile(f"ckpt_{n}.pt", 1) for n in (1, 2, 3)]
    assert saved_before(view(stride=1000, files=files), 25_000) is None
    assert saves(view(stride=1000, files=files))


def test_without_a_counter_an_interval_names_no_step() -> None:
    rows = RunView(make_run({"train/loss": decay(40)}, config={"save_steps": 10}))
    assert saved_before(rows, 25) is None
    assert go_back(rows, 25) == "Go back to the last checkpoint before step 25."


def test_deleted_checkpoints_are_not_advised() -> None:
    few = {"save_steps": 5, "save_total_limit": 2}
    assert go_back(view(config=few), 38) == "Go back to the checkpoint of step 35."
    assert "save_total_limit = 2 deletes all but the last" in go_back(view(config=few), 21)
    best = {**few, "load_best_model_at_end": True}
    assert (
        go_back(view(config=best), 21)
        == "Use the best checkpoint, which load_best_model_at_end keeps."
    )


def test_advice_goes_by_what_is_there() -> None:
    assert go_back(view(config={"save_steps": 10}), 25) == "Go back to the checkpoint of step 20."
    assert "shows none" in go_back(view(), 25)
    told = go_back(view(files=[RunFile("best.pt", 1)]), 25)
    assert told == "Go back to the last checkpoint before step 25."


def test_how_to_train_on() -> None:
    assert go_on(view(config={"save_steps": 15})) == "resume from the checkpoint of step 30"
    assert go_on(view(files=[RunFile("last.ckpt", 1)])) == "resume from the last checkpoint"
    assert go_on(view()) == "start again and save checkpoints: the record of this run shows none"
    assert "shows none" in go_on(RunView(make_run({})))
