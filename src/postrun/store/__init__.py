"""Stores of runs, exported runs as tables, and what keeps files whole.

Names are loaded when they are first used: every command asks whether its target is a store.
"""

from typing import TYPE_CHECKING

from postrun.model.lazily import attributes

if TYPE_CHECKING:
    from postrun.store.folder import Exports, open_store
    from postrun.store.store import Store

__all__ = ["Exports", "Store", "open_store"]

__getattr__ = attributes(
    __name__,
    {
        "Exports": "postrun.store.folder",
        "open_store": "postrun.store.folder",
        "Store": "postrun.store.store",
    },
)
