"""Which frameworks a run was made with, and what shows it.

Names of metrics are the surest sign, then settings that only one framework has, then packages. A package that
many projects install proves something only together with a name; one that is a trainer itself proves it
alone, and so does a program that is a framework's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from postrun.metrics.packs_loader import Pack, packs
from postrun.model import Run

#: Names that evidence lists at most.
_LISTED = 3


@dataclass(frozen=True, slots=True)
class Recognition:
    """A pack that applies to a run, and why: "14 of its metric names (train/global_step, ...)"."""

    pack: Pack
    evidence: str


def recognise(run: Run, settings: Collection[str]) -> list[Recognition]:
    """Return the packs that apply to a run: recognised frameworks first, then generic settings.

    `settings` are the keys of its config, flat.
    """
    keys = {*run.history.columns, *run.summary}
    packages = {package(line) for line in run.requirements}
    about = run.environment
    programs = [
        str(about[name]) for name in ("program", "codePath", "codePathLocal") if about.get(name)
    ]
    found = []
    for pack in packs():
        if pack.stream == "history":
            evidence = evidence_for(pack, keys, settings, packages, programs)
            if evidence:
                found.append(Recognition(pack, evidence))
    return found


def evidence_for(
    pack: Pack,
    keys: Collection[str],
    settings: Collection[str],
    packages: Collection[str],
    programs: Sequence[str] = (),
) -> str:
    """Return what shows that a run is a framework's, "" if nothing does."""
    if pack.normalised:
        return "applies to all runs"
    named = [key for key in sorted(pack.keys) if key in keys]
    installed = [name for name in sorted(packages) if name in pack.requirements]
    trainers = [name for name in sorted(packages) if name in pack.packages]
    if len(named) >= pack.at_least:
        return f"its metric names ({_listed(named)})"
    if pack.config_keys and pack.config_keys <= set(settings):
        return f"its settings ({_listed(sorted(pack.config_keys))})"
    if trainers:
        return f"the package {trainers[0]}"
    run_by = next((p for p in programs if any(r.search(p) for r in pack.programs)), "")
    if run_by:
        return f"the program {run_by.replace(chr(92), '/').rsplit('/', 1)[-1]}"
    if installed and named:
        return f"the package {installed[0]} and its metric names ({_listed(named)})"
    return ""


def package(line: str) -> str:
    """Return the name of the package in a line of requirements.txt, in lower case."""
    return re.split(r"[=<>@ \[]", line, maxsplit=1)[0].lower()


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
