"""Trainings followed while they run: findings told once, escalations and recoveries, alerts.

A training that is watched from within imports `training` and `callbacks` alone, which need nothing but the
standard library.
"""
