"""The summary of a log: the last value of each key, and nested keys set and removed."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from postrun.sources import lenient_json
from postrun.sources.oddities import Odd, Oddities
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.keys import Keys, key_path
from postrun.sources.wandb_local.scan import Buffer, Spans, split_items

#: One more than what is read, so that a cut is noticed.
_DEEPEST = lenient_json.DEPTH + 1


class Summary:
    """The last value of each summary key; earlier ones are never parsed. `odd` counts what is left out."""

    def __init__(self, odd: Oddities) -> None:
        self._odd = odd
        self._paths: list[tuple[str, ...]] = []
        self._keys = Keys(self._number)
        self._last: dict[tuple[str, ...], bytes] = {}

    def twin(self, odd: Oddities) -> Summary:
        """Return a summary of the same values, which counts what is left out in `odd`."""
        other = copy(self)
        other._odd = odd
        return other

    def _number(self, path: tuple[str, ...]) -> int:
        self._paths.append(path)
        return len(self._paths) - 1

    def set(self, path: tuple[str, ...], value: bytes) -> None:
        """Set one key."""
        self._last.pop(path, None)
        self._last[path] = value

    def add(self, buffer: Buffer, updates: Spans, removals: Spans) -> None:
        """Apply updates and removals; rows tell the order of the records that they are from."""
        items, odd = split_items(buffer, updates)
        data = buffer.data
        row_of: dict[tuple[str, ...], int] = {}
        if len(items.row):
            numbers = self._keys.numbers(buffer, items.key_start, items.key_end)
            few = int(items.row.max()) < 1 << 15  # 16-bit numbers sort by radix
            rows = items.row.astype(np.int16) if few else items.row
            order = np.argsort(rows, kind="stable")
            last = np.full(len(self._paths), -1, np.int64)
            last[numbers[order]] = np.arange(len(order))  # where indices repeat, the last counts
            for i in np.sort(last[last >= 0]).tolist():
                at = int(order[i])
                path = self._paths[int(numbers[at])]
                value = data[int(items.value_start[at]) : int(items.value_end[at])]
                self.set(path, value)
                row_of[path] = int(items.row[at])
        for start, end in zip(odd.start.tolist(), odd.end.tolist(), strict=True):
            if (item := self._item(data, start, end)) is not None:
                self.set(key_path(item), item.get("value_json", "null").encode())
        for row, start, end in zip(
            removals.row.tolist(), removals.start.tolist(), removals.end.tolist(), strict=True
        ):
            if (item := self._item(data, start, end)) is None:
                continue
            path = key_path(item)
            for known in [p for p in self._last if p[: len(path)] == path]:
                if row_of.get(known, -1) <= row:
                    del self._last[known]

    def _item(self, data: bytes, start: int, end: int) -> dict[str, Any] | None:
        """Return one item, None if it is not readable."""
        bad: list[str] = []
        item = wire.decode(data, "SummaryItem", start, end, bad)
        self._odd[Odd.ITEM] += bool(bad)
        return None if bad else item

    def value(self) -> dict[str, Any]:
        """Return the summary as W&B shows it: nested keys nested."""
        out: dict[str, Any] = {}
        for path, text in self._last.items():
            set_path(out, path, json_value(text, self._odd, len(path)))
        found: dict[str, Any] = lenient_json.shallow(out, self._odd)
        return found


def json_value(text: str | bytes, odd: Oddities, level: int = 0) -> Any:
    """Return a JSON value that stands `level` levels deep in its whole; text that is not JSON stays text."""
    try:
        return lenient_json.loads(text, odd, max(lenient_json.DEPTH - level, 1))
    except ValueError:
        return text if isinstance(text, str) else text.decode("utf-8", "replace")


def set_path(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a nested key, making dictionaries on the way.

    Of a path that is nested deeper than settings are read, the rest becomes one key.
    """
    if len(path) > _DEEPEST:
        path = (*path[: _DEEPEST - 1], ".".join(path[_DEEPEST - 1 :]))
    for part in path[:-1]:
        child = target.get(part)
        if not isinstance(child, dict):
            child = target[part] = {}
        target = child
    target[path[-1]] = value


def remove_path(target: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove a nested key where it is there."""
    for part in path[:-1]:
        child = target.get(part)
        if not isinstance(child, dict):
            return
        target = child
    target.pop(path[-1], None)
