"""Writing files so that nothing is ever half there."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from postrun.model import PostrunError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then move it there in one step.

    PostrunError that names the file where it cannot be written; what was there before stays.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(aside)
        aside.replace(path)
    except OSError as error:
        raise PostrunError(
            f"{path}: cannot be written: {error.strerror or error}. "
            "Give another folder with --out, or free space."
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
