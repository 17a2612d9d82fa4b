"""Analyse one run: trends, insights, plots, and the detailed analysis.

    python scripts/visualize_wandb_run.py --run-id ID [TARGET]

Looks for the run in ./wandb, then among the runs exported to ./wandb_analysis, or in TARGET. A thin
caller of the postrun library; `postrun analyze` does the same and more.
"""

from __future__ import annotations

import argparse
import sys

import postrun


def find(run_id: str, targets: list[str]) -> postrun.RunRef | None:
    """The first run with this id behind the targets."""
    for target in targets:
        try:
            for ref in postrun.runs(target):
                if ref.id == run_id:
                    return ref
        except postrun.TargetError:
            continue
    return None


def main() -> int:
    """Run the script; the exit code is postrun's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", nargs="?", help="runs (default: ./wandb, then --out)")
    parser.add_argument("--run-id", required=True, help="the run's id")
    parser.add_argument("--out", default="wandb_analysis", help="folder for the files")
    options = parser.parse_args()
    targets = [options.target] if options.target else ["wandb", options.out]
    ref = find(options.run_id, targets)
    if ref is None:
        print(f"no run {options.run_id} in {' or '.join(targets)}", file=sys.stderr)
        return 3
    results = postrun.analyze(ref.path, options.out)
    result = next(r for r in results if r.id == options.run_id)
    if result.error:
        print(result.error, file=sys.stderr)
        return 3
    print(result.verdict)
    print("\nInsights:")
    for sentence in result.analysis["insights"]:
        print(f"  - {sentence}")
    print("\nWritten:")
    for path in result.files:
        print(f"  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
