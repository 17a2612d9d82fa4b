"""What each metric of a run means: by the user's word, a framework's pack, or grammar and values.

The readers are asked in this order, and the first that knows a name is believed. `define_metric`'s goal
decides the better direction, whoever knew the name.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from postrun.metrics.declared import split_of, user_reading
from postrun.metrics.grammar import JUDGED, read, split_of_name
from postrun.metrics.grammar.words import SPREADS
from postrun.metrics.packs_loader import Pack
from postrun.metrics.roles import roles
from postrun.metrics.series import MetricInfo
from postrun.metrics.values import Span, contradiction, likeliest, spans
from postrun.model import MetricDefinition, Run
from postrun.model.families import is_family

#: Roles that only reinforcement learning has. A plain "kl" is not among them: autoencoders have it.
_REINFORCEMENT = frozenset(
    {
        "reward", "reward.component", "kl.step", "kl.mismatch", "advantage", "fraction.clipped",
        "explained_variance", "q_value", "success", "td_error", "length.episode",
    }
)  # fmt: skip
_PREFERENCE = frozenset({"reward.margin", "accuracy.preference"})
#: Families of roles that are one to a reader.
_FAMILY = {"score": "score", "accuracy": "score", "perplexity": "loss"}
#: Losses that only a training of a policy has.
_ACTORS = {"loss.policy", "loss.value"}
#: Roles of a run whose loss is known, or is no measure of learning.
_WHOLE = (
    "loss.train",
    "loss.policy",
    "loss.value",
    "loss.generator",
    "loss.discriminator",
    "perplexity",
)
#: Parts of a loss that never are all of it.
_SIDE = re.compile(r"penalty|regulari|auxiliary|\baux|balance|commit|entropy|kl\b|weight")
#: Losses that a name alone does not tell: a policy's is called "loss" as well.
_SIDES = frozenset({"loss.policy", "loss.value", "loss.generator", "loss.discriminator"})
#: Times that are shorter if the machine is faster, but longer if there is more to do: the name tells.
_DURATIONS = ("time.generate", "time.evaluate")
#: Roles of what only the training has.
_TRAINING = ("time.generate", "memory.")
#: The pack of readings that only the name's words give.
GUESSED = "generic"
_GOALS = {"minimize": "lower", "maximize": "higher"}


def readings(run: Run, keys: Sequence[str], packs: Sequence[Pack]) -> dict[str, MetricInfo]:
    """Return what each numeric metric of a run means; its role is None if no rule can judge it."""
    said = _Definitions(run.metrics)
    known = {key: user_reading(run.metrics, key) or _own(key, packs) for key in keys}
    guesses = {key: read(key) for key, info in known.items() if info is None}
    spanned = spans(run.history, {key: found[0] for key, found in guesses.items() if found})
    out = {}
    for key in keys:
        info = known[key]
        if info is None:
            info = likeliest(guesses[key], spanned.get(key)) or _nothing(key, guesses[key], spanned)
        out[key] = said.on(info)
    return out


def candidates(run: Run, key: str, packs: Sequence[Pack]) -> list[MetricInfo]:
    """Return all readings of a metric, the likeliest first: what `postrun explain` shows.

    Readings that the values contradict are left out; the run may have no such metric.
    """
    said = _Definitions(run.metrics)
    found = [user_reading(run.metrics, key), _from_packs(key, packs), *read(key)]
    known = [info for info in found if info is not None]
    if key in run.history.columns and run.history[key].dtype.is_numeric():
        known = [voted for info in known if (voted := _voted(run, info)) is not None]
    told = [said.on(info) for info in known]
    distinct = {(i.quantity, i.role, i.split, i.stat, i.better): i for i in reversed(told)}
    return sorted(distinct.values(), key=lambda info: -info.confidence)


def _voted(run: Run, info: MetricInfo) -> MetricInfo | None:
    """Return a reading as the values leave it; None if they contradict it. Only a guess can be wrong."""
    if info.pack != GUESSED:
        return info
    return likeliest([info], spans(run.history, {info.key: info}).get(info.key))


def in_context(found: dict[str, MetricInfo], shared: Collection[str]) -> dict[str, MetricInfo]:
    """Return readings as the run's other metrics show them.

    What a reinforcement-learning run calls its loss is a policy loss: its level means nothing, and reading
    it like a supervised loss is the commonest mistake there is. `shared` names the packs that are not of one
    framework alone.
    """
    present = {info.role for info in found.values()}
    if not present.isdisjoint(_ACTORS) and present.isdisjoint({"reward", "reward.eval"}):
        found = {key: _score_of_policy(info) for key, info in found.items()}
        present = {info.role for info in found.values()}
    found = _lone_loss(found) if not any(r and r.startswith(_WHOLE) for r in present) else found
    if present.isdisjoint(_REINFORCEMENT) or not present.isdisjoint(_PREFERENCE):
        return found
    return {key: _of_policy(info, shared) for key, info in found.items()}


def _score_of_policy(info: MetricInfo) -> MetricInfo:
    """Return a plain "score" as the return of an episode: that is what it is beside a policy's losses."""
    if (
        info.pack != GUESSED
        or info.quantity != "score"
        or info.role is not None
        or info.stat in SPREADS
    ):
        return info
    return replace(info, quantity="reward", role="reward", better="higher", split="train")


