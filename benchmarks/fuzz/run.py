"""Many mutants on all cores, in processes that are started anew when one dies."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.fuzz.case import Case, Mutator
from benchmarks.fuzz.mutators import MUTATORS
from benchmarks.fuzz.oracle import CLOCK_LIMIT, Outcome, Verdict, judge

#: Mutants that a process takes at a time, and after how many such portions processes are replaced.
_PORTION, _PORTIONS = 50, 40
#: Of so many mutants of each kind one is exported and reported, too.
_REPORTED = 25


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant by its number, with its mutator's name and the verdict."""

    number: int
    mutator: str
    verdict: Verdict


def chosen(names: Sequence[str]) -> tuple[Mutator, ...]:
    """Return the mutators whose names hold any of these texts, all for none."""
    return tuple(m for m in MUTATORS if not names or any(name in m.name for name in names))


def mutant(seed: int, number: int, mutators: Sequence[Mutator]) -> tuple[Mutator, Case]:
    """Return a mutant: always the same for a seed and a number."""
    mutator = mutators[number % len(mutators)]
    return mutator, mutator.make(Random(f"{seed} {number}"))


def fuzz(
    seed: int, count: int, names: Sequence[str] = (), workers: int | None = None
) -> Iterator[Judged]:
    """Judge `count` mutants, in any order."""
    portions = [range(at, min(at + _PORTION, count)) for at in range(0, count, _PORTION)]
    cores = workers or os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        marks = [Path(folder) / f"portion{i}" for i in range(len(portions))]
        alone: list[int] = []
        # A pool for each round: of Python 3.11's pools, those that replace processes can deadlock.
        for start in range(0, len(portions), cores * _PORTIONS):
            with _pool(cores) as pool:
                futures: dict[Future[list[Judged]], int] = {}
                for i in range(start, min(start + cores * _PORTIONS, len(portions))):
                    try:
                        futures[pool.submit(_portion, seed, portions[i], names, marks[i])] = i
                    except BrokenProcessPool:
                        alone.append(i)
                for future in as_completed(futures):
                    try:
                        yield from future.result()
                    except BrokenProcessPool:
                        alone.append(futures[future])
        for i in alone:
            yield from _alone(seed, portions[i], names, marks[i])


def _alone(seed: int, portion: range, names: Sequence[str], mark: Path) -> Iterator[Judged]:
    """Judge a portion in processes of its own: the mutant at which one dies is known by the mark."""
    left = portion
    while left:
        mark.unlink(missing_ok=True)
        try:
            with _pool(1) as pool:
                yield from pool.submit(_portion, seed, left, names, mark).result()
            return
        except BrokenProcessPool:
            last = int(mark.read_text()) if mark.exists() else left[0]
        with _pool(1) as pool:
            yield from pool.submit(_portion, seed, range(left[0], last), names, mark).result()
        name = mutant(seed, last, chosen(names))[0].name
        yield Judged(last, name, Verdict(Outcome.DIED, "killed, aborted or stuck"))
        left = range(last + 1, left.stop)


def _pool(workers: int) -> ProcessPoolExecutor:
    # One thread for each: the processes share the cores.
    os.environ["POLARS_MAX_THREADS"] = "1"
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_silenced,
    )


def _silenced() -> None:
    """In a worker: panics that are caught print nothing."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)


def _portion(seed: int, numbers: range, names: Sequence[str], mark: Path) -> list[Judged]:
    mutators = chosen(names)
    found = []
    for number in numbers:
        mark.write_text(str(number))
        faulthandler.dump_traceback_later(2 * CLOCK_LIMIT, exit=True)
        found.append(judged(seed, number, mutators))
    faulthandler.cancel_dump_traceback_later()
    return found


def judged(seed: int, number: int, mutators: Sequence[Mutator]) -> Judged:
    """Make one mutant and judge it."""
    mutator, case = mutant(seed, number, mutators)
    folder = Path(tempfile.mkdtemp(prefix="postrun-fuzz-"))
    try:
        reported = number // len(mutators) % _REPORTED == 0
        return Judged(number, mutator.name, judge(case, folder, reported))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
