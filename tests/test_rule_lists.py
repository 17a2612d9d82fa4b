"""Findings on many things name the first few and count the rest; thin coverage begins at a third."""

from __future__ import annotations

import numpy as np
import pytest

from postrun.metrics import RunView
from postrun.model import Damage
from postrun.rules import find_rule
from postrun.rules.coverage import Coverage
from tests.curves import decay, make_run


def message(code: str, view: RunView) -> str:
    (finding,) = find_rule(code)({}).check(view)
    return finding.message


@pytest.mark.parametrize(
    ("count", "more"), [(1, ""), (3, ""), (4, "; and 1 more places"), (6, "; and 3 more")]
)
def test_damage_beyond_three_places_is_counted(count: int, more: str) -> None:
    damage = [Damage(f"run-{i}.wandb", 4096, 99, "bad checksum", True) for i in range(count)]
    said = message(
        "DAT002", RunView(make_run({"loss": decay(50)}, completeness={"damage": damage}))
    )
    assert said.count("bad checksum") == min(count, 3)
    assert more in said and ("more places" in said) == bool(more)


@pytest.mark.parametrize("count", [5, 6, 7, 9])
def test_constant_terms_beyond_six_are_cut(count: int) -> None:
    rows = {f"rewards/term{i}/mean": np.zeros(1000) for i in range(count)}
    said = message("DAT004", RunView(make_run({"reward": decay(1000), **rows})))
    assert said.count("rewards/term") == min(count, 6) and (" ..." in said) == (count > 6)


def test_a_sample_is_told_from_its_first_step() -> None:
    view = RunView(
        make_run(
            {"loss": decay(50)},
            completeness={"sampled": True, "first_step": 101, "last_step": 1100, "rows": 50},
        )
    )
    assert "50 rows of 1,000 steps (101 to 1,100)" in message("DAT001", view)


@pytest.mark.parametrize(("unknown", "thin"), [(0, False), (20, False), (21, True), (30, True)])
def test_coverage_is_thin_below_a_third(unknown: int, thin: bool) -> None:
    names = tuple(f"m{i}" for i in range(unknown))
    assert Coverage(30, names, {}).thin is thin
    assert Coverage(30, (), {"learning": "no loss"}).thin
