"""Failures that are one: by kind, exception, own function, and a message without its variable parts.

Messages of one place are merged where their words agree, as Drain does with log lines (He et al. 2017,
"Drain: An Online Log Parsing Approach with Fixed Depth Tree"): same number of words, most of them equal.
The drain3 package is not used: it pins old versions of its own dependencies, and keeps a tree for streams of
millions of lines where there is one message per run here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postrun.records.record import RunRecord

#: Share of words that two messages have in common at the least to be one.
_ALIKE = 0.6
#: Kinds whose name says it all: the place in the code does not make another failure of it.
_BY_KIND = (
    "gpu-out-of-memory", "host-out-of-memory", "shared-memory", "disk-full", "communication", "terminated",
    "killed", "preempted", "hang", "suspended", "segmentation-fault",
)  # fmt: skip
_WORDS = {
    "error": "an exception",
    "nan": "the loss became NaN or infinite",
    "hang": "it hung",
    "suspended": "the process stood still and was killed",
    "preempted": "it was preempted",
    "gpu-out-of-memory": "the GPU ran out of memory",
    "host-out-of-memory": "the host ran out of memory",
    "shared-memory": "shared memory ran out",
    "disk-full": "the disk was full",
    "communication": "communication between processes failed",
    "gpu-error": "the GPU reported an error",
    "terminated": "it was told to terminate",
    "killed": "it was killed (no exit record, or by a signal)",
    "failed": "it failed, and nothing shows why",
    "segmentation-fault": "a segmentation fault",
}


@dataclass(slots=True)
class Cluster:
    """One kind of failure and the runs that it hit (positions), in the order of their start."""

    kind: str
    exception: str
    where: str
    template: str
    members: list[int] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The failure in a few words: the same for all of its runs."""
        if self.kind == "nan":
            return f"{self.where} became NaN or infinite" if self.where else _WORDS["nan"]
        place = f" at {self.where}" if self.where else ""
        text = f": {self.template}" if self.template else ""
        if not self.exception:
            return f"{_WORDS.get(self.kind, self.kind)}{place}{text}"
        words = "" if self.kind == "error" else f"{_WORDS.get(self.kind, self.kind)}: "
        return f"{words}{self.exception}{place}{text}"


def clusters(records: list[RunRecord]) -> list[Cluster]:
    """All failures of these runs, the most frequent first."""
    order = sorted(range(len(records)), key=lambda i: records[i].started or 0.0)
    found: dict[tuple[str, str, str], list[Cluster]] = {}
    for i in order:
        end = records[i].ending
        if not end.failed:
            continue
        kind, exception, where, template = end.fingerprint
        if kind in _BY_KIND:
            exception = where = ""
        group = found.setdefault((kind, exception, where), [])
        cluster = next((c for c in group if alike(c.template, template)), None)
        if cluster is None:
            cluster = Cluster(kind, exception, where, template)
            group.append(cluster)
        cluster.template = merged(cluster.template, template)
        cluster.members.append(i)
    every = [c for group in found.values() for c in group]
    return sorted(every, key=lambda c: (-len(c.members), c.members[0]))


def alike(a: str, b: str) -> bool:
    """True where two messages are the same but for some words."""
    first, second = a.split(), b.split()
    if len(first) != len(second):
        return False
    if not first:
        return True
    equal = sum(x == y or "<*>" in (x, y) for x, y in zip(first, second, strict=True))
    return equal >= _ALIKE * len(first)


def merged(a: str, b: str) -> str:
    """What two such messages have in common."""
    return " ".join(x if x == y else "<*>" for x, y in zip(a.split(), b.split(), strict=True))
