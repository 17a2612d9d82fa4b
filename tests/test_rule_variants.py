"""What a rule says of its cases when they are cut, thinned, noisier or tilted: no decision moves unseen.

`test_rules.py` shows that decisions are right; here each case is moved towards and over its rule's bounds.
After a change that is meant: pytest tests/test_rule_variants.py --snapshot-update
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from syrupy.assertion import SnapshotAssertion

from postrun.metrics import RunView
from postrun.model import Run
from postrun.rules import find_rule
from tests.rule_cases import SILENT
from tests.test_messages import CODES
from tests.test_rules import ALL

#: Shares of a case that are kept, from its start.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Each so many rows one is kept.
STRIDES = (2, 5, 20)
#: Noise as a share of each value; tilts towards the end.
NOISE, TILTS = (0.02, 0.1, 0.4), (-0.9, -0.5, -0.2, 0.3, 1.0, 4.0)
CLOCK = ("_step", "_runtime", "_timestamp")


def variants(run: Run) -> Iterator[tuple[str, Run]]:
    """Yield the run's variants with their names."""
    rows = run.history
    n = rows.height
    values = [c for c, kind in rows.schema.items() if kind.is_float() and c not in CLOCK]
    rng, ramp = np.random.default_rng(n), np.linspace(0, 1, n)

    def times(factor: np.ndarray) -> pl.DataFrame:
        return (
            rows.with_columns((pl.col(values) * pl.Series(factor)).name.keep()) if values else rows
        )

    made = {f"first {share}": rows.head(int(share * n)) for share in SHARES}
    made |= {f"every {stride}": rows.gather_every(stride) for stride in STRIDES}
    made |= {f"noise {size}": times(1 + size * rng.standard_normal(n)) for size in NOISE}
    made |= {f"tilt {tilt:+}": times(1 + tilt * ramp) for tilt in TILTS}
    yield from ((name, replace(run, history=history)) for name, history in made.items())


def said(code: str, run: Run) -> Iterator[str]:
    for finding in find_rule(code)({}).check(RunView(run)):
        yield f"{finding.severity.label} {finding.confidence:.2g}: {finding.message}"


@pytest.mark.parametrize("code", CODES)
def test_what_is_said_of_variants(code: str, snapshot: SnapshotAssertion) -> None:
    cases = [run for other, _, run, _ in ALL if other == code][:4]
    cases += [run for other, _, run in SILENT if other == code][:4]
    told: list[str] = []
    for number, case in enumerate(cases):
        for name, run in variants(case) if case.history.height >= 8 else []:
            told += [f"{number} {name}: {text}" for text in said(code, run)]
    assert told == snapshot
