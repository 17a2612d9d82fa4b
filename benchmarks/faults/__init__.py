"""A public benchmark of training-fault diagnosis: trainings whose fault is known, judged by several tools."""
