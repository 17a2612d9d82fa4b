"""All rules, and which of them a user wants."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import postrun.rules
from postrun.model import Severity, UsageError
from postrun.model.text import did_you_mean
from postrun.plugins import load_plugins, plugin_failed
from postrun.rules.base import Rule


@cache
def rules() -> tuple[type[Rule], ...]:
    """All rules in order of code: postrun's own, and those of the `postrun.rules` entry points.

    A rule is any subclass of Rule with a code, in any module of this package and of its families.
    """
    found: dict[str, type[Rule]] = {}
    for module in pkgutil.walk_packages(postrun.rules.__path__, "postrun.rules."):
        loaded = importlib.import_module(module.name)
        for value in vars(loaded).values():
            if _is_rule(value) and value.__module__ == loaded.__name__:
                found[value.code] = value
    for rule in load_plugins("postrun.rules", as_rule):
        if rule.code in found:
            problem = ValueError(f"its code {rule.code} is taken by {found[rule.code].__module__}")
            plugin_failed("postrun.rules", rule.name, problem)
            continue
        found[rule.code] = rule
    return tuple(found[code] for code in sorted(found))


def as_rule(name: str, value: object) -> type[Rule]:
    """Return the rule that a plug-in gives; TypeError if it is none, or has no name, or odd attributes."""
    if not isinstance(value, type) or not _is_rule(value):
        raise TypeError(f"{name} is no subclass of postrun.Rule with a code")
    wanted: dict[str, type[Any]] = {
        "code": str,
        "name": str,
        "scope": str,
        "live": str,
        "lasting": bool,
        "beside": bool,
        "of_rows": bool,
    }
    for attribute, kind in wanted.items():
        if not isinstance(getattr(value, attribute), kind):
            raise TypeError(f"{name}.{attribute} is not of type {kind.__name__}")
    for attribute in ("needs", "symptom_of"):
        if not _is_texts(getattr(value, attribute)):
            raise TypeError(f"{name}.{attribute} is no tuple of texts")
    if not all(isinstance(limit, int | float) for limit in value({}).thresholds.values()):
        raise TypeError(f"{name}.thresholds maps names to numbers")
    rule: type[Rule] = value
    rule.summary()
    return rule


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, str) for part in value)


def _is_rule(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Rule) and hasattr(value, "code")


def find_rule(text: str) -> type[Rule]:
    """The rule with this code or name; UsageError that lists near ones otherwise."""
    for rule in rules():
        if text.lower() in (rule.code.lower(), rule.name):
            return rule
    near = did_you_mean(text, _names())
    raise UsageError(f"no rule is called {text!r}.{near} `postrun rules` lists all.")


def _names() -> list[str]:
    return [r.code for r in rules()] + [r.name for r in rules()]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules run, and with which thresholds.

    `select` and `ignore` hold codes, prefixes of codes ("OPT") or names; the longer match wins, and
    `ignore` wins over `select` of equal length. `thresholds` maps a code or name to overrides,
    `severity` a code, prefix or name to the severity that its findings get ("info", ...); those of
    severity good keep it.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)

    def active(self) -> list[Rule]:
        """The selected rules, made with their thresholds; UsageError for what matches no rule."""
        known = rules()
        for pattern in (*self.select, *self.ignore, *self.severity):
            if not any(_match(pattern, rule) for rule in known):
                near = did_you_mean(pattern, _names())
                raise UsageError(f"no rule matches {pattern!r}.{near} `postrun rules` lists all.")
        for rule_name in self.thresholds:
            find_rule(rule_name)
        for level in self.severity.values():
            try:
                Severity.parse(level)
            except ValueError as error:
                raise UsageError(str(error)) from error
        chosen = []
        for rule in known:
            wanted = _longest(self.select, rule) if self.select else 1
            if wanted and wanted > _longest(self.ignore, rule):
                overrides = self.thresholds.get(rule.code, self.thresholds.get(rule.name, {}))
                for name in sorted(set(overrides) - set(rule.thresholds)):
                    near = did_you_mean(name, rule.thresholds)
                    raise UsageError(
                        f"{rule.code} has no threshold {name!r}.{near} "
                        f"It has {', '.join(rule.thresholds) or 'none'}."
                    )
                chosen.append(rule(overrides))
        return chosen

    def severity_of(self, rule: type[Rule]) -> Severity | None:
        """The severity that this rule's findings shall have, None for their own."""
        length, level = max(
            ((_match(pattern, rule), level) for pattern, level in self.severity.items()),
            default=(0, ""),
        )
        return Severity.parse(level) if length else None


def _match(pattern: str, rule: type[Rule]) -> int:
    """Length of the match, 0 for none."""
    if pattern.lower() == rule.name or pattern.upper() == "ALL":
        return len(rule.code) if pattern.upper() != "ALL" else 1
    return len(pattern) if pattern and rule.code.startswith(pattern.upper()) else 0


def _longest(patterns: Iterable[str], rule: type[Rule]) -> int:
    return max((_match(pattern, rule) for pattern in patterns), default=0)
