"""How a run ended: by its exit record, else by what its files show."""

from __future__ import annotations

import time
from collections.abc import Sequence

from postrun.model import State
from postrun.sources.wandb_local.evidence import ALIVE_SECONDS, Ended, ended, knows_end
from postrun.sources.wandb_local.part import Part

#: A log that is empty or holds its header alone was opened and never written: the process is gone.
_HEADER_SIZE = 7
#: Of several processes that write one run, the first state of this list that any has is the run's.
#: A helper process may go away without an exit record while the run itself ends well.
_DECIDING = (State.FAILED, State.RUNNING, State.FINISHED, State.CRASHED)


def session_end(session: Sequence[Part], gone: bool = False) -> Ended:
    """Return how the processes of a session ended together; `gone`: none of them lives any more."""
    ends = [part_end(part, gone) for part in session]
    return next((e for state in _DECIDING for e in ends if e.state is state), ends[-1])


def part_end(part: Part, gone: bool = False) -> Ended:
    """Return how one segment ended.

    Without an exit record, its files are asked if the log is not readable, or if the files know
    more than the log: SDK 0.8 and 0.9 keep the end in the metadata, and the summary file holds a
    run time that is written at the end. A resumed run inherits that, so there it proves nothing.
    `gone`: the process is known not to live any more, however fresh its log is.
    """
    log, files = part.log, part.files
    if log.exited:
        return Ended(State.FAILED if log.exit_code else State.FINISHED, "", log.exit_code)
    last = part.last_sign
    fresh = time.time() - ALIVE_SECONDS
    if not gone and last is not None and last > fresh and _changed(part) > fresh:
        return Ended(State.RUNNING)
    resumed = bool(log.run.get("resumed"))
    summary = {} if resumed else files.summary
    if log.unreadable or knows_end(summary, files.metadata):
        found = ended(part.console["line"].to_list(), summary, files.metadata)
        if found is not None:
            return found
    if log.unreadable and not (part.place.is_file() and part.place.stat().st_size <= _HEADER_SIZE):
        return Ended(State.UNKNOWN, "neither a log nor the files beside it show how the run ended")
    return Ended(State.CRASHED)


def _changed(part: Part) -> float:
    """Return when the log was last written to, Unix seconds."""
    try:
        return part.log.path.stat().st_mtime
    except OSError:
        return 0.0
