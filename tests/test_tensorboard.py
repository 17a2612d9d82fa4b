"""TensorBoard event files: all layouts of scalars, runs in several files, damage."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from postrun.model import Run, State
from postrun.sources.trackers.source import Trackers
from postrun.sources.trackers.tensorboard.records import read_records
from postrun.sources.trackers.tensorboard.scan import scan
from tests import event_files as tb

NAME = "events.out.tfevents.1700000000.host.1.0"


def only(target: Path) -> Run:
    (ref,) = Trackers().find(str(target))
    return ref.load()


def steps(count: int, layout: Callable[[str, float], bytes] = tb.simple) -> list[bytes]:
    return [
        tb.event(i, [layout(tag, value)])
        for i in range(count)
        for tag, value in (("train/loss", 1 / (i + 1)), ("lr", 0.5))
    ]


@pytest.mark.parametrize("layout", [tb.simple, tb.tensor])
def test_scalars_of_every_writer(tmp_path: Path, layout: Callable[[str, float], bytes]) -> None:
    tb.write(tmp_path / "exp" / NAME, steps(300, layout))
    run = only(tmp_path / "exp")
    assert run.id == "exp"
    assert run.history.columns == ["_step", "_runtime", "_timestamp", "lr", "train/loss"]
    assert run.history["_step"].to_list() == list(range(300))
    assert run.history["train/loss"].to_list() == [
        float(np.float32(1 / (i + 1))) for i in range(300)
    ]
    assert run.history["_timestamp"].to_list() == [tb.START + i for i in range(300)]
    assert run.runtime == 299
    assert run.completeness.whole


def test_repeating_lengths_are_read_as_one_by_one(tmp_path: Path) -> None:
    """The lengths of thousands of records are guessed from those before: a change is noticed."""
    events = steps(4000)
    events.insert(5001, tb.event(2500, [tb.simple("rare", 7.0)]))
    found = scan(read_records(tb.write(tmp_path / NAME, events))).points
    assert len(found.value) == 8001
    of_loss = found.code == found.names.index("train/loss")
    assert found.step[of_loss].tolist() == list(range(4000))
    assert found.value[found.code == found.names.index("rare")].tolist() == [7.0]


def test_several_values_in_one_event_negative_steps_and_values_that_are_not_finite(
    tmp_path: Path,
) -> None:
    events = [tb.event(i, [tb.simple("a", i), tb.simple("b", -i)]) for i in range(20)]
    events += [tb.event(-1, [tb.simple("c", 1)], wall=tb.START)]
    events += [tb.event(20, [tb.simple("a", math.nan)]), tb.event(21, [tb.simple("a", math.inf)])]
    run = only(tb.write(tmp_path / NAME, events))
    assert run.history["a"].to_list()[:3] == [0, 1, 2]
    assert run.history["b"].to_list()[:3] == [0, -1, -2]
    assert run.history.filter(run.history["_step"] == -1)["c"].to_list() == [1]
    assert run.completeness.nonfinite == 2


def test_a_file_that_is_being_written_ends_within_a_record(tmp_path: Path) -> None:
    path = tb.write(tmp_path / NAME, steps(50))
    path.write_bytes(path.read_bytes()[:-20])
    run = only(path)
    assert run.history.height == 50
    assert run.history["lr"].null_count() == 1
    assert "ends within a record" in run.completeness.damage[0].reason
    assert str(path) in run.completeness.damage[0].sentence()


def test_a_damaged_length_costs_what_follows(tmp_path: Path) -> None:
    path = tb.write(tmp_path / NAME, steps(50))
    records = read_records(path)
    at = int(records.start[41]) - 12
    path.write_bytes(records.data[:at] + b"\xff" * 8 + records.data[at + 8 :])
    run = only(path)
    assert run.history.height == 20
    assert run.completeness.damage[0].offset == at
    assert "impossible length" in run.completeness.damage[0].reason


def test_an_empty_file_and_one_without_scalars_say_so(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"")
    assert only(tmp_path).completeness.sentence() == "no history: the event files hold no scalars"


def test_a_resumed_run_has_a_seam(tmp_path: Path) -> None:
    tb.write(tmp_path / NAME, [tb.event(i, [tb.simple("loss", i)]) for i in range(30)])
    later = [tb.event(i, [tb.simple("loss", i)], wall=tb.START + 100 + i) for i in range(20, 40)]
    tb.write(tmp_path / NAME.replace("1700000000", "1700000100"), later)
    run = only(tmp_path)
    assert run.history["_step"].to_list() == [*range(30), *range(20, 40)]
    (seam,) = run.completeness.seams
    assert (seam.row, seam.step_before, seam.step_after) == (30, 29, 20)


def test_writers_at_the_same_time_share_rows(tmp_path: Path) -> None:
    tb.write(tmp_path / NAME, [tb.event(i, [tb.simple("loss", i)]) for i in range(30)])
    tb.write(
        tmp_path / f"{NAME}.eval", [tb.event(i, [tb.simple("val_loss", i)]) for i in range(30)]
    )
    run = only(tmp_path)
    assert run.history.height == 30
    assert not run.completeness.seams


def test_keras_halves_and_add_scalars_are_one_run(tmp_path: Path) -> None:
    for half in ("train", "validation"):
        tb.write(
            tmp_path / "keras" / half / NAME,
            [tb.event(i, [tb.tensor("epoch_loss", i)]) for i in range(9)],
        )
    run = only(tmp_path / "keras")
    assert run.history.columns[3:] == ["train/epoch_loss", "validation/epoch_loss"]
    tb.write(tmp_path / "torch" / NAME, [tb.event(i, [tb.simple("lr", i)]) for i in range(9)])
    for part in ("fit", "test"):
        tb.write(
            tmp_path / "torch" / f"model_acc_{part}" / NAME,
            [tb.event(i, [tb.simple("model/acc", i)]) for i in range(9)],
        )
    run = only(tmp_path / "torch")
    assert run.history.columns[3:] == ["lr", "model/acc/fit", "model/acc/test"]
    assert run.history.height == 9


def test_hyper_parameters_and_texts_of_settings(tmp_path: Path) -> None:
    tb.write(
        tmp_path / NAME,
        [*steps(9), tb.event(0, [tb.text("args/text_summary", '{"seed": 3, "lr": 9}')])],
    )
    session = [
        tb.event(0, [tb.hparams({"lr": 0.1, "layers": 2.0, "optimizer": "adam", "bias": True})])
    ]
    tb.write(tmp_path / "1700000000.5" / NAME, session)
    run = only(tmp_path)
    assert run.config == {"lr": 0.1, "layers": 2, "optimizer": "adam", "bias": True, "seed": 3}
    assert run.history.height == 9


@pytest.mark.parametrize(
    ("status", "seconds", "state"),
    [(1, tb.START + 60, State.FINISHED), (2, tb.START + 60, State.FAILED), (1, 0.0, State.UNKNOWN)],
)
def test_the_end_of_a_session_counts_if_it_has_a_time(
    tmp_path: Path, status: int, seconds: float, state: State
) -> None:
    """PyTorch writes "success" when the training begins, without a time."""
    tb.write(tmp_path / NAME, [*steps(9), tb.event(0, [tb.session_end(status, seconds)])])
    run = only(tmp_path)
    assert run.state is state
    assert run.runtime == (60 if seconds else 8)


def test_files_of_tensorboardx(tmp_path: Path) -> None:
    tensorboardx = pytest.importorskip("tensorboardX")
    with tensorboardx.SummaryWriter(str(tmp_path / "real")) as writer:
        for i in range(200):
            writer.add_scalar("train/loss", 1 / (i + 1), i)
            writer.add_scalar("eval/accuracy", i / 200, i)
        writer.add_histogram("weights", np.arange(5.0), 1)
        writer.add_hparams({"lr": 0.1, "optimizer": "adam"}, {"score": 1.0})
    run = only(tmp_path / "real")
    assert run.history["train/loss"].drop_nulls().to_list() == [
        float(np.float32(1 / (i + 1))) for i in range(200)
    ]
    assert run.config == {"lr": 0.1, "optimizer": "adam"}
    assert sum(run.completeness.media.values()) == 1
