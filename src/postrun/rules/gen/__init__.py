"""Generalization: what evaluations say."""
