"""Small files beside a run, read leniently: what is unreadable becomes a note, not an error."""

from __future__ import annotations

import math
import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from postrun.sources import lenient_json
from postrun.sources.oddities import Oddities


def is_own(path: Path, notes: list[str]) -> bool:
    """Return whether a file of a run's folder is there and lies in it; a note says if it is a link out of it.

    Whoever made the folder could otherwise put any file of this machine into a report.
    """
    if leads_out(path):
        notes.append(f"{path.name} is a link out of the run's folder and was not followed")
        return False
    return path.is_file()


def leads_out(path: Path) -> bool:
    """Return whether a file of a run's folder, or `files/` there, is a link that leads out of the folder."""
    in_files = path.parent.name == "files"
    if not (path.is_symlink() or (in_files and path.parent.is_symlink())):
        return False
    folder = path.parent.parent if in_files else path.parent
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def read_json(path: Path, notes: list[str]) -> dict[str, Any]:
    """Return a JSON object (bare NaN and Infinity allowed); {} if it is missing or unreadable."""
    if not is_own(path, notes):
        return {}
    odd = Oddities()
    try:
        value = lenient_json.loads(path.read_bytes().removeprefix(BOM_UTF8), odd)
    except (OSError, ValueError) as error:
        notes.append(f"{path.name} is not readable: {error}")
        return {}
    notes += [f"{path.name}: {told}" for told in odd.sentences()]
    if not isinstance(value, dict):
        notes.append(f"{path.name} holds no JSON object")
        return {}
    return value


def read_yaml_config(path: Path, notes: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return W&B's config.yaml without its `{desc, value}` wrappers, and the SDK's own part of it."""
    if not is_own(path, notes):
        return {}, {}
    from postrun.sources import lenient_yaml

    odd = Oddities()
    try:
        value = lenient_yaml.loads(path.read_text(encoding="utf-8", errors="replace"), odd)
    except OSError as error:
        notes.append(f"{path.name} is not readable: {error.strerror}")
        return {}, {}
    except lenient_yaml.YamlError as error:
        value = error.value if isinstance(error.value, dict) else {}
        kept = f"the {len(value)} keys before it were read" if value else "it was left out"
        notes.append(f"{path.name} is not readable: {error}; {kept}")
    notes += [f"{path.name}: {told}" for told in odd.sentences()]
    if value is not None and not isinstance(value, dict):
        notes.append(
            f"{path.name} holds no settings: it is a {type(value).__name__}, not a mapping"
        )
    if not isinstance(value, dict):
        return {}, {}
    internal = value.get("_wandb")
    if isinstance(internal, dict) and isinstance(internal.get("value"), dict):
        internal = internal["value"]
    return unwrap_config(value), internal if isinstance(internal, dict) else {}


def unwrap_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config without W&B's own keys and without `{value: ...}` wrappers."""
    out = {}
    for key, value in config.items():
        if key in ("_wandb", "wandb_version"):
            continue
        if isinstance(value, dict) and "value" in value and set(value) <= {"desc", "value"}:
            value = value["value"]
        out[str(key)] = value
    return out


def stamp(path: Path | str) -> str:
    """Size and time of change of a file: another where it was written to; "-" where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - called for every file of every run
    except OSError:
        return "-"
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def finite_numbers(summary: object) -> Iterator[tuple[str, float]]:
    """Yield the finite numbers at the top of a summary; its nested values and texts are left out."""
    for name, value in summary.items() if isinstance(summary, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield str(name), float(value)
