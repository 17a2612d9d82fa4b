"""Compiled templates, kept in the user's cache folder: to compile them is a twelfth of `postrun analyze`."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

from postrun.model.places import cache_folder


class _Kept(FileSystemBytecodeCache):
    """Jinja's cache, which renews what another version wrote; a folder that cannot be written keeps nothing."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template if there is room."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def compiled_templates() -> FileSystemBytecodeCache | None:
    """Return the cache of compiled templates, None where none can be kept or others could write into it.

    What lies in it is run, so that the folder must belong to this user alone.
    """
    folder = cache_folder() / "templates"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    return _Kept(str(folder)) if _is_own(found) else None


def _is_own(found: os.stat_result) -> bool:
    if os.name == "nt":  # the user's own folder; rights are not in the mode
        return "POSTRUN_CACHE_DIR" not in os.environ
    mine = found.st_uid == os.geteuid()
    return (
        mine and stat.S_ISDIR(found.st_mode) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
