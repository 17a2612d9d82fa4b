"""What a tracker's format is: something that recognises its files in a folder, and loads runs from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from postrun.model import Listing, Run
from postrun.sources.files import stamp

#: The name of the format of console logs, which give way to other logs of the same run.
CONSOLE = "console_log"


@dataclass(frozen=True, slots=True)
class Found:
    """A run that was found and not read.

    `path` is its file or folder, `files` all that it is read from. `id` is "" if the format knows none: the
    source then names the run after its folder. `load` gets the id and may raise TargetError. `alone` is
    False for one of several runs of a file: such a run shares its folder with no other log. `started` is Unix
    seconds.
    """

    path: Path
    files: tuple[Path, ...]
    load: Callable[[str], Run]
    id: str = ""
    listing: Callable[[], Listing] = Listing
    alone: bool = True
    started: float | None = None

    @property
    def modified(self) -> float:
        """When the run began, if its tracker tells; else when the newest of its files was written."""
        if self.started is not None:
            return self.started
        return max((p.stat().st_mtime for p in self.files if p.exists()), default=0.0)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(p.stat().st_size for p in self.files if p.is_file())

    @property
    def version(self) -> str:
        """Size and time of change of all that it is read from."""
        return " ".join(stamp(p) for p in self.files)


class Format(Protocol):
    """One tracker's format.

    Attributes:
        name: The name of the source, written into completeness.
        title: The tracker's name as people know it.
    """

    name: str
    title: str

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the runs whose files are among the entries `names` of a folder, by names and first bytes.

        A single file as a target is asked for as its folder with this one name.
        """

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder below `folder` belongs to the runs found there: it is not searched."""
