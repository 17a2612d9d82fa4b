"""What the user says that metrics mean: `[tool.postrun.metrics]`, `--metric-role`, `roles=`.

A declaration is a `MetricDefinition` with a role. It goes into the run itself, before what
`define_metric` said, so that everything that reads the run believes it.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from postrun.metrics.roles import roles
from postrun.metrics.series import MetricInfo
from postrun.model import MetricDefinition, Run, UsageError

#: Name or glob of metrics to a role, or to a table of `role`, `better` and `unit`.
Roles = Mapping[str, str | Mapping[str, str]]

#: The role of metrics that no rule shall judge.
NONE = "none"
_GOALS = {"lower": "minimize", "higher": "maximize", "neither": ""}
_FIELDS = {"role", "better", "unit"}


def declared(table: Roles, where: str = "roles") -> list[MetricDefinition]:
    """Return the declarations of a table, exact names before globs, each in the order given.

    Args:
        table: Names or globs of metrics, each with its role ("none": no rule judges it).
        where: What holds the table, for errors.

    Raises:
        UsageError: A role, direction or field that does not exist.
    """
    found = [_definition(name, value, f"{where}: {name!r}") for name, value in table.items()]
    return sorted(found, key=lambda definition: definition.glob)


def _definition(name: str, value: Any, where: str) -> MetricDefinition:
    fields = {"role": value} if isinstance(value, str) else value
    if not isinstance(fields, Mapping) or not fields.keys() <= _FIELDS or "role" not in fields:
        raise UsageError(f"{where}: give a role, or a table of role, better and unit")
    role, better = fields["role"], fields.get("better", "")
    if role != NONE and role not in roles():
        near = difflib.get_close_matches(str(role), list(roles()), n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"{where}: no role is called {role!r}.{hint} docs/metrics.md lists all.")
    if better not in ("", *_GOALS):
        raise UsageError(f"{where}: better is lower, higher or neither, not {better!r}")
    glob = any(character in name for character in "*?[")
    return MetricDefinition(
        name, glob=glob, role=role, goal=_GOALS.get(better, ""), unit=fields.get("unit", "")
    )


def digest(declarations: Sequence[MetricDefinition]) -> str:
    """Return a short text that differs for other declarations, "" for none."""
    if not declarations:
        return ""
    text = json.dumps([asdict(d) for d in declarations], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def with_declared(run: Run, declarations: Sequence[MetricDefinition]) -> Run:
    """Return the run with declarations before what it defined itself, in its parts as well."""
    if not declarations:
        return run
    parts = [with_declared(part, declarations) for part in run.parts]
    return replace(run, metrics=[*declarations, *run.metrics], parts=parts)


def user_reading(definitions: Sequence[MetricDefinition], key: str) -> MetricInfo | None:
    """Return what the user declared about a metric; None if nothing."""
    for definition in definitions:
        if not definition.role or not _names(definition, key):
            continue
        why = f"declared by the user ({definition.name} = {definition.role})"
        if definition.role == NONE:
            return MetricInfo(key, quantity="not judged", confidence=1.0, why=why)
        role = roles()[definition.role]
        better = {goal: word for word, goal in _GOALS.items()}[definition.goal]
        return MetricInfo(
            key=key,
            role=role.name,
            unit=definition.unit or role.unit,
            better=better if definition.goal else role.better,
            pack="user",
            quantity=role.title,
            split=split_of(role.name),
            confidence=1.0,
            why=why,
        )
    return None


def split_of(role: str) -> str:
    """Return the split that a role's name ends in: "train", "eval", or "none"."""
    tail = role.rpartition(".")[2]
    return tail if tail in ("train", "eval") else "none"


def _names(definition: MetricDefinition, key: str) -> bool:
    if not definition.glob:
        return definition.name == key
    return fnmatch.fnmatchcase(key, definition.name)
