"""Statements known to be untrue (UNTRUE.csv), looked for in what this version says of the same runs."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.faults.sources.strangers import run_folder
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.statements import Level, Statement

_FILE = Path(__file__).with_name("untrue.toml")
_NONE = "(?!)"  # matches nothing


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of untrue.toml; its patterns are described there."""

    rule: str
    when: str
    forbidden: str = ""
    level: str = "info"
    anywhere: bool = False
    required: str = ""
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Untrue:
    """One row of UNTRUE.csv."""

    data: str
    run: str
    rules: tuple[str, ...]
    said: str
    why: str

    @classmethod
    def of(cls, row: dict[str, str]) -> Untrue:
        """Return a row as it stands in the file."""
        rules = tuple(code.strip() for code in row["rule"].split(","))
        return cls(row["data"], row["run"], rules, row["said"], row["why"])

    @property
    def check(self) -> Check:
        """The first entry of untrue.toml that fits the row."""
        words = f"{self.said} | {self.why}"
        return next(
            check
            for check in checks()
            if re.search(check.rule, self.rules[0]) and re.search(check.when, words, re.I)
        )

    def paths(self, data: Path) -> list[Path]:
        """Return the runs that the row is about, those that are there."""
        if self.data in ("labelled", "runs"):
            folder = run_folder(data, *self.run.split("/", 1))
            return [folder] if folder else []
        folder = data / self.data
        if self.data == "frameworks":
            return [p for p in sorted(folder.iterdir()) if p.is_dir() and self._names(p.name)]
        kinds = {row["file"]: row["kind"] for row in rows(data, self.data, "TRUTH.csv")}
        first = self.run.split()[0]
        only = {name for name, kind in kinds.items() if kind == first} or set(kinds)
        return [folder / name for name in sorted(only)]

    def _names(self, name: str) -> bool:
        """True if the row names a run, by itself, by a glob, or as one of "and N more"."""
        parts = [p.strip() for p in re.sub(r"\(.*?\)", "", self.run).split(",")]
        if any(re.search(r"and \d+ more", part) for part in parts):
            return True
        return any(fnmatch.fnmatch(name, part) for part in parts)

    def still_said(self, statements: list[Statement]) -> list[Statement]:
        """Return the statements that are untrue for the same reason.

        A row that asks for something to be said gets one empty-handed statement until it is said.
        """
        check = self.check
        if check.required:
            least = Level.CRITICAL if check.grave else Level.GOOD
            told = [s for s in statements if s.level >= least and _found(check.required, s)]
            return [] if told else [Statement("", Level.INFO, "(still not said)")]
        pattern = self._filled(check.forbidden)
        least = Level[check.level.upper()]
        return [
            s
            for s in statements
            if s.level >= least and (check.anywhere or self.by(s)) and _found(pattern, s)
        ]

    def by(self, statement: Statement) -> bool:
        """True if one of the row's rules makes the statement."""
        return statement.check.startswith(self.rules)

    def _filled(self, pattern: str) -> str:
        steps = re.findall(r"step (\d(?:[\d,]*\d)?)|\((\d+(?:, \d+)*)\)", self.said)
        numbers = [n for pair in steps for text in pair if text for n in text.split(", ")]
        shares = re.findall(r"[\d,]+ of [\d,]+", self.said)
        metric = re.search(r"[\w.]+[/_][\w./]+", self.said)
        for name, found in (
            ("{steps}", numbers),
            ("{shares}", shares),
            ("{metric}", [metric[0]] if metric else [""]),
        ):
            values = "|".join(re.escape(value) for value in found)
            pattern = pattern.replace(name, f"(?:{values})" if found else _NONE)
        return pattern


def _found(pattern: str, statement: Statement) -> bool:
    return re.search(pattern, statement.text, re.IGNORECASE) is not None


@cache
def checks() -> tuple[Check, ...]:
    """Return the entries of untrue.toml, in order."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["statement"]
    return tuple(Check(**entry) for entry in entries)


def untrue(data: Path) -> Iterator[Untrue]:
    """Yield the rows of UNTRUE.csv."""
    for row in rows(data, "UNTRUE.csv"):
        yield Untrue.of(row)
