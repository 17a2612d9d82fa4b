"""Several segments of one run: concurrent writers, resumes and their clocks, rewinds, later jobs, forks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from wandb.proto import wandb_internal_pb2 as pb

import postrun
from postrun.model import Run, State
from postrun.sources import resolve
from tests import logs
from tests.conftest import SdkRun

START = 1_700_000_000


def axis_record(axis: str, name: str = "*") -> pb.Record:
    record = pb.Record()
    record.metric.glob_name = name
    record.metric.step_metric = axis
    return record


def shared_record(run_id: str, **fields: Any) -> pb.Record:
    record = logs.run_record(run_id, **fields)
    record.run.telemetry.feature.shared_mode = True
    return record


def messages(run: Run) -> str:
    return " | ".join(f.message for top in postrun.diagnose(run) for f in top.with_symptoms())


def write_two(root: Path, one: list[pb.Record], two: list[pb.Record]) -> Run:
    logs.run_folder(root, "s1", one, "20240101_000000")
    logs.run_folder(root, "s1", two, "20240101_000001")
    (ref,) = resolve(root / "wandb")
    return ref.load()


def trainer(count: int = 50, **extra: Any) -> list[dict[str, Any]]:
    return [{"_step": i, "train/step": i, "train/loss": 1 / (i + 1)} | extra for i in range(count)]


def sampler(count: int = 50, every: int = 1) -> list[dict[str, Any]]:
    """Logs twice per training step, so that its own `_step` is another one."""
    rows: list[dict[str, Any]] = []
    for i in range(0, count, every):
        rows.append({"_step": 2 * len(rows), "train/step": i, "rollout/reward": i / count})
    return rows


def test_writers_meet_on_the_declared_axis(tmp_path: Path) -> None:
    one = [shared_record("s1"), axis_record("train/step"), *logs.rows(trainer(), every=10)]
    two = [
        shared_record("s1"),
        axis_record("train/step"),
        *logs.rows(sampler(every=5), START + 2, 50),
    ]
    run = write_two(tmp_path, [*one, logs.exit_record()], [*two, logs.exit_record()])
    history = run.history
    assert history.height == 50 and history["_step"].to_list() == list(range(50))
    both = history.filter(
        pl.col("train/loss").is_not_null() & pl.col("rollout/reward").is_not_null()
    )
    assert both["train/step"].to_list() == list(range(0, 50, 5))
    assert not run.completeness.seams and run.completeness.whole
    assert any("joined on train/step" in note for note in run.completeness.notes)
    assert run.state is State.FINISHED
    for word in ("resum", "twice", "again", "repeat"):
        assert word not in messages(run).lower()


def test_nothing_is_lost_where_writers_disagree_or_log_off_the_axis(tmp_path: Path) -> None:
    mine = trainer(20, loss=1.0, epoch=0)
    theirs = [row | {"loss": 2.0, "epoch": 0} for row in sampler(20)]
    theirs += [{"_step": 40, "done": 1.0}]  # without the axis
    one = [shared_record("s1"), axis_record("train/step"), *logs.rows(mine, every=10)]
    two = [shared_record("s1"), axis_record("train/step"), *logs.rows(theirs, START + 1, 10)]
    history = write_two(tmp_path, one, two).history
    assert history["loss"].drop_nulls().to_list() == [1.0] * 20
    assert history["loss (writer 2)"].drop_nulls().to_list() == [2.0] * 20
    assert history["epoch"].drop_nulls().to_list() == [0] * 20
    assert history["done"].drop_nulls().to_list() == [1.0] and history.height == 21
    assert history["_step"].to_list() == list(range(21))


def test_three_writers_of_which_one_lacks_the_axis(tmp_path: Path) -> None:
    """An evaluator with an axis of its own, and an axis that one writer logs as fractions."""
    theirs = [row | {"train/step": float(row["train/step"])} for row in sampler(20)]
    evaluator = [{"_step": i, "eval/step": 5 * i, "eval/acc": 0.5} for i in range(4)]
    axis = axis_record("train/step")
    stamps = ("20240101_000000", "20240101_000001", "20240101_000002")
    for rows, stamp, every in (
        (trainer(20), stamps[0], 10),
        (theirs, stamps[1], 10),
        (evaluator, stamps[2], 50),
    ):
        records = [
            shared_record("s1"),
            axis,
            *logs.rows(rows, START + 1, every),
            logs.exit_record(),
        ]
        logs.run_folder(tmp_path, "s1", records, stamp)
    (ref,) = resolve(tmp_path / "wandb")
    history = ref.load().history
    both = history.filter(
        history["train/loss"].is_not_null() & history["rollout/reward"].is_not_null()
    )
    assert both.height == 20 and history["eval/acc"].count() == 4 and history.height == 24
    assert history["_step"].to_list() == list(range(24))


def test_repeated_values_of_the_axis_keep_each_metric(tmp_path: Path) -> None:
    mine = [{"_step": i, "s": i // 2, "a" if i % 2 else "b": float(i)} for i in range(40)]
    theirs = [{"_step": i, "s": i, "c": 1.0} for i in range(20)]
    one = [shared_record("s1"), axis_record("s"), *logs.rows(mine, every=5)]
    two = [shared_record("s1"), axis_record("s"), *logs.rows(theirs, START + 1, 10)]
    history = write_two(tmp_path, one, two).history
    assert history.height == 20
    assert all(history[name].count() == 20 for name in ("a", "b", "c"))


def test_without_an_axis_common_steps_are_used_else_time(tmp_path: Path) -> None:
    mine = [{"_step": i, "a": 1.0} for i in range(30)]
    theirs = [{"_step": i, "b": 1.0} for i in range(30)]
    one = [shared_record("s1"), *logs.rows(mine, every=10)]
    same_pace = [shared_record("s1"), *logs.rows(theirs, START + 1, 10)]
    run = write_two(tmp_path / "same", one, same_pace)
    assert run.history.height == 30 and run.history["b"].count() == 30
    faster = [shared_record("s1"), *logs.rows(theirs, START + 1, 1)]
    run = write_two(tmp_path / "faster", one, faster)
    assert run.history.height == 60 and run.history["_step"].to_list() == list(range(60))
    assert run.history["_timestamp"].is_sorted()
    assert "order of time" in " ".join(run.completeness.notes)


def test_unflagged_writers_are_told_by_their_overlap(tmp_path: Path) -> None:
    """Older SDKs set no flag: rows that overlap in time tell it from a resume."""
    one = [logs.run_record("s1"), axis_record("train/step"), *logs.rows(trainer(), every=10)]
    two = [logs.run_record("s1"), *logs.rows(sampler(), START + 3, 10)]
    run = write_two(tmp_path, one, two)
    assert not run.completeness.seams and run.history.height == 50


def test_a_resume_after_a_short_overlap_is_no_second_writer(tmp_path: Path) -> None:
    one = [logs.run_record("s1"), *logs.rows(trainer(40), every=10)]
    later = [row | {"_step": i + 38} for i, row in enumerate(trainer(40))]
    two = [logs.run_record("s1", START + 385), *logs.rows(later, START + 385, 10)]
    assert len(write_two(tmp_path, one, two).completeness.seams) == 1


def resumed(root: Path, *, offset: int, own: int, code: int) -> Run:
    """200 s of training, a pause of three hours, then `own` seconds from step `offset` on."""
    one = [{"_step": i, "loss": 1 / (i + 1)} for i in range(100)]
    two = [{"_step": offset + i, "loss": 0.01, "_runtime": 11_000.0 + i} for i in range(own)]
    end = logs.exit_record(code)
    end.exit.runtime = 11_000 + own
    record = logs.run_record("r1", START + 11_000, resumed=True)
    record.run.runtime = 11_000
    logs.run_folder(
        root, "r1", [logs.run_record("r1"), *logs.rows(one, every=2)], "20240101_000000"
    )
    second = [record, *logs.rows(two, START + 11_000), end]
    logs.run_folder(root, "r1", second, "20240101_030320")
    (ref,) = resolve(root / "wandb")
    return ref.load()


def test_the_clock_of_a_resumed_segment(tmp_path: Path) -> None:
    run = resumed(tmp_path, offset=100, own=5, code=1)
    (seam,) = run.completeness.seams
    assert (seam.kind, seam.seconds) == ("resumed", 5.0)
    assert run.runtime == 11_005.0 and run.active == 198.0 + 5.0 == run.working_seconds
    assert run.lasted == "3 min (3.1 h with pauses)"
    (failed,) = [f for f in postrun.diagnose(run) if f.rule == "RUN001"]
    assert "at step 104, 5 s after it was resumed:" in failed.message.replace(" 5 s", ", 5 s")
    assert "3.1 h" not in failed.message
    (gap,) = [f for f in postrun.diagnose(run) if f.rule == "RUN007"]
    assert gap.message.startswith("Resumed once after a pause of 3.0 h")
    assert "twice" not in messages(run)


def test_a_store_keeps_the_clock(tmp_path: Path) -> None:
    run = resumed(tmp_path, offset=100, own=5, code=1)
    postrun.pull(tmp_path / "wandb", tmp_path / "store")
    (again,) = (ref.load() for ref in postrun.runs(tmp_path / "store"))
    assert again.active == run.active and again.completeness.seams == run.completeness.seams


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (90, "steps 90 to 99 were trained twice"),
        (140, "no step between 99 and 140 was logged"),
        (0, "the steps start again at 0 after 99"),
    ],
)
def test_what_a_resume_lost(tmp_path: Path, offset: int, words: str) -> None:
    assert words in messages(resumed(tmp_path, offset=offset, own=20, code=0))


def test_the_trainers_own_counter_decides(tmp_path: Path) -> None:
    """Resumed offline, the SDK numbers rows from 0 again; the trainer's steps go on."""
    one = [{"_step": i, "train/global_step": 10 * i, "train/loss": 1.0} for i in range(60)]
    two = [{"_step": i, "train/global_step": 600 + 10 * i, "train/loss": 0.5} for i in range(60)]
    run = write_two(
        tmp_path,
        [logs.run_record("s1"), *logs.rows(one)],
        [logs.run_record("s1", START + 2000), *logs.rows(two, START + 2000)],
    )
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "RUN007"]
    assert finding.severity is postrun.Severity.INFO and "twice" not in finding.message
    assert "start again" not in finding.message


