"""What TAB completes: paths of runs, rules by code and name, thresholds, severities, metric packs' commands."""

from __future__ import annotations

from typing import Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

_LEVELS = ("info", "warning", "critical")


def complete_codes(_: Context, __: Parameter, typed: str) -> list[CompletionItem]:
    """Return codes and names of rules; of several, separated by commas, the last is completed."""
    before, comma, last = typed.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{word}", help=text)
        for word, text in _rules()
        if word.lower().startswith(last.lower())
    ]


def complete_thresholds(_: Context, __: Parameter, typed: str) -> list[CompletionItem]:
    """Return RULE.NAME= for each threshold."""
    words = [f"{rule['code']}.{name}=" for rule in known_rules() for name in rule["thresholds"]]
    return [CompletionItem(word) for word in words if word.lower().startswith(typed.lower())]


def complete_severities(_: Context, __: Parameter, typed: str) -> list[CompletionItem]:
    """Return RULE=LEVEL."""
    code, equals, level = typed.partition("=")
    if not equals:
        return [CompletionItem(f"{w}=") for w, _ in _rules() if w.lower().startswith(code.lower())]
    return [CompletionItem(f"{code}={word}") for word in _LEVELS if word.startswith(level)]


def complete_states(_: Context, __: Parameter, typed: str) -> list[CompletionItem]:
    """Return the states of runs."""
    from postrun.model.filter import STATES

    return [CompletionItem(word) for word in STATES if word.startswith(typed)]


def known_rules() -> list[dict[str, Any]]:
    """Return what is told of each rule, in order of code: from the catalogue, which costs no imports."""
    from postrun.catalogue import catalogue

    found = catalogue()
    if found is None:
        from postrun.rules import rules

        found = [rule.as_dict() for rule in rules()]
    return found


def _rules() -> list[tuple[str, str]]:
    found = known_rules()
    return [(r["code"], r["summary"]) for r in found] + [(r["name"], r["code"]) for r in found]
