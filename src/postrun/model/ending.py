"""How a run ended, as one word and a fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Endings that are no failure of the run.
FINE = ("finished", "running", "stopped", "incomplete-log", "unknown")
#: Kinds whose name is not what people read.
_WORDS = {
    "stopped": "stopped by the user",
    "unknown": "end not recorded",
    "error": "failed (an exception)",
    "gpu-out-of-memory": "GPU out of memory",
    "gpu-error": "GPU error",
    "nan": "failed (NaN or infinite loss)",
}


@dataclass(slots=True)
class Ending:
    """How one run ended.

    `kind`: "finished", "running", "stopped" (by the user), "incomplete-log", or what kind of failure: the
    cause's name ("gpu-out-of-memory", ...), "error" for any other exception, "nan", "hang", "suspended" (the
    process stood still), "preempted", "killed" (by a signal, or no exit was recorded and nothing shows
    why), "failed" (an exit code says so, and nothing shows why), "unknown". `frame` is the last line of the
    user's own code, `where` the same without its line number; `template` the message with its variable parts
    replaced. `excerpt` are console lines up to the cause.
    """

    kind: str = "unknown"
    exception: str = ""
    text: str = ""
    frame: str = ""
    where: str = ""
    template: str = ""
    message: str = ""
    remedy: str = ""
    line: int | None = None
    excerpt: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """How the run ended, in the words that every output uses."""
        return words_of(self.kind, recorded=bool(self.text))

    @property
    def failed(self) -> bool:
        """True where the run failed."""
        return self.kind not in FINE

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """What equal failures share: kind, exception, own function, message without variable parts."""
        return self.kind, self.exception, self.where, self.template


def words_of(kind: str, *, recorded: bool) -> str:
    """Return an ending's kind in words; `recorded` says whether an exit was recorded."""
    if kind == "killed" and not recorded:
        return "killed (no exit record)"
    return _WORDS.get(kind, kind.replace("-", " "))
