"""Console output as the terminal showed it.

Programs rewrite lines (progress bars with carriage returns, cursor movement) and colour them.
What people remember is the screen, so that is what is kept: a small model of one terminal that
knows the few control sequences which training programs print, and drops the others. Colours are kept
beside the plain text, for reports that can show them.
"""

from __future__ import annotations

from array import array
from itertools import groupby

import numpy as np
import polars as pl

from postrun.model.lazily import pattern
from postrun.sources.wandb_local.paint import Stretch, painted, repainted

_CSI = pattern(r"\x1b\[([0-9;?]*)([ -/]*[@-~])")
_OTHER = pattern(r"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)?|[()][A-Za-z0-9]|[=>78cDEHMNOZ])")
_SPECIAL = pattern(r"[\r\n\b\x1b]")
_NEWLINES = pattern(r"\n+")
#: A line that is rewritten more often than this many lines up is out of reach, as on a screen.
_SCREEN = 128
_MAX_LINE = 100_000
#: The cursor moves to the right up to here, as to the edge of a screen, or to the end of a longer line.
_EDGE = 500
#: Empty lines in a row that are kept.
_EMPTY = 100
#: Digits of a count of cells. Longer ones mean the right edge of the screen; upwards, down and to the left they
#: mean nothing.
_DIGITS = 6
#: After so many coloured stretches of a line, those that do not show any more are dropped.
_STRETCHES = 256
_NO_TIME = float("nan")


