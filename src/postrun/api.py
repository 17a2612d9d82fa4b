"""The library's functions: the command line is a thin layer over these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from postrun.engine import analyze_all
from postrun.job import Options, Result
from postrun.model import Finding, Run, RunRef
from postrun.report.privacy import Privacy
from postrun.rules import Selection
from postrun.rules import diagnose as _diagnose
from postrun.semantics import RunView
from postrun.sources import RemoteOptions, prefetched, resolve, resolve_all

Target = str | Path


def runs(target: Target = "wandb", **choice: Any) -> list[RunRef]:
    """The runs behind a target, newest first, without reading their histories.

    Args:
        target: A `.wandb` file, a run folder, a folder of run folders, a folder exported earlier, a
            CSV or Parquet history, a glob of these; or, on a W&B server, entity/project,
            entity/project/run, or a page's URL.
        choice: For a project on a server, which runs and in which order: the fields of
            `postrun.RemoteOptions`.

    Raises:
        TargetError: Nothing is there, or nothing there is a run.
    """
    return resolve(target, RemoteOptions(**choice))


def load(target: Target = "wandb") -> Run:
    """Read one run whole: the newest behind the target.

    Raises:
        TargetError: Nothing is there, or it cannot be read.
    """
    return resolve(target)[0].load()


def load_all(target: Target = "wandb", workers: int | None = None, **choice: Any) -> Iterator[Run]:
    """Read all runs behind a target, newest first, one at a time.

    Args:
        target: As in `runs`.
        workers: For runs on a server, how many are read ahead at a time (8 where None): memory holds no
            more than these.
        choice: As in `runs`; `history_only=True` is the fast way to many histories.

    Raises:
        TargetError: Nothing is there, or the next run cannot be read.
    """
    for ref in prefetched(resolve(target, RemoteOptions(**choice)), workers):
        yield ref.load()


def diagnose(
    run: Run | RunView,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    severity: Mapping[str, str] | None = None,
) -> list[Finding]:
    """What the rules find in a run, worst and surest first; symptoms are under their causes.

    Args:
        run: A run, a view of one (which keeps what it computed), or several runs of one training,
            joined by `postrun.join`.
        select: Codes, prefixes of codes or names of the rules to run; all where empty.
        ignore: The same, for rules to leave out.
        thresholds: Rule to its thresholds that are overridden: `{"OPT003": {"flat_share": 0.5}}`.
        severity: Code, prefix or name to the severity that findings get: `{"GEN": "info"}`.

    Raises:
        UsageError: A code, name, threshold or severity that there is not.
    """
    chosen = Selection(tuple(select), tuple(ignore), thresholds or {}, severity or {})
    return _diagnose(run, chosen)


def analyze(
    target: Target | Sequence[Target] = "wandb",
    out: Target | None = "wandb_analysis",
    *,
    plots: bool = True,
    report: bool = True,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    workers: int | None = None,
    mask: bool = True,
    anonymize: bool = False,
) -> list[Result]:
    """The main job: read, diagnose, export, plot and report all runs behind the targets.

    Args:
        target: One target or several, as in `runs`.
        out: Folder for the files (`OUT/ID/...`); None writes nothing.
        plots: Draw `plots/*.png`.
        report: Write `report.html` and `report.md`.
        select: Rules to run, as in `diagnose`.
        ignore: Rules to leave out.
        workers: Processes; by default all cores where there are many runs.
        mask: Keep keys, tokens and passwords out of what is written and returned.
        anonymize: Keep paths, e-mail addresses, host and user names out as well.

    Returns:
        One result per run, newest first within each target. A run that could not be read has
        `error` set.

    Raises:
        TargetError: None of the targets is there.
    """
    targets = [target] if isinstance(target, str | Path) else list(target)
    refs, failed = resolve_all(targets)
    if failed and not refs:
        raise failed[0]
    options = Options(
        out=None if out is None else Path(out),
        plots=plots,
        report=report,
        privacy=Privacy(mask, anonymize),
        selection=Selection(tuple(select), tuple(ignore)),
    )
    done = list(analyze_all(refs, options, workers))
    done += [Result(id=error.target, error=str(error)) for error in failed]
    return done