def _lone_loss(found: dict[str, MetricInfo]) -> dict[str, MetricInfo]:
    """Return readings in which a part of the loss that has no other part beside it is the training loss."""
    parts = [i for i in found.values() if i.role == "loss.component" and i.split == "train"]
    if len(parts) != 1 or parts[0].pack != GUESSED or parts[0].better != "lower":
        return found
    if parts[0].stat in SPREADS or _SIDE.search(parts[0].quantity):
        return found
    return {**found, parts[0].key: replace(parts[0], role="loss.train")}


def _of_policy(info: MetricInfo, shared: Collection[str]) -> MetricInfo:
    if info.pack not in shared:
        return info
    if info.role == "loss.train":
        return replace(info, role="loss.policy", better="neither")
    if info.role == "kl.other" and info.quantity == "KL divergence":
        return replace(info, role="kl.policy")
    return info


def _own(key: str, packs: Sequence[Pack]) -> MetricInfo | None:
    """Return a reading without the run: several keys in one column are not one metric, whatever their names."""
    if is_family(key):
        return MetricInfo(key, why="the column holds the values of several keys")
    return _from_packs(key, packs)


def _from_packs(key: str, packs: Sequence[Pack]) -> MetricInfo | None:
    """Return what the first pack that knows a name says, in words that the name may make more precise."""
    info = next((found for pack in packs if (found := pack.describe(key)) is not None), None)
    if info is None:
        return None
    read_as, role = next(iter(read(key)), None), info.role or ""
    named, split = split_of_name(key), split_of(role)
    if info.split:
        split = info.split
    elif split == "none" and role.startswith(_TRAINING):
        split = "train"
    elif split == "none":
        usual = read_as.split if read_as is not None else "train"
        split = named or ("train" if role.startswith("reward") else usual)
    better = info.better
    if better == "neither" and role in _DURATIONS and read_as is not None:
        better = "lower" if read_as.better == "lower" and read_as.role else better
    same = read_as is not None and read_as.role == info.role
    return replace(
        info,
        stat=info.stat or (read_as.stat if same and read_as else ""),
        quantity=info.quantity or _quantity(info, read_as),
        split="test" if named == "test" and split == "eval" else split,
        better=better,
        confidence=0.98,
        why=f"the pack {info.pack} knows this name",
    )


def _quantity(info: MetricInfo, read_as: MetricInfo | None) -> str:
    """Return the quantity of a pack's reading: the name's own words if they mean the same, else the role's."""
    role = info.role or ""
    if read_as is not None and (read_as.role == role or _more_precise(role, read_as)):
        return read_as.quantity
    return roles()[role].title


def _more_precise(role: str, read_as: MetricInfo) -> bool:
    """Return whether a name's own reading may say more precisely what a role of the same family is."""
    family, own = role.partition(".")[0], (read_as.role or "").partition(".")[0]
    if role == "count":
        return own == "progress"
    if family in ("time", "throughput") and read_as.role is None:
        return read_as.quantity.startswith("throughput") or read_as.quantity == "time"
    if family == "time" and role != "time.part":
        return False  # waiting for a batch is not loading it
    if read_as.confidence < JUDGED or role in _SIDES or family == "reward":
        return False
    return _FAMILY.get(family, family) == _FAMILY.get(own, own)


def _nothing(key: str, guesses: Sequence[MetricInfo], spanned: Mapping[str, Span]) -> MetricInfo:
    """Return a reading without a quantity, which says why there is none."""
    if not guesses:
        return MetricInfo(key, why="no word of the name is a quantity that postrun knows")
    why = contradiction(guesses[0], spanned[key]) if key in spanned else ""
    return MetricInfo(key, why=f"its values contradict the name ({why or guesses[0].quantity})")


@dataclass(frozen=True, slots=True)
class _Definitions:
    """What `define_metric` said, exact names before globs."""

    exact: dict[str, MetricDefinition]
    globs: list[MetricDefinition]

    def __init__(self, definitions: Sequence[MetricDefinition]) -> None:
        own = [definition for definition in definitions if not definition.role]
        wide = [d for d in own if d.glob or "*" in d.name]
        object.__setattr__(self, "exact", {d.name: d for d in reversed(own)})
        object.__setattr__(self, "globs", wide)

    def on(self, info: MetricInfo) -> MetricInfo:
        """Return a reading with the x axis and the direction that the run defines."""
        said = self._of(info.key)
        if said is None:
            return info
        better = _GOALS.get(said.goal, "")
        if not better and info.better == "neither" and info.role is None and info.stat == "":
            # Whoever asks for the least value of a metric wants it low.
            better = {"min": "lower", "max": "higher"}.get(" ".join(said.summary), "")
        if info.pack == "user":
            better = ""
        return replace(info, x_axis=said.x_axis or "_step", better=better or info.better)

    def _of(self, key: str) -> MetricDefinition | None:
        if key in self.exact:
            return self.exact[key]
        return next((d for d in self.globs if fnmatch.fnmatchcase(key, d.name)), None)
