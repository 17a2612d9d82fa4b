"""Train one case: python -m benchmarks.diagnosis.trainings CASE SEED FOLDER."""

import sys
from pathlib import Path

from benchmarks.diagnosis.trainings import run

if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
