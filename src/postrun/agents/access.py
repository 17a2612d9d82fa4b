"""What an agent may read and write. Its targets are texts that anybody may have put into its context."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postrun.model import UsageError

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://?", re.IGNORECASE)
#: Where a glob begins; the path before it is looked at.
_GLOB = re.compile(r"[*?\[]")
#: The filter of a store.
_FILTER = re.compile(r"\?[^/]*$")


@dataclass(frozen=True, slots=True)
class Access:
    """Limits of the tools. Nothing that an agent names is ever written to.

    Attributes:
        roots: Only runs below these folders are read from disk; empty for all that the user may read.
        out: The folder that reports are written into, None for none.
        offline: Whether targets on servers and in object stores are refused.
    """

    roots: tuple[Path, ...] = ()
    out: Path | None = None
    offline: bool = False
    _resolved: tuple[Path, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_resolved", tuple(root.expanduser().resolve() for root in self.roots)
        )

    def require(self, targets: Sequence[str]) -> None:
        """Raise UsageError if a target may not be read."""
        for target in targets:
            self._require(target)

    def _require(self, target: str) -> None:
        if not target.strip() or "\0" in target:
            raise UsageError(
                "the target is empty. Name a folder of runs, a log, or entity/project/run."
            )
        if target.startswith("store:"):
            return
        path = _local(target)
        if path is None:
            if self.offline:
                raise UsageError(
                    f"{target}: not on this disk, and this server was started with --offline. "
                    "Name a local path."
                )
            return
        if self._resolved and not any(path.is_relative_to(root) for root in self._resolved):
            allowed = ", ".join(map(str, self.roots))
            raise UsageError(f"{target}: outside the folders that may be read ({allowed}).")


def _local(target: str) -> Path | None:
    """Return where a target lies on this disk, links followed; None for a target elsewhere.

    A target that looks like entity/project is one on a server only if no such path exists.
    """
    if _SCHEME.match(target):
        return None
    for text in (target, _FILTER.sub("", target)):
        path = Path(text).expanduser()
        if path.exists():
            return path.resolve()
    start = _GLOB.split(target, maxsplit=1)[0] if _GLOB.search(target) else ""
    if start or target.startswith(("/", ".", "~")):
        base = Path(start or target).expanduser()
        return (base if start.endswith("/") or not start else base.parent).resolve()
    return None
