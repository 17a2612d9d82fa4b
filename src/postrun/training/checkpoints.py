"""Which checkpoints a run saved, as far as its files, artifacts, console and config show."""

from __future__ import annotations

import re
from collections.abc import Iterable

from postrun.metrics import RunView
from postrun.metrics.axis import STEP

#: Names of checkpoints that tell their step: "checkpoint-500", "global_step_500", "epoch=3-step=500.ckpt",
#: "iter_0000500", "rl_model_500_steps.zip".
_NUMBERED = re.compile(
    r"(?P<word>checkpoint|ckpt|global_?step|step|iter(?:ation)?|epoch)[-_=]?0*(?P<n>\d+)(?=\b|[_./-])"
    r"|_(?P<steps>\d+)_steps\b",
    re.IGNORECASE,
)
#: Files that hold weights, and folders of checkpoints.
_WEIGHTS = re.compile(
    r"\.(?:pt|pth|ckpt|safetensors|keras|msgpack|distcp)\b|pytorch_model|adapter_model|(?:weights|model)\S*\.h5\b"
    r"|rl_model_\d+_steps|(?:checkpoint|ckpt)[-_]?\d+/",
    re.IGNORECASE,
)
_SAVED = re.compile(r"sav(?:ed|ing).{0,40}(?:checkpoint|ckpt|model|weights)", re.IGNORECASE)
_NEVER = ("no", "none", "never", "false")
#: What one of an axis may be called for a number in a checkpoint's name to lie on it, by the word beside it.
_UNITS = {"epoch": ("epoch",), "iter": ("iteration", "step"), "steps": ("environment step", "step")}
_STEPS = ("step", "iteration", "update")
#: Numbers beside "checkpoint" that are all below this share of the run count something else: epochs, saves.
_FEW = 0.05
#: Console lines that are looked through, from the end.
_LINES = 20_000


def go_back(view: RunView, x: float) -> str:
    """Return what to do to get the state of a step back: one imperative sentence.

    It names a checkpoint only if the run's record shows that there is one.
    """
    at = saved_before(view, x)
    if at is not None:
        return f"Go back to the checkpoint of {view.axis.at(at)}."
    limit = _limit(view)
    if limit is not None and view.flat_config.get("load_best_model_at_end") is True:
        return "Use the best checkpoint, which load_best_model_at_end keeps."
    if limit is not None:
        return f"Keep the best checkpoint as well: save_total_limit = {limit} deletes all but the last."
    if saves(view):
        return f"Go back to the last checkpoint before {view.axis.at(x)}."
    return "Save checkpoints and keep the best: the record of this run shows none."


def go_on(view: RunView) -> str:
    """Return how to train on where a run ended: an imperative clause without a full stop.

    It names a checkpoint only if the run's record shows that there is one.
    """
    at = None if view.last_x is None else saved_before(view, view.last_x)
    if at is not None:
        return f"resume from the checkpoint of {view.axis.at(at)}"
    if saves(view):
        return "resume from the last checkpoint"
    return "start again and save checkpoints: the record of this run shows none"


def saved_before(view: RunView, x: float) -> float | None:
    """Return the last step up to `x` that a checkpoint is known of; None if none is."""
    known = [step for step in _steps(view) if step <= x]
    if known:
        return max(known)
    interval, last = _interval(view), view.last_x
    if interval is None or last is None or x < interval:
        return None
    at, limit = interval * (x // interval), _limit(view)
    return None if limit is not None and at <= last - limit * interval else at


def saved_at(view: RunView, most: int = 200) -> list[float]:
    """Return the steps of the checkpoints that are known, in order; the last `most` of them."""
    known, interval, last = _steps(view), _interval(view), view.last_x
    if not known and interval is not None and last is not None:
        count, limit = int(last // interval), _limit(view)
        first = max(1, count - (limit or most) + 1, count - most + 1)
        known = {interval * k for k in range(first, count + 1)}
    return sorted(known)[-most:]


def saves(view: RunView) -> bool:
    """Return whether anything shows that the run saved checkpoints."""
    strategy = _strategy(view)
    if strategy in _NEVER:
        return False
    if strategy in ("epoch", "best") or view.number("checkpoint_interval") is not None:
        return True
    return any(True for _ in _names(view)) or any(_SAVED.search(line) for line in _console(view))


def _names(view: RunView) -> Iterable[str]:
    """Yield names of the files with weights, and of the models among the artifacts, that the run wrote."""
    for run in view.run.parts or [view.run]:
        yield from (file.path for file in run.files if _WEIGHTS.search(file.path))
        yield from (
            a.name
            for a in run.artifacts
            if a.direction == "output" and a.type in ("model", "checkpoint")
        )


def _console(view: RunView) -> list[str]:
    lines: list[str] = (
        view.run.console["line"].tail(_LINES).to_list() if view.run.console.height else []
    )
    return lines


def _steps(view: RunView) -> set[float]:
    """Return the steps that names of checkpoints tell, in files and in console lines about saving."""
    last = view.last_x
    if last is None:
        return set()
    sure, guessed = set[float](), set[float]()
    lines = [line for line in _console(view) if _SAVED.search(line)]
    for text in (*_names(view), *lines):
        for match in _NUMBERED.finditer(text):
            word = "steps" if match["steps"] else match["word"].lower()
            fits = _UNITS.get("iter" if word.startswith("iter") else word, _STEPS)
            if view.axis.unit in fits:
                told = guessed if word in ("checkpoint", "ckpt") else sure
                told.add(float(match["n"] or match["steps"]))
    if guessed and max(guessed) < _FEW * last:
        guessed = set()
    return {step for step in sure | guessed if step <= last}


def _interval(view: RunView) -> float | None:
    """Return every how many of the run's own steps the config saves; None if it does not say so.

    "Every 5" may be epochs: it counts only if the setting names steps or a framework defines it.
    """
    counted = view.axis.key != STEP or view.has("progress.step")
    if not counted or view.axis.unit not in _STEPS or _strategy(view) != "steps":
        return None
    found = view.number("checkpoint_interval")
    if found is None or found[1] < 1:
        return None
    defined = (
        pattern
        for pack in view.packs
        if not pack.normalised
        for pattern in pack.settings.get("checkpoint_interval", ())
    )
    named = "step" in found[0] or any(pattern.fullmatch(found[0]) for pattern in defined)
    return found[1] if named else None


def _strategy(view: RunView) -> str:
    """Return when the trainer saves ("steps", "epoch", "best", "no"), by `save_strategy`."""
    return str(view.flat_config.get("save_strategy", "steps")).lower().rpartition(".")[2]


def _limit(view: RunView) -> int | None:
    """Return how many of its last checkpoints the trainer keeps; None if all, or if it saves none."""
    limit = view.flat_config.get("save_total_limit")
    whole = isinstance(limit, int) and not isinstance(limit, bool) and limit > 0
    return limit if whole and saves(view) else None
