"""Print the table: python -m benchmarks.secrets [--seeds N] [--details]."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.secrets.cases import Case, cases, run_of, shown
from benchmarks.secrets.volume import long_console, wide_config
from postrun.model import Run
from postrun.privacy import Privacy, protected

#: Says of each case whether its secret is hidden, or its innocent value taken for one.
Scanner = Callable[[Sequence[Case]], list[bool]]


def masked(case: Case) -> bool:
    """Return whether postrun masks a case: a secret in all its parts, an innocent one anywhere."""
    text = shown(protected(run_of(case), [], Privacy())[0])
    if case.hidden:
        return not any(part in text for part in case.hidden if part)
    return "[masked" in text


def postrun(cases: Sequence[Case]) -> list[bool]:
    """Return what postrun masks."""
    return [masked(case) for case in cases]


def detect_secrets(cases: Sequence[Case]) -> list[bool]:
    """Return the cases in which detect-secrets finds something, by its default plug-ins and filters."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder) / "values.yaml"
        lines = [f"{c.name}: {c.text}" if c.name else c.text for c in cases]
        path.write_text("\n".join(" ".join(line.split("\n")) for line in lines))
        found = SecretsCollection()
        found.scan_file(str(path))
        numbers = {secret.line_number for _, secret in found}
    return [number in numbers for number in range(1, len(cases) + 1)]


def scanners() -> dict[str, Scanner]:
    """Return the scanners that are installed, by name."""
    known: dict[str, Scanner] = {"postrun": postrun}
    if find_spec("detect_secrets") is not None:
        known["detect-secrets"] = detect_secrets
    return known


def rates(scanner: Scanner, seeds: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Return how many cases a scanner reports, of how many, by list and kind ("secrets/clouds")."""
    hits: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for name in ("secrets", "innocent"):
        for seed in seeds:
            chosen = cases(name, seed)
            for case, hit in zip(chosen, scanner(chosen), strict=True):
                for key in (name, f"{name}/{case.kind}"):
                    counts[key] += 1
                    hits[key] += hit
    return {key: (hits[key], n) for key, n in counts.items()}


def seconds(run: Run, repeats: int = 7) -> float:
    """Return the median time of masking a run."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        protected(run, [], Privacy())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if postrun misses its goal (99% and 1%)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="Random fillings of the lists.")
    parser.add_argument(
        "--details", action="store_true", help="Print each case that is judged wrong."
    )
    options = parser.parse_args(arguments)
    seeds = range(options.seeds)
    columns = {name: rates(scanner, seeds) for name, scanner in scanners().items()}
    print("| list | values |", " | ".join(columns), "|\n|---|---|" + "---|" * len(columns))
    for key, (_, count) in columns["postrun"].items():
        shares = (f"{found[key][0] / count:.1%}" for found in columns.values())
        print(f"| {key} | {count} |", " | ".join(shares), "|")
    print(f"\nA config of 5,000 keys: {1e3 * seconds(wide_config(5000)):.0f} ms; ", end="")
    print(f"a console of 3 MB: {1e3 * seconds(long_console(3_000_000)):.0f} ms")
    if options.details:
        for name in ("secrets", "innocent"):
            wrong = {
                c.source for s in seeds for c in cases(name, s) if masked(c) != (name == "secrets")
            }
            print("\n".join(sorted(wrong)))
    (right, of), (wrong_ones, innocent) = (columns["postrun"][k] for k in ("secrets", "innocent"))
    return int(right < 0.99 * of or wrong_ones > 0.01 * innocent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
