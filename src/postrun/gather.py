"""Many runs as records: read once, on all cores, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from postrun.model import FAILURES, RunRef
from postrun.privacy import Masker, Privacy
from postrun.records.cache import Cache
from postrun.records.features import features_version
from postrun.records.project import Project
from postrun.records.record import RunRecord

#: Added to the key of an entry that holds a part of a run.
_PART = "part"
#: A record and its entry's key ("" where a store keeps it), or what went wrong.
Gathered = tuple[RunRecord | None, str, str]


def gather(
    refs: Sequence[RunRef],
    privacy: Privacy,
    workers: int | None = None,
    cache: Cache | None = None,
    advance: Callable[[int], None] = lambda rows: None,
    targets: Sequence[str] = (),
    only: frozenset[str] | None = None,
) -> tuple[Project, list[str]]:
    """The records of many runs, and the messages of those that could not be read.

    What the cache holds is not read again; without a cache, one is kept for this process alone.

    Args:
        refs: The runs.
        privacy: What is kept out of the records.
        workers: Processes; by default all cores where there are many runs.
        cache: Where records and columns are kept. Without one, what a store knows of a run is not used either.
        advance: Called after each run with its rows.
        targets: The target that each run was found behind.
        only: The metrics that are needed, None for all. A run that is read for the first time is then read for
            these alone, which takes half the time; one that was read in part before, and lacks one of them, is
            read whole: who asks twice will ask again.
    """
    believed = cache is not None
    cache = Cache.temporary() if cache is None else cache
    privacy = comparable(privacy, refs)
    cache.salt = f"{features_version()} {privacy.key} {privacy.mark('')}"
    found: list[Gathered] = []
    missing: list[int] = []
    wanted: list[frozenset[str] | None] = []
    for ref in refs:
        made, part = _stored(ref, privacy, only) if believed else None, only
        if made is None:
            made, part = _kept(ref, cache, only)
        if made is None:
            missing.append(len(found))
            wanted.append(part)
        else:
            advance(made[0].rows if made[0] else 0)
        found.append(made or (None, "", ""))
    if missing:
        from postrun.execution.pool import map_runs  # what is kept needs no reader and no rule

        job = partial(record_job, privacy=privacy, cache=cache)
        chosen = [refs[i] for i in missing]
        for i, made in zip(missing, map_runs(chosen, wanted, job, _lost, workers), strict=True):
            found[i] = made
            advance(made[0].rows if made[0] else 0)
        cache.prune()
    pairs = [(record, key, i) for i, (record, key, _) in enumerate(found) if record is not None]
    cache.used([key for _, key, _ in pairs if key])
    masker = Masker(privacy)
    places = [masker.text(targets[i]) for _, _, i in pairs] if targets else []
    kept = [None if key else refs[i].kept for _, key, i in pairs]
    project = Project([r for r, _, _ in pairs], [k for _, k, _ in pairs], cache, places, kept)
    project.problems += [error for _, _, error in found if error]
    return project, project.problems


def comparable(privacy: Privacy, refs: Sequence[RunRef]) -> Privacy:
    """Return settings under which equal secrets of runs get equal masks.

    What lies in a store was masked with the store's salt, so all others are. Two stores have two salts: the
    same secret gets another mask in each.
    """
    salts = {ref.kept.salt for ref in refs if ref.kept is not None} - {b""}
    return replace(privacy, salt=salts.pop()) if len(salts) == 1 else privacy


def _stored(ref: RunRef, privacy: Privacy, only: frozenset[str] | None) -> Gathered | None:
    """What was computed of a run when it entered a store; None where that is not known or not as asked for."""
    if ref.kept is None or privacy.anonymize:
        return None  # who is who is told by the whole run alone
    value = ref.kept.record(features_version(), only)
    if value is None:
        return None
    record = RunRecord.from_dict(value)
    if privacy.mask and ref.kept.privacy != privacy.key:  # it was kept as it is
        record = masked_record(record, Masker(privacy))
        if set(record.metrics) != set(value["metrics"]):
            return None  # the store knows its columns by other names
    return record, "", ""


def _kept(
    ref: RunRef, cache: Cache, only: frozenset[str] | None
) -> tuple[Gathered | None, frozenset[str] | None]:
    """What the cache holds of a run, or None and what is to be read of it (None: all)."""
    if not ref.version:
        return None, only
    record = _record(cache, key := cache.key(ref))
    if record is not None:
        return (record, key, ""), None
    part = _record(cache, key := cache.key(ref, _PART))
    if part is None:
        return None, only
    if only is not None and only <= set(part.only or ()):
        return (part, key, ""), None
    return None, None


def _record(cache: Cache, key: str) -> RunRecord | None:
    value = cache.record(key)
    try:
        record = None if value is None else RunRecord.from_dict(value)
    except (KeyError, TypeError):
        return None
    # Whether such a run still lives is told by the clock, not by its files.
    return None if record is None or record.state in ("running", "unknown") else record


def record_job(
    ref: RunRef, only: frozenset[str] | None, privacy: Privacy, cache: Cache
) -> Gathered:
    """Read a run, or a part of it, and keep its record and its numbers."""
    from postrun.job import failure
    from postrun.metrics import RunView
    from postrun.records.reading import record_of

    try:
        run = ref.load() if only is None or ref.part_loader is None else ref.part_loader(only)
        view = RunView(run)
        masker = Masker(privacy, run)
        record = masked_record(record_of(view), masker)
        times = [n for n in ("_step", "_runtime", "_timestamp") if n in run.history.columns]
        names = (*times, *view.numeric_keys)
        columns = {masker.text(name): run.history[name] for name in names}
        key = cache.key(ref, "" if run.only is None else _PART)
        record.columns = cache.put(key, record.as_dict(), columns)
    except FAILURES as error:  # one run must not stop the others
        return None, "", failure(ref, error)
    return record, key, ""


def masked_record(record: RunRecord, masker: Masker) -> RunRecord:
    """A record without secrets, as reports may show it, names of metrics among them."""
    plain: dict[str, Any] = record.as_dict()
    metrics = {masker.text(name): facts for name, facts in plain.pop("metrics").items()}
    return RunRecord.from_dict({**masker.value(plain), "metrics": metrics})


def _lost(ref: RunRef, error: BaseException) -> Gathered:
    from postrun.job import failure

    return None, "", failure(ref, error)
