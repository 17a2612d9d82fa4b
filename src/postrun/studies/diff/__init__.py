"""What changed between two runs, the likeliest cause first, and where their curves part."""
