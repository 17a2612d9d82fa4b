"""What goes to standard output and standard error, whatever these can hold."""

from __future__ import annotations

import codecs
import errno
import os
import re
import signal
import sys
from contextlib import suppress
from typing import Any, TextIO

#: Exit codes that are no command's own: an internal error or output that cannot be written; a closed pipe.
INTERNAL, CLOSED = 4, 128 + 13
#: Name of the error handler of encodings that `prepare_streams` installs.
_HANDLER = "postrun.glyphs"
#: What stands for characters that an encoding lacks; "?" for all others.
_GLYPHS = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
    **dict.fromkeys("–—−─━", "-"),
    **dict.fromkeys("“”„", '"'), **dict.fromkeys("‘’", "'"),
    "→": "->", "←": "<-", "…": "...", "±": "+/-", "×": "x", "·": "*", "•": "*", "⏎": " ",
    "✖": "x", "▲": "!", "●": "*", "✔": "+", "∞": "inf", "≥": ">=", "≤": "<=", "≈": "~", "µ": "u", "│": "|",
    "\xa0": " ", "\u202f": " ",
}  # fmt: skip
_NOT_ASCII = re.compile(r"[^\x00-\x7e]")
#: Errors of writing to a stream, not of what was to be written.
_UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


class EndedBySignal(BaseException):
    """A signal that ends the process; no guard of runs or plug-ins takes it for a failure of theirs."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number
        super().__init__(number)


def prepare_streams() -> None:
    """Make the output streams take any text: what their encoding lacks is replaced by glyphs that it has.

    Streams that are closed become such that take everything and keep nothing.
    """
    codecs.register_error(_HANDLER, _replaced)
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = "".join(_GLYPHS.get(c, "?") for c in error.object[error.start : error.end])
    # A glyph of several characters, or a dash, must itself be known to the encoding: all here are ASCII.
    return text, error.end


def print_text(text: str) -> None:
    """Print text in the encoding of standard output. `click.echo` would print UTF-8 if that is ASCII."""
    print(text)


def print_json(value: Any, lines: bool = False) -> None:
    """Print JSON. What the encoding of standard output lacks is escaped, so that every value stays whole.

    `lines`: as one of several lines, at once.
    """
    from postrun.report.files import json_text

    print_json_text(json_text(value, indent=None if lines else 2), flush=lines)


def print_json_text(text: str, flush: bool = False) -> None:
    """Print JSON that is text already, as `print_json` does."""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        text = _NOT_ASCII.sub(_escaped, text)
    print(text, flush=flush)


def _escaped(found: re.Match[str]) -> str:
    """Return a character as JSON escapes it: UTF-16 in hexadecimal."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def print_bytes(data: bytes) -> None:
    """Print bytes as they are, such as a CSV file, which is UTF-8 whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def finish(code: int) -> int:
    """Write out what is buffered; the exit code, which is another one if that fails."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        return cannot_write(error)
    return code


def is_output_error(error: OSError) -> bool:
    """Return whether an error is that of an output stream: it names no file."""
    return isinstance(error, BrokenPipeError) or (
        error.errno in _UNWRITABLE and error.filename is None
    )


def cannot_write(error: OSError) -> int:
    """Say why the output cannot be written, unless its reader left, as `head` does; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        _discard(stream, error)
    return CLOSED if isinstance(error, BrokenPipeError) else INTERNAL


def _discard(stream: TextIO, error: OSError) -> None:
    """Send what a stream still holds nowhere, if it cannot be written: the interpreter would try again."""
    try:
        stream.flush()
        if stream is sys.stderr and not isinstance(error, BrokenPipeError):
            print(f"postrun: cannot write the output: {error.strerror}", file=stream, flush=True)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()


def end_by_signals() -> None:
    """Make SIGTERM and SIGHUP raise EndedBySignal: the process cleans up, then ends with exit code 128 + n."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    raise EndedBySignal(number)
