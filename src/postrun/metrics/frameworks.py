"""Which framework a run was made with, and what shows it.

Each pack has marks. A strong one is enough: names of metrics that only this framework writes, the x axis that
its integration defines, settings, an integration of the W&B SDK, or a program of its own. Two weak ones are
enough together: one such name, a library that others use as well, the project that it logs to by default.
A trainer that is installed or imported proves something only while no metric speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from postrun.metrics.packs_loader import Pack, packs
from postrun.model import Run

STRONG, WEAK = 2, 1
#: The share of the names that would be a strong mark from which on they are a weak one.
_SOME = 0.5
#: Marks, and names of one mark, that evidence lists at most.
_MARKS, _LISTED = 2, 3
_OPTION = re.compile(r"(?:--?)?([A-Za-z][\w.-]*)(?:=.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Recognition:
    """A pack that applies to a run, and why: "its metric names (train/global_step, ...)".

    `score` is the sum of its marks, `names` how many of its own metric names were found, `alone` is True if
    nothing but a library shows it.
    """

    pack: Pack
    evidence: str
    score: int = STRONG
    names: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """What a run left behind that can tell its framework.

    `names` are of its metrics, `axes` what `define_metric` gave all of them as x, `settings` keys of its
    config and of its command line; `installed` packages and `imported` modules are written with "_".
    """

    names: frozenset[str] = frozenset()
    axes: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    installed: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    programs: tuple[str, ...] = ()
    project: str = ""

    @property
    def logged(self) -> bool:
        """True if the run logged any metric of its own."""
        return any(not name.startswith("_") for name in self.names)


def traces(run: Run, settings: Collection[str]) -> Traces:
    """Return what of a run can tell its framework; `settings` are the keys of its config, flat."""
    about = run.environment
    programs = (about.get(name) for name in ("program", "codePath", "codePathLocal"))
    arguments = about.get("args")
    defined = [d for d in run.metrics if not d.role]
    return Traces(
        names=frozenset([*run.history.columns, *run.summary, *(d.name for d in defined)]),
        axes=frozenset(d.x_axis for d in defined if d.name == "*"),
        settings=frozenset(
            [*settings, *_options(arguments if isinstance(arguments, list) else ())]
        ),
        installed=frozenset(package(line).replace("-", "_") for line in run.requirements),
        imported=frozenset(run.telemetry.get("imports", ())),
        features=frozenset(run.telemetry.get("features", ())),
        programs=tuple(str(program).replace("\\", "/") for program in programs if program),
        project=run.identity.project.lower(),
    )


def recognise(run: Run, settings: Collection[str]) -> list[Recognition]:
    """Return the packs that apply to a run: its framework, those it is built on, then generic settings."""
    seen = traces(run, settings)
    known = [pack for pack in packs() if pack.stream == "history"]
    found = [r for pack in known if not pack.normalised and (r := judge(pack, seen))]
    libraries = [r for r in found if r.alone]
    if len(libraries) > 1 or len(libraries) < len(found):  # two trainers are installed: which ran?
        found = [r for r in found if not r.alone]
    generic = [Recognition(pack, "applies to all runs") for pack in known if pack.normalised]
    return [*_main(found), *bases(found, known), *generic]


def _main(found: Sequence[Recognition]) -> list[Recognition]:
    """Return the framework with the most marks among those that no other one found is built on."""
    below = {name for r in found for name in r.pack.builds_on}
    above = [r for r in found if r.pack.name not in below]
    best = max(above, key=lambda r: (r.score, r.names, -r.pack.rank), default=None)
    return [best] if best else []


def bases(found: Sequence[Recognition], known: Sequence[Pack]) -> list[Recognition]:
    """Return what the main framework is built on.

    What several build on (`rank` above 0) is always there; of a choice, such as a trainer of TRL, what was
    found.
    """
    chain, own = _main(found), {r.pack.name: r for r in found}
    for above in chain:
        have = {r.pack.name for r in chain}
        chain += [
            own.get(pack.name) or Recognition(pack, f"{above.pack.title} is built on it")
            for pack in known
            if pack.name in above.pack.builds_on
            and pack.name not in have
            and (pack.rank > 0 or pack.name in own)
        ]
    return chain[1:]


def judge(pack: Pack, seen: Traces) -> Recognition | None:
    """Return why a run is a framework's, None if that is not shown."""
    own = sorted(pack.keys & seen.names)
    like = [n for n in sorted(seen.names) if pack.resembles(n)] if pack.like and not own else []
    named = [f"its metric names ({_listed(own or like)})"]
    strong = [*(named if own and len(own) >= pack.at_least else ()), *_strong(pack, seen)]
    some = like or (own and _SOME * pack.at_least <= len(own) < pack.at_least)
    weak = [*_libraries(pack, seen)[:1], *(named if some else ())]
    if seen.project in pack.projects:
        weak.append(f"the project {seen.project}")
    score = STRONG * len(strong) + WEAK * len(weak)
    trainer = pack.packages & (seen.installed | seen.imported) or pack.imports & seen.imported
    alone = score < STRONG and bool(trainer) and not (pack.keys and seen.logged)
    if score < STRONG and not alone:
        return None
    return Recognition(
        pack, " and ".join([*strong, *weak][:_MARKS]), score, len(own or like), alone
    )


def _strong(pack: Pack, seen: Traces) -> list[str]:
    """Return the strong marks other than names, in words."""
    found = []
    if pack.axis and pack.axis in seen.axes:
        found.append(f"its x axis {pack.axis}")
    used = sorted(pack.features & seen.features)
    if used:
        found.append(f"the W&B integration {used[0]}")
    settings = [sorted(names & seen.settings)[:1] for names in pack.config_keys]
    if settings and all(settings):
        found.append(f"its settings ({_listed([name for names in settings for name in names])})")
    program = next((p for p in seen.programs if any(r.search(p) for r in pack.programs)), "")
    if program:
        found.append(f"the program {program.rsplit('/', 1)[-1]}")
    return found


def _libraries(pack: Pack, seen: Traces) -> list[str]:
    """Return the libraries of a pack that the run has, in words: imported ones first."""
    own = pack.requirements | pack.packages | pack.imports
    imported = [f"the import of {name}" for name in sorted(own & seen.imported)]
    installed = sorted((own - pack.imports) & seen.installed)
    return imported + [f"the package {name}" for name in installed]


def package(line: str) -> str:
    """Return the name of the package in a line of requirements.txt, in lower case."""
    return re.split(r"[=<>@ \[]", line, maxsplit=1)[0].lower()


def _options(arguments: Iterable[object]) -> Iterable[str]:
    """Return the names of options and overrides of a command line: lr of "--lr", a.b of "a.b=3"."""
    for argument in map(str, arguments):
        if argument.startswith("-") or "=" in argument:
            found = _OPTION.fullmatch(argument)
            if found:
                yield found[1].replace("-", "_")


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
