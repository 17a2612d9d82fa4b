"""A run on disk while it is being written: what its log gained is read, and nothing twice."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from postrun.model import Run, State, TargetError
from postrun.sources.console_rows import fill_from_console
from postrun.sources.files import stamp
from postrun.sources.wandb_local.build import join_parts
from postrun.sources.wandb_local.evidence import Ended
from postrun.sources.wandb_local.files_folder import FilesFolder, read_files_folder
from postrun.sources.wandb_local.find import FILES, folder_of
from postrun.sources.wandb_local.log import Log, Records
from postrun.sources.wandb_local.part import Part, part_of, read_part
from postrun.sources.wandb_local.tail import LogChangedError, LogTail


class LiveLog:
    """One `.wandb` file that grows, and what was read of it.

    Attributes:
        changed: Why the file was read from the start again, "" if it was not at the last `poll`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.changed = ""
        self._restart()

    def _restart(self) -> None:
        self._tail, self._records = LogTail(self.path), Records(self.path)
        self._not_finite = 0

    @property
    def offset(self) -> int:
        """Bytes that were read."""
        return self._tail.offset

    @property
    def rows(self) -> int:
        """Rows of the history so far."""
        return self._records.history.rows

    @property
    def exited(self) -> bool:
        """Whether the process reported its exit."""
        return self._records.log.exited

    @property
    def not_finite(self) -> int:
        """How often the log says NaN or Infinity, in its summaries and texts as well."""
        return self._not_finite

    def poll(self) -> bool:
        """Read what was appended; return whether there was anything.

        A file that is not the one that was read before is read from its start.

        Raises:
            TargetError: The file holds no W&B log.
            OSError: The file cannot be read.
        """
        self.changed = ""
        try:
            return self._read()
        except LogChangedError as why:
            self._restart()
            self.changed = str(why)
            self._read()
            return True

    def _read(self) -> bool:
        found = False
        for payloads in self._tail.grown():
            self._records.add(payloads)
            self._not_finite += sum(p.count(b"NaN") + p.count(b"Infinity") for p in payloads)
            found = True
        return found

    def log(self) -> Log:
        """Return what was read so far."""
        return self._records.so_far(self._tail)


class LiveRun:
    """A run on disk that grows: the newest of its segments is followed, older ones are read once.

    Raises:
        TargetError: The log is none of W&B.
    """

    def __init__(self, run_id: str, places: list[Path]) -> None:
        self.run_id = run_id
        self.live = LiveLog(places[-1])
        self._older = places[:-1]
        self._parts: list[Part] | None = None
        self._files: tuple[str, FilesFolder] | None = None

    @property
    def path(self) -> Path:
        """The log that is followed."""
        return self.live.path

    @property
    def rows(self) -> int:
        """Rows of the newest segment so far."""
        return self.live.rows

    @property
    def not_finite(self) -> int:
        """How often the log says NaN or Infinity."""
        return self.live.not_finite

    @property
    def exited(self) -> bool:
        """Whether the process reported its exit."""
        return self.live.exited

    @property
    def changed(self) -> str:
        """Why the log was read from its start at the last `poll`, else ""."""
        return self.live.changed

    def poll(self) -> bool:
        """Read what was appended to the log; return whether there was anything."""
        return self.live.poll()

    def run(self, gone: bool = False) -> Run:
        """Return the run as far as it was read.

        It is running unless its process reported its exit, or is `gone`.
        """
        if self._parts is None:
            self._parts = list(self._read_older())
        place = self.live.path
        part = part_of(place, self.live.log(), self._beside(place))
        end = None if self.live.exited or gone else Ended(State.RUNNING)
        parts = sorted([*self._parts, part], key=lambda p: p.started or 0.0)
        run = join_parts(self.run_id, parts, end, gone)
        fill_from_console(run)
        return run

    def _read_older(self) -> list[Part]:
        parts = []
        for place in self._older:
            with suppress(TargetError, OSError):
                parts.append(read_part(place))
        return parts

    def _beside(self, place: Path) -> FilesFolder:
        """Return the files beside a log, read again only if one of them changed."""
        folder = os.fspath(folder_of(place) / "files")
        version = " ".join(stamp(f"{folder}/{name}") for name in FILES)
        if self._files is None or self._files[0] != version:
            self._files = version, read_files_folder(folder_of(place))
        return self._files[1]
