"""Which runs are compared as one: by a setting, a tag, a target, or as seeds of one configuration."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from postrun.model import UsageError
from postrun.model.text import number
from postrun.records.project import Project
from postrun.records.record import RunRecord
from postrun.studies.naming import code_names, natural, own_names, setting_names, settings_text

#: What runs can be grouped by beside their config.
FIELDS = (
    "target",
    "tag",
    "group",
    "sweep",
    "job_type",
    "name",
    "host",
    "project",
    "commit",
    "state",
)
_SEED = re.compile(r"(?i)(^|[._-])(seeds?|random_state|rng)$|_seed$")
#: Settings that name a run or say where its files go: they tell nothing of what was trained.
_INCIDENTAL = re.compile(
    r"(?i)^(name|id|.*\b(run|exp|experiment|wandb|logger)\.(name|id))$|"
    r"(^|\.)(run_?(name|id)|exp(eriment)?_?(name|id)|uuid|notes?|tags?|group|project|entity|"
    r"(output|out|save|log|logging|work|working|run|results?|ckpt|checkpoint|cache|default_root|hydra)"
    r"_?(dir|path|folder|root|file)s?|(local_|node_|global_)?rank|(master_)?(port|addr)|host(name)?|pid|"
    r"time_?stamp|start_?time|date(time)?|use_wandb|wandb(_.*)?|wandb\..*|_wandb.*|report_to|resume(_from.*)?)$"
)


#: Settings in words that a sentence holds.
_TOLD = 100


@dataclass(slots=True)
class Group:
    """Runs that are compared as one. `settings` are what tells it from other groups."""

    label: str
    members: list[int]
    settings: dict[str, Any] = field(default_factory=dict)
    #: Whether the label says the settings.
    plain: bool = True

    @property
    def told(self) -> str:
        """The label as a sentence first names it: "g3 (lr=0.5, batch_size=32)"."""
        words = "" if self.plain else settings_text(self.settings)
        return f"{self.label} ({words})" if 0 < len(words) <= _TOLD else self.label


@dataclass(slots=True)
class Grouping:
    """All groups. `by` are the keys; empty for seeds of equal configs. `varying` differ within groups.

    `single`: every run stands for itself.
    """

    groups: list[Group]
    by: tuple[str, ...] = ()
    varying: list[str] = field(default_factory=list)
    single: bool = False


def is_seed(key: str) -> bool:
    """True for a setting that seeds random numbers."""
    return bool(_SEED.search(key))


def is_choice(key: str) -> bool:
    """Return whether a setting's name is that of a choice: no seed, and no name or place of a run."""
    return not is_seed(key) and not _INCIDENTAL.search(key)


