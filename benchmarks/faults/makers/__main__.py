"""Train one case: `python -m benchmarks.faults.makers NAME FOLDER`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

from benchmarks.faults.makers.registry import MAKERS


def main() -> None:
    """Train the case in its folder, with the lowest priority."""
    name, folder = sys.argv[1:]
    os.nice(15)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    os.chdir(Path(folder))
    maker = MAKERS[name]
    module = importlib.import_module(f"benchmarks.faults.makers.{maker.module}")
    getattr(module, maker.function)(**maker.changes)


if __name__ == "__main__":
    main()
