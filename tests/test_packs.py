"""Each pack against real keys of its framework (`pack_keys.csv`), and what its patterns may not do."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from postrun.metrics import Pack, RunView, packs
from postrun.metrics.frameworks import Recognition, bases
from postrun.model import Run

KEYS = Path(__file__).with_name("pack_keys.csv")
#: Packs that only recognise: their trainers write the names of what they are built on.
WITHOUT_NAMES = {"unsloth", "flax", "generic", "wandb-system"}
PACKS = {pack.name: pack for pack in packs()}


def rows() -> dict[str, list[dict[str, str]]]:
    """Keys by pack, or by pack and recipe ("torchtune:ppo").

    An empty role is none, an empty split or direction is not asked.
    """
    found = defaultdict(list)
    with KEYS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["pack"]].append(row)
    return found


ROWS = rows()


def pack_of(name: str) -> Pack:
    return PACKS[name.partition(":")[0]]


def view_of(pack: Pack, keys: list[str]) -> RunView:
    """A run of a framework that logged some metrics, whatever else would show the framework."""
    view = RunView(
        Run.from_frame(pl.DataFrame({"_step": [0, 1], **{key: [0.5, 0.7] for key in keys}}))
    )
    own = [Recognition(pack, "")]
    known = [p for p in packs() if p.stream == "history"]
    view.recognised = [
        *own,
        *bases(own, known),
        *(Recognition(p, "") for p in known if p.normalised),
    ]
    return view


@pytest.mark.parametrize("name", sorted(ROWS))
def test_real_keys_have_their_role_split_and_direction(name: str) -> None:
    wanted = {row["key"]: row for row in ROWS[name]}
    metrics = view_of(pack_of(name), list(wanted)).metrics
    for key, row in wanted.items():
        info = metrics[key]
        got = (info.role or "", info.split, info.better)
        asked = (row["role"], row["split"] or info.split, row["better"] or info.better)
        assert got == asked, key
        assert info.understood or not row["split"], f"{key} is not understood"


def test_each_pack_has_real_keys() -> None:
    assert set(PACKS) - {pack_of(name).name for name in ROWS} == WITHOUT_NAMES
    assert all(len(ROWS[name]) >= 4 for name in ROWS)


@pytest.mark.parametrize("name", sorted(set(PACKS) - WITHOUT_NAMES))
def test_each_pattern_matches_a_real_key(name: str) -> None:
    """A pattern that no key of the framework matches is a guess; at most a fifth may lack one here."""
    keys = [row["key"] for of in ROWS if pack_of(of).name == name for row in ROWS[of]]
    idle = [p.text for p in PACKS[name].patterns if not any(p.regex.fullmatch(key) for key in keys)]
    assert len(idle) <= max(2, 0.2 * len(PACKS[name].patterns)), idle


@pytest.mark.parametrize("pack", packs(), ids=lambda pack: pack.name)
def test_what_a_pack_builds_on_exists(pack: Pack) -> None:
    assert pack.builds_on <= set(PACKS) - {pack.name}
