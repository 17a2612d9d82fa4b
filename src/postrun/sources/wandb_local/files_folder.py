"""The files of a run beside its log: what they add to it, and where the two disagree."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from postrun.model import RunFile
from postrun.model.times import parse_time
from postrun.sources.files import is_own, read_json, read_yaml_config
from postrun.sources.wandb_local.find import FILES

_OWN = ("_wandb", "_runtime", "_timestamp", "_step")


@dataclass(slots=True)
class FilesFolder:
    """What the files of a run say; empty if there are none. `internal` is the SDK's part of the config."""

    config: dict[str, Any] = field(default_factory=dict)
    internal: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    console: str = ""
    files: list[RunFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> list[str]:
        """What of a run these files hold, in words."""
        held = {
            "summary": self.summary,
            "config": self.config,
            "metadata": self.metadata,
            "console log": self.console.strip(),
            "package list": self.requirements,
        }
        return [name for name, value in held.items() if value]

    @property
    def started_at(self) -> datetime | None:
        """Start time by wandb-metadata.json."""
        return parse_time(self.metadata.get("startedAt"))


def read_files_folder(run_folder: Path) -> FilesFolder:
    """Read the files of a run folder: its `files/`, or itself as SDK 0.8 and 0.9 had it.

    What is missing is empty, what is unreadable becomes a note.
    """
    out = FilesFolder()
    folder = run_folder / "files"
    if not folder.is_dir():
        if not any((run_folder / name).is_file() for name in FILES):
            return out
        folder = run_folder
    out.config, out.internal = read_yaml_config(folder / "config.yaml", out.notes)
    out.summary = read_json(folder / "wandb-summary.json", out.notes)
    out.metadata = _typed(read_json(folder / "wandb-metadata.json", out.notes), out.notes)
    out.requirements = _lines(_text(folder / "requirements.txt", out.notes))
    out.console = _text(folder / "output.log", out.notes)
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):  # of a folder that may not be entered
            if not path.is_file():
                continue
            out.files.append(RunFile(path.relative_to(folder).as_posix(), path.stat().st_size))
    return out


def differences(log: dict[str, Any], file: dict[str, Any]) -> list[str]:
    """Keys whose values differ between a log and a file; keys that only one has are left out."""
    return sorted(
        key
        for key in log.keys() & file.keys()
        if key not in _OWN and not _same(log[key], file[key])
    )


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return all(_same(a[k], b[k]) for k in a.keys() & b.keys())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or math.isclose(a, b, rel_tol=1e-6) or (math.isnan(a) and math.isnan(b))
    return bool(a == b) or str(a) == str(b)


#: What of wandb-metadata.json is read by name, and its types.
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("os", "python", "program", "codePath", "codePathLocal", "executable"), (str,)),
    **dict.fromkeys(("host", "username", "email", "root", "gpu", "gpu_type", "cuda"), (str,)),
    **dict.fromkeys(("project", "jobType", "name", "state", "cudaVersion"), (str,)),
    **dict.fromkeys(("startedAt", "heartbeatAt"), (str, int, float)),
    **dict.fromkeys(("cpu_count", "cpu_count_logical", "gpu_count", "exitcode"), (int,)),
    **dict.fromkeys(("git", "memory", "slurm", "apple"), (dict,)),
    "args": (list,),
}


def _typed(metadata: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return metadata without values of other types than the SDK writes, and without impossible times."""
    wrong = [
        name
        for name, value in metadata.items()
        if value is not None and name in _TYPES and not isinstance(value, _TYPES[name])
    ]
    wrong += [
        name
        for name in ("startedAt", "heartbeatAt")
        if isinstance(metadata.get(name), str | int | float) and parse_time(metadata[name]) is None
    ]
    if wrong:
        values = "1 value is" if len(wrong) == 1 else f"{len(wrong)} values are"
        shown = ", ".join(wrong[:5]) + (" ..." if len(wrong) > 5 else "")
        left = "was" if len(wrong) == 1 else "were"
        notes.append(
            f"wandb-metadata.json: {values} not of the kind that the SDK writes and {left} left out "
            f"({shown})"
        )
    return {name: value for name, value in metadata.items() if name not in wrong}


def _text(path: Path, notes: list[str]) -> str:
    """Return the text of a file with its carriage returns; "" if it is missing or unreadable."""
    if not is_own(path, notes):
        return ""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        notes.append(f"{path.name} is not readable: {error.strerror}")
        return ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
