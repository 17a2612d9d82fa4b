"""Metric packs: data files that map a framework's keys to roles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from postrun.metrics.parsed import parse, table, toml_files
from postrun.metrics.roles import roles
from postrun.metrics.series import MetricInfo
from postrun.model import PostrunError
from postrun.model.lazily import pattern
from postrun.plugins import load_plugins

_SEPARATORS = pattern(r"[/.\-\s:@]+")
_CAMEL = pattern(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """One pattern of a pack: keys that match it in full have the role.

    Its quantity and split are said where the framework means something else than the name: PufferLib's
    `eval_time` is that of its rollouts. A pattern with a quantity and no role is of a metric that no rule
    judges. One that is `wide` says something of a run of the framework, and nothing if only the name is known.
    """

    text: str
    role: str
    unit: str = ""
    better: str = ""
    quantity: str = ""
    split: str = ""
    wide: bool = False

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; compiled on first use, for a run needs those of a few packs only."""
        return _compiled(self.text)


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


@dataclass(frozen=True, slots=True)
class Pack:
    """One framework's names, and the marks by which it is recognised (`metrics/frameworks.py`).

    Strong marks: `at_least` of the metric names `keys`; the x axis that `define_metric` gives all (`axis`); one
    of each group of `config_keys`; an integration of the SDK (`features`); a program that one of `programs`
    matches. Weak ones: half of `at_least`; a name that one of `like` matches; one of `requirements`, installed
    or imported; one of `projects`. One of `packages`, which nobody installs for something else, or the import
    of one of `imports` is enough for a run that logged nothing, or whose pack has no names.

    `builds_on` are the packs of the frameworks below it. Packs of lower `rank` are asked first: a trainer
    before the framework that it is built on. `stream` is what it describes, "history" or "system"; `parts` are
    the runs of which one training of this framework is made, by keys that only that one logs. `step_unit`
    is what one step of its counter is called ("environment step"), or one `_step` where it has no counter; ""
    if it is called a step.
    """

    name: str
    title: str
    patterns: tuple[KeyPattern, ...]
    keys: frozenset[str] = frozenset()
    at_least: int = 1
    like: tuple[re.Pattern[str], ...] = ()
    axis: str = ""
    config_keys: tuple[frozenset[str], ...] = ()
    features: frozenset[str] = frozenset()
    requirements: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    programs: tuple[re.Pattern[str], ...] = ()
    projects: frozenset[str] = frozenset()
    builds_on: frozenset[str] = frozenset()
    settings: dict[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict, hash=False)
    normalised: bool = False
    rank: int = 0
    stream: str = "history"
    parts: dict[str, frozenset[str]] = field(default_factory=dict, hash=False)
    step_unit: str = ""

    def part_of(self, keys: Iterable[str]) -> str:
        """Which part of a training a run with these keys is, "" where there are no parts."""
        known = set(keys)
        counts = {part: len(marks & known) for part, marks in self.parts.items()}
        best = max(counts, key=lambda part: counts[part], default="")
        return best if counts.get(best) else ""

    def narrow(self) -> Pack:
        """Return the pack without its wide patterns: for names of which no run is known."""
        return replace(self, patterns=tuple(p for p in self.patterns if not p.wide))

    def resembles(self, key: str) -> bool:
        """Return whether a name is written as this framework writes its names."""
        return any(like.fullmatch(key) for like in self.like)

    def describe(self, key: str) -> MetricInfo | None:
        """Return what this pack knows about a key, None if nothing; its split is "" if only the name tells."""
        if not self.patterns:
            return None
        name = normalise(key) if self.normalised else key
        for known in self.patterns:
            found = known.regex.fullmatch(name)
            if not found:
                continue
            role, groups = roles().get(known.role), found.groupdict()
            return MetricInfo(
                key=key,
                role=known.role or None,
                stat=groups.get("stat") or groups.get("stat2") or "",
                unit=known.unit or (role.unit if role else ""),
                better=known.better or (role.better if role else "neither"),
                pack=self.name,
                index=groups.get("index") or "",
                quantity=known.quantity,
                split=known.split,
            )
        return None


def normalise(key: str) -> str:
    """A key with all separators written as "_", in lower case."""
    return _SEPARATORS.sub("_", _CAMEL.sub("_", key)).strip("_").lower()


def parse_pack(text: str, origin: str, *, compiled: bool = False) -> Pack:
    """Return a pack from TOML; raises PostrunError that names file and place if it is wrong.

    `compiled` checks all types, and compiles all of its patterns as well, which shows wrong ones at once.
    """
    try:
        data = parse(text.encode())
    except ValueError as error:
        raise PostrunError(f"metric pack {origin}: {type(error).__name__}: {error}") from error
    return _pack(data, origin, compiled)


