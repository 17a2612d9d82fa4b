"""Train one case: python -m benchmarks.diagnosis.trainings CASE SEED FOLDER."""

import sys
from pathlib import Path

from benchmarks.diagnosis.trainings import generative, preference, reinforcement, supervised
from benchmarks.diagnosis.trainings.harness import run

if __name__ == "__main__":
    assert generative and preference and reinforcement and supervised  # each registers its cases
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
