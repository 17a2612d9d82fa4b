"""Rows that the SDK refused to log because their step was below the current one.

The SDK warns about each such row, in words that changed over the years. Three things make the count of
warnings in a console differ from the count of rows:

* Since 0.15.6 the SDK's service sends its warnings to the training process, which prints them a
  moment later. Warnings that arrive while the run ends, or that exceed a buffer, are not in the console. The
  service's own log (`logs/debug-internal.log` in the run folder) holds them all.
* One warning can stand on stdout and on stderr.
* A logging handler can wrap a warning over several lines.
"""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Completeness, Run
from postrun.model.lazily import pattern

#: Refused rows by (step of the row, step that the run had reached).
Refused = Counter[tuple[int, int]]

_STEP = r"(-?\d+)(?:\.\d+)?"


def _wording(text: str) -> re.Pattern[str]:
    """A pattern for a warning; `#` is a step, and a space is any space, or none where a line was wrapped."""
    return pattern(r"\s*".join(text.replace("#", _STEP).split(" ")))


#: What the training process itself prints at once (SDK 0.8 to 0.12): all of it is in the console.
_AT_ONCE = (
    _wording(r"Step must only increase in log calls\. Step # < #; dropping"),
    _wording(r"Adding to old History rows isn't currently supported\. Step # < #; dropping"),
)
#: What the SDK's service reports: the Python one (0.15.6 and later), then wandb-core by its age.
_REPORTED = (
    _wording(r"\(User provided step: # is less than current step: #\. Dropping entry"),
    _wording(
        r"steps must be monotonically increasing, received history record for a step \(#\) "
        r"that is less than the current step \(#\) this data will be ignored"
    ),
    _wording(r"Tried to log to step # that is less than the current step #\."),
)
#: A few words of each warning that are looked for in all lines at once.
_HINTS = (
    "Tried to log to step",
    "received history record for a step",
    "User provided step:",
    "Step must only increase in log calls",
    "Adding to old History rows",
)
#: A warning is wrapped over this many lines at most.
_WRAPPED = 6
_COLOUR = pattern(r"\x1b?\[\d[\d;]*m")
#: What launchers put before each line: "[rank0]: ", "(TaskRunner pid=42, ip=10.0.0.1) ", "3: ".
_LAUNCHER = pattern(r"^\s*(?:\[rank\d+\]:|\([^()]*pid=\d+[^()]*\)|\d+:)\s?")
#: What stands before a warning: nothing, the SDK's name, or a logging handler's level.
_BEFORE = pattern(r"(?:^\s*|wandb:\s*(?:WARNING:?\s*)?|\bWARN(?:ING)?\b[]\[\s\d:|>,.()-]*)$")
#: What stands before the SDK's name if a warning is quoted: a quotation mark, or words of a sentence.
_QUOTED = pattern(r"(?:['\"`]|\S\s+(?!info|warn|error|std)[a-z]+[,:;]?\s+)$")

#: What the service writes to its own log: wandb-core in JSON, the Python service in words.
_INTERNAL = (
    (
        b"history record",
        re.compile(
            rb'ignoring (?:partial )?history record"[^\n]*?"step":\s*(-?\d+)[^\n]*?"current":\s*(-?\d+)'
        ),
    ),
    (b"Dropping entry", re.compile(rb"Step (-?\d+) < (-?\d+)\. Dropping entry")),
)


def note_dropped(
    run: Run, folders: Iterable[Path] = (), earlier: Mapping[str, Any] | None = None
) -> None:
    """Count the rows that the SDK refused, in `run.completeness`, and add a note.

    The warnings in `run.console` are counted, and what the logs of the SDK in `folders` (the run
    folders) report. `earlier` is the completeness that an earlier export wrote: its count is used if
    it is not lower.
    """
    done = run.completeness
    if earlier:
        done.dropped = int(earlier.get("dropped_rows") or 0)
        done.dropped_more = bool(earlier.get("dropped_more"))
        done.dropped_steps = list(earlier.get("dropped_steps") or [])
        done.dropped_at = list(earlier.get("dropped_at") or [])
    printed, reported = refused_in_console(run.console)
    internal: Refused = Counter()
    for folder in folders:
        internal += refused_in_log(folder / "logs" / "debug-internal.log")
    found = printed + (reported | internal)
    if found.total() <= done.dropped:
        return
    steps, at = zip(*found, strict=True)
    done.dropped = found.total()
    done.dropped_more = not reported <= internal
    done.dropped_steps = [min(steps), max(steps)]
    done.dropped_at = [min(at), max(at)]
    done.notes.append(_sentence(done))


def _sentence(done: Completeness) -> str:
    least = "at least " if done.dropped_more else ""
    rows = "row" if done.dropped == 1 else "rows"
    return (
        f"the SDK dropped {least}{done.dropped:,} {rows} of {_span(done.dropped_steps)} "
        f"because the run was already at {_span(done.dropped_at)}"
    )


def _span(steps: Sequence[int]) -> str:
    first, last = steps
    return f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"


def refused_in_console(console: pl.DataFrame) -> tuple[Refused, Refused]:
    """Count the warnings in a console log.

    Returns:
        Those that are complete in a console, and those of the SDK's service, of which the console may
        lack some. A warning that stands on both streams counts once.
    """
    printed: Refused = Counter()
    reported: Refused = Counter()
    hint = pl.col("line").str.contains("|".join(map(re.escape, _HINTS)))
    if not console.height or not console.select(hint.any()).item():
        return printed, reported
    for stream in console.partition_by("stream"):
        lines = stream["line"]
        at = stream.select(hint.arg_true()).to_series().to_list()
        now, later = _refused_in_lines(lines, at)
        printed |= now
        reported |= later
    return printed, reported


def _refused_in_lines(lines: pl.Series, at: Sequence[int]) -> tuple[Refused, Refused]:
    """Count the warnings that begin in the lines with these numbers, in order."""
    printed: Refused = Counter()
    reported: Refused = Counter()
    for here, following in zip(at, [*at[1:], len(lines)], strict=True):
        text = ""
        for line in lines.slice(here, min(following - here, _WRAPPED)):
            text += _LAUNCHER.sub("", _COLOUR.sub("", line or ""))
            now, later = _refused_in_text(text, _AT_ONCE), _refused_in_text(text, _REPORTED)
            if now or later:
                printed += now
                reported += later
                break
    return printed, reported


def _refused_in_text(text: str, wordings: Iterable[re.Pattern[str]]) -> Refused:
    return Counter(
        (int(match[1]), int(match[2]))
        for wording in wordings
        for match in wording.finditer(text)
        if _is_warning(text[: match.start()])
    )


def _is_warning(before: str) -> bool:
    """True if the SDK, or a logging handler, would print a warning after `before`."""
    found = _BEFORE.search(before)
    return found is not None and not _QUOTED.search(before, 0, found.start())


def refused_in_log(path: Path) -> Refused:
    """Count the refused rows that a log of the SDK's service reports; none if it cannot be read."""
    found: Refused = Counter()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for words, pattern in _INTERNAL:
                if data.find(words) >= 0:
                    found.update((int(m[1]), int(m[2])) for m in pattern.finditer(data))
    except (OSError, ValueError):  # not there, or empty
        return Counter()
    return found
