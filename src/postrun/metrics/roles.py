"""Roles: what a metric is for, in the field's words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from postrun.metrics.parsed import table

#: Roles of metrics that runs are judged by, first choice first.
JUDGES = ("accuracy.eval", "score.eval", "reward.eval", "loss.eval", "reward", "loss.train")


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `better` is "lower", "higher" or "neither"; `panel` the plot that shows it."""

    name: str
    title: str
    better: str = "neither"
    unit: str = ""
    panel: str = ""
    note: str = ""


@cache
def roles() -> dict[str, Role]:
    """All roles by name, in the order in which reports show them."""
    return {name: Role(name, **fields) for name, fields in table("roles.toml").items()}


@cache
def _ranks() -> dict[str, int]:
    return {name: i for i, name in enumerate(roles())}


def role_rank(name: str | None) -> int:
    """The place of a role in the order of reports; what has no role comes after all."""
    return _ranks().get(name or "", len(_ranks()))


@cache
def panels() -> list[str]:
    """Plot panels in their order."""
    return list(dict.fromkeys(role.panel for role in roles().values() if role.panel))
