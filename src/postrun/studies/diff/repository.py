"""The commits between those of two runs, from the repository in which the user stands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SECONDS = 10
#: Commits and files that are listed.
_MOST = 30
#: Nothing of the repository's own settings may run a program.
_SAFE = (
    "--no-pager", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c",
    "core.hooksPath=/dev/null", "-c", "diff.external=", "--no-optional-locks",
)  # fmt: skip


def commits_between(first: str, second: str, folder: Path | None = None) -> list[str]:
    """Return the commits from one commit to another, newest first, then the files that differ; [] if not at
    hand.

    Commits that only the first has are marked with "<". The repository is the one that holds `folder` (the
    working folder if None): no other is looked at, because a run's metadata may name any path.
    """
    if not (_COMMIT.fullmatch(first) and _COMMIT.fullmatch(second)) or first == second:
        return []
    where = folder or Path.cwd()
    for commit in (first, second):
        if _git(where, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            return []
    log = _git(
        where, "log", "--no-color", "--left-right", "--format=%m %h %cs %s", f"--max-count={_MOST + 1}",
        f"{first}...{second}",
    )  # fmt: skip
    files = _git(
        where, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--stat=76", first, second
    )
    lines = (log or "").splitlines()
    shown = lines[:_MOST] + (["..."] if len(lines) > _MOST else [])
    changed = (files or "").splitlines()
    kept = changed if len(changed) <= _MOST else [*changed[: _MOST - 1], "...", changed[-1]]
    return [line.removeprefix("> ") for line in shown] + kept


def _git(folder: Path, *words: str) -> str | None:
    """Return the output of a git command; None if it failed or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_SAFE, *words],
            capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
