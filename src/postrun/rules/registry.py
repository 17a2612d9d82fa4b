"""All rules, and which of them a user wants."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import postrun.rules
from postrun.model import Finding, Severity, UsageError
from postrun.model.text import did_you_mean
from postrun.plugins import load_plugins, plugin_failed
from postrun.rules.base import PREVIEW, STABLE, Rule

#: What `select`, `ignore` and `severity` call all rules in preview.
_PREVIEWS = "PREVIEW"


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
    """Return the rule that a plug-in gives; TypeError or ValueError if it is none or has odd attributes."""
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
        "since": str,
        "status": str,
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
    if rule.status not in (STABLE, PREVIEW):
        raise ValueError(f"{name}.status is {rule.status!r}, not {STABLE!r} or {PREVIEW!r}")
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

    `select` and `ignore` hold codes, prefixes of codes ("OPT"), names, "ALL", or "PREVIEW" for all rules in
    preview; the longer match wins, and `ignore` wins over `select` of equal length. `thresholds` maps a code
    or name to overrides, `severity` a code, prefix or name to the severity that its findings get ("info", ...);
    those of severity good keep it.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)

    def active(self) -> list[Rule]:
        """The selected rules, made with their thresholds; UsageError for what matches no rule."""
        known = rules()
        for pattern in (*self.select, *self.ignore, *self.severity):
            if pattern.upper() != _PREVIEWS and not any(_match(pattern, rule) for rule in known):
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
                _refuse_senseless(rule, overrides)
                chosen.append(rule(overrides))
        return chosen

    def settled(self, finding: Finding, rule: type[Rule]) -> Finding:
        """Return a rule's finding with the severity that the user wants, and marked if the rule is in preview.

        A finding of severity good keeps it. One in preview is at most info, unless its rule is selected.
        """
        severity = finding.severity
        preview = rule.status == PREVIEW and finding.rule == rule.code  # not RUN000 about it
        if severity is not Severity.GOOD:
            level = self._level(rule)
            severity = severity if level is None else level
            if preview and not self._means(rule):
                severity = min(severity, Severity.INFO)
        finding = finding if severity is finding.severity else replace(finding, severity=severity)
        if not preview:
            return finding
        return replace(finding, preview=True, message=f"{finding.message} (preview)")

    def without_previews(self) -> Selection:
        """Return the selection without rules in preview, but those that the user selected."""
        left_out = [r.code for r in rules() if r.status == PREVIEW and not self._means(r)]
        return replace(self, ignore=(*self.ignore, *left_out))

    def _level(self, rule: type[Rule]) -> Severity | None:
        length, level = max(
            ((_match(pattern, rule), level) for pattern, level in self.severity.items()),
            default=(0, ""),
        )
        return Severity.parse(level) if length else None

    def _means(self, rule: type[Rule]) -> bool:
        """Return whether the user named a rule in preview: its code, its name or "PREVIEW", no prefix."""
        named = {pattern.upper() for pattern in (*self.select, *self.severity)}
        return not named.isdisjoint({rule.code, rule.name.upper(), _PREVIEWS})


def _refuse_senseless(rule: type[Rule], overrides: Mapping[str, float]) -> None:
    """Raise UsageError for a threshold that no rule can decide with."""
    for name, value in overrides.items():
        default = rule.thresholds[name]
        if not math.isfinite(value) or value < 0 <= default:
            least = "finite and at least 0" if default >= 0 else "finite"
            raise UsageError(
                f"{rule.code}: threshold {name} = {value:g}, but it must be {least}. "
                f"Its default is {default:g}."
            )


def _match(pattern: str, rule: type[Rule]) -> int:
    """Length of the match, 0 for none."""
    if pattern.upper() == "ALL":
        return 1
    if pattern.upper() == _PREVIEWS:
        return 2 if rule.status == PREVIEW else 0  # beyond ALL, below a family's prefix
    if pattern.lower() == rule.name:
        return len(rule.code)
    return len(pattern) if pattern and rule.code.startswith(pattern.upper()) else 0


def _longest(patterns: Iterable[str], rule: type[Rule]) -> int:
    return max((_match(pattern, rule) for pattern in patterns), default=0)
