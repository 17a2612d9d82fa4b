"""The code that a run saved: the patch of uncommitted changes, and files of its program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from postrun.model import Run

#: The SDK's patch of uncommitted changes against the commit.
PATCH = "diff.patch"
#: Where the SDK copies the program, and what of a run counts as its code.
_FOLDERS = ("code",)
_SUFFIXES = frozenset(
    (".py", ".sh", ".yaml", ".yml", ".toml", ".json", ".cfg", ".ini", ".gin", ".ipynb", ".cu", ".cpp",
     ".c", ".h")
)  # fmt: skip
#: Larger files, and more of them, are no code that anybody compares.
_LARGEST, _MOST = 4_000_000, 500


def with_code(run: Run) -> Run:
    """Return a run whose `texts` hold its patch and its saved code, as far as they lie beside its log.

    Links that lead out of the run's folder, binary and very large files are left out. What a server sent is
    there already.
    """
    folder = _files(run)
    if folder is None:
        return run
    found = dict(run.texts)
    for path in _candidates(folder):
        name = path.relative_to(folder).as_posix()
        if name not in found and (text := _text(path, folder)) is not None:
            found[name] = text
    return replace(run, texts=found) if found != run.texts else run


def code_of(run: Run) -> dict[str, str]:
    """Return the saved files of a run's program: path to text."""
    return {
        name: text
        for name, text in run.texts.items()
        if name.split("/")[0] in _FOLDERS and Path(name).suffix in _SUFFIXES
    }


def patch_of(run: Run) -> str | None:
    """Return the patch of uncommitted changes; None if none was saved."""
    return run.texts.get(PATCH)


def _files(run: Run) -> Path | None:
    """Return the folder of a run's files; None if it has none on this machine."""
    if run.path is None:
        return None
    folder = run.path if run.path.is_dir() else run.path.parent
    return next(
        (f for f in (folder / "files", folder) if (f / PATCH).exists() or (f / "code").is_dir()),
        None,
    )


def _candidates(folder: Path) -> list[Path]:
    own = [folder / PATCH]
    for name in _FOLDERS:
        own += sorted(p for p in (folder / name).rglob("*") if p.suffix in _SUFFIXES)[:_MOST]
    return own


def _text(path: Path, folder: Path) -> str | None:
    try:
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            return None
        if path.stat().st_size > _LARGEST:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return None if b"\0" in data[:8192] else data.decode("utf-8", "replace")
