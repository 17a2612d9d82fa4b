"""Mutants of runs: none ends in an internal error, a hang, too much memory or a lost row."""

from __future__ import annotations

from random import Random

import pytest
from benchmarks.fuzz.__main__ import listed, table
from benchmarks.fuzz.framing import framed
from benchmarks.fuzz.mutators import MUTATORS
from benchmarks.fuzz.oracle import Outcome, Verdict
from benchmarks.fuzz.run import Judged, fuzz, judged, mutant
from benchmarks.fuzz.seeds import LOG, records
from benchmarks.fuzz.wire import encode, parsed


def assert_no_defect(found: list[Judged]) -> None:
    defects = [one for one in found if one.verdict.outcome.is_defect]
    assert not defects, f"{table(found)}\n{listed(defects)}"


@pytest.mark.slow
def test_a_few_mutants_of_each_kind_are_read() -> None:
    assert_no_defect([judged(5, number, MUTATORS) for number in range(6 * len(MUTATORS))])


@pytest.mark.slow
def test_twenty_thousand_mutants_are_read() -> None:
    found = list(fuzz(1, 20_000))
    assert len(found) == 20_000
    assert_no_defect(found)


def test_a_mutant_is_the_same_for_a_seed_and_a_number() -> None:
    for number, mutator in enumerate(MUTATORS):
        assert mutant(3, number, MUTATORS)[1] == mutant(3, number, MUTATORS)[1]
        one, other = (mutator.make(Random(seed)) for seed in (1, 2))
        assert one.target == other.target


def test_a_tree_that_is_not_changed_is_written_as_it_was() -> None:
    assert [encode(parsed(payload)) for payload in records()] == list(records())
    assert LOG.endswith(".wandb") and framed(records())[0].startswith(b":W&B")


def test_defects_are_counted_by_kind_and_mutator() -> None:
    lost = Judged(7, "log: names", Verdict(Outcome.LOST, "1 rows"))
    read = Judged(8, "log: names", Verdict(Outcome.READ))
    assert "| log: names | 1 | 1 |" in table([lost, read])
    assert "2 x rows lost: 1 rows [log: names; 7, 7]" in listed([lost, lost])
    with pytest.raises(AssertionError, match="rows lost"):
        assert_no_defect([lost, read])
