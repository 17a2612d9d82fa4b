"""How often `postrun watch` says that a run will not reach the best sibling, of runs that then do or do not.

python -m benchmarks.forecast.reach [--data FOLDER] [--details]

Each run of a group is told prefix by prefix (every 2% of its way from 30% on), with its length as its plan, and
with all other runs of the group as finished siblings, then with each other run alone. "reach the best": runs
whose final value is at least as good as that of the best sibling that they are compared with. "false alarms":
such runs of which it was told. "plan left": the median share of the plan that was left when it was first told,
rightly.

Groups are the published trainings of FOLDER/faults (AlgoPerf by workload, the record runs, seeds and fixes of
one bug), the W&B runs of one repository, and made searches of 8 runs each. The courses of these go on as they
began, or drop at the end as with a decay of the learning rate that nothing logged.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import postrun
from benchmarks.faults.sources import SOURCES
from benchmarks.watch.replay import prefix
from postrun.metrics import RunView
from postrun.model import Run, State
from postrun.records.finals import final
from postrun.records.reading import record_of
from postrun.records.record import RunRecord
from postrun.rules.beside_siblings import WillNotReachBest
from postrun.studies.reach import Reach, best_sibling
from postrun.training.outlook import Forecast, judged_by
from postrun.watch.event import Kind
from postrun.watch.ledger import Ledger

SHARES = np.arange(0.3, 0.97, 0.02)
SEARCHES, RUNS, STEPS = 8, 8, 400
#: Rows that a run must have for a forecast that is worth a look.
_LEAST = 20
_WORKLOAD = re.compile(r"study_\d+_(.+?)(?:_trial_\d+.*)?$")
_VARIANT = re.compile(r"(criteo1tb|imagenet_resnet|imagenet_vit|fastmri|ogbg|wmt|librispeech)")


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one project."""

    source: str
    name: str
    runs: list[Run]


@dataclass(slots=True)
class Score:
    """What was said of the runs of one source."""

    compared: int = 0
    reached: int = 0
    told: int = 0
    right: int = 0
    false: int = 0
    taken_back: int = 0
    rightly_back: int = 0
    left: list[float] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Return the score as a row of the table."""
        missed = self.compared - self.reached
        found = f"{100 * self.right / missed:.0f}%" if missed else "–"
        saved = f"{100 * float(np.median(self.left)):.0f}%" if self.left else "–"
        return (
            f"| {name} | {self.compared} | {self.reached} | {self.told} | {self.false} | "
            f"{self.taken_back} | {self.right} of {missed} ({found}) | {saved} |"
        )


def searches(drops: bool) -> Iterator[Group]:
    """Yield made searches. With `drops`, a loss falls once more in the last fifth, by up to 10%."""
    for seed in range(SEARCHES):
        rng = np.random.default_rng(seed)
        runs = [_made(rng, f"{seed}-{i}", drops) for i in range(RUNS)]
        yield Group("made, with a late drop" if drops else "made", str(seed), runs)


def _made(rng: np.random.Generator, name: str, drops: bool) -> Run:
    t = np.arange(STEPS) + 1.0
    floor, begin = rng.uniform(1.0, 1.6), rng.uniform(3.8, 4.2)
    if rng.random() < 0.5:
        course: Any = (1 + t / rng.uniform(2, 20)) ** -rng.uniform(0.3, 1.0)
    else:
        course = np.exp(-t / (STEPS * rng.uniform(0.05, 0.5)))
    noise = rng.standard_normal(STEPS) * 10 ** rng.uniform(-2.5, -1)
    for i in range(1, STEPS):
        noise[i] += 0.5 * noise[i - 1]
    y = floor + (begin - floor) * course + noise
    if drops:
        late = np.clip((t / STEPS - 0.8) / 0.2, 0, 1)
        y -= late * rng.uniform(0, 0.1) * (begin - y[-1])
    frame = pl.DataFrame({"_step": np.arange(STEPS), "val_loss": y})
    return _planned(Run.from_frame(frame, id=name, name=name))


def published(data: Path) -> Iterator[Group]:
    """Yield the groups of others' trainings."""
    for source in ("algoperf", "nanogpt", "benchdl4real"):
        found: dict[str, list[Run]] = {}
        for case in SOURCES[source](data, Path()):
            path = case.subject.path
            for run in case.subject.runs or ([postrun.load(path)] if path else []):
                who = replace(run.identity, id=case.name, name=case.name)
                named = _planned(replace(run, identity=who))
                found.setdefault(_group(source, case.name), []).append(named)
        for name, runs in found.items():
            yield Group(source, name, runs)
    for root in ("labelled", "runs"):
        for folder in sorted((data / root).glob("*")):
            runs = []
            for path in sorted(folder.glob("*")) if folder.is_dir() else []:
                try:
                    runs.append(_planned(postrun.load(path)))
                except postrun.TargetError:
                    continue
            yield Group("W&B runs", folder.name, runs)


