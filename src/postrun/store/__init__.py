"""Stores of runs, exported runs as tables, and what keeps files whole."""

from postrun.store.folder import Exports, open_store
from postrun.store.store import Store

__all__ = ["Exports", "Store", "open_store"]
