"""A run on a server is followed by polite questions: the real SDK against the stand-in."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from postrun.watch.event import Event
from postrun.watch.watched import Terms
from postrun.watch.watcher import Watcher
from tests.curves import decay
from tests.standin import ServerRun, StandIn
from tests.standin.server import KEY
from tests.test_watcher import Clock, losses


def grow(run: ServerRun, start: int, stop: int) -> None:
    for i, loss in list(enumerate(losses()))[start:stop]:
        run.log({"_step": i, "_runtime": i * 1.0, "_timestamp": 1.7e9 + i, "train/loss": loss})
    run.heartbeat = run.heartbeat.replace(minute=(run.heartbeat.minute + 1) % 60)


def test_a_run_on_a_server_is_followed_to_its_end(server: StandIn) -> None:
    run = server.add(ServerRun("ent", "p", "r1", name="sunny", state="running"))
    grow(run, 0, 250)
    clock = Clock()
    watcher = Watcher(["ent/p/r1"], Terms(), clock=clock, sleep=clock.sleep, every=30.0)
    events: list[Event] = []
    rounds, last = 0, 250
    asked: list[int] = []
    for event in watcher.events():
        if event is not None:
            events.append(event)
            continue
        rounds += 1
        asked.append(server.count())
        assert rounds < 1_000
        if rounds % 30 == 0:
            if last < 600:
                grow(run, last, last + 70)
                last += 70
            else:
                run.state = "finished"
                run.heartbeat = run.heartbeat.replace(second=59)
    kinds = [event.kind.value for event in events]
    assert kinds[0] == "started" and kinds[-1] == "ended" and "found" in kinds
    assert not watcher.errors
    told = next(e for e in events if e.kind.value == "found")
    assert told.finding is not None and told.finding.rule == "OPT002" and told.name == "sunny"
    quiet = [b - a for a, b in pairwise(asked)]
    assert quiet.count(0) > 0.85 * len(quiet), "it is asked twice a minute, not at each round"


def test_runs_of_a_project_cost_one_question_while_nothing_changes(server: StandIn) -> None:
    for i in range(20):
        run = server.add(ServerRun("ent", "p", f"r{i}", state="running"))
        grow(run, 0, 20)
    server.add(ServerRun("ent", "p", "old", state="finished"))
    clock = Clock()
    watcher = Watcher(["ent/p"], Terms(), clock=clock, sleep=clock.sleep, every=30.0)
    counts = []
    for event in watcher.events():
        if event is None:
            counts.append(server.count())
            if len(counts) == 60:
                break
    assert len(watcher.runs) == 20, "what has ended is not followed"
    assert counts[-1] - counts[2] <= 3 * (60 * 2 // 30 + 1)


def test_a_server_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    clock = Clock()
    watcher = Watcher(["ent/p/r1"], Terms(), clock=clock, sleep=clock.sleep)
    assert [e for e in watcher.events() if e] == []
    assert len(watcher.errors) == 1


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ent/p/now", "ent/p"])
@pytest.mark.parametrize("ends", [1.5, 0.45])
def test_a_run_on_a_server_is_held_against_the_best_finished_one_there(
    server: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    target: str,
    ends: float,
) -> None:
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path))

    def log(run: ServerRun, end: float, start: int, stop: int) -> None:
        values = decay(400, end=end, sigma=0.01, seed=int(100 * end))
        for i in range(start, stop):
            run.log(
                {"_step": i, "_runtime": i * 1.0, "_timestamp": 1.7e9 + i, "val_loss": values[i]}
            )
        run.heartbeat = run.heartbeat.replace(minute=(run.heartbeat.minute + 1) % 60)

    plan = {"max_steps": {"value": 400}}
    for name, end in (("best", 0.5), ("worse", 0.9)):
        log(server.add(ServerRun("ent", "p", name, name=name, config=plan)), end, 0, 400)
    now = server.add(ServerRun("ent", "p", "now", name="now", state="running", config=plan))
    log(now, ends, 0, 20)
    clock, rounds, last = Clock(), 0, 20
    watcher = Watcher([target], Terms(), clock=clock, sleep=clock.sleep, every=30.0)
    events: list[Event] = []
    for event in watcher.events():
        if event is not None:
            events.append(event)
            continue
        rounds += 1
        if rounds == 900:  # a project is watched until somebody stops it
            break
        if rounds % 30 == 0 and last < 400:
            log(now, ends, last, last + 20)
            last += 20
        elif rounds % 30 == 0:
            now.state = "finished"
            now.heartbeat = now.heartbeat.replace(second=59)
    assert not watcher.errors
    assert [e.run for e in events if e.kind.value == "ended"] == ["now"]
    found = [e for e in events if e.finding is not None and e.finding.rule == "BASE003"]
    if ends < 0.5:
        assert not found
        return
    assert [e.kind.value for e in found] == ["found"]
    assert found[0].message.startswith("val_loss will not reach 0.5")
    assert "of best, the best finished run" in found[0].message
    assert found[0].step is not None and 120 <= found[0].step <= 340
