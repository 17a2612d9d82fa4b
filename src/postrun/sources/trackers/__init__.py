"""Runs that other trackers than W&B logged: one file or folder per format, and the source over all of them."""
