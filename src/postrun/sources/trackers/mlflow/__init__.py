"""MLflow: its file store (`mlruns`), its SQLite database, and what both have in common."""
