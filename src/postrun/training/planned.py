"""What a training's config and arguments plan: amounts with their units, and what may end it early."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from postrun.metrics import RunView
from postrun.model.lazily import pattern
from postrun.model.text import switched_off

#: Settings that plan a training, by the last part of their names.
_SETTINGS = tuple(
    (unit, pattern(words))
    for unit, words in (
        ("environment step", r"(?:total|max|num)_?(?:env_?)?(?:timesteps|env_?steps)|(?:total|max)_frames"),
        (
            "step",
            r"max_(?:train_|training_)?(?:steps|updates?)|total_(?:train(?:ing)?_|optim\w*_)?steps"
            r"|num_train(?:ing)?_steps|train_steps|training_steps",
        ),
        (
            "iteration",
            r"(?:max|num|total|train|n)_?iter(?:ation)?s?|iterations|num_boost(?:ing)?_rounds?|n_estimators",
        ),
        ("token", r"(?:total|num|max)_?(?:train(?:ing)?_)tokens|total_tokens|token_budget"),
        ("episode", r"(?:num|n|max|total)_?(?:train_)?(?:episodes|eps)|episodes"),
        ("round", r"(?:num|n|comm|communication|global|total)_?rounds?|rounds"),
        ("epoch", r"(?:max|num|n|total|training)_?(?:train_)?epochs?|epochs?"),
    )
)  # fmt: skip
#: Settings within these groups plan something else: an environment, an evaluation, an optimiser.
OTHER_GROUPS = pattern(
    r"(?:^|[._/])(?:env|envs|environment|eval|evaluation|test|val|validation|optimizer|optim|model|data|dataset|"
    r"rollout|sampl\w*|buffer|scheduler|lr_scheduler|warmup|pretrain|early_stopping|wandb|logging|vllm|inference)"
    r"(?:[._/]|$)", re.IGNORECASE
)  # fmt: skip
_STOPS_EARLY = pattern(
    r"early_?stop(?:ping)?(?:_\w+)?|es_patience|patience|load_best_model_at_end", re.IGNORECASE
)
_OF_THE_RATE = pattern(r"(?:^|[._/])(?:lr|scheduler|lr_scheduler|reduce\w*|plateau)(?:[._/]|$)")
_SAID_EARLY = pattern(
    r"early[ -]?stop(?:ping|ped)?\b(?! *(?:callback|patience|is|=|:) *(?:off|false|disabled|none))"
    r"|EarlyStopping|did not improve in the last|stopping early",
    re.IGNORECASE,
)
_INTERVAL = pattern(
    r"(?:wandb_)?(?:log|logging|print|report|display|summary)_?"
    r"(?:interval|steps?|freq(?:uency)?|every(?:_n?_?\w+)?|iters?|n)"
)
_MAX_TIME = pattern(r"max_(?:train_|training_)?(?:time|hours|minutes|seconds|runtime|duration)")
_CLOCK = pattern(r"(?:(?P<d>\d+):)?(?P<h>\d+):(?P<m>\d{2}):(?P<s>\d{2})")
_SECONDS = {"hours": 3600.0, "minutes": 60.0}
#: A run that lasted this share of its longest time has ended by it.
_OF_MAX_TIME = 0.9
#: Configs that were logged as the text of a namespace: "Namespace(seed=1, total_timesteps=1000)".
_NAMESPACE = pattern(r"^\w*Namespace\(|^\w*Config\(")
_FIELD = pattern(r"(\w+)=([^,()\[\]]+)")


def planned(view: RunView) -> Iterator[tuple[str, float, str]]:
    """Yield what config and arguments plan: unit, amount, name of the setting."""
    settings = {**_spelled_out(view.flat_config), **_arguments(view.run.environment.get("args"))}
    for key, value in settings.items():
        if isinstance(value, bool) or OTHER_GROUPS.search(key):
            continue
        try:
            total = float(value)
        except (TypeError, ValueError):
            continue
        name = re.split(r"[./]", key)[-1].replace("-", "_").lower()
        for unit, words in _SETTINGS:
            if words.fullmatch(name) and total >= 1 and np.isfinite(total):
                yield unit, total, key
                break


def logs_at_intervals(view: RunView) -> bool:
    """Return whether a setting says that metrics are logged every few steps only."""
    return any(
        isinstance(value, int | float) and value > 1
        for key, value in view.flat_config.items()
        if _INTERVAL.fullmatch(re.split(r"[./]", key)[-1])
    )


def ends_early(view: RunView, lines: list[str]) -> str:
    """Return what shows that a run may stop before its plan is done; "" if nothing does."""
    for key, value in view.flat_config.items():
        name = re.split(r"[./]", key)[-1]
        if not _STOPS_EARLY.fullmatch(name) or _OF_THE_RATE.search(key):
            continue
        if not isinstance(value, dict | list) and not switched_off(value) and value != -1:
            return f"{key} = {value}"
    limit = _time_limit(view)
    if limit:
        return limit
    said = (m for line in lines[-400:] if (m := _SAID_EARLY.search(line)))
    return next((f'the console says "{m[0]}"' for m in said), "")


def _time_limit(view: RunView) -> str:
    """Return the setting of a longest time that the run has used up, "" if there is none."""
    lasted = view.run.working_seconds
    for key, value in view.flat_config.items():
        name = re.split(r"[./]", key)[-1]
        if not lasted or not _MAX_TIME.fullmatch(name) or switched_off(value):
            continue
        seconds = _seconds(name, value)
        if seconds and _OF_MAX_TIME * seconds <= lasted <= 1.5 * seconds:
            return f"{key} = {value}"
    return ""


def _seconds(name: str, value: object) -> float | None:
    clock = _CLOCK.fullmatch(str(value))
    if clock:
        days, hours, minutes, seconds = (float(clock[g] or 0) for g in "dhms")
        return 86_400 * days + 3600 * hours + 60 * minutes + seconds
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number * _SECONDS.get(name.rpartition("_")[2], 1.0)


def _spelled_out(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those that were logged as one text of a namespace."""
    found = dict(config)
    for key, value in config.items():
        if isinstance(value, str) and len(value) < 20_000 and _NAMESPACE.match(value):
            found.update((f"{key}.{name}", text) for name, text in _FIELD.findall(value))
    return found


def _arguments(args: object) -> dict[str, str]:
    """Return command-line arguments as settings: "--max-steps 100", "max_steps=100"."""
    found = {}
    words = [str(word) for word in args] if isinstance(args, list) else []
    for i, word in enumerate(words):
        key, equals, value = word.lstrip("-+").partition("=")
        if equals:
            found[key] = value
        elif word.startswith("--") and i + 1 < len(words):
            found[key] = words[i + 1]
    return found