def settings(records: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """Settings that differ and mean something, to their value in each run (None: not set).

    Seeds are left out, and what names a run or says where its files go: by the key's name, or because each
    run has a text of its own there that holds its id or its name.
    """
    out = {}
    meant = {key for r in records for key in r.settings.values()}
    for key in sorted({k for r in records for k in r.config}):
        if is_seed(key) or (_INCIDENTAL.search(key) and key not in meant):
            continue
        values = [r.config.get(key) for r in records]
        if all(same(v, values[0]) for v in values[1:]):
            continue
        if key not in meant and _names_runs(values, records):
            continue
        out[key] = values
    return out


def _names_runs(values: Sequence[Any], records: Sequence[RunRecord]) -> bool:
    texts = [v for v in values if isinstance(v, str)]
    if len(texts) < 3 or len(set(texts)) < len(values):
        return False
    named = sum(
        r.id in v or (len(r.name) > 3 and r.name in v) or bool(re.search(r"\d{4}-?\d\d-?\d\d", v))
        for v, r in zip(values, records, strict=True)
        if isinstance(v, str)
    )
    return 2 * named > len(texts)


def same(a: Any, b: Any) -> bool:
    """Equal settings: 1 and 1.0 are, 1 and True are not."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b)


def group_runs(project: Project, by: Sequence[str] = ()) -> Grouping:
    """Groups of a project's runs, in the order in which they first appear.

    Without `by`, runs whose configs are equal but for seeds are one group; if that leaves one group, every
    run is its own.

    Raises:
        UsageError: No run has such a setting.
    """
    records = project.records
    differing = settings(records)
    if by:
        keys = {name: _key(name, project) for name in by}
        table = {key or name: _values(name, key, project) for name, key in keys.items()}
    else:
        table = differing
    found: dict[str, list[int]] = {}
    for i in range(len(records)):
        mark = json.dumps([[k, v[i]] for k, v in table.items()], sort_keys=True, default=str)
        found.setdefault(mark, []).append(i)
    if not by and len(found) in (1, len(records)):
        return Grouping(_singles(project, differing), single=True)
    groups = _named(records, list(found.values()), table, bool(by))
    varying = [
        key
        for key, values in differing.items()
        if key not in table
        and any(not same(values[i], values[g.members[0]]) for g in groups for i in g.members)
    ]
    return Grouping(groups, tuple(table) if by else (), varying)


def _singles(project: Project, differing: dict[str, list[Any]]) -> list[Group]:
    """Every run as a group of its own; a run whose name would read like two in a list goes by its id."""
    labels = [
        r.id if "," in label or ";" in label else label
        for r, label in zip(project.records, project.labels, strict=True)
    ]
    return [
        Group(label, [i], {k: v[i] for k, v in differing.items()}) for i, label in enumerate(labels)
    ]


def _named(
    records: Sequence[RunRecord], members: list[list[int]], table: dict[str, list[Any]], asked: bool
) -> list[Group]:
    """Groups with their names: W&B's own unless the user asked for settings, else settings, else codes."""
    settings = [{key: values[own[0]] for key, values in table.items()} for own in members]
    names = [] if asked else own_names(records, members)
    said = [] if names else setting_names(settings, asked)
    names = names or said or code_names(settings)
    return [
        Group(name, own, chosen, plain=bool(said))
        for name, own, chosen in zip(names, members, settings, strict=True)
    ]


def group_named(grouping: Grouping, name: str) -> Group:
    """Return the group of a name.

    Raises:
        UsageError: There is none.
    """
    found = next((g for g in grouping.groups if g.label == name), None)
    if found is not None:
        return found
    labels = sorted((g.label for g in grouping.groups), key=natural)
    near = difflib.get_close_matches(name, labels, 1, 0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    more = f", and {len(labels) - 12} more" if len(labels) > 12 else ""
    raise UsageError(
        f"No group is called {name!r}.{hint} The groups: {', '.join(labels[:12])}{more}."
    )


def _key(name: str, project: Project) -> str:
    """The config key that a name means, "" for a field of the run."""
    known = {k for r in project.records for k in r.config}
    plain = name.removeprefix("config.")
    if name in known or plain in known:
        return name if name in known else plain
    if name in FIELDS:
        return ""
    ending = [k for k in known if k.rsplit(".", 1)[-1] == name]
    if len(ending) == 1:
        return ending[0]
    near = ending or difflib.get_close_matches(name, [*known, *FIELDS], 5, 0.5)
    hint = f"; did you mean {', '.join(sorted(near)[:5])}?" if near else ""
    raise UsageError(f"No run has a setting {name!r}{hint}. Other groups: {', '.join(FIELDS)}.")


def _values(name: str, key: str, project: Project) -> list[Any]:
    if key:
        return [r.config.get(key) for r in project.records]
    if name == "target":
        return list(project.targets or [""] * len(project))
    if name == "tag":
        common = set.intersection(*(set(r.tags) for r in project.records))
        return [" + ".join(sorted(set(r.tags) - common)) or "no tag" for r in project.records]
    if name == "commit":
        return [r.commit[:10] or None for r in project.records]
    return [getattr(r, name) or None for r in project.records]


def seed_of(record: RunRecord) -> str:
    """The run's seeds as one text, "" where it has none."""
    return ", ".join(f"{k}={v}" for k, v in sorted(record.config.items()) if is_seed(k))


def code_differences(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """What differs beside the config: commit, packages, Python, GPU, data; to its value in each run."""
    rows = {
        "git commit": [r.commit[:10] for r in records],
        "repository": [r.repository for r in records],
        "python": [r.python for r in records],
        "GPU": [f"{number(r.gpus)} x {r.gpu}" if r.gpus and r.gpu else r.gpu for r in records],
        "host": [r.host for r in records],
        "data": [", ".join(r.data) for r in records],
    }
    known = [r for r in records if r.requirements]
    packages = sorted({name for r in known for name in r.requirements})
    if len(known) > 1:
        for name in packages:
            versions = [
                r.requirements.get(name, "not installed") if r.requirements else "" for r in records
            ]
            rows[f"package {name}"] = versions
    return {
        k: v
        for k, v in rows.items()
        if len({x for x in v if x}) > 1 or (k == "data" and len(set(v)) > 1)
    }
