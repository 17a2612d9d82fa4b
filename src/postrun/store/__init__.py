"""Many exported runs as tables."""

from postrun.store.folder import Store, open_store

__all__ = ["Store", "open_store"]
