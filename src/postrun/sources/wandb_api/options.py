"""Which runs of a project are wanted, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postrun.model import UsageError

_CONDITION = re.compile(r"^([^<>=!~]+)(<=|>=|!=|~|=|<|>)(.+)$")
_SIGNS = {
    "=": "$eq",
    "!=": "$ne",
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    "~": "$regex",
}


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Filters, order and limit for the runs of a project, as `postrun list` takes them.

    Attributes:
        created_after: A date or time, ISO 8601, UTC.
        config: Conditions on config values: "lr>0.001", "optimizer=adam", "model~llama" (a regular
            expression).
        summary: The same on summary values.
        name: Regular expression that the run's name matches.
        order: "created", "heartbeat", "config.KEY" or "summary.KEY", with "-" for descending.
        sample: How many rows to read at most; 0 for all. What is sampled is said everywhere.
        history_only: Leave out what costs requests of its own: system metrics, console log, files and
            artifacts. Config and summary come with the listing.
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
    sample: int = 0
    history_only: bool = False

    def filters(self) -> dict[str, Any]:
        """The filter as the server takes it (MongoDB's operators)."""
        parts: list[Mapping[str, Any]] = []
        if self.state:
            parts.append({"state": {"$in": list(self.state)}})
        parts += [{"tags": {"$in": [tag]}} for tag in self.tag]
        for field, value in (("group", self.group), ("sweep", self.sweep)):
            if value:
                parts.append({field: value})
        if self.created_after:
            parts.append({"createdAt": {"$gt": self.created_after}})
        if self.name:
            parts.append({"displayName": {"$regex": self.name}})
        parts += [_condition(text, "config.{}.value", "--config") for text in self.config]
        parts += [_condition(text, "summary_metrics.{}", "--summary") for text in self.summary]
        return {"$and": parts} if parts else {}

    def server_order(self) -> str:
        """The order as the server takes it."""
        sign, name = (
            ("-", self.order[1:]) if self.order[:1] == "-" else ("+", self.order.lstrip("+"))
        )
        known = {"created": "created_at", "heartbeat": "heartbeat_at"}
        if name.startswith("config."):
            return f"{sign}{name}.value"
        if name.startswith("summary."):
            return f"{sign}summary_metrics.{name.removeprefix('summary.')}"
        if name not in known:
            raise UsageError(
                f"--order {self.order}: it knows created, heartbeat, config.KEY and summary.KEY"
            )
        return sign + known[name]


#: A name, a sign, and what the value must be.
Condition = tuple[str, str, Any]


def split_condition(text: str, option: str) -> Condition:
    """A condition in its parts; UsageError, which names the option, where it is none."""
    found = _CONDITION.match(text)
    if found is None:
        raise UsageError(
            f"{option} {text}: write KEY=VALUE, with =, !=, <, <=, >, >= or ~ (a pattern)"
        )
    key, sign, value = found.groups()
    return key.strip(), sign, value if sign == "~" else _literal(value)


def _condition(text: str, field: str, option: str) -> dict[str, Any]:
    key, sign, wanted = split_condition(text, option)
    return {field.format(key): {_SIGNS[sign]: wanted}}


def _literal(text: str) -> Any:
    known = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in known:
        return known[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
