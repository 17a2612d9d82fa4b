"""Console output as the terminal showed it.

Programs rewrite lines (progress bars with carriage returns, cursor movement) and colour them.
What people remember is the screen, so that is what is kept: a small model of one terminal that
knows the few control sequences which training programs print, and drops the others. Colours are kept
beside the plain text, for reports that can show them.
"""

from __future__ import annotations

import re
from itertools import groupby

import polars as pl

from postrun.model import empty_console

_CSI = re.compile(r"\x1b\[([0-9;?]*)([ -/]*[@-~])")
_OTHER = re.compile(r"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)?|[()][A-Za-z0-9]|[=>78cDEHMNOZ])")
_SPECIAL = re.compile(r"[\r\n\b\x1b]")
#: A line that is rewritten more often than this many lines up is out of reach, as on a screen.
_SCREEN = 128
_MAX_LINE = 100_000
#: A number of more digits in a control sequence means nothing to a terminal, and so does the sequence.
_DIGITS = 9


class Terminal:
    """Lines of one stream, with the time at which each was last written to."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.lines: list[str] = [""]
        self.times: list[float | None] = [None]
        self.order: list[int] = [0]
        #: Line number to its coloured stretches: first column, end, SGR parameters; later ones win.
        self.colours: dict[int, list[tuple[int, int, str]]] = {}
        self.colour = ""
        self.row = 0
        self.column = 0

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
                self._down(time, order)
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
            stretch = (self.column, self.column + len(text), self.colour)
            self.colours.setdefault(self.row, []).append(stretch)
        self.column = min(self.column + len(text), _MAX_LINE)
        self.times[self.row], self.order[self.row] = time, order

    def _down(self, time: float | None, order: int) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")
            self.times.append(time)
            self.order.append(order)

    def _escape(self, text: str, at: int) -> int:
        match = _CSI.match(text, at)
        if match is None:
            other = _OTHER.match(text, at)
            return other.end() if other else at + 1
        argument, command = match.group(1), match.group(2)
        first = argument.split(";")[0]
        if len(first) > _DIGITS:
            return match.end()
        count = int(first) if first.isdigit() else 1
        if command == "A":
            self.row = max(0, self.row - min(count, _SCREEN), len(self.lines) - _SCREEN)
        elif command == "B":
            self.row = min(len(self.lines) - 1, self.row + count)
        elif command == "C":
            self.column = min(self.column + count, _MAX_LINE)
        elif command == "D":
            self.column = max(0, self.column - count)
        elif command == "m":
            self._style(argument)
        elif command == "G":
            self.column = max(0, min(count, _MAX_LINE) - 1)
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
        paint = [""] * len(line)
        for start, stop, colour in self.colours[number]:
            stop = min(stop, len(line))
            paint[start:stop] = [colour] * max(0, stop - start)
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

    def frame(self) -> pl.DataFrame:
        """Lines in the order in which they were written, empty ones at the end dropped."""
        rows = [
            (
                terminal.order[i],
                number,
                i,
                terminal.times[i],
                terminal.stream,
                line.rstrip(),
                terminal.styled(i),
            )
            for number, terminal in enumerate(self._terminals.values())
            for i, line in enumerate(terminal.lines)
            if i < len(terminal.lines) - 1 or line
        ]
        rows.sort(key=lambda r: r[:3])
        while rows and not rows[-1][5]:
            rows.pop()
        return pl.DataFrame(
            {
                "timestamp": [r[3] for r in rows],
                "stream": [r[4] for r in rows],
                "line": [r[5] for r in rows],
                "styled": [r[6] for r in rows],
            },
            schema=empty_console().schema,
        )