def _group(source: str, name: str) -> str:
    if source == "benchdl4real":
        return re.sub(r"_(?:buggy|fixed)_s\d+(?:\.csv)?$", "", name)
    workload = _WORKLOAD.search(name)
    variant = _VARIANT.search(workload[1]) if workload else None
    return variant[1] if variant else source


def _planned(run: Run) -> Run:
    """Return a run as one that finished what it had planned."""
    view = RunView(run)
    config = {k: v for k, v in run.config.items() if not re.search("(?i)epochs|steps", k)}
    if view.last_x:
        unit = "epochs" if view.axis.unit == "epoch" else "max_steps"
        config[unit] = view.last_x + (view.first_x == 0)
    return replace(run, state=State.FINISHED, exit_code=0, config=config)


@dataclass(slots=True)
class Course:
    """A run as it was seen: its forecast at each share of its way that was looked at."""

    run: Run
    view: RunView
    metric: str
    end: float
    looks: list[tuple[float, RunView, Forecast | None]]

    @classmethod
    def of(cls, run: Run) -> Course | None:
        """Return the course of a run; None if nothing tells what it is judged by, or it is too short."""
        whole = RunView(run)
        key = judged_by(whole)
        if not key or whole.last_x is None or len(whole.series(key).finite) < _LEAST:
            return None
        looks, reach = [], Reach(WillNotReachBest())
        for share in SHARES.tolist():
            seen = int(np.searchsorted(whole.steps, share * whole.last_x, side="right"))
            if 10 <= seen < run.history.height:
                view = RunView(prefix(run, seen))
                looks.append((share, view, reach.forecast(view)))
        return cls(run, whole, key, final(whole.series(key).finite)[2], looks)

    def replay(self, others: list[RunRecord], score: Score) -> None:
        """Tell the run look by look beside others, as `watch` does."""
        last, sign = self.view.last_x or 0.0, self.view.metrics[self.metric].sign
        whole = Forecast(self.metric, last, last, self.view.axis.unit, self.end, None)
        best = best_sibling(self.view, others, whole)
        if best is None:
            return
        reached = (self.end - best.level) * sign >= 0
        score.compared += 1
        score.reached += reached
        reach, ledger, told, back = Reach(WillNotReachBest()), Ledger(), [], 0
        for share, view, made in self.looks:
            found = reach.look(view, made, others)
            known = [found] if found else []
            for change in ledger.look(known, known, frozenset()):
                if change.kind is Kind.FOUND:
                    told.append((share, change.finding.message))
                back += change.kind is Kind.RECOVERED
        if not told:
            return
        score.told += 1
        score.taken_back += back
        score.false += reached
        score.right += not reached
        if not reached:
            score.left.append(1 - told[0][0])
        if reached or back:
            score.details.append(
                f"{self.run.id}: ended at {self.end:.4g}, best {best.level:.4g}, taken back {back}, "
                f"told at {told[0][0]:.0%}: {told[0][1]}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast.reach")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--details", action="store_true")
    asked = parser.parse_args()
    groups = [*searches(False), *searches(True)]
    if asked.data:
        groups += published(asked.data)
    scores: dict[str, Score] = {}
    with np.errstate(all="ignore"):
        for group in groups:
            records = [record_of(RunView(run)) for run in group.runs]
            for i, run in enumerate(group.runs):
                course = Course.of(run)
                if course is None:
                    continue
                others = records[:i] + records[i + 1 :]
                course.replay(others, scores.setdefault(f"{group.source}, all others", Score()))
                for other in others:
                    one = scores.setdefault(f"{group.source}, each other alone", Score())
                    course.replay([other], one)
    print(
        "| source, siblings | compared | reach the best | told | false alarms | taken back | "
        "told of those that do not reach it | plan left |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, score in scores.items():
        print(score.row(name))
        if asked.details:
            print(*score.details, sep="\n")


if __name__ == "__main__":
    main()
