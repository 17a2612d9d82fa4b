"""The rules' names, summaries and thresholds, known without importing the rules.

`postrun rules` and the shell's completion ask for nothing else, and importing all rules takes much longer than
printing their list. `python docs/make_rules.py` writes `catalogue.json`, and a test fails if it does not say
what the rules do. If there are other files of rules than it names, or another package adds a rule, the rules
themselves are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from postrun.offers import offered

_HERE = Path(__file__).parent
_CATALOGUE = _HERE / "catalogue.json"
_RULES = _HERE / "rules"


def catalogue() -> list[dict[str, Any]] | None:
    """Return what is known about each rule, in order of code; None if the rules must be asked.

    Each has code, name, summary, needs, scope, symptom_of and thresholds, as `postrun rules --json` prints.
    """
    if offered():
        return None
    try:
        kept = read()
        rules: list[dict[str, Any]] = kept["rules"]
        return rules if kept["files"] == files() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read() -> dict[str, Any]:
    """Return what `catalogue.json` holds: `rules`, and the paths of their `files`."""
    import orjson

    kept: dict[str, Any] = orjson.loads(_CATALOGUE.read_bytes())
    return kept


def write(rules: Sequence[Mapping[str, Any]]) -> None:
    """Write `catalogue.json` for these rules, a line for each."""
    import orjson

    names = orjson.dumps(files(), option=orjson.OPT_INDENT_2).decode()
    lines = ",\n".join(orjson.dumps(dict(rule)).decode() for rule in rules)
    _CATALOGUE.write_text(f'{{"files": {names},\n"rules": [\n{lines}\n]}}\n', encoding="utf-8")


def files() -> list[str]:
    """Return every file of rules, by its path below the folder of rules."""
    return sorted(path.relative_to(_RULES).as_posix() for path in _RULES.rglob("*.py"))
