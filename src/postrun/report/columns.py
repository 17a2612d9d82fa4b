"""Tables that fit a terminal: whole columns are left out, never digits, and which ones is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postrun.model.text import shortened

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

#: Blanks between two columns.
_GAP = 2


@dataclass(slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its head.
        cells: One cell per row.
        rank: 0 is never left out; of the others, the highest rank goes first.
        right: True for numbers.
        most: Characters that a cell may take at most; 0 for any number. Longer texts are cut in the middle, so
            that different ones stay different.
        least: Characters that cells may be cut to before a column of a lower rank is left out; 0 for no cut.
    """

    name: str
    cells: Sequence[Text]
    rank: int = 0
    right: bool = False
    most: int = 0
    least: int = 0

    @property
    def width(self) -> int:
        """The characters that it takes."""
        longest = max([len(self.name), *(cell.cell_len for cell in self.cells)])
        return min(longest, self.most) if self.most else longest

    @property
    def shown(self) -> list[Text]:
        """The cells, the long ones cut."""
        from rich.text import Text

        cells = list(self.cells)
        if self.width >= max((cell.cell_len for cell in cells), default=0):
            return cells
        texts = [cell.plain for cell in cells]
        cut = shortened(texts, self.width)
        if max(map(len, cut)) > self.width:  # numbers tell apart what is alike without its middle
            cut = shortened(texts, self.width - 4)
        return [Text(text, style=cell.style) for text, cell in zip(cut, cells, strict=True)]

    @property
    def empty(self) -> bool:
        """True if no cell says anything."""
        return not any(cell.plain.strip(" –") for cell in self.cells)


def fitting(columns: Sequence[Column], width: int) -> tuple[list[Column], list[str]]:
    """Return the columns that fit a width, without those that say nothing, and the names of those left out."""
    kept = [column for column in columns if column.cells and not column.empty]
    dropped: list[Column] = []

    def needed() -> int:
        return sum(column.width + _GAP for column in kept) - _GAP

    while (beyond := needed() - width) > 0:
        last = max(kept, key=lambda c: (c.rank, kept.index(c)))
        if last.least and last.width > last.least:
            last.most = max(last.least, last.width - beyond)
        elif last.rank:
            kept.remove(last)
            dropped.append(last)
        else:
            break
    return kept, [column.name for column in columns if column in dropped]


def table(columns: Sequence[Column]) -> Table:
    """Return the columns as a table without lines."""
    from rich.table import Table

    made = Table(box=None, padding=(0, _GAP, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        made.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=column.most or None,
        )
    for cells in zip(*(column.shown for column in columns), strict=True):
        made.add_row(*cells)
    return made
