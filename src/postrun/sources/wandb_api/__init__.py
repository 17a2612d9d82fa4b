"""Runs on a W&B server, cloud or self-hosted, read through the official SDK."""
