"""Everything that differs between two runs but their curves."""

from __future__ import annotations

from dataclasses import dataclass

from postrun.metrics import RunView
from postrun.sources.saved_code import code_of, patch_of
from postrun.studies.diff.changes import Change, Weight
from postrun.studies.diff.config import config_changes
from postrun.studies.diff.patches import FileChange, compare_files, compare_patches
from postrun.studies.diff.repository import commits_between
from postrun.studies.diff.surroundings import (
    command_changes,
    commit_changes,
    data_changes,
    machine_changes,
    package_changes,
    packages,
)


@dataclass(frozen=True, slots=True)
class Differences:
    """Everything that differs between two runs but their curves.

    Attributes:
        changes: Single differences, the likeliest cause first.
        folded: Settings and flags that name runs, places or times.
        files: Code that differs, file by file.
        commits: What lies between the commits, if the repository is at hand.
        notes: What could not be compared, and why.
    """

    changes: list[Change]
    folded: list[str]
    files: list[FileChange]
    commits: list[str]
    notes: list[str]


def differences(first: RunView, second: RunView) -> Differences:
    """Return what differs between two runs that are masked already."""
    settings, folded = config_changes(first, second)
    told = [c.key for c in settings] + folded
    command, flags = command_changes(
        first.run, second.run, told, {(c.before, c.after) for c in settings}
    )
    commit = commit_changes(first.run, second.run)
    files, notes = _code(first, second)
    changes = [
        *settings,
        *command,
        *data_changes(first.run, second.run),
        *commit,
        *(_file_change(f) for f in files),
        *package_changes(first.run, second.run),
        *machine_changes(first, second),
    ]
    changes.sort(key=lambda c: c.weight)
    a, b = first.run.identity.commit, second.run.identity.commit
    between = commits_between(a, b) if any(c.key == "git commit" for c in commit) else []
    notes += _missing(first, second)
    keys = list(dict.fromkeys([*folded, *(f"--{flag}" for flag in flags if flag not in told)]))
    return Differences(changes, keys, files, between, notes)


def _code(first: RunView, second: RunView) -> tuple[list[FileChange], list[str]]:
    """Return the code that differs, and what could not be compared."""
    notes = []
    a, b = code_of(first.run), code_of(second.run)
    files = compare_files(a, b) if a and b else []
    x, y = patch_of(first.run), patch_of(second.run)
    if x is None and y is None:
        if not files and not (a and b):
            notes.append(
                "Neither run saved a diff.patch or its code: uncommitted changes are not known."
            )
        return files, notes
    if x is None or y is None:
        which = "first" if x is None else "second"
        notes.append(
            f"The {which} run saved no diff.patch: it had no uncommitted changes, or they are lost."
        )
    known = {f.path for f in files}
    patched = [f for f in compare_patches(x or "", y or "") if f"code/{f.path}" not in known]
    commits = [v.run.identity.commit for v in (first, second)]
    if patched and all(commits) and commits[0] != commits[1]:
        notes.append(
            "The patches are against different commits, so a part of what differs is in the commits."
        )
    return [*files, *patched], notes


def _missing(first: RunView, second: RunView) -> list[str]:
    """Return what one of the runs lacks, so that it could not be compared."""
    out = []
    for what, have in (
        ("config", [bool(v.run.config) for v in (first, second)]),
        ("list of packages", [bool(packages(v.run)) for v in (first, second)]),
        ("git commit", [bool(v.run.identity.commit) for v in (first, second)]),
        ("history", [v.run.history.height > 0 for v in (first, second)]),
    ):
        if not all(have):
            who = (
                "Neither run has"
                if not any(have)
                else f"The {'first' if not have[0] else 'second'} run has"
            )
            out.append(
                f"{who} a {what}." if not any(have) else f"{who} no {what}, so it was not compared."
            )
    return out


def _file_change(file: FileChange) -> Change:
    before = f"-{file.removed} lines" if file.removed else ""
    after = f"+{file.added} lines" if file.added else ""
    how = {"only in the first": "removed", "only in the second": "added"}.get(file.how, "changed")
    return Change("code", file.path, before or "–", after or "–", Weight.CODE, how)
