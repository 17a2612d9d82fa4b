"""A labelled benchmark of the diagnosis: real trainings with injected faults, and curves."""
