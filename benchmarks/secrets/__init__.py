"""How many secrets and how many innocent values are masked: python -m benchmarks.secrets."""
