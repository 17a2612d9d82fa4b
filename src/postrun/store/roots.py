"""From a store's root, as people write it, to the place that it names."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from postrun.model.lazily import pattern
from postrun.store.storage import LocalPlace, Storage

#: Targets of object stores; a path loses the second slash of a URL's scheme.
_URL = pattern(r"^(s3|s3a|gs|gcs|az|azure|abfs|abfss|adl):/+(.+)$")
#: How the default store is named.
DEFAULT = "store:"


def storage(root: str) -> Storage:
    """The place that a store's root names; StoreError where nothing here can read it."""
    if is_url(root):
        from postrun.store.objects import ObjectPlace

        return ObjectPlace(root)
    return LocalPlace(root)


#: The same, kept: jobs ask for the same one again and again, and an object store's has connections.
near_storage = lru_cache(maxsize=8)(storage)


def is_url(text: str) -> bool:
    """True for a place in an object store."""
    return _URL.match(text) is not None


def plain_root(text: str) -> str:
    """A root as it was meant: the user's own for "store:", a URL with both slashes, an absolute path."""
    text = text.removesuffix("/") or text
    if text.startswith(DEFAULT):
        return "/".join(part for part in (default_root(), text.removeprefix(DEFAULT)) if part)
    found = _URL.match(text)
    if found is not None:
        return f"{found[1]}://{found[2]}"
    return str(Path(text).expanduser().absolute())


def default_root() -> str:
    """`$POSTRUN_STORE`, else a folder in the user's data folder."""
    given = os.environ.get("POSTRUN_STORE")
    if given:
        return plain_root(given)
    from platformdirs import user_data_dir

    return str(Path(user_data_dir("postrun", appauthor=False)) / "store")
