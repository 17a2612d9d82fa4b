"""Many runs as records: small, plain, read once and kept."""