@pytest.mark.parametrize("by", ["job type", "metrics"])
def test_a_later_evaluation_is_no_repeated_training(tmp_path: Path, by: str) -> None:
    one = [{"_step": i, "loss": 1.0, "lr": 0.1} for i in range(60)]
    names = ("loss", "lr") if by == "job type" else ("eval/acc", "eval/f1")
    two = [{"_step": i, names[0]: 0.5, names[1]: 0.25} for i in range(10)]
    jobs = ("train", "eval") if by == "job type" else ("", "")
    run = write_two(
        tmp_path,
        [logs.run_record("s1", job_type=jobs[0]), *logs.rows(one)],
        [logs.run_record("s1", START + 9000, job_type=jobs[1]), *logs.rows(two, START + 9000)],
    )
    assert [seam.kind for seam in run.completeness.seams] == ["other"]
    assert run.history.height == 70
    for word in ("twice", "Resumed", "repeat"):
        assert word not in messages(run)


def test_a_rewind_leaves_out_what_it_replaces(tmp_path: Path) -> None:
    one = [{"_step": i, "loss": 1.0} for i in range(100)]
    two = [{"_step": 61 + i, "loss": 0.5} for i in range(60)]
    record = logs.run_record("s1", START + 500)
    record.run.branch_point.run, record.run.branch_point.value = "s1", 60
    record.run.branch_point.metric = "_step"
    run = write_two(
        tmp_path,
        [logs.run_record("s1"), *logs.rows(one)],
        [record, *logs.rows(two, START + 500), logs.exit_record()],
    )
    assert run.history["_step"].to_list() == list(range(121))
    (seam,) = run.completeness.seams
    assert (seam.kind, seam.row, seam.step_before, seam.step_after) == ("rewound", 61, 60, 61)
    assert "the 39 rows logged after it before are left out" in " ".join(run.completeness.notes)
    for word in ("twice", "Resumed", "repeat"):
        assert word not in messages(run)


@pytest.mark.slow
def test_fork_and_rewind_of_the_real_sdk(sdk: SdkRun) -> None:
    folder = sdk(
        """
import wandb
run = wandb.init(project="p", id="child", fork_from="parent?_step=100")
for i in range(5):
    run.log({"loss": 1.0})
run.finish()
run = wandb.init(project="p", id="child", resume_from="child?_step=102")
run.log({"loss": 0.5})
run.finish()
"""
    )
    (ref,) = resolve(folder)
    run = ref.load()
    assert (run.identity.forked_from, run.identity.forked_at) == ("parent", 100.0)
    assert "forked from run parent at step 100" in " ".join(run.completeness.notes)
    assert run.history["_step"].to_list() == [101, 102, 103]
    assert run.history["loss"].to_list() == [1.0, 1.0, 0.5]
    assert [seam.kind for seam in run.completeness.seams] == ["rewound"]
