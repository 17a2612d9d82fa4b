"""How often `postrun check --baseline` calls a repeated training worse, and how many broken ones it calls so.

    python -m benchmarks.gates            seeds that no threshold was chosen on
    python -m benchmarks.gates --develop  the seeds for development

Trains the healthy cases of `benchmarks.diagnosis` with several seeds, and broken variants of them. Each run
is held against one other seed, and against all others. Prints Markdown.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path

from benchmarks.diagnosis.__main__ import train
from postrun import load
from postrun.metrics import RunView
from postrun.rules import Selection
from postrun.studies.baseline import Baseline, Held

DEVELOP, REPORT = (0, 1, 2, 3), (2000, 2001, 2002, 2003)
HEALTHY = (
    "classifier", "small-batches", "epochs", "language-model", "dpo", "policy-gradient", "ppo", "q-learning",
    "faithful-sampler",
)  # fmt: skip
#: A broken training, and the healthy one that it is a variant of.
BROKEN = {
    "overfits-noisy-labels": "classifier", "overfits-few-samples": "classifier",
    "labels-shuffled": "classifier",
    "rate-of-zero": "classifier", "diverges-after-rate-jump": "classifier", "beyond-the-edge": "classifier",
    "dead-units": "classifier", "saturated-outputs": "classifier",
    "language-model-small-text": "language-model", "language-model-wrong-shard": "language-model",
    "random-preferences": "dpo", "few-pairs": "dpo", "entropy-collapses": "policy-gradient",
    "reward-collapses": "policy-gradient", "updates-too-large": "policy-gradient",
}  # fmt: skip


def view(name: str, seed: int) -> RunView | None:
    """Return a training, trained now if it is not there; None if it left no log."""
    folder: Path = train(name, seed)
    logs = sorted(folder.rglob("*.wandb"))
    return RunView(load(logs[0])) if logs else None


def held(run: RunView, baseline: list[RunView], selection: Selection) -> Held:
    return Baseline.of([(one, []) for one in baseline]).hold(run, [], selection)


def worse(run: RunView, baseline: list[RunView], selection: Selection) -> bool:
    """Return whether any result is called worse; times differ with what else the machine does."""
    return any(f.rule == "BASE001" for f in held(run, baseline, selection).worse)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--develop", action="store_true", help="Use the seeds for development.")
    parser.add_argument("--spread", type=float, help="Override BASE001.spread.")
    asked = parser.parse_args()
    seeds = DEVELOP if asked.develop else REPORT
    limits = {} if asked.spread is None else {"BASE001": {"spread": asked.spread}}
    selection = Selection(thresholds=limits)
    known = {name: [v for s in seeds if (v := view(f"healthy-{name}", s))] for name in HEALTHY}
    single = [(r, [b]) for runs in known.values() for r, b in permutations(runs, 2)]
    several = [(r, [b for b in runs if b is not r]) for runs in known.values() for r in runs]
    print("| runs held against | repeated runs called worse | broken runs called worse |")
    print("|---|---:|---:|")
    broken = {name: v for name in BROKEN if (v := view(name, seeds[0]))}
    for words, pairs, part in (
        ("one baseline", single, slice(1, 2)),
        (f"{len(seeds) - 1} baselines", several, slice(1, None)),
    ):
        alarms = sum(worse(run, base, selection) for run, base in pairs)
        hits = [
            name for name, run in broken.items() if worse(run, known[BROKEN[name]][part], selection)
        ]
        print(f"| {words} | {alarms} of {len(pairs)} | {len(hits)} of {len(broken)} |")
        missed = sorted(set(broken) - set(hits))
        print(f"\nNot called worse beside {words}: {', '.join(missed) or 'none'}.\n")


if __name__ == "__main__":
    main()
