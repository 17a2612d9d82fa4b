"""How a run ended in the words of the reports, for listing: by its exit code and its console's last lines."""

from __future__ import annotations

from pathlib import Path

from postrun.model import State
from postrun.sources.files import leads_out
from postrun.training.crash import Cause, find_cause
from postrun.training.last_lines import own_lines

#: Bytes of `output.log` that are looked at, from its end.
_TAIL = 16_384
#: What the SDK records as the exit code of a process that was stopped with Ctrl-C.
_CTRL_C = 255


def ended_in_words(folder: Path, state: State, code: int | None) -> str:
    """Return how a run ended in words; "" if nothing but its state is known.

    The reports say it from all evidence; without reading the run, this says the same in all but rare cases.
    """
    if state not in (State.FAILED, State.CRASHED, State.FINISHED):
        return ""
    lines = last_lines(folder)
    text = "\n".join(lines)
    if state is State.FINISHED:
        stopped = "KeyboardInterrupt" in text and _last_word(lines, find_cause(lines, 0))
        return "stopped by the user" if stopped else ""
    cause = find_cause(lines, code)
    if _stopped(cause) or (code == _CTRL_C and (cause is None or not cause.exception)):
        return "stopped by the user"
    if state is State.FAILED:
        return f"failed (exit code {code})" if code is not None else "failed (no exit record)"
    if cause is not None and cause.exception:
        return "failed (no exit record)"
    return "finished training (no exit record)" if _loop_ended(folder, text) else ""


def _stopped(cause: Cause | None) -> bool:
    return cause is not None and cause.kind is not None and cause.kind.name == "stopped"


def _last_word(lines: list[str], cause: Cause | None) -> bool:
    """Return whether the console ends with the user's stop."""
    if cause is None or not _stopped(cause) or cause.end is None:
        return False
    return len(own_lines(lines[cause.end + 1 :])) < 6


def _loop_ended(folder: Path, console: str) -> bool:
    """Return whether the trainer wrote its own summary, as it does when its loop has ended."""
    if "'train_runtime'" in console:
        return True
    path = folder / "files" / "wandb-summary.json"
    try:
        return not leads_out(path) and '"train_runtime"' in path.read_text("utf-8", "replace")
    except OSError:
        return False


def last_lines(folder: Path) -> list[str]:
    """Return the last lines of the console log of a run folder; [] if there is none."""
    for path in (folder / "files" / "output.log", folder / "output.log"):
        if leads_out(path):
            continue
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL))
                return file.read().decode("utf-8", "replace").replace("\r", "\n").splitlines()
        except OSError:
            continue
    return []
