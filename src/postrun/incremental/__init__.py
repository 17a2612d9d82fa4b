"""Runs fetched so that a second time only what is new is read: into folders, or into a store."""
