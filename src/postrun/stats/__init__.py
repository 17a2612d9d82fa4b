"""Numerics on plain arrays; nothing here knows what a run is."""
