"""Begin a rule: its file, its cases, and its place in the rules page.

    python scripts/new_rule.py OPT019 loss-below-floor

What it writes is a rule that works, on a loss that rises, and is then changed into the one that is
meant: what it looks at, how it decides, what it says, and the runs that show it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from postrun import __version__
from postrun.rules import rules

ROOT = Path(__file__).parents[1]

RULE = '''"""{title}."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import PREVIEW, Rule, evidence
from postrun.stats.levels import change


class {cls}(Rule):
    """{title}.

    ## What it does
    Which fault it sees, in which metrics.

    ## Why it matters
    What it costs, and what usually causes it. Cite the source.

    ## How it decides
    At least `min_rows` rows, and the level rises by more than `share` of what it was. Why these numbers?

    ## Example
    "A message that a test produced"
    """

    code = "{code}"
    name = "{name}"
    since = "{since}"
    status = PREVIEW  # until trainings of others have shown that it is right: docs/stability.md
    needs = ("loss.train",)
    thresholds = {{"share": 0.2, "min_rows": 30}}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for each metric."""
        for series in view.by_role(*self.needs):
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                continue
            level = change(y.y)  # medians of the first and the last tenth
            if not level.size > self.limits["share"] * abs(level.before):
                continue
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{{y.key}} rose from {{number(level.before)}} to {{number(level.after)}}",
                remedy="What to do about it.",
                evidence=[evidence(y, before=level.before, after=level.after)],
            )
'''

CASES = '''"""Cases of {code} {name}."""

from __future__ import annotations

import numpy as np

from postrun.model import Run, Severity
from tests.curves import decay, make_run

N = 1000
X = np.arange(N)

#: Rule, severity, a run with the fault, and the window in which the first evidence starts.
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("{code}", Severity.WARNING, make_run({{"loss": np.where(X < 500, 1.0, 2.0)}}), (0, 0)),
]
#: Rule, what it must not take for a fault, and a run that is close to one with it.
SILENT: list[tuple[str, str, Run]] = [
    ("{code}", "a loss that falls as losses do", make_run({{"loss": decay(N)}})),
]
'''


def problem_with(code: str, name: str) -> str:
    """Return why no rule can have this code and name, "" if one can."""
    families = sorted(
        p.name for p in (ROOT / "src/postrun/rules").iterdir() if (p / "__init__.py").is_file()
    )
    match = re.fullmatch(r"([A-Z]+)\d{3}", code)
    if match is None or match[1].lower() not in families:
        known = ", ".join(f"{family.upper()}000" for family in families)
        return f"CODE={code}: a family and three digits, such as {known}"
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is None:
        return f"NAME={name}: lower-case words with hyphens, such as loss-diverged"
    for rule in rules():
        if code == rule.code or name == rule.name:
            return f"{rule.code} {rule.name} is there already"
    return ""


def coming_version() -> str:
    """Return the next minor version."""
    major, minor, _ = __version__.split(".")
    return f"{major}.{int(minor) + 1}.0"


def write_rule(code: str, name: str, root: Path) -> list[Path]:
    """Write a rule's file and its cases below `root`, and return both; FileExistsError if one is there."""
    words = name.split("-")
    values = {
        "code": code,
        "name": name,
        "cls": "".join(word.capitalize() for word in words),
        "title": " ".join(words).capitalize(),
        "since": coming_version(),
    }
    module = f"{'_'.join(words)}.py"
    family = code.rstrip("0123456789").lower()
    written = []
    for path, text in (
        (root / "src/postrun/rules" / family / module, RULE),
        (root / "tests/rule_cases" / module, CASES),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text.format(**values))
        written.append(path)
    return written


def main() -> None:
    """Begin the rule that the command line names."""
    if len(sys.argv) != 3:
        sys.exit("usage: make rule CODE=OPT019 NAME=loss-below-floor")
    code, name = sys.argv[1:]
    if problem := problem_with(code, name):
        sys.exit(problem)
    for path in write_rule(code, name, ROOT):
        print(path.relative_to(ROOT))
    print(
        f"Change both, then: python docs/make_rules.py; python -m pytest tests/test_rules.py -k {code}; "
        "a row for it on docs/stability.md; "
        "and the benchmark of CONTRIBUTING.md"
    )


if __name__ == "__main__":
    main()
