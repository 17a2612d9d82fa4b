"""Which checkpoints a run saved, as far as its files, artifacts, console and config show."""

from __future__ import annotations

import re
from collections.abc import Iterable

from postrun.metrics import RunView

#: Names of checkpoints that tell their step: "checkpoint-500", "global_step_500", "step=500", "iter_0000500".
_NUMBERED = re.compile(
    r"(?:checkpoint|ckpt|global_?step|step|iter(?:ation)?|epoch)[-_=]?0*(\d+)(?=\b|[_./-])",
    re.IGNORECASE,
)
#: Files that hold weights.
_WEIGHTS = re.compile(
    r"checkpoint|ckpt|\.(?:pt|pth|safetensors|keras|h5|msgpack)\b|pytorch_model|adapter_model",
    re.IGNORECASE,
)
_SAVED = re.compile(r"sav(?:ed|ing).{0,40}(?:checkpoint|ckpt|model|weights)", re.IGNORECASE)
_NEVER = ("no", "none", "never", "false")
#: Console lines that are looked through, from the end.
_LINES = 20_000


def go_back(view: RunView, x: float) -> str:
    """Return what to do to get the state of a step back: one imperative sentence.

    It names a checkpoint only if the run's record shows that there is one.
    """
    at = saved_before(view, x)
    if at is not None:
        return f"Go back to the checkpoint of {view.axis.at(at)}."
    if saves(view):
        return f"Go back to the last checkpoint before {view.axis.at(x)}."
    return "Save checkpoints and keep the best: the record of this run shows none."


def saved_before(view: RunView, x: float) -> float | None:
    """Return the last step up to `x` that a checkpoint is known of; None if none is."""
    known = [step for step in _steps(view) if step <= x]
    if known:
        return max(known)
    interval = _interval(view)
    if interval is not None and x >= interval:
        return interval * (x // interval)
    return None


def saves(view: RunView) -> bool:
    """Return whether anything shows that the run saved checkpoints."""
    if _never(view):
        return False
    if _interval(view) is not None or any(_WEIGHTS.search(name) for name in _names(view)):
        return True
    return any(_SAVED.search(line) for line in _console(view))


def _names(view: RunView) -> Iterable[str]:
    """Yield names of files and of artifacts that the run wrote."""
    for run in view.run.parts or [view.run]:
        yield from (file.path for file in run.files)
        yield from (
            f"{a.name} checkpoint"
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
    unit = view.axis.unit
    found = set()
    lines = [line for line in _console(view) if _SAVED.search(line)]
    for text in (*_names(view), *lines):
        for match in _NUMBERED.finditer(text):
            of_epochs = match[0].lower().startswith("epoch")
            if of_epochs == (unit == "epoch"):
                found.add(float(match[1]))
    last = view.last_x
    return {step for step in found if last is None or step <= last}


def _interval(view: RunView) -> float | None:
    """Return every how many steps the config saves; None if it does not say so in steps."""
    if _never(view) or view.axis.unit == "epoch":
        return None
    strategy = str(view.flat_config.get("save_strategy", "steps")).lower()
    found = view.number("checkpoint_interval")
    if found is None or not strategy.endswith("steps") or found[1] < 1:
        return None
    return found[1]


def _never(view: RunView) -> bool:
    return str(view.flat_config.get("save_strategy", "")).lower().rpartition(".")[2] in _NEVER
