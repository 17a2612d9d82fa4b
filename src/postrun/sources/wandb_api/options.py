"""Which runs of a project are wanted, and how they are read from a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from postrun.model.filter import RunFilter

_SIGNS = {
    "=": "$eq",
    "!=": "$ne",
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    "~": "$regex",
}
_FIELDS = {"config": "config.{}.value", "summary": "summary_metrics.{}"}


class Choice(TypedDict, total=False):
    """The fields of `RemoteOptions` as keyword arguments; one text stands for a sequence of one."""

    state: str | Sequence[str]
    tag: str | Sequence[str]
    group: str
    sweep: str
    created_after: str
    config: str | Sequence[str]
    summary: str | Sequence[str]
    name: str
    order: str
    limit: int
    sample: int
    history_only: bool


@dataclass(frozen=True, slots=True)
class RemoteOptions(RunFilter):
    """A filter for runs, and how much of each is read from a server.

    Attributes:
        sample: How many rows to read at most; 0 for all. What is sampled is said everywhere.
        history_only: Leave out what costs requests of its own: system metrics, console log, files and
            artifacts. Config and summary come with the listing.
        summaries: Ask for summaries while listing, for those who show them without reading the runs.
    """

    sample: int = 0
    history_only: bool = False
    summaries: bool = False

    def filters(self) -> dict[str, Any]:
        """Return the filter as the server takes it (MongoDB's operators)."""
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
        for key, sign, wanted in self.conditions():
            parts.append(_condition(key, {_SIGNS[sign]: wanted}))
        return {"$and": parts} if parts else {}

    def server_order(self) -> str:
        """Return the order as the server takes it."""
        sign, name = "-" if self.descending else "+", self.order_name
        if name.startswith("config."):
            return f"{sign}{name}.value"
        if name.startswith("summary."):
            return f"{sign}summary_metrics.{name.removeprefix('summary.')}"
        return f"{sign}{name}_at"


def _condition(key: str, test: dict[str, Any]) -> dict[str, Any]:
    """Return a condition on a value. A dot may be part of a config key or lead into a nested one."""
    part, _, rest = key.partition(".")
    plain = {_FIELDS[part].format(rest): test}
    outer, _, inner = rest.partition(".")
    if part != "config" or not inner:
        return plain
    return {"$or": [plain, {f"config.{outer}.value.{inner}": test}]}
