"""Columns from (key, JSON text) items.

The rule for types, stated once:

* whole numbers make Int64, any fraction makes the column Float64; whole numbers beyond 64 bits
  become Float64 too and are counted, as are those beyond 2^53 that fractions in their column round;
* `NaN`, `Infinity` and `-Infinity`, bare or as strings among numbers, are floats and counted;
* booleans alone make Boolean; among numbers they count as 0 and 1;
* strings alone make String, unless at least 90% of them are numbers that were logged as text ("0.5",
  "tensor(0.5)", or all "85.3%"): then they are numbers (`text_numbers` states which texts are);
* among numbers, texts that are numbers join them; the numbers keep the column, and everything else
  goes, as text, to a second column `key:text`;
* a dictionary with `_type` (image, table, histogram, ...) stays as JSON text and is counted; any
  other is flattened with `.`; lists stay as JSON text; null is null.

Keys beyond the first few hundred get a column only if they are logged often. Of those that are not, large
families are kept together (`frames/families`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from postrun.model.families import EVERY, family_of, is_family, siblings_of
from postrun.sources import lenient_json
from postrun.sources.frames.families import FAMILY, families
from postrun.sources.oddities import Odd, Oddities
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.finishing import Column, Finishing
from postrun.sources.wandb_local.gathered import Cells, Units, key_column, nonfinite, texts_of
from postrun.sources.wandb_local.keys import Keys, key_path
from postrun.sources.wandb_local.late import OFTEN, Late
from postrun.sources.wandb_local.numbers import INT64, as_array, is_huge, plain, rounded
from postrun.sources.wandb_local.scan import Buffer, Ints, Items, Spans, split_items

#: Texts that wait to be parsed at most, over all columns: some megabytes.
_WAITING = 65_536
#: Where the values of a key go: to its column, to the list of late keys, or nowhere.
_COLUMN, _LATE, _UNWANTED = range(3)


class Table(Finishing):
    """Columns that grow batch by batch; `frame` makes the data frame.

    `rows` is the number of rows so far, which the caller advances; `media` counts dictionaries by
    their `_type`, `notes` says what the type rule had to decide. `only` names the columns that are wanted,
    None for all. `odd` counts what is left out or changed; who gives it says so, else `notes` does.
    """

    def __init__(self, only: frozenset[str] | None = None, odd: Oddities | None = None) -> None:
        super().__init__(odd)
        self._only = only
        self._patterns = frozenset(filter(is_family, only or ()))
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._columns: list[Column | None] = []
        self._place = bytearray()
        self._late = Late()
        self._keys = Keys(lambda path: self._number(".".join(path)))
        self._waiting: list[Column] = []
        self._texts = 0
        self._finished = False

    def _number(self, name: str, inner: bool = False) -> int:
        """Return the number of a key; `inner`: it is one of a dictionary that is wanted."""
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            place = _COLUMN if number < FAMILY else _LATE
            if not inner and self._only is not None and not self._wanted(name):
                place = _UNWANTED
            self._names.append(name)
            self._place.append(place)
            self._columns.append(Column(name) if place == _COLUMN else None)
        return number

    def _wanted(self, name: str) -> bool:
        if self._only is None or name in self._only:
            return True
        patterns = self._patterns
        return bool(patterns) and not patterns.isdisjoint(
            (family_of(name), siblings_of(name), EVERY)
        )

    def _column(self, name: str) -> Column:
        """Return the column of a key, which it gets if it has none."""
        number = self._number(name, inner=True)
        column = self._columns[number]
        if column is None:
            column = self._columns[number] = Column(name)
            self._place[number] = _COLUMN
        return column

    def _add_late(self, numbers: Ints, rows: Ints, values: list[Any]) -> None:
        for number in self._late.add(numbers, rows, values).tolist():
            self._column(self._names[number])

    def add(self, buffer: Buffer, spans: Spans) -> None:
        """Add items; their `row` counts from `self.rows`."""
        items, odd = split_items(buffer, spans)
        data = buffer.data
        if len(items.row):
            numbers = self._keys.numbers(buffer, items.key_start, items.key_end)
            if len(self._names) > FAMILY or self._only is not None:
                numbers, items = self._columns_only(data, numbers, items)
            self._wait(data, numbers, items)
        for row, a, b in zip(odd.row.tolist(), odd.start.tolist(), odd.end.tolist(), strict=True):
            self._add_odd(row + self.rows, buffer.data, a, b)

    def _columns_only(
        self, data: bytes, numbers: NDArray[np.int32], items: Items
    ) -> tuple[NDArray[np.int32], Items]:
        """Return the items whose keys have a column; those of late keys are put aside."""
        place = np.frombuffer(bytes(self._place), np.uint8)[numbers]
        late = np.flatnonzero(place == _LATE)
        if len(late):
            spans = zip(
                items.value_start[late].tolist(), items.value_end[late].tolist(), strict=True
            )
            texts = [data[a:b] for a, b in spans]
            self._add_late(numbers[late].astype(np.int64), items.row[late] + self.rows, texts)
        kept = np.flatnonzero(place == _COLUMN)
        return numbers[kept], items.pick(kept)

    def _wait(self, data: bytes, numbers: NDArray[np.int32], items: Items) -> None:
        """Put the texts of items to their columns, where they wait to be parsed."""
        few = len(self._names) < 1 << 15  # 16-bit numbers sort by radix
        order = np.argsort(numbers.astype(np.int16) if few else numbers, kind="stable")
        rows = items.row[order] + self.rows
        starts = items.value_start[order].tolist()
        ends = items.value_end[order].tolist()
        sizes = np.bincount(numbers)
        begin = 0
        for number in np.flatnonzero(sizes).tolist():
            end = begin + int(sizes[number])
            texts = [data[a:b] for a, b in zip(starts[begin:end], ends[begin:end], strict=True)]
            column = self._columns[number]
            assert column is not None
            if not column.texts:
                self._waiting.append(column)
            column.rows.append(rows[begin:end])
            column.texts += texts
            begin = end
        self._texts += len(order)
        if self._texts >= _WAITING:
            self._parse_waiting()

    def _parse_waiting(self) -> None:
        """Parse what waits: a column's texts of several batches cost one parse."""
        for column in self._waiting:
            rows, texts = np.concatenate(column.rows), column.texts
            column.rows, column.texts = [], []
            self.put(column, rows, texts)
        self._waiting, self._texts = [], 0

    def _add_odd(self, row: int, data: bytes, start: int, end: int) -> None:
        """An item that is not (key, value_json): typed values, or none at all."""
        bad: list[str] = []
        item = wire.decode(data, "HistoryItem", start, end, bad)
        if bad:
            self.odd[Odd.ITEM] += 1
            return
        name = ".".join(key_path(item))
        self._parse_waiting()  # values stay in the order in which they were logged
        for field in ("value_json", "json"):
            if field in item:
                self._put_text(name, row, item[field].encode())
                return
        for field in ("boolean", "integer", "number", "text"):
            if field in item:
                self.put_column(name, np.array([row]), [item[field]])
                return

    def _put_text(self, name: str, row: int, text: bytes) -> None:
        number, rows = self._number(name, inner=True), np.array([row], np.int64)
        if self._place[number] == _LATE:
            self._add_late(np.array([number]), rows, [text])
        else:
            self.put(self._column(name), rows, [text])

    def put(self, column: Column, rows: Ints, texts: list[bytes]) -> None:
        """Add JSON texts to a column."""
        values = self._parse(texts)
        self.put_values(column, rows, values)
        piece = column.pieces[-1][1] if column.pieces else None
        if isinstance(piece, np.ndarray) and piece.dtype.kind == "f":
            large = np.flatnonzero(np.abs(piece) >= INT64).tolist()
            self.huge += sum(1 for i in large if is_huge(texts[i]))

    def _parse(self, texts: list[bytes]) -> list[Any]:
        joined = b"[" + b",".join(texts) + b"]"
        try:
            values = orjson.loads(joined)
        except orjson.JSONDecodeError:
            try:
                values = self._parse_words(joined)
            except (ValueError, RecursionError):
                values = []
        if len(values) != len(texts):
            return [self._parse_one(text) for text in texts]
        if lenient_json.may_be_deep(joined):
            for i, text in enumerate(texts):
                if lenient_json.may_be_deep(text) and lenient_json.is_deep(values[i]):
                    values[i] = self._parse_one(text)
        return values  # type: ignore[no-any-return]

    @staticmethod
    def _parse_words(joined: bytes) -> Any:
        """Return values among which are NaN and Infinity, which the faster parser refuses.

        Raises:
            ValueError: That is not all that it refuses.
        """
        if lenient_json.may_be_broken(joined):
            raise ValueError("halves of characters")
        return json.loads(joined.decode())

    def _parse_one(self, text: bytes) -> Any:
        try:
            return lenient_json.loads(text, self.odd)
        except ValueError:
            self.invalid += 1
            return text.decode("utf-8", "replace")

    def put_column(self, name: str, rows: Ints, values: list[Any]) -> None:
        """Add Python values to the column of a key."""
        number = self._number(name, inner=True)
        if self._place[number] == _LATE and len(values) <= OFTEN and not self._finished:
            self._add_late(np.full(len(values), number), rows, values)
        else:
            self.put_values(self._column(name), rows, values)

    def put_values(self, column: Column, rows: Ints, values: list[Any]) -> None:
        """Add Python values to a column, dictionaries flattened."""
        kinds = set(map(type, values))
        if dict in kinds:
            kept_rows, kept = [], []
            for row, value in zip(rows.tolist(), values, strict=True):
                if isinstance(value, dict):
                    self._put_dict(column.name, row, value)
                else:
                    kept_rows.append(row)
                    kept.append(value)
            if not kept:
                return
            rows, values = np.array(kept_rows, np.int64), kept
            kinds.discard(dict)
        piece: Any = values
        if kinds <= {int, float}:
            piece = as_array(values, kinds)
            if len(kinds) == 2:
                self.rounded += rounded(values)
        elif kinds == {bool}:
            piece = np.array(values, np.bool_)
        column.pieces.append((rows, piece))

    def _put_dict(self, name: str, row: int, value: dict[str, Any]) -> None:
        rows = np.array([row], np.int64)
        if "_type" in value:
            self.media[str(value["_type"])] += 1
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
            self._column(name).pieces.append((rows, [text]))
            return
        for key, child in value.items():
            self.put_column(f"{name}.{key}", rows, [child])

    def twin(self, odd: Oddities) -> Table:
        """Return a table of the same values that can be finished while this one goes on growing.

        What is odd is counted in `odd`. Pieces of columns are joined on the way:
        the next twin copies few.
        """
        self._parse_waiting()
        other = copy(self)
        other.odd = odd
        other._numbers, other._names = dict(self._numbers), list(self._names)
        other._place, other._late = bytearray(self._place), self._late.twin()
        other._columns = [None if column is None else column.twin() for column in self._columns]
        other.take_counts(self)
        return other

    def series(self) -> Iterator[pl.Series]:
        """Yield the finished columns, `self.rows` long each; a mixed one yields two.

        Columns are consumed, so that memory never holds two copies of everything.
        """
        self._parse_waiting()
        self._finished = True
        if len(self._names) > FAMILY:
            yield from self._together()
        for number, column in enumerate(self._columns):
            self._columns[number] = None
            if column is not None and column.pieces:
                yield from self._guarded(column)

    def _together(self) -> Iterator[pl.Series]:
        """Put late keys and families into columns; yield those that name the key of each row."""
        values = self._late.counts(len(self._names))
        for number, column in enumerate(self._columns):
            if column is not None:
                values[number] += sum(len(rows) for rows, _ in column.pieces)
        units = Units(self._names)
        found = families(units.names, units.most(values), self.rows)
        of = found.of[units.of]
        cells = [Cells() for _ in found.names]
        for number in np.flatnonzero(of >= 0).tolist():
            column, self._columns[number] = self._columns[number], None
            for rows, piece in column.pieces if column is not None else ():
                cells[of[number]].add(np.full(len(rows), number), rows, plain(piece))
        group = np.where(of < 0, len(cells) + np.arange(len(of)), of)
        for number, keys, rows, late in self._late.groups(group):
            if number < len(cells):
                cells[number].add(keys, rows, self._parsed(late))
            else:
                self._put_first(self._column(self._names[number - len(cells)]), rows, late)
        for family, own in zip(found.names, cells, strict=True):
            yield from self._put_family(family, own, units)

    def _put_first(self, column: Column, rows: Ints, late: list[Any]) -> None:
        """Add late values to a column, before those that it holds."""
        later, column.pieces = column.pieces, []
        self.put_values(column, rows, self._parsed(late))
        column.pieces += later

    def _parsed(self, late: list[Any]) -> list[Any]:
        """Return late values with their JSON texts parsed."""
        at = [i for i, value in enumerate(late) if isinstance(value, bytes)]
        texts = [late[i] for i in at]
        self.huge += sum(1 for text in texts if len(text) > 18 and is_huge(text))
        out = list(late)
        for i, value in zip(at, self._parse(texts), strict=True):
            out[i] = value
        return out

    def _put_family(self, family: str, cells: Cells, units: Units) -> Iterator[pl.Series]:
        """Put the values of a family into one column; yield that of its keys if each row holds one."""
        name = family
        while name in self._numbers:
            name = f"{name}:also"
        keys, rows, values = cells.of(units)
        self._families[name] = len(set(keys))
        if len(set(rows)) == len(rows):
            self.put_values(self._column(name), np.array(rows, np.int64), values)
            yield key_column(name, keys, rows, self.rows)
            return
        self.nonfinite += nonfinite(values)
        self.media.update(str(v["_type"]) for v in values if isinstance(v, dict) and "_type" in v)
        at, texts = texts_of(keys, rows, values)
        self._column(name).pieces.append((np.array(at, np.int64), texts))
