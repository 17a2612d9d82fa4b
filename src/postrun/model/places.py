"""Where a user's files lie."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return `$POSTRUN_CACHE_DIR`, else the user's cache folder."""
    given = os.environ.get("POSTRUN_CACHE_DIR")
    if given:
        return Path(given)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("postrun", appauthor=False))
