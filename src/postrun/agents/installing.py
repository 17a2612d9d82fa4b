"""The skill file: what it says, and where it is put."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

from postrun.model import UsageError
from postrun.report.files import write_text

NAME = "SKILL.md"
#: The last line of an installed file: by it, a later version tells whether somebody changed the file.
_MARK = re.compile(r"\n<!-- postrun skill sha256:([0-9a-f]{64}) -->\n$")


def skill() -> str:
    """Return the skill as it is shipped."""
    return files("postrun.agents").joinpath("skill", NAME).read_text(encoding="utf-8")


def install(folder: Path, force: bool = False) -> tuple[Path, str]:
    """Write the skill to FOLDER/postrun/SKILL.md; return the path and "written", "updated" or "unchanged".

    Raises:
        UsageError: Another file is there, or one that was changed since it was written, and not `force`.
    """
    path = folder.expanduser() / "postrun" / NAME
    wanted = _marked(skill())
    known = _read(path)
    if known == wanted:
        return path, "unchanged"
    if known is not None and not force and not _as_written(known):
        raise UsageError(
            f"{path} was changed, or is not from postrun. To overwrite it, pass --force."
        )
    write_text(path, wanted)
    return path, "written" if known is None else "updated"


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder. Delete it, or choose another one.") from None


def _marked(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}\n<!-- postrun skill sha256:{digest} -->\n"


def _as_written(text: str) -> bool:
    """Return whether a file is as some version of postrun wrote it."""
    mark = _MARK.search(text)
    return mark is not None and _marked(text[: mark.start()]) == text
