"""Leave out of the navigation what is not written: mkdocs calls this hook before it builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: Pages that the navigation names only if they exist.
_OPTIONAL = ("watch.md",)


def on_config(config: Any) -> Any:
    """Return the configuration without optional pages that do not exist."""
    folder = Path(config["docs_dir"])
    absent = {page for page in _OPTIONAL if not (folder / page).is_file()}
    config["nav"] = _without(config["nav"], absent)
    return config


def _without(nav: list[Any], absent: set[str]) -> list[Any]:
    kept = []
    for entry in nav:
        ((title, value),) = entry.items()
        if isinstance(value, list):
            kept.append({title: _without(value, absent)})
        elif value not in absent:
            kept.append(entry)
    return kept
