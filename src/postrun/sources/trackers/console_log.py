"""A console log as a run of its own: metrics out of its lines, and the log itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from postrun.model import Identity, Run, TargetError
from postrun.sources.console_rows import console_rows
from postrun.sources.trackers.base import CONSOLE, Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.cut_line import CUT_LINE
from postrun.sources.wandb_local.console import Console
from postrun.training.console_history import console_history

SUFFIXES = (".log", ".txt", ".out")
#: Bytes of the beginning and of the end of a file in a folder that are looked through for metrics.
_LOOK = 131_072
#: Files of a folder that are looked through: a folder of more texts holds data.
_MOST = 50
#: What a log of a training says somewhere: a cheap look before the lines are read.
_WORDS = re.compile(
    rb"loss|acc|rew|score|return|ppl|perplex|error|f1|auc|m[as]e\b|iou|dice|elbo|nll|bleu|psnr|entropy",
    re.I,
)


class ConsoleLog:
    """Text files with lines such as "step 100 loss 2.31"."""

    name = CONSOLE
    title = "console log"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield each log of a folder that prints metrics."""
        logs = [folder / name for name in sorted(names) if name.endswith(SUFFIXES)][:_MOST]
        for path in logs:
            if _prints_metrics(path):
                yield self._found(path, path.stem if len(logs) > 1 else "")

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: a file owns no folder."""
        return False

    def named(self, path: Path) -> Found:
        """Return the run of a log that the user named.

        Raises:
            TargetError: None of its lines holds metrics that repeat.
        """
        if not _prints_metrics(path):
            _read(path)
        return self._found(path, path.stem)

    def _found(self, path: Path, run_id: str) -> Found:
        return Found(path, (path,), partial(_load, self.name, path), id=run_id)


def _prints_metrics(path: Path) -> bool:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            text = file.read(_LOOK)
            if size > _LOOK:
                file.seek(max(_LOOK, size - _LOOK))
                text += b"\n" + file.read(_LOOK)
    except OSError:
        return False
    likely = b"\0" not in text and _WORDS.search(text) is not None
    return likely and console_history(text.decode("utf-8", "replace")) is not None


def read_text(path: Path) -> str:
    """Return a log as text; UTF-16, as PowerShell redirects it, is read by its mark.

    Raises:
        TargetError: The file is not readable, or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(
            path, f"not readable: {error.strerror}", "Check its permissions."
        ) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:4096]:
        raise TargetError(path, "not a text file: it holds zero bytes", "Pass the log as text.")
    return data.decode("utf-8", "replace")


def console_frame(text: str) -> pl.DataFrame:
    """Return a log as `Run.console` has it: as a terminal would have shown it."""
    console = Console()
    console.write("stdout", text.replace("\r\n", "\n"), None)
    return console.frame()


def _read(path: Path) -> tuple[str, pl.DataFrame]:
    """Return a log's text and the metrics in it.

    Raises:
        TargetError: It is not readable, or none of its lines holds metrics that repeat.
    """
    text = read_text(path)
    found = console_rows(text.rpartition("\n")[0] if _cut(text) else text)
    if found is None:
        what = (
            "no line with metrics repeats"
            if any(c.isdigit() for c in text)
            else "no number is in it"
        )
        raise TargetError(path, f"not a run that postrun can read: {what}", _LINES)
    return text, found


def _cut(text: str) -> bool:
    """Return whether a log of several lines ends within one: its last number may be cut."""
    return "\n" in text and not text.endswith(("\n", "\r"))


_LINES = (
    'postrun reads lines such as "step 100 loss 2.31", "Epoch 3/10 - val_loss: 0.41" or '
    "\"{'loss': 2.3, 'epoch': 0.1}\" that are printed at least 5 times."
)


def _load(source: str, path: Path, run_id: str) -> Run:
    text, found = _read(path)
    notes = [CUT_LINE.format(path.name)] if _cut(text) else []
    note = "read from a console log: config, system metrics and what was not printed are not in it"
    run = tracker_run(source, Identity(run_id, name=run_id), found, path, notes=[note, *notes])
    run.console = console_frame(text)
    return run
