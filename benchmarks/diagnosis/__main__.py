"""Train, diagnose, score: the labelled benchmark of the rules.

    python -m benchmarks.diagnosis              the report: seeds that no threshold was chosen on
    python -m benchmarks.diagnosis --develop    the seeds for development
    python -m benchmarks.diagnosis --details    each error as well

Trainings are kept in benchmarks/out/diagnosis and not repeated. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.diagnosis import curves, peers
from benchmarks.diagnosis.labels import Labels
from benchmarks.diagnosis.score import Score, said
from benchmarks.diagnosis.trainings import CASES
from postrun import load
from postrun.metrics import RunView
from postrun.rules import diagnose

OUT = Path(__file__).parents[1] / "out" / "diagnosis"
#: Seeds of trainings and of curves. Thresholds may be chosen on the first only.
DEVELOP = ((0, 1, 2, 3, 1000, 1001), range(20))
REPORT = ((2000, 2001), range(2000, 2010))


def train(name: str, seed: int) -> Path:
    """Train one case in a process of its own, unless it lies there already; its folder."""
    folder = OUT / str(seed) / name
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "benchmarks.diagnosis.trainings",
            name,
            str(seed),
            str(folder),
        ]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "WANDB_SILENT": "true"}
        with (folder / "output.txt").open("w") as output:
            subprocess.run(
                command, stdout=output, stderr=output, env=environment, timeout=300, check=False
            )
        for log in folder.rglob("*.wandb"):  # a log that was written just now counts as running
            os.utime(log, (time.time() - 86_400,) * 2)
        (folder / "done").touch()
    return folder


def real_cases(seeds: Iterable[int]) -> list[tuple[RunView, Labels]]:
    """All trainings with all seeds, two at a time."""
    jobs = [(name, seed) for seed in seeds for name in CASES]
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda job: train(*job), jobs))
    out = []
    for folder in folders:
        run = load(next(folder.glob("wandb/offline-run-*")))
        if run.state.value != CASES[folder.name].ends:
            raise SystemExit(f"{folder}: the training {run.state.value}: see output.txt there")
        labels = Labels.read(folder / "labels.json")
        labels.span = float(max(1, run.completeness.last_step or 1))
        out.append((RunView(run), labels))
    return out


def evaluate(title: str, cases: list[tuple[RunView, Labels]], details: bool) -> None:
    """Score postrun and its peers on cases and print the tables."""
    score = Score()
    theirs = {name: peers.PeerScore(name) for name in peers.MEANINGS}
    for view, labels in cases:
        score.add(labels, said(diagnose(view)))
        theirs["training-doctor"].add(labels, peers.ask_training_doctor(view))
        theirs["sk-autod"].add(labels, peers.ask_sk_autod(view))
    print(f"\n## {title}: {score.cases} cases, {score.healthy} of them healthy\n")
    print(
        "| | precision | recall, all faults | recall, faults it has a word for | median onset error | "
        "false alarms | critical on healthy |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    print(
        f"| postrun | {score.precision:.3f} | {score.recall:.3f} | {score.recall:.3f} | "
        f"{100 * score.onset_error:.1f}% | {score.alarms.total()} | {score.critical_on_healthy} |"
    )
    for name, number in peers.versions().items():
        print(theirs[name].row(f"{name} {number}"))
    print(f"\n{score.table()}")
    if details:
        print("\nmissed:", *score.lost, "\nfalse alarms:", *score.false, sep="\n  ")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--develop", action="store_true", help="use the seeds for development")
    parser.add_argument("--details", action="store_true", help="name each error")
    options = parser.parse_args()
    seeds, numbers = DEVELOP if options.develop else REPORT
    evaluate("Real trainings", real_cases(seeds), options.details)
    made = [(RunView(run), labels) for run, labels in curves.cases(numbers)]
    evaluate("Curves", made, options.details)


if __name__ == "__main__":
    main()
