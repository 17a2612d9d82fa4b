"""How the server misbehaves, when asked to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Fault:
    """One kind of misbehaviour on some requests.

    Attributes:
        on: Operation name or part of a path that it strikes ("HistoryPage", "/exports/").
        kind: "429", "500", "401", "403", "404": that status; "stall": an answer after `seconds`; "cut": the
            connection closed within the answer; "truncate": half of the body, of a right length; "redirect": a
            307 to `to`; "bomb": a small compressed answer that is 150 MB when decompressed.
        times: How many requests it strikes; then it is over.
        skip: How many it lets pass first.
        seconds: `Retry-After` of 429, or how long a stall lasts.
        to: The server that a redirect leads to.
    """

    on: str
    kind: str
    times: int = 1_000_000
    skip: int = 0
    seconds: float = 0.2
    to: str = ""

    def strikes(self, name: str) -> bool:
        """True where this request is struck; counts."""
        if self.on not in name or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True
