"""Tables of names and values in a console, as Stable-Baselines3 prints them, as lines that can be read."""

from __future__ import annotations

import re

#: Rows of two cells between two rules.
_TABLE = re.compile(
    r"^[ \t]*-{8,}[ \t]*\n((?:[ \t]*\|[^\n|]*\|[^\n|]*\|[ \t]*\n)+)[ \t]*-{8,}[ \t]*$", re.MULTILINE
)


def with_flat_tables(text: str) -> str:
    """Return a console in which each table of names and values is one line: "rollout/ep_rew_mean: 22.8; ...".

    A row without a value begins a section, whose name the names after it carry.
    """
    return _TABLE.sub(_flat, text) if "\n|" in text else text


def _flat(table: re.Match[str]) -> str:
    section, parts = "", []
    for row in table[1].splitlines():
        name, value = (cell.strip() for cell in row.strip().strip("|").split("|"))
        if not value:
            section = f"{name.rstrip('/')}/" if name else ""
        else:
            parts.append(f"{section}{name}: {value}")
    return "; ".join(parts)
