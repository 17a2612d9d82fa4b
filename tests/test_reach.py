"""Runs that will not reach the best finished run: when a watch says so, takes it back, or is silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postrun.metrics import RunView
from postrun.model import Finding, Identity, Run, State
from postrun.records.reading import record_of
from postrun.records.record import RunRecord
from postrun.rules import Selection
from postrun.rules.beside_siblings import WillNotReachBest
from postrun.stats.curve import Interval
from postrun.studies.reach import Reach, misses
from postrun.watch import watched
from postrun.watch.event import Event, Kind
from postrun.watch.process import Writer
from postrun.watch.watched import Terms
from postrun.watch.watcher import Watcher
from tests import logs
from tests.curves import decay, make_run
from tests.test_watcher import Clock, data_of, folder_of

PLAN = {"max_steps": 400}


def run_of(end: float, rows: int = 400, key: str = "val_loss", **config: Any) -> Run:
    """A run whose loss falls towards `end`; it has finished if all 400 rows are there."""
    state = State.FINISHED if rows == 400 else State.RUNNING
    values = {key: decay(400, end=end, sigma=0.01, seed=int(100 * end))[:rows]}
    run = make_run(values, config={**PLAN, **config}, state=state)
    return replace(run, identity=Identity(id=f"run-{end}", name=f"run-{end}", project="p"))


def record(run: Run) -> RunRecord:
    return record_of(RunView(run))


def look(run: Run, others: Iterable[RunRecord], reach: Reach | None = None) -> Finding | None:
    reach, view = reach or Reach(WillNotReachBest()), RunView(run)
    return reach.look(view, reach.forecast(view), others)


def test_a_run_far_from_the_best_is_told_with_its_forecast() -> None:
    found = look(run_of(1.5, 240), [record(run_of(0.5)), record(run_of(0.8))])
    assert found is not None and found.rule == "BASE003"
    assert "val_loss will not reach 0.5" in found.message and "of run-0.5" in found.message
    assert "at step 399, 90% interval" in found.message
    (proof,) = found.evidence
    assert proof.before is not None and proof.after is not None and proof.before < proof.after
    assert proof.step_to == 239


def test_a_run_that_may_reach_it_is_not() -> None:
    assert look(run_of(1.0, 240), [record(run_of(1.0)), record(run_of(1.3))]) is None
    assert look(run_of(0.5, 240), [record(run_of(1.5))]) is None


@pytest.mark.parametrize(
    ("run", "other"),
    [
        pytest.param(run_of(1.5, 240), run_of(0.5, 200), id="the other has not finished"),
        pytest.param(run_of(1.5, 80), run_of(0.5), id="too little of the plan is done"),
        pytest.param(run_of(1.5, 240), run_of(0.5, key="train/loss"), id="another split"),
        pytest.param(run_of(1.5, 240, max_steps=100), run_of(0.5), id="the other ran longer"),
        pytest.param(run_of(1.5, 240, dataset="a"), run_of(0.5, dataset="b"), id="other data"),
        pytest.param(replace(run_of(1.5, 240), config={}), run_of(0.5), id="no plan"),
        pytest.param(
            replace(run_of(1.5, 240), identity=Identity(id="x", name="x", project="q")),
            run_of(0.5),
            id="another project",
        ),
        pytest.param(run_of(900.0, 240), run_of(0.5), id="another scale"),
    ],
)
def test_what_does_not_compare_is_not_told(run: Run, other: Run) -> None:
    assert look(run, [record(other)]) is None


def test_it_takes_a_wider_interval_to_tell_it_than_to_take_it_back() -> None:
    expected = Interval(2.0, 1.8, 2.1)
    assert misses(expected, 1.75, -1) and not misses(expected, 1.75, -1, 1.5)
    assert misses(expected, 1.69, -1, 1.5) and not misses(expected, 1.81, -1)
    assert misses(Interval(0.5, 0.4, 0.6), 0.66, 1, 1.5)
    others, reach = [record(run_of(0.5))], Reach(WillNotReachBest())
    assert look(run_of(1.5, 240), others, reach) is not None
    broken = run_of(1.5, 260)
    values = broken.history["val_loss"].to_numpy().copy()
    values[-8:] = np.nan
    # A run that cannot be continued has not recovered; one that falls to the other's level has.
    assert look(make_run({"val_loss": values}, config=PLAN, state=State.RUNNING), others, reach)
    assert look(run_of(0.45, 300), others, reach) is None


def records(run: Run, exit_code: int | None) -> list[Any]:
    who = logs.run_record(run.id, display_name=run.name, config=run.config)
    values = enumerate(run.history["val_loss"].to_list())
    rows = logs.rows([{"_step": i, "val_loss": v} for i, v in values])
    return [who, *rows, *([] if exit_code is None else [logs.exit_record(exit_code)])]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Watch a run that grows beside a finished one; called with the target and the terms."""
    monkeypatch.setattr(watched, "writer_of", lambda path: Writer(False))
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "cache"))
    folder_of(tmp_path, "good").write_bytes(data_of(records(run_of(0.5), 0)))
    path = folder_of(tmp_path, "now", "20240102_000000")
    whole = records(run_of(1.5), 0)

    def watch(alone: bool, terms: Terms = Terms(), single: bool = False) -> list[Event]:  # noqa: B008
        clock, seen, found = Clock(), 20, []
        path.write_bytes(data_of(whole[:seen]))
        target = path.parent if alone else path.parent.parent
        watcher = Watcher(
            [str(target)], terms, clock=clock, sleep=clock.sleep, idle=30.0, single=single
        )
        for event in watcher.events():
            if event is not None:
                found.append(event)
                continue
            clock.sleep(60)
            seen += 10
            path.write_bytes(data_of(whole[:seen]))
        return found

    return watch


@pytest.mark.parametrize(("alone", "single"), [(True, False), (False, False), (False, True)])
def test_a_watch_tells_it_once(events: Any, alone: bool, single: bool) -> None:
    told = events(alone, single=single)
    found = [e for e in told if e.finding is not None]
    assert [(e.kind, e.finding.rule) for e in found] == [(Kind.FOUND, "BASE003")]
    assert 120 <= found[0].step <= 320
    assert found[0].message.startswith("val_loss will not reach 0.5")
    assert told[-1].kind is Kind.ENDED


def test_a_watch_is_silent_if_the_rule_is_ignored(events: Any) -> None:
    told = events(False, Terms(selection=Selection(ignore=("BASE003",))))
    assert [e.kind for e in told] == [Kind.STARTED, Kind.ENDED]
