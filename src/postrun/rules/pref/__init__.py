"""Preference training: what is chosen against what is rejected."""
