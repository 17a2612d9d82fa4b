"""What is known about how much of a run was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Damage:
    """One stretch of a log that could not be read.

    Attributes:
        offset: First unreadable byte in `path`.
        length: Number of unreadable bytes; 0 if the whole file is missing or empty.
        resumed: True if records after it were recovered.
        remedy: What to do about it, "" if nothing special.
    """

    path: str
    offset: int
    length: int
    reason: str
    resumed: bool
    remedy: str = ""

    def sentence(self) -> str:
        """Return the damage as one sentence, with its byte position."""
        if not self.length:
            return f"{self.path}: {self.reason}"
        after = (
            "records after it were recovered" if self.resumed else "nothing after it is readable"
        )
        return (
            f"{self.path}: {self.reason} at byte {self.offset} ({self.length} bytes lost; {after})"
        )


@dataclass(slots=True)
class Seam:
    """The place where one segment of a run ends and the next begins.

    Attributes:
        row: Number of the first row of the later segment, counted from 0.
        step_before: Last `_step` before the seam, None if unknown.
        step_after: First `_step` after the seam, None if unknown.
        gap_seconds: Wall time between the two rows, None if either has no timestamp.
        part: Folder of the later segment.
        kind: "resumed" (the same training went on), "rewound" (the run was set back to an earlier
            step on purpose), or "other" (a segment of another job, such as a later evaluation).
        seconds: Duration of the later segment alone, None if unknown.
    """

    row: int
    step_before: int | None
    step_after: int | None
    gap_seconds: float | None
    part: str
    kind: str = "resumed"
    seconds: float | None = None

    def sentence(self) -> str:
        """Return the seam as one sentence."""
        what = {"rewound": "rewound in", "other": "continued by another job in"}
        gap = "" if self.gap_seconds is None else f", {self.gap_seconds:,.0f} s apart"
        return (
            f"{what.get(self.kind, 'resumed in')} {self.part}: "
            f"_step {self.step_before} is followed by {self.step_after}{gap}"
        )


@dataclass(slots=True)
class Completeness:
    """Where the rows came from and what is missing.

    Attributes:
        reported_last_step: The last step that the source itself claims (summary `_step`).
        sampled: True if the rows are a sample of the logged ones.
        truncated: True if the log ends before the run does.
        dropped: Number of rows that the SDK refused to log because their step went back.
        dropped_more: True if the SDK may have refused more rows than it reported.
        dropped_steps: First and last of the refused steps; empty if unknown.
        dropped_at: Lowest and highest step that the run had reached by then; empty if unknown.
        no_history: Why there are no rows although the run may have logged some; "" otherwise.
        from_console: True if the rows were read from the text of the console, for want of a history.
        unsure: Why rows may be missing although nothing shows it; "" if there is no doubt.
        missing_bytes: About how much of the log the rows would take that only the summary knows; None if that
            cannot be told.
    """

    source: str = ""
    rows: int = 0
    first_step: int | None = None
    last_step: int | None = None
    reported_last_step: int | None = None
    sampled: bool = False
    truncated: bool = False
    dropped: int = 0
    dropped_more: bool = False
    dropped_steps: list[int] = field(default_factory=list)
    dropped_at: list[int] = field(default_factory=list)
    no_history: str = ""
    from_console: bool = False
    unsure: str = ""
    missing_bytes: int | None = None
    nonfinite: int = 0
    media: dict[str, int] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)
    seams: list[Seam] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def expected_rows(self) -> int | None:
        """Rows that a complete history would have, if each step up to the last was logged once.

        A sample rarely holds the first step: one that begins near 0 is taken to begin there.
        """
        if self.reported_last_step is None or self.first_step is None:
            return None
        first = self.first_step
        if self.sampled and first < 0.05 * self.reported_last_step:
            first = 0
        return self.reported_last_step - first + 1

    @property
    def whole(self) -> bool:
        """True where nothing is known to be missing."""
        incomplete = self.sampled or self.truncated or self.damage or self.dropped
        return not (incomplete or self.no_history or self.from_console)

    @property
    def went_on(self) -> bool:
        """Whether the source itself reports a later step than the last row: an incomplete log."""
        return self.reported_last_step is not None and self.reported_last_step > (
            self.last_step or 0
        )

    def sentence(self) -> str:
        """Completeness in one short sentence for people."""
        if not self.rows:
            return f"no history: {self.no_history}" if self.no_history else "no history rows"
        if self.from_console:
            why = self.no_history or "the run logged no history"
            return f"{self.rows:,} rows read from the console text; {why}"
        steps = (
            "" if self.last_step is None else f", _step {self.first_step:,} to {self.last_step:,}"
        )
        rows = f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}{steps}"
        if self.sampled:
            return f"SAMPLED: {self.rows:,} rows of about {self._full():,}{steps}"
        if self.truncated or self.damage:
            return f"INCOMPLETE: {rows}; the log is damaged or ends early"
        if self.dropped:
            least = "at least " if self.dropped_more else ""
            return (
                f"INCOMPLETE: {rows}; "
                f"the SDK dropped {least}{self.dropped:,} {'row' if self.dropped == 1 else 'rows'}"
            )
        if self.unsure:
            return f"{rows}; {self.unsure}"
        return f"complete: {rows}"

    def _full(self) -> int:
        return max(self.expected_rows or 0, (self.last_step or 0) - (self.first_step or 0) + 1)

    def as_dict(self) -> dict[str, Any]:
        """The contract's `completeness` object."""
        return {
            "source": self.source,
            "rows": self.rows,
            "first_step": self.first_step,
            "last_step": self.last_step,
            "reported_last_step": self.reported_last_step,
            "sampled": self.sampled,
            "truncated": self.truncated,
            "dropped_rows": self.dropped,
            "dropped_more": self.dropped_more,
            "dropped_steps": self.dropped_steps,
            "dropped_at": self.dropped_at,
            "no_history": self.no_history,
            "from_console": self.from_console,
            "unsure": self.unsure,
            "nonfinite_values": self.nonfinite,
            "media": dict(sorted(self.media.items())),
            "notes": [
                *(d.sentence() for d in self.damage),
                *(s.sentence() for s in self.seams),
                *self.notes,
            ],
        }
