"""Which runs are wanted, and in which order: one filter for runs on disk, in stores and on servers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from postrun.model.errors import TargetError, UsageError
from postrun.model.run import Run, RunRef, State
from postrun.model.text import did_you_mean
from postrun.model.times import parse_time

_CONDITION = re.compile(r"^([^<>=!~]+)(<=|>=|!=|~|=|<|>)(.+)$")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_ORDERS = ("created", "heartbeat")
_OPEN = ("config.", "summary.")
#: States that runs can have, in W&B's words.
STATES = (
    "finished",
    "failed",
    "crashed",
    "killed",
    "running",
    "preempted",
    "preempting",
    "pending",
    "unknown",
)

#: A name, a sign, and what the value must be.
Condition = tuple[str, str, Any]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Conditions on runs, all of which must hold, their order, and how many are wanted.

    Attributes:
        state: States of which a run must have one; all if empty.
        tag: Tags of which a run must have all.
        created_after: A date or time, ISO 8601, UTC.
        config: Conditions on config values: "lr>0.001", "optimizer=adam", "model~llama" (a regular
            expression).
        summary: The same on summary values.
        name: Regular expression that the run's name matches.
        order: "created", "heartbeat", "config.KEY" or "summary.KEY", with "-" for descending.
        limit: At most this many runs; 0 for all.
    """

    state: Sequence[str] = ()
    tag: Sequence[str] = ()
    group: str = ""
    sweep: str = ""
    created_after: str = ""
    config: Sequence[str] = ()
    summary: Sequence[str] = ()
    name: str = ""
    order: str = "-created"
    limit: int = 0

    def __post_init__(self) -> None:
        """Take a single state, tag or condition for a sequence of one.

        Raises:
            UsageError: A condition, the date, the pattern or the order makes no sense.
        """
        for field in ("state", "tag", "config", "summary"):
            value = getattr(self, field)
            object.__setattr__(self, field, (value,) if isinstance(value, str) else tuple(value))
        for state in self.state:
            if state.lower() not in STATES:
                near = did_you_mean(state, STATES, 1)
                raise UsageError(
                    f"--state {state}: no such state.{near} States are {', '.join(STATES)}."
                )
        self.conditions()
        if self.created_after and parse_time(self.created_after) is None:
            raise UsageError(f"--created-after {self.created_after}: write a date, as 2026-01-31")
        _require_pattern(self.name, f"--name {self.name}")
        if self.order_name not in _ORDERS and (
            not self.order_name.startswith(_OPEN) or self.order_name in _OPEN
        ):
            raise UsageError(
                f"--order {self.order}: it knows created, heartbeat, config.KEY and summary.KEY"
            )

    @property
    def order_name(self) -> str:
        """What runs are ordered by, without its sign."""
        return self.order.lstrip("+-")

    @property
    def descending(self) -> bool:
        """True if the greatest comes first."""
        return self.order.startswith("-")

    def conditions(self) -> list[Condition]:
        """Return the conditions on config and summary, their keys with that word before them."""
        return [
            (f"{option}.{key}", sign, value)
            for option in ("config", "summary")
            for key, sign, value in (
                split_condition(text, f"--{option}") for text in getattr(self, option)
            )
        ]

    @property
    def chooses(self) -> bool:
        """True if some run may be left out for what it is."""
        return bool(
            self.state or self.tag or self.group or self.sweep or self.created_after or self.config
            or self.summary or self.name
        )  # fmt: skip

    def of(self, refs: Iterable[RunRef]) -> list[RunRef]:
        """Return the runs that are wanted, in order, without reading more of them than needed.

        References that their source filtered already (`RunRef.filtered`) are kept as they are.
        State, name and start come from the listing; for all else the run is read without its history.
        """
        found = list(refs)
        own = [ref for ref in found if not ref.filtered]
        if not own:
            return found
        read: dict[int, Run] = {}
        kept = [ref for ref in found if ref.filtered or self._wants(ref, read)]
        if not kept:
            self._complain(list(read.values()))
        if self.order != "-created":
            kept.sort(key=lambda ref: self._place(ref, read), reverse=self.descending)
        return kept[: self.limit or None]

    def _wants(self, ref: RunRef, read: dict[int, Run]) -> bool:
        if self.state and not self._in_state(ref):
            return False
        if self.name and not re.search(self.name, ref.name or ref.id):
            return False
        after = parse_time(self.created_after)
        if after is not None and datetime.fromtimestamp(ref.modified, UTC) <= after:
            return False
        if not (self.tag or self.group or self.sweep or self.config or self.summary):
            return True
        run = _about(ref, read)
        if run is None:
            return False
        who = run.identity
        if not set(self.tag) <= set(who.tags):
            return False
        if self.group not in ("", who.group) or self.sweep not in ("", who.sweep):
            return False
        return all(fits(_value(run, key), sign, want) for key, sign, want in self.conditions())

    def _complain(self, runs: list[Run]) -> None:
        """Raise UsageError if a condition names a key that none of some runs has."""
        for part in ("config", "summary"):
            known = [key for run in runs for key in keys_of(getattr(run, part))]
            for text in getattr(self, part) if known else ():
                key, _, _ = split_condition(text, f"--{part}")
                if all(_value(run, f"{part}.{key}") is None for run in runs):
                    near = did_you_mean(key, known)
                    raise UsageError(f"--{part} {text}: no run has the key {key!r}.{near}")

    def _in_state(self, ref: RunRef) -> bool:
        wanted = {State.of(state) or State.UNKNOWN for state in self.state}
        return ref.state in wanted

    def _place(self, ref: RunRef, read: dict[int, Run]) -> tuple[int, Any]:
        if self.order_name in _ORDERS:
            return sortable(ref.modified)
        run = _about(ref, read)
        return sortable(None if run is None else _value(run, self.order_name))


