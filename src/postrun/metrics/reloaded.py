"""Rows that belong to the best checkpoint, which a trainer loaded again when its loop had ended.

Evaluations of that checkpoint stand at the last step, though it is of an earlier one: they are no part of the
training's curve.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from postrun.model import Run

_SETTINGS = re.compile(r"load_best_model_at_end|restore_best_weights|restore_best|load_best")
_SAID = re.compile(
    r"Loading best model from|Restoring model weights from the end of the best epoch"
    r"|Loaded? (?:the )?best (?:model|checkpoint|weights)|Restor\w+ .{0,40}best (?:model|checkpoint|weights)",
    re.IGNORECASE,
)
#: What a trainer logs once, in the row in which its loop has ended.
_ENDED = ("train_runtime", "train/train_runtime", "total_flos", "train/total_flos")
_TAIL = 2000


def first_reloaded_row(run: Run, config: Mapping[str, Any]) -> int | None:
    """Return the first row that belongs to the best checkpoint; None if no row is known to.

    `config` is flat. The row follows the one in which the trainer says that its loop has ended.
    """
    if run.parts or not _reloads(run, config):
        return None
    history = run.history
    for key in _ENDED:
        if key in history.columns:
            rows = history[key].alias("x").is_not_null().arg_true()
            return int(rows[-1]) + 1 if len(rows) == 1 else None
    return None


def _reloads(run: Run, config: Mapping[str, Any]) -> bool:
    """Return whether settings or the console show that the best checkpoint was loaded at the end."""
    for key, value in config.items():
        if _SETTINGS.fullmatch(re.split(r"[./]", key)[-1]):
            return value in (True, 1, "True", "true")
    console = run.console
    return console.height > 0 and any(_SAID.search(line) for line in console["line"].tail(_TAIL))
