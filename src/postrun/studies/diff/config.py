"""What differs between two configs: typed, nested, moved; names, places and times of runs are folded."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from postrun.metrics import RunView
from postrun.studies.diff.changes import Change, Weight
from postrun.studies.groups import is_choice, is_seed

#: Settings by their meaning that choose data or model; the packs' other meanings set how training goes.
_DATA = ("dataset", "base_model")
_MEANINGS = (
    *_DATA, "lr", "optimizer", "batch_size", "scheduler", "warmup", "weight_decay", "max_grad_norm", "epochs",
    "max_steps", "gradient_accumulation", "precision", "sequence_length", "world_size", "gamma",
    "max_completion", "num_generations", "beta",
)  # fmt: skip
_TRAINS = re.compile(
    r"(?i)(^|[._-])(lr|learning_?rate|optim\w*|batch\w*|loss\w*|beta\w*|eps(ilon)?|momentum|gamma|dropout|"
    r"weight_?decay|wd|clip\w*|grad\w*|warm_?up\w*|sched\w*|decay\w*|precision|fp16|bf16|amp|hidden\w*|layers?|"
    r"heads?|dim|n_(embd|head|layer)|d_model|epochs?|max_steps|kl\w*|entropy\w*|temperature|augment\w*|lora\w*|rank|max_length|max_len|seq\w*len\w*|context\w*)"
    r"($|[._-])"
)
_DATASET = re.compile(
    r"(?i)(^|[./])(\w*data_?set\w*|data|data_(path|name)|train_?(file|data)|env(_?id|_?name)?|model(_name\w*)?|arch|task)$"
)
_VERSION = re.compile(r"(?i)(^|[._-])version$")
_ASIDE = re.compile(
    r"(?i)(^|[._-])(log\w*|eval\w*|save\w*|verbos\w*|debug|num_?workers|workers|report\w*|print\w*|"
    r"progress\w*|tqdm|watch|track\w*|monitor\w*|plot\w*|visual\w*|ckpt\w*|checkpoint\w*|device|cuda|url|host)($|[._-])"
)
_TIME = re.compile(
    r"\d{4}[-_]?\d\d[-_]?\d\d([T_ -]?\d\d[-:_]?\d\d([-:_]?\d\d)?(\.\d+)?)?Z?|\b\d{10}(\.\d+)?\b"
)
_HEX = re.compile(
    r"\b[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b|\b[0-9a-f]{16,64}\b", re.IGNORECASE
)


def config_changes(first: RunView, second: RunView) -> tuple[list[Change], list[str]]:
    """Return the differences of two configs, and the keys whose difference says nothing of the training.

    Equal values of another type (1 and "1") are told as such; a key that lies elsewhere with the same last part
    is moved; True and 1 differ, 1 and 1.0 do not.
    """
    a, b = dict(_flat(first.run.config)), dict(_flat(second.run.config))
    meant = {**_meanings(second), **_meanings(first)}
    changes: list[Change] = []
    folded: list[str] = []
    gone, new = [k for k in a if k not in b], [k for k in b if k not in a]
    for old, now in _moved(gone, new, a, b):
        gone.remove(old)
        new.remove(now)
        key = f"{old} is now {now}"
        how, weight = "moved", _weight(now, meant)
        if same(a[old], b[now]):
            weight = Weight.ASIDE
        changes.append(Change("setting", key, text(a[old]), text(b[now]), weight, how))
    for key in [*(k for k in a if k in b), *gone, *new]:
        value, other = a.get(key), b.get(key)
        if key in a and key in b and same(value, other):
            continue
        if key not in meant and (_incidental(key) or _alike(value, other, first, second)):
            folded.append(key)
            continue
        how = "removed" if key not in b else "added" if key not in a else "changed"
        if how == "changed" and _type_only(value, other):
            how = "type"
            changes.append(Change("setting", key, typed(value), typed(other), Weight.ASIDE, how))
            continue
        before, after = (text(v) if key in c else "" for v, c in ((value, a), (other, b)))
        weight = _weight(key, meant)
        if how != "changed" and (value if how == "removed" else other) in (None, False, "", [], {}):
            weight = Weight.ASIDE  # another version's default, as a rule: nothing is switched on
        changes.append(Change("setting", key, before, after, weight, how))
    return changes, folded


def same(a: Any, b: Any) -> bool:
    """Return whether two settings are equal: 1 and 1.0 are, 1 and True are not, NaN and NaN are."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return bool(a == b)


def text(value: Any) -> str:
    """Return a setting as text, numbers in full."""
    if value is None:
        return "None"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def typed(value: Any) -> str:
    """Return a setting with its type: '"1" (text)'."""
    names = {str: "text", int: "integer", float: "number", bool: "boolean", type(None): "none"}
    return f"{json.dumps(value, default=str)} ({names.get(type(value), type(value).__name__)})"


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield leaves with the path to them; lists that hold mappings are gone through as well."""
    for key, child in value.items():
        name = f"{prefix}{key}"
        if isinstance(child, Mapping) and child:
            yield from _flat(child, f"{name}.")
        elif isinstance(child, list) and any(isinstance(c, Mapping) for c in child):
            yield from _flat({str(i): c for i, c in enumerate(child)}, f"{name}.")
        else:
            yield name, child


def _meanings(view: RunView) -> dict[str, str]:
    found = ((name, view.setting(name)) for name in (*_MEANINGS, "seed"))
    return {setting[0]: name for name, setting in found if setting is not None}


def _moved(
    gone: list[str], new: list[str], a: Mapping[str, Any], b: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return pairs of keys with one last part that no other key shares, or with one value that says enough."""
    out = []
    for old in gone:
        last = _last(old)
        mine = [k for k in gone if _last(k) == last]
        theirs = [k for k in new if _last(k) == last]
        if len(mine) == len(theirs) == 1:
            out.append((old, theirs[0]))
    return out


def _last(key: str) -> str:
    return re.split(r"[./]", key)[-1].lower()


def _incidental(key: str) -> bool:
    return not is_choice(key) and not is_seed(key)


def _alike(a: Any, b: Any, first: RunView, second: RunView) -> bool:
    """Return whether two texts differ only in the run's id or name, a time, a hash, or a folder above."""
    if not isinstance(a, str) or not isinstance(b, str):
        return False
    x, y = _without(a, first), _without(b, second)
    if x == y:
        return True
    return "/" in a and "/" in b and x.rsplit("/", 1)[-1] == y.rsplit("/", 1)[-1] != ""


def _without(value: str, view: RunView) -> str:
    for own in (view.run.id, view.run.identity.name):
        if len(own) > 3:
            value = value.replace(own, "*")
    return _TIME.sub("*", _HEX.sub("*", value))


def _type_only(a: Any, b: Any) -> bool:
    """Return whether two values are written alike but for their type."""
    if type(a) is type(b) or a is None or b is None:
        return False
    x, y = (v.strip().lower() if isinstance(v, str) else text(v).lower() for v in (a, b))
    if x == y:
        return True
    try:
        return not isinstance(a, bool) and not isinstance(b, bool) and float(x) == float(y)
    except ValueError:
        return False


def _weight(key: str, meant: Mapping[str, str]) -> Weight:
    meaning = meant.get(key)
    if meaning == "seed" or is_seed(key):
        return Weight.SEED
    if meaning in _DATA or (meaning is None and _DATASET.search(key)):
        return Weight.DATA
    if _VERSION.search(key):
        return Weight.FRAMEWORK
    if meaning is not None or _TRAINS.search(key):
        return Weight.TRAINING
    return Weight.ASIDE if _ASIDE.search(key) else Weight.SETTING
