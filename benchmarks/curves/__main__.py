"""Report false alarms, power, coverage and speed of the reading of a curve.

    python -m benchmarks.curves [--runs 200] [--only alarms|turns|flat|jumps|intervals|partings|speed]

Every number comes from generators with fixed seeds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.curves import families
from benchmarks.curves.families import LENGTHS, Floats, Maker
from postrun.stats.curve import Curve, read_curve
from postrun.stats.curve.parting import part

Question = Callable[[Curve], bool]


def rates(make: Maker, ask: Question, runs: int, lengths: Sequence[int] = LENGTHS) -> list[float]:
    """Return the share of curves of each length for which the answer is yes."""
    out = []
    for n in lengths:
        rng = np.random.default_rng([27, n])
        count = runs if n < 10_000 else max(20, runs // 5)
        x = np.arange(float(n))
        out.append(float(np.mean([ask(read_curve(x, make(n, rng), -1)) for _ in range(count)])))
    return out


def table(title: str, rows: dict[str, list[float]], lengths: Sequence[int] = LENGTHS) -> None:
    """Print rates in percent, one row for each family, and their mean over all lengths."""
    print(f"\n{title}\n")
    print("| family | " + " | ".join(f"{n:,}" for n in lengths) + " | mean |")
    print("|---" * (len(lengths) + 2) + "|")
    for name, values in rows.items():
        cells = [f"{100 * v:.1f}" for v in [*values, float(np.mean(values))]]
        print(f"| {name} | " + " | ".join(cells) + " |")


def alarms(runs: int) -> None:
    """Print what is said of curves of which it is not true."""
    asked: dict[str, tuple[Question, Callable[[str], bool]]] = {
        "turning points": (lambda c: c.turned is not None, lambda _: True),
        "jumps": (lambda c: bool(c.jumps), lambda f: "staircase" not in f),
        "bursts": (lambda c: bool(c.bursts), lambda f: "staircase" not in f),
        "running means": (lambda c: c.is_running_mean, lambda _: True),
    }
    makers = families.without_turn()
    for what, (ask, fits) in asked.items():
        table(
            f"False {what}, %",
            {name: rates(make, ask, runs) for name, make in makers.items() if fits(name)},
        )
    falling = {
        "power law": families.power,
        "exponential still falling": families.slow_exponential,
    }
    rows = {}
    for name, course in falling.items():
        for kind, noise in families.NOISES.items():
            make = families.smooth(course) if kind == "none" else families.additive(course, noise)
            rows[f"{name} + {kind}"] = rates(make, lambda c: c.flat_since is not None, runs)
    table('False "flat since", %', rows)
    table(
        '"Never moved" of curves that move by 5 to 300 noise units, %',
        {
            name: rates(
                families.moving(course),
                lambda c: c.never_moved is True,
                runs,
            )
            for name, course in families.COURSES.items()
            if name != "plateau"
        },
    )


def turns(runs: int) -> None:
    """Print how often an overfit is found."""
    rows = {}
    for first in (False, True):
        for rise in (3, 5, 10, 20):
            name = f"rises by {rise}" + (", first is best" if first else "")
            make = families.overfit(rise, first=first)
            rows[name] = rates(make, lambda c: c.turned is not None, runs)
    rows["rises by 10, t3"] = rates(
        families.overfit(10, families.heavy), lambda c: c.turned is not None, runs
    )
    rows["rises by 10, AR(1) 0.9"] = rates(
        families.overfit(10, families.slow), lambda c: c.turned is not None, runs
    )
    table("Overfits found, % (rise in noise units)", rows)


def flatness(runs: int) -> None:
    """Print how often a flat second half is found, and a series that never moved."""
    lengths = LENGTHS[4:]
    rows = {}
    for kind in ("linear", "power law", "exponential"):
        for size in (10, 30, 100):
            make = families.half_flat(kind, size)
            ask: Question = lambda c: c.flat_since is not None  # noqa: E731
            rows[f"{kind} by {size}"] = rates(make, ask, runs, lengths)
    make = families.half_flat("linear", 30, families.heavy)
    rows["linear by 30, t3"] = rates(make, lambda c: c.flat_since is not None, runs, lengths)
    make = families.half_flat("linear", 30, families.slow)
    rows["linear by 30, AR(1) 0.9"] = rates(make, lambda c: c.flat_since is not None, runs, lengths)
    table("Flat second halves found, % (fall in noise units)", rows, lengths)
    rows = {
        kind: rates(noise, lambda c: c.never_moved is True, runs)
        for kind, noise in families.NOISES.items()
    }
    table('"Never moved" of noise alone, %', rows)


def jumps(runs: int) -> None:
    """Print how often a jump is found."""
    lengths = LENGTHS[3:]
    rows = {}
    for size in (3, 5, 10, 20):
        rows[f"by {size}"] = rates(families.jump(size), lambda c: bool(c.jumps), runs, lengths)
    table("Jumps found, % (size in noise units)", rows, lengths)


def intervals(runs: int) -> None:
    """Print how often intervals hold the truth: the best level, the last level, the next quarter."""
    rows: dict[str, list[float]] = {}
    for name, noise in families.NOISES.items():
        if name == "none":
            continue
        held = [_held(noise, n, runs) for n in LENGTHS]
        for i, what in enumerate(("best level", "last level", "next 25%")):
            rows[f"{what}, {name}"] = [h[i] for h in held]
    table("Intervals of 95% that hold the truth, % (exponentials and power laws)", rows)


def _held(noise: Maker, n: int, runs: int) -> tuple[float, float, float]:
    rng = np.random.default_rng([28, n])
    hits = np.zeros((max(20, runs if n < 10_000 else runs // 5), 3))
    longer = n + n // 4
    for row in hits:
        course = families.power if rng.random() < 0.5 else families.slow_exponential
        size = 10 ** rng.uniform(1, 2)
        state = rng.bit_generator.state
        truth = size * course(n, rng)
        y = truth + noise(n, rng)
        curve = read_curve(np.arange(float(n)), y, -1, log=False)
        assert curve.best is not None
        row[0] = curve.best.level.low <= truth.min() <= curve.best.level.high
        row[1] = curve.last.low <= truth[-1] <= curve.last.high
        rng.bit_generator.state = state
        # The same course drawn again, over a quarter more: shapes of x, so x is scaled alike.
        parameter = np.random.Generator(type(rng.bit_generator)())
        parameter.bit_generator.state = state
        further = _further(course, n, longer, parameter)
        rng.bit_generator.state = parameter.bit_generator.state
        found = curve.continuation
        change = size * (further - truth[-1] / size)
        row[2] = found is not None and found.quarter.low <= change <= found.quarter.high
    means = hits.mean(axis=0)
    return float(means[0]), float(means[1]), float(means[2])


def _further(course: Maker, n: int, longer: int, rng: np.random.Generator) -> float:
    """Return where a course stands after `longer` values of which it would have had n."""
    if course is families.power:
        return float((longer) ** -rng.uniform(0.1, 1))
    return float(np.exp(-(longer - 1) / (n - 1) * rng.uniform(1, 4)))


def partings(runs: int) -> None:
    """Print how often curves that differ only in noise are said to part, and how often shifts are seen."""
    lengths = (8, 12, 20, 50, 100, 300, 1_000, 10_000)
    noises: dict[str, Maker] = {
        **{name: make for name, make in families.NOISES.items() if name != "none"},
        "AR(1) 0.5": partial(families.slow, rho=0.5),
    }
    rows = {
        f"{course} + {noise}": [_parted(make, noises[noise], n, 0.0, runs) for n in lengths]
        for course, make in families.COURSES.items()
        for noise in noises
    }
    table("Equal curves that are said to part, %", rows, lengths)
    white = families.NOISES["white"]
    shifted = {
        f"{size:g} noise units from the middle on": [
            _parted(families.exponential, white, n, size, runs) for n in lengths
        ]
        for size in (0.5, 1.0, 2.0, 5.0)
    }
    table("Shifted curves that are said to part, %", shifted, lengths)


def _parted(course: Maker, noise: Maker, n: int, shift: float, runs: int) -> float:
    rng = np.random.default_rng([29, n])
    x = np.arange(float(n))
    count, found = (runs if n < 10_000 else max(20, runs // 5)), 0
    for _ in range(count):
        size = 10 ** rng.uniform(0, 2.5)
        y = size * course(n, rng)
        other = y + np.where(x >= n / 2, shift, 0.0)
        told = part((x, y + noise(n, rng)), (x, other + noise(n, rng)))
        found += told is not None and told.at is not None
    return found / count


def speed(runs: int) -> None:
    """Print milliseconds per series: the cheap part, and every answer."""
    print(
        "\nMilliseconds of processor time per series (median)\n\n"
        "| values | noise, best, last, phases | every answer |"
    )
    print("|---|---|---|")
    for n in (8, 100, 1_000, 10_000, 100_000, 1_000_000):
        rng = np.random.default_rng([29, n])
        x, y = np.arange(float(n)), families.additive(families.power, families.white)(n, rng)
        count = 30 if n < 100_000 else 5
        cells = [_median_time(partial(_answer, ask, x, y), count) for ask in (_cheap, _all)]
        print(f"| {n:,} | " + " | ".join(f"{1e3 * c:.2f}" for c in cells) + " |")
    for n, count in ((1_000, 73), (100_000, 100)):
        rng = np.random.default_rng(30)
        series = [families.additive(families.power, families.white)(n, rng) for _ in range(count)]
        x = np.arange(float(n))
        start = time.process_time()
        for y in series:
            _cheap(read_curve(x, y, -1))
        print(
            f"\n{count} series of {n:,} values, the cheap part: {time.process_time() - start:.3f} s"
        )


def _answer(ask: Callable[[Curve], object], x: Floats, y: Floats) -> object:
    return ask(read_curve(x, y, -1))


def _cheap(curve: Curve) -> object:
    return curve.noise, curve.best, curve.last, curve.slope, curve.phases


def _all(curve: Curve) -> object:
    return (
        _cheap(curve), curve.turned, curve.jumps, curve.bursts, curve.flat_since,
        curve.never_moved, curve.continuation, curve.repeats, curve.is_counter,
        curve.is_running_mean, curve.saturation,
    )  # fmt: skip


def _median_time(run: Callable[[], object], count: int) -> float:
    took = []
    for _ in range(count):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return float(np.median(took))


PARTS = {
    "alarms": alarms,
    "turns": turns,
    "flat": flatness,
    "jumps": jumps,
    "intervals": intervals,
    "partings": partings,
    "speed": speed,
}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=200, help="Curves per family and length. 200.")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="A table. Repeat for several."
    )
    given = parser.parse_args()
    for name in given.only or PARTS:
        PARTS[name](given.runs)


if __name__ == "__main__":
    main()
