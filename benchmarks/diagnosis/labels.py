"""What a case must, may and must not make the rules say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Labels:
    """The truth about one case.

    Attributes:
        must: Rules that must fire, each with the step at which the fault begins (None where it has
            no beginning).
        may: Rules that say true things about the case without being asked for: consequences of the
            fault, or properties of the training. They count neither way.
        healthy: Nothing is wrong with the case; a critical finding on it is the worst error there is.
        span: Number of steps, by which onset errors are divided.
    """

    name: str
    must: dict[str, float | None] = field(default_factory=dict)
    may: tuple[str, ...] = ()
    healthy: bool = False
    span: float = 1.0

    def allows(self, code: str) -> bool:
        """True where a finding of this rule is no false alarm."""
        return code in self.must or any(code.startswith(prefix) for prefix in self.may)

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.write_text(
            json.dumps(
                {
                    "name": self.name,
                    "must": self.must,
                    "may": list(self.may),
                    "healthy": self.healthy,
                    "span": self.span,
                },
                indent=1,
            )
        )

    @classmethod
    def read(cls, path: Path) -> Labels:
        """Read what `write` saved."""
        data = json.loads(path.read_text())
        return cls(
            data["name"], data["must"], tuple(data["may"]), bool(data["healthy"]), data["span"]
        )
