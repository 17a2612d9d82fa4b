"""Replay trainings with known truth row by row: how early faults are told, and what is taken back.

    python -m benchmarks.watch                          the project's own trainings and curves
    python -m benchmarks.watch --data ../shared/data    others' trainings as well
    python -m benchmarks.watch --tools postrun --details

Own trainings are those that `python -m benchmarks.diagnosis` made. Peers are replayed once, and what they told
is kept in benchmarks/out/watch. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.faults.tools import TOOLS, installed
from benchmarks.watch import replay
from benchmarks.watch.trainings import Training, frameworks, own_curves, own_trainings, published
from postrun.metrics import RunView
from postrun.model import Run
from postrun.watch.judge import warm_up

OUT = Path(__file__).parents[1] / "out" / "watch"
_PEERS = ("losslint", "trainproof", "trainspotter")
#: Rows that a training logs in an hour, at 50 ms a step.
_HOUR = 72_000
#: A warning is early, not false, if it comes at most this share of the run before the fault is said to begin.
_BEFORE = 0.02


@dataclass(slots=True)
class Score:
    """What one tool did on one source."""

    delays: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    faults: int = 0
    runs: int = 0
    healthy: int = 0
    healthy_alarms: int = 0
    gone: list[str] = field(default_factory=list)
    gone_grave: int = 0
    seconds: float = 0.0
    rows: int = 0
    values: int = 0
    late: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    def add(self, training: Training, told: replay.Told, coded: bool) -> None:
        """Count one training. `coded`: checks are postrun's codes, which a fault names."""
        run = training.run
        self.runs += 1
        self.seconds += told.seconds
        self.rows += run.history.height
        self.values += run.history.height * run.history.width
        view = RunView(run)
        span = max(1.0, (view.last_x or 0.0) - (view.first_x or 0.0))
        for check in sorted(told.gone):
            self.gone.append(f"{training.name}: {check} at row {told.first[check][0]}")
            self.gone_grave += check in told.grave
        if training.healthy:
            self.healthy += 1
            alarms = [
                c for c in told.first if not (coded and c.startswith(training.allowed or "-"))
            ]
            self.healthy_alarms += len(alarms)
            self.false += [f"{training.name}: {check}" for check in alarms]
        for code, onset in training.onsets.items():
            self.faults += 1
            known = [
                step
                for check, (_, step) in told.first.items()
                if (not coded or not code or check == code) and step >= onset - _BEFORE * span
            ]
            if known:
                self.steps.append(max(0.0, min(known) - onset))
                self.delays.append(self.steps[-1] / span)
            if not known or self.delays[-1] > 0.1:
                how = f"{self.delays[-1]:.0%}" if known else "never"
                self.late.append(f"{training.name} {code}: {how}")

    def row(self, name: str) -> str:
        """Return the score as a row of the table."""
        delay = f"{100 * float(np.median(self.delays)):.1f}%" if self.delays else "–"
        steps = f"{np.median(self.steps):,.0f}" if self.delays else "–"
        found = f"{len(self.delays)} of {self.faults}" if self.faults else "–"
        false = f"{self.healthy_alarms / self.healthy:.2f}" if self.healthy else "–"
        per_20 = 20 * len(self.gone) / max(1, self.runs)
        hour = self.seconds / max(1, self.rows) * _HOUR
        million = self.seconds / max(1, self.values) * 1e6
        return (
            f"| {name} | {found} | {delay} | {steps} | {per_20:.2f} | {self.gone_grave} | {false} | "
            f"{hour:.0f} | {million:.0f} |"
        )


_HEAD = (
    "| tool | faults told | median delay, share of the run | median delay, steps | "
    "alarms taken back per 20 runs | critical ones, in all | warnings per healthy run | "
    "CPU s per hour of training | CPU s per million values |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> None:
    """Run the benchmark."""
    options = _options()
    ways: dict[str, Callable[[Run], replay.Told]] = {}
    if "postrun" in options.tools:
        warm_up()
        ways["postrun"] = replay.watched
    for tool in TOOLS:
        if tool.name in options.tools and tool.name in _PEERS:
            if installed(tool):
                ways[f"{tool.name} {installed(tool)}"] = replay.peer(tool)
            else:
                print(f"{tool.name} is left out: it is not installed", file=sys.stderr)
    for title, trainings in _sources(options):
        if options.sources and title not in options.sources:
            continue
        scores = {name: Score() for name in ways}
        for training in trainings:
            if training.run.history.height < 5:
                continue
            print(f"\r{title}/{training.name}"[:99].ljust(100), end="", file=sys.stderr)
            for name, way in ways.items():
                told = partial(way, training.run)
                path = OUT / name / training.source / f"{training.name}.json"
                keep = name != "postrun" or options.keep
                scores[name].add(
                    training, replay.kept(path, told) if keep else told(), name == "postrun"
                )
        runs = max((s.runs for s in scores.values()), default=0)
        if not runs:
            continue
        healthy = max(s.healthy for s in scores.values())
        print(f"\n### {title}: {runs} runs, {healthy} of them healthy\n\n{_HEAD}")
        print(*(score.row(name) for name, score in scores.items()), sep="\n", flush=True)
        if options.details and "postrun" in scores:
            score = scores["postrun"]
            for what in ("gone", "late", "false"):
                print(f"\n{what}:", *getattr(score, what), sep="\n    ", flush=True)


def _sources(options: argparse.Namespace) -> Iterator[tuple[str, Iterable[Training]]]:
    first, last = options.seeds
    yield "own curves", own_curves(range(first, last))
    for seed in options.trainings:
        yield f"own trainings, seed {seed}", own_trainings(seed)
    if options.data:
        yield "frameworks", frameworks(options.data)
        for source in ("algoperf", "nanogpt"):
            yield source, published(source, options.data)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder with faults/ and frameworks/")
    parser.add_argument("--seeds", type=int, nargs=2, default=(2000, 2002), help="of the curves")
    parser.add_argument("--trainings", type=int, nargs="*", default=[2000], help="their seeds")
    parser.add_argument("--tools", nargs="+", default=["postrun", *_PEERS])
    parser.add_argument("--sources", nargs="*", default=[], help="titles of sources; all if none")
    parser.add_argument("--keep", action="store_true", help="replay postrun once as well")
    parser.add_argument("--details", action="store_true", help="name what was late or taken back")
    return parser.parse_args()


if __name__ == "__main__":
    main()
