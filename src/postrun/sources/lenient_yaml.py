"""YAML as the SDK writes its config.yaml, read without trust.

The file is read event by event: nesting costs no stack, an alias costs what it stands for, and a value that
its tag does not fit stays text. What was read before an error is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from postrun.sources.lenient_json import DEPTH, mended
from postrun.sources.oddities import Odd, Oddities

#: Values that the aliases of a file may stand for. The SDK writes an alias where two settings share a list.
_MOST_COPIES = 10_000
_MOST_DIGITS = 300
#: Types that a config may hold; dates and whatever else a tag may ask for stay text.
_SCALARS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


class YamlError(ValueError):
    """A text that is no YAML from some place on; `value` is what was read before it."""

    def __init__(self, problem: str, value: Any) -> None:
        self.value = value
        super().__init__(problem)


def loads(text: str, odd: Oddities) -> Any:
    """Return the value of the first YAML document of a text; `odd` counts what had to be changed.

    Raises:
        YamlError: The text is not YAML, or its aliases stand for more than 10,000 values.
    """
    builder = _Builder(text, odd)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                break
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise YamlError(f"{problem}{where}", builder.so_far()) from None
    return builder.root


_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Open:
    """A dictionary or list that is being read. `size` and `height` are those of what is in it."""

    value: dict[Any, Any] | list[Any]
    anchor: str | None
    start: int
    size: int = 1
    height: int = 1
    key: list[Any] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class _Named:
    """An anchored value: how many values it holds, and how many levels."""

    value: Any
    size: int = 1
    height: int = 0


class _Builder:
    """Makes values of YAML's events, with a stack of its own; `root` is what was read so far."""

    def __init__(self, text: str, odd: Oddities) -> None:
        self.root: Any = None
        self._text, self._odd = text, odd
        self._types = yaml.SafeLoader("")
        self._stack: list[_Open] = []
        self._named: dict[str, _Named] = {}
        self._copies = 0
        #: Collections open below the last level that is read, and where the first of them begins.
        self._deeper, self._deep_from = 0, 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            YamlError: The aliases stand for too many values.
        """
        if isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif self._deeper:
            return
        elif isinstance(event, yaml.ScalarEvent):
            self._put(_Named(self._scalar(event)), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._put(self._meant(event.anchor), None, f"*{event.anchor}")

    def so_far(self) -> Any:
        """Return what was read, with what is still open."""
        while self._stack:
            self._end(len(self._text))
        return self.root

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._stack) >= DEPTH:
            if not self._deeper:
                self._deep_from = _index(event.start_mark)
            self._deeper += 1
            return
        value: dict[Any, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if not self._stack:
            self.root = value
        self._stack.append(_Open(value, event.anchor, _index(event.start_mark)))

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        if self._deeper:
            self._deeper -= 1
            if not self._deeper:
                self._odd[Odd.DEEP] += 1
                text = self._text[self._deep_from : _index(event.end_mark)]
                self._put(_Named(text.strip()), None)
            return
        self._end(_index(event.end_mark))

    def _end(self, stop: int) -> None:
        done = self._stack.pop()
        if self._stack:
            what = _Named(done.value, done.size, done.height)
            self._put(what, done.anchor, self._text[done.start : stop].strip())

    def _put(self, what: _Named, anchor: str | None, text: str = "") -> None:
        """Add a value to the collection around it; as a key, a collection is its own `text`."""
        if anchor is not None:
            self._named[anchor] = what
        if not self._stack:
            self.root = what.value
            return
        around = self._stack[-1]
        around.size += what.size
        around.height = max(around.height, what.height + 1)
        if isinstance(around.value, list):
            around.value.append(what.value)
        elif around.key:
            around.value[around.key.pop()] = what.value
        else:
            around.key.append(text if isinstance(what.value, dict | list) else what.value)

    def _meant(self, anchor: str | None) -> _Named:
        """Return what an alias stands for; its own text if that is around it, unknown, or too deep."""
        what = self._named.get(anchor or "")
        if what is None or len(self._stack) + what.height > DEPTH:
            self._odd[Odd.ALIAS] += 1
            return _Named(f"*{anchor}")
        self._copies += what.size
        if self._copies > _MOST_COPIES:
            raise YamlError(
                f"its aliases stand for more than {_MOST_COPIES:,} values", self.so_far()
            )
        return what

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        tag = event.tag
        if tag in (None, "!"):
            tag = self._types.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        text = mended(event.value, self._odd)
        if tag not in _SCALARS:
            return text
        try:
            if len(text) > _MOST_DIGITS:
                raise ValueError("no double holds such a number")
            return self._types.yaml_constructors[tag](self._types, yaml.ScalarNode(tag, text))
        except (ValueError, LookupError, OverflowError, yaml.YAMLError):
            self._odd[Odd.TYPE] += 1
            return text


def _index(mark: Any) -> int:
    """Return the place of a mark in the text."""
    return int(mark.index)
