"""How a run ended, judged by its files if its log does not say.

A log may be missing, empty or incomplete; the console log and the summary beside it then still
show whether the process failed or ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postrun.model import State
from postrun.training.crash import find_cause

#: A log without an exit record belongs to a living process if something in it is at most this old
#: (seconds). The SDK writes system metrics every 10-30 s.
ALIVE_SECONDS = 120.0
#: An error that more lines of output than this follow was survived. The SDK itself prints up to
#: about a dozen lines when a run ends; those are not counted.
_LAST_LINES = 6
#: Kinds of causes that a process does not survive long enough to report its exit.
_DIED = ("killed", "terminated", "segmentation-fault")
#: `state` of wandb-metadata.json, which SDK 0.8 and 0.9 wrote.
_STATES = {
    "finished": State.FINISHED,
    "failed": State.FAILED,
    "killed": State.FAILED,
    "crashed": State.CRASHED,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what shows it; `exit_code` is None if no file holds it."""

    state: State
    why: str = ""
    exit_code: int | None = None


def knows_end(summary: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Return whether files may know of an end that a readable log lacks.

    SDK 0.8 and 0.9 keep the end in the metadata; `_wandb` of the summary holds a run time that is written at
    the end.
    """
    return "state" in metadata or "_wandb" in summary


def ended(
    lines: Sequence[str], summary: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Ended | None:
    """Return how a run ended by its console lines, summary and metadata; None if nothing shows it.

    In this order: the exit code or state in the metadata (SDK 0.8 and 0.9); an error at the
    console's end; the run time in the summary's `_wandb`, which the SDK writes when a run ends.
    """
    code = metadata.get("exitcode")
    if isinstance(code, int) and not isinstance(code, bool):
        state = State.FAILED if code else State.FINISHED
        return Ended(state, f"wandb-metadata.json records exit code {code}", code)
    word = str(metadata.get("state", "")).lower()
    if word in _STATES:
        return Ended(_STATES[word], f'wandb-metadata.json records the state "{word}"')
    return _by_console(lines) or _by_summary(summary)


def _by_console(lines: Sequence[str]) -> Ended | None:
    cause = find_cause(lines, None)
    if cause is None or cause.end is None:
        return None
    later = [line for line in lines[cause.end + 1 :] if line.strip()]
    if sum(not line.lstrip().startswith("wandb") for line in later) >= _LAST_LINES:
        return None
    if cause.exception:
        return Ended(State.FAILED, f"the console log ends with {cause.exception}")
    if cause.cut:
        return Ended(State.FAILED, "the console log ends inside a traceback")
    died = cause.kind is not None and cause.kind.name in _DIED
    why = f'the console log ends with "{cause.text[:80]}"'
    return Ended(State.CRASHED if died else State.FAILED, why)


def _by_summary(summary: Mapping[str, Any]) -> Ended | None:
    internal = summary.get("_wandb")
    if isinstance(internal, Mapping) and isinstance(internal.get("runtime"), int | float):
        return Ended(
            State.FINISHED,
            "wandb-summary.json holds the run time that the SDK writes when a run ends, and the "
            "console log shows no error; the exit code is unknown",
        )
    return None
