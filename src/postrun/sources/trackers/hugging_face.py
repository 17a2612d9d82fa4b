"""Hugging Face Trainer: `trainer_state.json` of an output folder and of its checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from postrun.model import Identity, Run, State, TargetError
from postrun.sources.files import read_json
from postrun.sources.frames.rows import frame_of
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.tensorboard.source import add_times

_FILE, _EVENTS = "trainer_state.json", "runs"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
#: Fields of the state that are settings of the training.
_SETTINGS = (
    "max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "save_steps",
    "trial_params",
)  # fmt: skip
#: Fields that are results.
_RESULTS = (
    "best_metric",
    "best_global_step",
    "best_model_checkpoint",
    "total_flos",
    "num_input_tokens_seen",
)
_SPLITS = ("eval", "test")


class HuggingFace:
    """Output folders of the Trainer: the newest state holds the whole log, whichever checkpoint it lies in."""

    name = "hugging_face"
    title = "Hugging Face Trainer"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run of an output folder or of a checkpoint."""
        states = [folder / _FILE] if _FILE in names else []
        numbered = [(int(m[1]), name) for name in names if (m := _CHECKPOINT.fullmatch(name))]
        states += [folder / name / _FILE for _, name in sorted(numbered, reverse=True)]
        states = [path for path in states if path.is_file()]
        if states:
            yield Found(folder, tuple(states), partial(_load, self.name, folder, states))

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder is a checkpoint, or the event files that the Trainer itself wrote."""
        return bool(_CHECKPOINT.fullmatch(name)) or name == _EVENTS


def _load(source: str, folder: Path, states: list[Path], run_id: str) -> Run:
    """Read the state that has come furthest.

    Raises:
        TargetError: No state can be read.
    """
    notes: list[str] = []
    read = [(path, read_json(path, notes)) for path in states]
    usable = [(path, state) for path, state in read if isinstance(state.get("log_history"), list)]
    if not usable:
        problem = "; ".join(notes) or "no log_history in it"
        raise TargetError(
            states[0], problem, "Give a checkpoint whose trainer_state.json is whole."
        )
    path, state = max(usable, key=lambda item: item[1].get("global_step") or 0)
    rows = _rows(state["log_history"])
    config = {key: state[key] for key in _SETTINGS if state.get(key) is not None}
    planned, come = state.get("max_steps"), state.get("global_step")
    done = any("train/train_runtime" in row for row in rows[-3:])
    if isinstance(planned, int) and isinstance(come, int):
        done |= come >= planned > 0
    run = tracker_run(
        source,
        Identity(run_id, name=run_id),
        frame_of(rows),
        folder,
        notes=[*notes, f"read from {path.relative_to(folder)}"],
        config=config,
        state=State.FINISHED if done else State.UNKNOWN,
    )
    run.summary |= {key: state[key] for key in _RESULTS if state.get(key) is not None}
    add_times(run, folder / _EVENTS)
    runtime = run.summary.get("train/train_runtime")
    if isinstance(runtime, int | float):
        run.runtime = float(runtime)
    return run


def _rows(log: list[Any]) -> list[dict[str, Any]]:
    """Return the entries of a log with the names under which the Trainer reports them to trackers."""
    entries = [e for e in log if isinstance(e, dict) and isinstance(e.get("step"), int | float)]
    return [
        {
            **{_named(key): value for key, value in entry.items() if key != "step"},
            "_step": int(entry["step"]),
        }
        for entry in entries
    ]


def _named(key: str) -> str:
    split, underscore, rest = key.partition("_")
    return f"{split}/{rest}" if underscore and split in _SPLITS else f"train/{key}"
