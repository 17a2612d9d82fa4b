"""A process that draws a run's figures while this one writes its report and prints the answer.

Importing Matplotlib and drawing two figures takes longer than reading, judging and reporting a run of usual
size. The process imports Matplotlib while the run is read, and draws as soon as the findings are known.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from postrun.metrics import RunView
from postrun.model import Finding
from postrun.report.drawing import Figure, drawn, rendered
from postrun.report.plots import figures, save


class Drawer:
    """Draws in a process of its own. Files are there when the `with` block ends, unless the user stopped it.

    What that process does not draw, for whatever reason, is drawn in this one.
    """

    def __init__(self) -> None:
        self._sent: list[tuple[Figure, Path]] = []
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError, ValueError):
            self._process = subprocess.Popen(
                # -P: a file of the working folder that is called like a library is none.
                [sys.executable, "-P", "-m", "postrun.report.drawing"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def draw(self, view: RunView, findings: list[Finding], folder: Path) -> list[Path]:
        """Begin to draw a run's two figures as PNG into `folder`; return their files, in reading order."""
        paths = []
        for name, figure in figures(view, findings, folder):
            path = folder / f"{name}.png"
            self._sent.append((figure, path))
            paths.append(path)
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError):  # it has ended: told at the end
                    pickle.dump((figure, "png"), self._process.stdin)
                    self._process.stdin.flush()
        return paths

    def finish(self) -> None:
        """Wait for the figures and write their files.

        Raises:
            PostrunError: A file cannot be written.
        """
        files = self._files()
        for i, (figure, path) in enumerate(self._sent):
            data = files[i] if i < len(files) else rendered(drawn(figure), "png")
            save(path, data)
        self._sent.clear()

    def _files(self) -> list[bytes]:
        """Return what the process has drawn; nothing if it failed."""
        if self._process is None:
            return []
        answer = b""
        with suppress(OSError):
            answer, _ = self._process.communicate()
        if self._process.returncode:
            return []
        try:
            files: list[bytes] = pickle.loads(answer)
        except (EOFError, pickle.UnpicklingError):
            return []
        return files

    def __enter__(self) -> Drawer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        stopped = kind is not None and not issubclass(kind, (Exception, SystemExit))
        try:
            if self._sent and not stopped:
                self.finish()
        finally:
            if self._process is not None:
                self._process.kill()
                with suppress(OSError, ValueError):
                    self._process.communicate()


def worthwhile() -> bool:
    """Return whether this process may run on more than one core: else drawing beside it gains nothing."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1
