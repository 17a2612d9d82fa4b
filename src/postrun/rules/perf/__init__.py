"""Performance: what the machine does, and what it waits for."""
