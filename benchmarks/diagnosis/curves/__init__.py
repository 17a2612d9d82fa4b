"""Runs made of curves, with faults at known places: many cases of each kind, one per seed.

Each generator draws its own length, noise, scale, onset and key names, so that no threshold can be
fitted to one shape. Seeds below 1,000 are for development; from 1,000 on they are for the report.
"""

from __future__ import annotations

import numpy as np

from benchmarks.diagnosis.curves import healthy, policies, training
from benchmarks.diagnosis.curves.parts import GENERATORS, Case, falling, norms, rising

__all__ = ["GENERATORS", "cases", "falling", "healthy", "norms", "policies", "rising", "training"]


def cases(seeds: range) -> list[Case]:
    """All cases: each generator with each seed."""
    out = []
    for number, (name, make) in enumerate(GENERATORS.items()):
        for seed in seeds:
            run, labels = make(np.random.default_rng([number, seed]))
            labels.name = f"{name}-{seed}"
            labels.span = float(run.history["_step"][-1] - run.history["_step"][0] + 1)
            run.identity.id = labels.name
            out.append((run, labels))
    return out
