"""Data quality: rows, axes and values that cannot be right."""
