"""Generalization: what held-out data say."""
