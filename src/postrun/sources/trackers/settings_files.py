"""Settings that other programs write: YAML with objects of theirs, and values that are kept as text."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml


@cache
def _any_tag() -> type[yaml.SafeLoader]:
    """Return a loader that reads what other programs wrote as plain values and makes no objects."""
    import yaml

    class AnyTag(yaml.SafeLoader):
        pass

    def plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return node.value or None

    AnyTag.add_multi_constructor("", plain)
    return AnyTag


def read_settings(path: Path, notes: list[str]) -> dict[str, Any]:
    """Return a YAML mapping, with objects of Python as their plain parts; {} if it is missing or unreadable."""
    if not path.is_file():
        return {}
    import yaml  # only now: every look for runs loads this module

    try:
        value = yaml.load(path.read_text(encoding="utf-8", errors="replace"), _any_tag())
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        notes.append(f"{path.name} is not readable: {str(error).splitlines()[0]}")
        return {}
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def read_setting(text: str) -> Any:
    """Return what a setting that is kept as text says: a number, a truth value, a list, or the text itself."""
    words = {"True": True, "False": False, "None": None, "nan": float("nan")}
    if text in words:
        return words[text]
    try:
        return json.loads(text)
    except ValueError:
        return text
