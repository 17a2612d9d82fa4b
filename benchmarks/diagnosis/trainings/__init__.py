"""Real trainings, each with a documented fault or deliberately healthy."""
