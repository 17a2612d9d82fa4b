"""Text within a budget of tokens: what matters most is kept, and what was left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from postrun.model.text import inert

#: Tokens of an answer if no other number is asked for, and the bounds of what may be.
DEFAULT, LEAST, MOST = 2000, 200, 50_000
#: Bytes of UTF-8 for one token. Tokenizers need fewer tokens for English; numbers and keys come near it.
_BYTES = 3
#: The share that is kept free for what was not judged and not shown.
_TAIL = 0.25
#: Characters of a single line at most: a name or a message of a run may be as long as it likes.
_LONGEST = 600
#: Kinds of lines that are counted one by one among those left out.
_KINDS = 8


def tokens(text: str) -> int:
    """Return about how many tokens a text takes: one for three bytes of UTF-8, rather too many than too few."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES)


def one_line(text: str, most: int = _LONGEST) -> str:
    """Return text of a run as one line that commands nothing, cut where it is too long."""
    text = inert(" ".join(str(text).split()))
    return (
        text if len(text) <= most else f"{text[: most - 20].rstrip()} … [{len(text):,} characters]"
    )


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    rank: int
    what: str


class Budget:
    """Lines with ranks, of which the most important fit into a number of tokens.

    Lines stand in the order in which they were added; those of the lowest rank are kept first. Once a line does
    not fit, no line of a higher rank is kept: a detail never takes the place of what matters more.
    """

    def __init__(self, most: int = DEFAULT) -> None:
        self.most = min(max(most, LEAST), MOST)
        self._lines: list[_Line] = []
        self._unjudged: list[str] = []
        self._left_out: Counter[str] = Counter()

    def say(self, text: str, rank: int, what: str) -> None:
        """Add a line. `what` names it where it is counted among those left out: "run", "line of evidence"."""
        if text.strip():
            self._lines.append(_Line(text, rank, what))

    def not_judged(self, sentences: Iterable[str]) -> None:
        """Add sentences on what could not be checked; they are always told, as far as a quarter allows."""
        self._unjudged += [s for s in sentences if s not in self._unjudged]

    def leave_out(self, what: str, count: int) -> None:
        """Count what is not even added, such as rows of a table."""
        self._left_out[what] += count

    def text(self) -> str:
        """Return the kept lines, then what was not judged, then what was left out."""
        tail = self._tail(int(self.most * _TAIL))
        everything = self._left_out + Counter(line.what for line in self._lines)
        room = self.most - tokens(tail) - tokens(_left_out(everything)) - 2
        kept: set[int] = set()
        full: int | None = None  # the rank of the first line that did not fit
        for at, line in sorted(enumerate(self._lines), key=lambda pair: (pair[1].rank, pair[0])):
            cost = tokens(line.text + "\n")
            if cost > room or (full is not None and line.rank > full):
                full = line.rank if full is None else full
                continue
            kept.add(at)
            room -= cost
        left = Counter(self._left_out) + Counter(
            line.what for at, line in enumerate(self._lines) if at not in kept
        )
        parts = [line.text for at, line in enumerate(self._lines) if at in kept]
        return "\n".join([*parts, tail, _left_out(left)])

    def _tail(self, room: int) -> str:
        shown: list[str] = []
        for sentence in self._unjudged:
            if tokens(" ".join([*shown, sentence])) > room:
                shown.append(f"and {len(self._unjudged) - len(shown)} more limits.")
                break
            shown.append(sentence)
        return f"Not checked: {' '.join(shown) or 'no gaps are known.'}"


def _left_out(left: Counter[str]) -> str:
    if not left:
        return "Left out: nothing."
    parts = [f"{n:,} {what if n == 1 else _plural(what)}" for what, n in left.items()]
    if len(parts) > _KINDS:
        others = sum(list(left.values())[_KINDS:])
        parts[_KINDS:] = [f"{others:,} more lines"]
    counted = ", ".join(parts)
    return f"Left out: {counted}. A larger budget shows more."


def _plural(what: str) -> str:
    """Return words of which the first is put in the plural: "lines of evidence"."""
    noun, _, rest = what.partition(" ")
    return f"{noun}s {rest}".rstrip()