def _about(ref: RunRef, read: dict[int, Run]) -> Run | None:
    """Return a run without the metrics of its history; None if it cannot be read."""
    if id(ref) not in read:
        try:
            run = ref.part_loader(frozenset()) if ref.part_loader else ref.load()
        except TargetError:
            return None
        read[id(ref)] = run
    return read[id(ref)]


def _value(run: Run, key: str) -> Any:
    part, _, rest = key.partition(".")
    return nested(run.config if part == "config" else run.summary, rest)


def split_condition(text: str, option: str) -> Condition:
    """Return a condition in its parts; UsageError, which names the option, if it is none."""
    found = _CONDITION.match(text)
    if found is None:
        raise UsageError(
            f"{option} {text}: write NAME=VALUE, with =, !=, <, <=, >, >= or ~ (a pattern)"
        )
    key, sign, value = found.groups()
    if sign == "~":
        _require_pattern(value, f"{option} {text}")
    wanted = literal(value)
    numeric = sign[0] in "<>" and option.startswith("--")
    if numeric and isinstance(wanted, str) and parse_time(wanted) is None:
        raise UsageError(
            f"{option} {text}: {value!r} is not a number, so nothing is less or greater"
        )
    return key.strip(), sign, value if sign == "~" else wanted


def _require_pattern(text: str, place: str) -> None:
    """Raise UsageError, which names the option, if a text is no regular expression."""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"{place}: not a regular expression ({error}). Write \\ before [ ( * + ? to mean the "
            "character itself."
        ) from error


def keys_of(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of all values in nested dictionaries, joined with "."."""
    for name, value in values.items():
        yield f"{before}{name}"
        if isinstance(value, dict):
            yield from keys_of(value, f"{before}{name}.")


def literal(text: str) -> Any:
    """Return the number, truth value or None that a text states, else the text."""
    known = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in known:
        return known[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def nested(value: Mapping[str, Any], key: str) -> Any:
    """Return a value in nested dictionaries by its names joined with "."; names may hold dots."""
    if key in value:
        return value[key]
    for at, letter in enumerate(key):
        if letter == "." and isinstance(value.get(key[:at]), dict):
            found = nested(value[key[:at]], key[at + 1 :])
            if found is not None:
                return found
    return None


def fits(value: Any, sign: str, wanted: Any) -> bool:
    """Return whether a value fulfils a condition; of a list one value is enough, for "!=" all must."""
    if isinstance(value, list):
        return (all if sign == "!=" else any)(fits(v, sign, wanted) for v in value)
    if value is None or sign == "~":
        return sign == "!=" if value is None else re.search(str(wanted), str(value)) is not None
    if isinstance(value, str) and not isinstance(wanted, str) and sign in ("=", "!="):
        wanted = str(wanted)
    elif isinstance(value, datetime) and isinstance(wanted, str):
        wanted = parse_time(wanted)
    try:
        return _SIGNS[sign](value, wanted)
    except TypeError:  # a text is not less than a number
        return sign == "!="


def sortable(value: Any) -> tuple[int, Any]:
    """Return values of any kind in one order: what is missing, numbers, times, texts."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return (2, value) if isinstance(value, datetime) else (3, str(value))
