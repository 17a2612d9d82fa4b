"""List recent runs, export the newest, and show what it holds.

    python scripts/analyze_wandb_run.py [TARGET]      (default: ./wandb)

A thin caller of the postrun library; `postrun analyze` does the same and more.
"""

from __future__ import annotations

import argparse
import sys

import postrun


def main() -> int:
    """Run the script; the exit code is postrun's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", nargs="?", default="wandb", help="runs (default: ./wandb)")
    parser.add_argument("--out", default="wandb_analysis", help="folder for the files")
    parser.add_argument("--run-id", help="export this run instead of the newest")
    options = parser.parse_args()
    try:
        refs = postrun.runs(options.target)
    except postrun.PostrunError as error:
        print(error, file=sys.stderr)
        return 3
    print("Recent runs:")
    for ref in refs[:10]:
        print(f"  {ref.id}  {ref.name or '-'}  {ref.state}")
    chosen = [ref for ref in refs if options.run_id in (None, ref.id)]
    if not chosen:
        print(f"{options.target}: no run has the id {options.run_id}", file=sys.stderr)
        return 3
    (result,) = postrun.analyze(chosen[0].path, options.out, plots=False, report=False)
    if result.error or result.view is None:
        print(result.error, file=sys.stderr)
        return 3
    run = result.view.run
    print(f"\n{run.name}: {run.state}, {run.completeness.sentence()}")
    print(f"Config keys: {', '.join(run.config) or 'none'}")
    print(f"Summary keys: {len(run.summary)}; history columns: {len(run.history.columns)}")
    print("\nWritten:")
    for path in result.files:
        print(f"  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
