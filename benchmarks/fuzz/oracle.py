"""What must hold of every mutant: it is read or refused with the cause, quickly, and no intact row is lost."""

from __future__ import annotations

import enum
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import postrun
from benchmarks.fuzz.case import Case
from postrun.job import Options, analyze_run
from postrun.metrics import RunView
from postrun.model import Run, RunRef, TargetError
from postrun.records.reading import record_of
from postrun.sources.exported.source import Exported
from postrun.sources.wandb_local.source import WandbLocal

#: Seconds of the processor's time, and of the clock's, that a mutant may take.
CPU_LIMIT, CLOCK_LIMIT = 10.0, 60.0
#: Bytes by which a mutant may make the process grow.
_MEMORY = 700 << 20
_OWN = str(Path(postrun.__file__).parent)


class Outcome(enum.StrEnum):
    """How the reading of a mutant went; all but the first two are defects."""

    READ = "read"
    REFUSED = "refused"
    ERROR = "internal error"
    RULE = "rule failed"
    LOST = "rows lost"
    WRONGLY_REFUSED = "wrongly refused"
    HANG = "hang"
    MEMORY = "memory"
    DIED = "process died"

    @property
    def is_defect(self) -> bool:
        """Whether this must never happen."""
        return self not in (Outcome.READ, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a mutant, and where or why."""

    outcome: Outcome
    why: str = ""


class _TooLong(BaseException):
    """Raised by the timer; not an Exception, so that no guard of the reader takes it for an error."""


def judge(case: Case, folder: Path, reported: bool) -> Verdict:
    """Read a mutant below an empty folder as a user would; `reported`: with its record and reports."""
    for name, data in case.files.items():
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verdict = _read(case, folder, reported)
    except _TooLong:
        return Verdict(Outcome.HANG, f"more than {CPU_LIMIT:.0f} s")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        return Verdict(Outcome.ERROR, _place(error))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    if grown > _MEMORY:
        return Verdict(Outcome.MEMORY, f"{grown >> 20} MB")
    return verdict


def _read(case: Case, folder: Path, reported: bool) -> Verdict:
    try:
        refs = _found(str(folder / "in" / case.target))
        for ref in refs:
            ref.listing()
        runs = [ref.load() for ref in refs]
    except TargetError as error:
        outcome = Outcome.REFUSED if case.refusable else Outcome.WRONGLY_REFUSED
        return Verdict(outcome, error.problem)
    for run in runs:
        if reported:
            record_of(RunView(run))
        out = folder / "out" if reported else None
        result = analyze_run(run, "run", Options(out=out, plots=False))
        failed = next((f for f in result.findings if f.rule == "RUN000"), None)
        if failed is not None:
            return Verdict(Outcome.RULE, failed.message)
    lost = case.intact - {loss for run in runs for loss in _losses(run)}
    return Verdict(Outcome.LOST, f"{len(lost)} rows") if lost else Verdict(Outcome.READ)


def _found(target: str) -> list[RunRef]:
    """Return the runs behind a target; `resolve` looks for plug-ins each time, which costs as much as a run."""
    for source in (WandbLocal(), Exported()):
        if source.claims(target):
            return list(source.find(target))
    raise TargetError(target, "no source claims it")


def _losses(run: Run) -> set[float]:
    column = run.history.get_column("loss", default=None)
    if column is None or not column.dtype.is_numeric():
        return set()
    return {float(value) for value in column.drop_nulls().to_list()}


def _place(error: BaseException) -> str:
    """Return where in postrun an error arose, and its type."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_OWN)]
    where = own[-1] if own else frames[-1]
    return f"{Path(where.filename).name}: {where.name}: {type(error).__name__}: {str(error)[:80]}"


@contextmanager
def _limited() -> Iterator[None]:
    """Raise _TooLong in what takes too long."""

    def stop(*_: object) -> None:
        raise _TooLong

    handlers = [signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT)
    signal.setitimer(signal.ITIMER_REAL, CLOCK_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip((signal.SIGPROF, signal.SIGALRM), handlers, strict=True):
            signal.signal(number, handler)
        sys.stdout.flush()
