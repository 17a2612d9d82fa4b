"""The library's functions: the command line is a thin layer over these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Unpack

import polars as pl

from postrun.engine import analyze_all
from postrun.gather import gather
from postrun.gating import check as _check
from postrun.job import Options, Result
from postrun.metrics import RunView
from postrun.metrics.declared import Roles, declared, with_declared
from postrun.model import Findings, Run, RunRef, Severity, TargetError, UsageError
from postrun.model.text import did_you_mean
from postrun.privacy import Privacy
from postrun.records.cache import Cache
from postrun.records.project import Project
from postrun.report.gate import Gate
from postrun.rules import Selection
from postrun.rules import diagnose as _diagnose
from postrun.sources import Choice, RemoteOptions, declare, prefetched, resolve, resolve_all
from postrun.store import Store

Target = str | Path
#: Rules by code, prefix or name: one, or several.
Rules = str | Sequence[str]


def runs(target: Target = "wandb", **choice: Unpack[Choice]) -> list[RunRef]:
    """The runs behind a target, newest first, without reading their histories.

    Args:
        target: A `.wandb` file, a run folder, a folder of run folders, a folder exported earlier, a
            CSV or Parquet history, a glob of these; or, on a W&B server, entity/project,
            entity/project/run, or a page's URL.
        choice: Which runs and in which order, wherever they lie: the fields of `postrun.RemoteOptions`, such as
            `state="failed"`, `config=["lr>0.001"]`, `order="summary.loss"`, `limit=10`.

    Raises:
        TargetError: Nothing is there, or nothing there is a run.
    """
    return resolve(target, _options(choice))


def load(target: Target = "wandb", *, roles: Roles | None = None) -> Run:
    """Read one run whole: the newest behind the target.

    Args:
        target: As in `runs`.
        roles: What metrics are, by name or glob: `{"Rewards/mean_episodes": "reward"}`. Roles are those of
            docs/metrics.md; "none" keeps rules from judging a metric. A value may be a table:
            `{"role": "score.eval", "better": "lower", "unit": "m"}`.

    Raises:
        TargetError: Nothing is there, or it cannot be read.
        UsageError: `roles` names a role that does not exist.
    """
    return with_declared(resolve(target)[0].load(), declared(roles or {}))


def load_all(
    target: Target = "wandb", workers: int | None = None, **choice: Unpack[Choice]
) -> Iterator[Run]:
    """Read all runs behind a target, newest first, one at a time.

    Args:
        target: As in `runs`.
        workers: For runs on a server, how many are read ahead at a time (8 where None): memory holds no
            more than these.
        choice: As in `runs`; `history_only=True` is the fast way to many histories.

    Raises:
        TargetError: Nothing is there, or the next run cannot be read.
    """
    for ref in prefetched(resolve(target, _options(choice)), workers):
        yield ref.load()


def diagnose(
    run: Run | RunView | Target | pl.DataFrame = "wandb",
    select: Rules = (),
    ignore: Rules = (),
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    severity: Mapping[str, str] | None = None,
    roles: Roles | None = None,
) -> Findings:
    """What the rules find in a run, worst and surest first; symptoms are under their causes.

    Args:
        run: A run, a view of one (which keeps what it computed), several runs of one training, joined by
            `postrun.join`, a target as in `runs` (its newest run), or a Polars frame with one row per step and
            one column per metric (`Run.from_frame` takes config and console too).
        select: Code, prefix of codes or name of the rules to run, or several of them; all where empty.
        ignore: The same, for rules to leave out.
        thresholds: Rule to its thresholds that are overridden: `{"OPT003": {"flat_share": 0.5}}`.
        severity: Code, prefix or name to the severity that findings get: `{"GEN": "info"}`.
        roles: What metrics are, as in `load`.

    Returns:
        A list of findings; a notebook shows it with charts.

    Raises:
        TargetError: The target is not there, or cannot be read.
        UsageError: A code, name, threshold, severity or role that does not exist.
    """
    known = read_run(run)
    if roles:
        known = with_declared(known.run if isinstance(known, RunView) else known, declared(roles))
    view = known if isinstance(known, RunView) else RunView(known)
    return Findings(_diagnose(view, chosen(select, ignore, thresholds, severity)), view)


def read_run(run: Run | RunView | Target | pl.DataFrame) -> Run | RunView:
    """Return a run: what is given, the newest behind a target, or one with a frame as its history."""
    if isinstance(run, Run | RunView):
        return run
    if isinstance(run, pl.DataFrame):
        return Run.from_frame(run)
    if isinstance(run, str | Path):
        return load(run)
    raise UsageError(
        f"a {type(run).__name__} is no run: pass a run, a path or target, or a Polars frame "
        "(for pandas: polars.from_pandas(frame))"
    )


def chosen(
    select: Rules = (),
    ignore: Rules = (),
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    severity: Mapping[str, str] | None = None,
) -> Selection:
    """Return the rules that are chosen; a single code or name is one of them."""
    one, other = ((r,) if isinstance(r, str) else tuple(r) for r in (select, ignore))
    return Selection(one, other, thresholds or {}, severity or {})


def _options(choice: Choice) -> RemoteOptions:
    """Return which runs are wanted; UsageError that names near ones for a keyword that does not exist."""
    for name in choice:
        if name not in RemoteOptions.__dataclass_fields__:
            near = did_you_mean(name, RemoteOptions.__dataclass_fields__)
            raise UsageError(f"no option is called {name!r}.{near} See postrun.RemoteOptions.")
    return RemoteOptions(**choice)


def check(
    target: Target | Sequence[Target] = "wandb",
    *,
    baseline: Target | Sequence[Target] = (),
    fail_on: str = "warning",
    select: Rules = (),
    ignore: Rules = (),
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    severity: Mapping[str, str] | None = None,
) -> Gate:
    """Judge runs as `postrun check` does: `failed` says whether the gate failed, `runs` what was found.

    Args:
        target: One target or several, as in `runs`.
        baseline: Known good runs. What they have as well does not fail the gate; what is worse does.
        fail_on: The least severity that fails it: "info", "warning" or "critical".
        select: Rules to run, as in `diagnose`.
        ignore: Rules to leave out.
        thresholds: Thresholds that are overridden, as in `diagnose`.
        severity: Severities that are overridden, as in `diagnose`.

    Raises:
        TargetError: None of the targets, or none of the baseline, is there.
        UsageError: A code, name, threshold or severity that does not exist.
    """
    try:
        limit = Severity.parse(fail_on)
    except ValueError as error:
        raise UsageError(f"fail_on: {error}") from None
    refs, errors = _refs(target)
    known, missing = _refs(baseline) if baseline else ([], [])
    selection = chosen(select, ignore, thresholds, severity)
    said = [*map(str, errors), *(f"baseline: {error}" for error in missing)]
    return _check(refs, Options(out=None, selection=selection), limit, known, said)


def _refs(target: Target | Sequence[Target]) -> tuple[list[RunRef], list[TargetError]]:
    """Return the runs behind targets and the errors of those that are none; raise the first if all are."""
    refs, failed = resolve_all([target] if isinstance(target, str | Path) else list(target))
    if failed and not refs:
        raise failed[0]
    return refs, failed


def project(
    target: Target | Sequence[Target] = "wandb",
    *,
    cache: bool = True,
    mask: bool = True,
    workers: int | None = None,
    roles: Roles | None = None,
    **choice: Unpack[Choice],
) -> Project:
    """Many runs, read once: their records, and any metric's curves when they are asked for.

    Args:
        target: One target or several, as in `runs`.
        cache: Keep what was read in the user's cache folder ($POSTRUN_CACHE_DIR), and use what is there.
        mask: Keep keys, tokens and passwords out of the records.
        workers: Processes; by default all cores where there are many runs.
        roles: What metrics are, as in `load`.
        choice: As in `runs`.

    Raises:
        TargetError: None of the targets is there, or none of their runs can be read.
        UsageError: `roles` names a role that does not exist.
    """
    told = declared(roles or {})
    found, _ = placed(target, choice)
    store = Cache.usable() if cache else None
    refs, places = [ref for ref, _ in found], [place for _, place in found]
    made, messages = gather(declare(refs, told), Privacy(mask), workers, store, targets=places)
    if not made.records:
        raise TargetError(str(target), messages[0] if messages else "no run")
    return made


def placed(
    target: Target | Sequence[Target], choice: Choice
) -> tuple[list[tuple[RunRef, str]], list[TargetError]]:
    """Return the runs behind targets, each with its target, and the errors of those that are none.

    Raises:
        TargetError: All are none.
    """
    found: list[tuple[RunRef, str]] = []
    failed: list[TargetError] = []
    for one in [target] if isinstance(target, str | Path) else list(target):
        refs, errors = resolve_all([one], _options(choice))
        found += [(ref, str(one)) for ref in refs]
        failed += errors
    if failed and not found:
        raise failed[0]
    return found, failed


def pull(
    target: Target | Sequence[Target] = "wandb",
    store: Target = "store:",
    *,
    workers: int | None = None,
    cluster: str = "",
    mask: bool = True,
    anonymize: bool = False,
    force: bool = False,
    **choice: Unpack[Choice],
) -> pl.DataFrame:
    """Bring runs into a store, diagnosed, as `postrun pull --store`; `open_store` reads it.

    Args:
        target: One target or several, as in `runs`.
        store: A folder, an object store's URL (`s3://bucket/prefix`), or "store:" for the user's own. Made
            where there is none.
        workers: Processes; by default all cores where there are many runs.
        cluster: Address of a Dask scheduler whose workers do it.
        mask: Keep keys, tokens and passwords out of the store.
        anonymize: Keep paths, e-mail addresses, host and user names out as well.
        force: Read all runs, those that seem unchanged as well.
        choice: As in `runs`.

    Returns:
        One row per run: id, status ("new", "updated", "unchanged", "failed"), rows, completeness, error.

    Raises:
        TargetError: None of the targets is there, the store cannot be written, or the cluster is gone; what was
            done until then is in the store.
    """
    from postrun.incremental.into_store import pull_into

    targets = [target] if isinstance(target, str | Path) else list(target)
    refs, failed = resolve_all(targets, _options(choice))
    if failed and not refs:
        raise failed[0]
    opened = Store(str(store), write=True)
    done = pull_into(opened, refs, Privacy(mask, anonymize), workers, cluster, force)
    rows = [
        (p.id, p.status, r.rows if r else None, r.completeness if r else "", r.error if r else "")
        for p in done
        for r in [p.result]
    ]
    rows += [(error.target, "failed", None, "", str(error)) for error in failed]
    texts = dict.fromkeys(("completeness", "error"), pl.String)
    schema = {"id": pl.String, "status": pl.String, "rows": pl.Int64, **texts}
    return pl.DataFrame(rows, schema=schema, orient="row")


def query(sql: str, store: Target = "store:") -> pl.DataFrame:
    """What a store answers to SQL, as `postrun query`.

    Raises:
        TargetError: There is no such store.
        UsageError: It is no SQL that Polars knows, or names a table or column that there is not.
    """
    from postrun.store.query import query as ask

    return ask(Store(str(store)), sql).collect()


def analyze(
    target: Target | Sequence[Target] = "wandb",
    out: Target | None = "wandb_analysis",
    *,
    plots: bool = True,
    report: bool = True,
    select: Rules = (),
    ignore: Rules = (),
    workers: int | None = None,
    mask: bool = True,
    anonymize: bool = False,
    roles: Roles | None = None,
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
        roles: What metrics are, as in `load`.

    Returns:
        One result per run, newest first within each target. A run that could not be read has
        `error` set.

    Raises:
        TargetError: None of the targets is there.
    """
    targets = [target] if isinstance(target, str | Path) else list(target)
    told = declared(roles or {})
    refs, failed = resolve_all(targets)
    if failed and not refs:
        raise failed[0]
    options = Options(
        out=None if out is None else Path(out),
        plots=plots,
        report=report,
        privacy=Privacy(mask, anonymize),
        selection=chosen(select, ignore),
    )
    done = list(analyze_all(declare(refs, told), options, workers))
    done += [Result(id=error.target, error=str(error)) for error in failed]
    return done
