"""How many samples one step of a run takes, if its config says so without doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Settings that name a batch, by the last part of the key: of all devices together, of one, or unsaid.
_WHOLE = re.compile(r"(?i)^(?:global|total|effective)_?(?:train_?)?batch_?size$")
_LOCAL = re.compile(
    r"(?i)^(?:(?:per_?device|local|micro|device)_?(?:train_?)?|(?:train_?)?micro_?)batch_?size(?:_per_(?:gpu|device))?$"
)
_PLAIN = re.compile(r"(?i)^(?:train(?:ing)?_?)?(?:batch_?size|batchsize|bsz?)(?:_train(?:ing)?)?$")
_DEVICES = re.compile(
    r"(?i)^(?:world_?size|num_gpus|n_gpus?|num_processes|gpus|devices|nproc_per_node)$"
)
_ACCUMULATED = re.compile(
    r"(?i)^(?:gradient_accumulation(?:_steps)?|grad_accum(?:_steps)?|accumulate_grad_batches|accumulation_steps)$"
)
#: Groups of settings whose batches are not those of the training.
_OTHER = re.compile(
    r"(?i)(?:^|[._/])(?:eval|evaluation|val|valid|validation|test|predict|inference)(?:[._/]|$)"
)


def samples_per_step(config: Mapping[str, Any]) -> float | None:
    """Return the samples of one training step; None unless the config settles it.

    A batch of all devices counts as it is. A batch of one device is multiplied by devices and accumulated
    batches, which must be set. A plain batch size counts only if there is one device and nothing is
    accumulated, for else it may mean either.

    Args:
        config: A flat config, with "." between nested keys.
    """
    whole, local, plain = (_values(config, kind) for kind in (_WHOLE, _LOCAL, _PLAIN))
    devices, accumulated = _values(config, _DEVICES), _values(config, _ACCUMULATED)
    if whole:
        return max(whole) if len(whole) == 1 else None
    if len(local | plain) != 1 or len(devices) > 1 or len(accumulated) > 1:
        return None
    factor = max(devices, default=1.0) * max(accumulated, default=1.0)
    if plain:
        return max(plain) if factor == 1 else None
    return max(local) * factor if devices else None


def _values(config: Mapping[str, Any], kind: re.Pattern[str]) -> set[float]:
    """Return the distinct positive numbers of one kind of setting."""
    found = (
        value
        for key, value in config.items()
        if kind.match(re.split(r"[./]", key)[-1]) and not _OTHER.search(key)
    )
    return {
        float(value)
        for value in found
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    }