def _pack(data: dict[str, Any], origin: str, compiled: bool = False) -> Pack:
    try:
        recognise = data.get("recognise", {})
        if compiled:
            _require_types(data, recognise)
        pack = Pack(
            name=data["name"],
            title=data.get("title", data["name"]),
            patterns=tuple(_pattern(entry) for entry in data.get("metric", [])),
            keys=frozenset(recognise.get("keys", [])),
            at_least=int(recognise.get("at_least", 1)),
            like=tuple(pattern(p) for p in recognise.get("like", [])),
            axis=recognise.get("axis", ""),
            config_keys=tuple(frozenset(n.split("|")) for n in recognise.get("config", [])),
            features=frozenset(recognise.get("features", [])),
            requirements=_modules(recognise.get("requirements", [])),
            packages=_modules(recognise.get("packages", [])),
            imports=_modules(recognise.get("imports", [])),
            programs=tuple(pattern(p) for p in recognise.get("programs", [])),
            projects=frozenset(recognise.get("projects", [])),
            builds_on=frozenset(data.get("builds_on", [])),
            settings={
                name: tuple(pattern(p) for p in patterns)
                for name, patterns in data.get("config", {}).items()
            },
            normalised=bool(data.get("normalised", False)),
            rank=int(data.get("rank", 0)),
            stream=data.get("stream", "history"),
            parts={name: frozenset(keys) for name, keys in data.get("parts", {}).items()},
            step_unit=data.get("step_unit", ""),
        )
        if compiled:
            settings = (p for patterns in pack.settings.values() for p in patterns)
            for known in pack.patterns:
                re.compile(known.text)
            for lazy in (*pack.like, *pack.programs, *settings):
                re.compile(lazy.pattern)
        return pack
    except (ValueError, re.error, LookupError, TypeError, AttributeError) as error:
        raise PostrunError(f"metric pack {origin}: {type(error).__name__}: {error}") from error


#: What of a pack, and of how it is recognised, is one text; what of the latter is a number.
_TEXTS = ("name", "title", "stream", "step_unit", "axis")
_NUMBERS = ("at_least",)


def _require_types(data: dict[str, Any], recognise: dict[str, Any]) -> None:
    """Raise TypeError for what has another type than packs have: it would fail where runs are read."""
    for name, value in (*data.items(), *recognise.items()):
        if name in _TEXTS and not isinstance(value, str):
            raise TypeError(f"{name} is no text")
    for name in set(recognise) - {*_TEXTS, *_NUMBERS}:
        if not _are_texts(recognise[name]):
            raise TypeError(f"recognise.{name} is no list of texts")
    for name in ("config", "parts"):
        for key, values in data.get(name, {}).items():
            if not _are_texts(values):
                raise TypeError(f"{name}.{key} is no list of texts")
    for entry in data.get("metric", []):
        for name, value in entry.items():
            if not isinstance(value, bool if name == "wide" else str):
                raise TypeError(
                    f"{name} of the pattern {entry.get('pattern')!r} is of another type"
                )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _pattern(entry: dict[str, Any]) -> KeyPattern:
    role = entry.get("role", "")
    if role not in roles() and (role or "quantity" not in entry):
        raise ValueError(f"unknown role {role!r} for pattern {entry['pattern']!r}")
    return KeyPattern(
        text=entry["pattern"],
        role=role,
        unit=entry.get("unit", ""),
        better=entry.get("better", ""),
        quantity=entry.get("quantity", ""),
        split=entry.get("split", ""),
        wide=bool(entry.get("wide", False)),
    )


def _modules(names: Iterable[str]) -> frozenset[str]:
    """Return names of packages as those of modules are written."""
    return frozenset(name.replace("-", "_") for name in names)


@cache
def packs() -> tuple[Pack, ...]:
    """All packs, frameworks first, generic names last.

    Others come through the `postrun.packs` entry points: each names a function without arguments
    that returns TOML text.
    """
    own = [name for name in toml_files() if name.startswith("packs/")]
    found = [_pack(table(name), name.removeprefix("packs/")) for name in own]
    found += load_plugins("postrun.packs", as_pack)
    return tuple(sorted(found, key=lambda pack: pack.rank))


def as_pack(name: str, value: Any) -> Pack:
    """Return the pack that a plug-in's function gives as TOML text; an error if it is none."""
    text = value()
    if not isinstance(text, str):
        raise TypeError(f"{name} returns {type(text).__name__}, not TOML text")
    return parse_pack(text, name, compiled=True)
