"""The benchmark's lists: what must be masked is, what is innocent stays, and no list holds a secret itself."""

from __future__ import annotations

import polars as pl
import pytest
from benchmarks.secrets.__main__ import masked, postrun, rates, seconds
from benchmarks.secrets.cases import HERE, Case, cases, run_of, shown
from benchmarks.secrets.volume import long_console, wide_config

from postrun.privacy.frames import MAYBE
from postrun.privacy.search import secrets_in

#: Fillings of the lists that no rule was made on.
SEEDS = (101, 102)


@pytest.mark.parametrize("seed", SEEDS)
def test_secrets_are_masked_and_innocent_values_stay(seed: int) -> None:
    found = rates(postrun, [seed])
    right, secrets = found["secrets"]
    wrong, innocent = found["innocent"]
    assert secrets >= 200 and innocent >= 300
    assert right >= 0.99 * secrets, [c.source for c in cases("secrets", seed) if not masked(c)]
    assert wrong <= 0.01 * innocent, [c.source for c in cases("innocent", seed) if masked(c)]


@pytest.mark.parametrize("name", ["secrets", "innocent"])
def test_lists_hold_no_secret_themselves(name: str) -> None:
    for line in (HERE / f"{name}.txt").read_text().splitlines():
        kinds = {span.kind for span in secrets_in(line.replace("[[", "").replace("]]", ""))}
        assert kinds <= {
            "secret by its name",
            "password",
            "cookie",
            "authorization",
            "private key",
        }, line


@pytest.mark.parametrize("seed", SEEDS)
def test_the_quick_look_misses_no_secret(seed: int) -> None:
    texts = [case.text for case in cases("secrets", seed) if secrets_in(case.text)]
    assert len(texts) > 150
    missed = [
        t for t, hit in zip(texts, pl.Series(texts).str.contains(MAYBE), strict=True) if not hit
    ]
    assert missed == []


def test_a_value_that_stays_is_not_touched_at_all() -> None:
    for case in cases("innocent", SEEDS[0]):
        if not masked(case):
            assert case.text.split("\n")[0] in shown(run_of(case))


def test_an_unmarked_case_is_innocent() -> None:
    assert all(case.hidden for case in cases("secrets", 1))
    assert not any(case.hidden for case in cases("innocent", 1))
    assert not masked(Case("made", "config", "lr", "0.001"))


def test_large_runs_are_masked_within_seconds() -> None:
    assert seconds(wide_config(5000), 1) < 5  # some 20 ms; a pattern that backtracks takes minutes
    assert seconds(long_console(3_000_000), 1) < 5