class Terminal:
    """Lines of one stream, with the time at which each was last written to (NaN: unknown).

    `left_out` counts empty lines beyond those that are kept in a row.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.lines: list[str] = [""]
        self.times = array("d", [_NO_TIME])
        self.order = array("q", [0])
        #: Line number to its coloured stretches.
        self.colours: dict[int, list[Stretch]] = {}
        self.colour = ""
        self.row = 0
        self.column = 0
        self.left_out = 0
        self._empty = 0

    def write(self, text: str, time: float | None, order: int) -> None:
        """Print text at a time (Unix seconds); `order` ranks writes over several streams."""
        pos, end = 0, len(text)
        while pos < end:
            match = _SPECIAL.search(text, pos)
            stop = match.start() if match else end
            if stop > pos:
                self._put(text[pos:stop], time, order)
            if match is None:
                return
            pos = stop + 1
            char = text[stop]
            if char == "\n":
                if text.startswith("\n", pos):
                    pos = _NEWLINES.match(text, stop).end()  # type: ignore[union-attr]
                self._down(pos - stop, time, order)
                self.column = 0
            elif char == "\r":
                self.column = 0
            elif char == "\b":
                self.column = max(0, self.column - 1)
            else:
                pos = self._escape(text, stop)

    def _put(self, text: str, time: float | None, order: int) -> None:
        line = self.lines[self.row]
        if self.column >= len(line):
            line = line.ljust(self.column) + text
        else:
            line = line[: self.column] + text + line[self.column + len(text) :]
        self.lines[self.row] = line[:_MAX_LINE]
        if self.colour or self.row in self.colours:
            stretches = self.colours.setdefault(self.row, [])
            stretches.append((self.column, self.column + len(text), self.colour))
            if not len(stretches) % _STRETCHES:
                stretches[:] = repainted(stretches, len(self.lines[self.row]))
        self.column = min(self.column + len(text), _MAX_LINE)
        self.times[self.row] = _NO_TIME if time is None else time
        self.order[self.row] = order

    def _down(self, count: int, time: float | None, order: int) -> None:
        """Move down, with new lines at the end; of many empty lines in a row, the first are kept."""
        for done in range(count):
            self.row += 1
            if self.row < len(self.lines):
                continue
            self._empty = 0 if self.lines[-1] else self._empty + 1
            if self._empty > _EMPTY:
                self.row -= 1
                self.left_out += count - done
                return
            self.lines.append("")
            self.times.append(_NO_TIME if time is None else time)
            self.order.append(order)

    def _right(self, column: int) -> int:
        """Return the column that a move to the right reaches."""
        edge = max(_EDGE, len(self.lines[self.row]), self.column)
        return min(column, edge, _MAX_LINE)

    def _escape(self, text: str, at: int) -> int:
        match = _CSI.match(text, at)
        if match is None:
            other = _OTHER.match(text, at)
            return other.end() if other else at + 1
        argument, command = match.group(1), match.group(2)
        first = argument.split(";")[0]
        if len(first) > _DIGITS and command not in ("C", "G"):
            return match.end()
        count = int(first[:_DIGITS]) if first.isdigit() else 1
        if command == "A":
            self.row = max(0, self.row - min(count, _SCREEN), len(self.lines) - _SCREEN)
        elif command == "B":
            self.row = min(len(self.lines) - 1, self.row + count)
        elif command == "C":
            self.column = self._right(self.column + count)
        elif command == "D":
            self.column = max(0, self.column - count)
        elif command == "m":
            self._style(argument)
        elif command == "G":
            self.column = max(0, self._right(count) - 1)
        elif command == "K":
            line = self.lines[self.row]
            if first == "2":
                self.lines[self.row] = ""
            elif first == "1":
                self.lines[self.row] = " " * self.column + line[self.column :]
            else:
                self.lines[self.row] = line[: self.column]
        return match.end()

    def _style(self, argument: str) -> None:
        codes = argument.split(";") if argument else ["0"]
        if codes[0] in ("", "0", "00"):
            self.colour, codes = "", codes[1:]
        if codes:
            self.colour = ";".join([*filter(None, [self.colour]), *codes])[-60:]

    def styled(self, number: int) -> str | None:
        """A line with its colours as SGR sequences (ECMA-48), None where it has none."""
        line = self.lines[number].rstrip()
        if number not in self.colours or not line:
            return None
        paint = painted(self.colours[number], len(line))
        if not any(paint):
            return None
        out, at = [], 0
        for colour, run in groupby(paint):
            count = len(list(run))
            text = line[at : at + count]
            out.append(f"\x1b[{colour}m{text}\x1b[0m" if colour else text)
            at += count
        return "".join(out)


class Console:
    """Both streams of one run."""

    def __init__(self) -> None:
        self._terminals = {name: Terminal(name) for name in ("stdout", "stderr")}
        self._writes = 0

    def write(self, stream: str, text: str, time: float | None) -> None:
        """Print text on "stdout" or "stderr"."""
        self._writes += 1
        self._terminals[stream].write(text, time, self._writes)

    @property
    def notes(self) -> list[str]:
        """What was left out, in sentences."""
        count = sum(terminal.left_out for terminal in self._terminals.values())
        if not count:
            return []
        return [
            f"the console log holds {count:,} empty lines beyond {_EMPTY} in a row: these were left out"
        ]

    def frame(self) -> pl.DataFrame:
        """Lines in the order in which they were written, empty ones at the end dropped."""
        both = list(self._terminals.values())
        frames = [_lines_of(terminal) for terminal in both]
        pairs = zip(both, frames, strict=True)
        order = np.concatenate([np.array(t.order)[: frame.height] for t, frame in pairs])
        whole = pl.concat(frames)
        if (order[1:] < order[:-1]).any():
            whole = whole[np.argsort(order, kind="stable")]
        known = (whole["line"] != "").arg_true()
        return whole.head(int(known[-1]) + 1 if len(known) else 0)


def _lines_of(terminal: Terminal) -> pl.DataFrame:
    """Return the lines of one stream from the top; without the last one if nothing was written to it."""
    count = len(terminal.lines) - (not terminal.lines[-1])
    styled: list[str | None] = [None] * count if terminal.colours else []
    for number in terminal.colours:
        if number < count:
            styled[number] = terminal.styled(number)
    times = pl.Series("timestamp", np.array(terminal.times)[:count])
    return pl.DataFrame(
        [
            times.fill_nan(None),
            pl.repeat(terminal.stream, count, dtype=pl.String, eager=True).alias("stream"),
            pl.Series("line", [line.rstrip() for line in terminal.lines[:count]], dtype=pl.String),
            pl.Series("styled", styled, dtype=pl.String)
            if styled
            else pl.repeat(None, count, dtype=pl.String, eager=True).alias("styled"),
        ],
    )
