"""Failures over many runs: how often, why, what goes with them, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model.study import Chart, Section, Study
from postrun.model.text import duration, number
from postrun.records.project import Project
from postrun.records.record import RunRecord
from postrun.stats.aggregate import holm, rank_test, wilson
from postrun.stats.association import fisher_exact
from postrun.studies.clusters import Cluster, clusters
from postrun.studies.groups import code_differences, settings
from postrun.studies.naming import value_texts

#: Values of a setting that are tested one by one at most, and runs that a value needs.
_MOST_VALUES, _LEAST_RUNS = 12, 3
#: Links that are shown although they do not hold.
_UNTOLD = 5
Flags = NDArray[np.bool_]
_UNKNOWN = ("running", "unknown", "incomplete-log")


def failures_study(project: Project) -> Study:
    """The study of failures of a project's runs."""
    records = project.records
    found = clusters(records)
    ended = [i for i, r in enumerate(records) if r.ending.kind not in _UNKNOWN]
    failed = [i for i in ended if records[i].ending.failed]
    study = Study("failures", f"Failures of {len(records):,} run{'s' if len(records) != 1 else ''}")
    links = associations(project, found, ended)
    _headline(study, project, found, ended, failed, links)
    study.add(
        _cluster_section(project, found),
        _link_section(links),
        _time_section(project, ended),
        _ending_section(project),
        *_exemplars(project, found),
        _run_section(project, found),
    )
    return study


def _headline(
    study: Study,
    project: Project,
    found: list[Cluster],
    ended: list[int],
    failed: list[int],
    links: list[Link],
) -> None:
    records = project.records
    unknown = len(records) - len(ended)
    if unknown:
        kinds = Counter(r.ending.kind for r in records if r.ending.kind in _UNKNOWN)
        words = {
            "incomplete-log": "have an incomplete log",
            "running": "still run",
            "unknown": "have no record of their end",
        }
        parts = [f"{n} {words[k]}" for k, n in kinds.most_common()]
        study.caveats.append(f"Not counted, because their end is unknown: {', '.join(parts)}.")
    if not ended:
        study.headline.append("No run with a known end.")
        return
    low, high = wilson(len(failed), len(ended))
    if not failed:
        study.headline.append(
            f"{_share(0, len(ended))}: a failure rate of up to {100 * float(high):.0f}% is compatible with "
            "that."
        )
        return
    study.headline.append(
        f"{_share(len(failed), len(ended))} ({100 * len(failed) / len(ended):.0f}%, 95% interval "
        f"{100 * float(low):.0f}% to {100 * float(high):.0f}%). Together they cost {_cost(project, failed)}."
    )
    top = found[0]
    study.headline.append(f"Most frequent: cause 1, {_times(len(top.members))}: {top.title}.")
    dear = max(found, key=lambda c: sum(records[i].runtime or 0.0 for i in c.members))
    if dear is not top and sum(records[i].runtime or 0.0 for i in dear.members) > 0:
        study.headline.append(
            f"Most expensive: cause {found.index(dear) + 1}, {_cost(project, dear.members)}: {dear.title}."
        )
    early = [i for i in failed if (records[i].runtime or 0.0) < 120]
    if len(early) >= 3:
        study.headline.append(
            f"{len(early)} failed within two minutes: a short test run before the real one finds these."
        )
    for link in [k for k in links if k.adjusted <= 0.05 and k.raises][:3]:
        study.headline.append(link.sentence())
    stopped = sum(r.ending.kind == "stopped" for r in records)
    if stopped:
        study.caveats.append(
            f"{stopped} runs were stopped by the user; they count as ended, not as failed."
        )
    study.caveats.append(
        "Hours lost are the whole runtime of failed runs; what a checkpoint saved is not known."
    )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _cost(project: Project, members: Sequence[int]) -> str:
    seconds = sum(project.records[i].runtime or 0.0 for i in members)
    gpu = [h for i in members if (h := project.records[i].gpu_hours) is not None]
    more = f" ({number(sum(gpu), 3)} GPU hours)" if gpu else ""
    return f"{duration(seconds)}{more}"


def moment(seconds: float | None) -> datetime | None:
    """UTC time of Unix seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)


def _cluster_section(project: Project, found: list[Cluster]) -> Section:
    rows = []
    for n, cluster in enumerate(found, 1):
        own = [project.records[i] for i in cluster.members]
        frames = Counter(r.ending.where for r in own if r.ending.where)
        starts = [r.started for r in own if r.started]
        steps = [r.last_step for r in own if r.last_step is not None]
        gpu = [h for r in own if (h := r.gpu_hours) is not None]
        rows.append(
            {
                "cause": n,
                "runs": len(own),
                "failure": cluster.title,
                "kind": cluster.kind,
                "where": ", ".join(f for f, _ in frames.most_common(3)),
                "hours": sum(r.hours or 0.0 for r in own),
                "gpu_hours": sum(gpu) if gpu else None,
                "median_step": float(np.median(steps)) if steps else None,
                "first_seen": moment(min(starts, default=None)),
                "last_seen": moment(max(starts, default=None)),
                "exemplar": own[-1].id,
                "remedy": own[-1].ending.remedy,
            }
        )
    text = (
        "Failures with the same fingerprint: kind, exception, own function, and message without numbers "
        "and paths."
    )
    return Section(
        "causes", "Causes", [text] if rows else [], pl.DataFrame(rows, infer_schema_length=None),
        wide=("kind", "gpu_hours", "median_step", "first_seen", "remedy", "where"),
    )  # fmt: skip


def _share(failed: int, ended: int) -> str:
    """Return in words how many of the runs with a known end failed."""
    if ended == 1:
        return f"The one run whose end is known {'failed' if failed else 'did not fail'}"
    return f"{failed or 'None'} of the {ended} runs whose end is known failed"


@dataclass(frozen=True, slots=True)
class Link:
    """A setting's value that goes with a failure. Rates are shares of the ended runs with and without it."""

    failure: str
    key: str
    value: str
    with_failed: int
    with_all: int
    without_failed: int
    without_all: int
    p: float
    adjusted: float
    note: str
    also: int = 0

    @property
    def raises(self) -> bool:
        """True where failures are more frequent with the value (or rise with the number)."""
        return self.value in ("higher", "lower") or (
            self.with_failed * self.without_all > self.without_failed * self.with_all
        )

    def sentence(self) -> str:
        """The link in words, with its counts."""
        what = "failed" if self.failure == "any" else f"failed by {self.failure}"
        p = f"(p = {number(self.adjusted, 2)} after correction){self.note}"
        if self.value in ("higher", "lower"):
            return f"Runs that {what} have {self.value} {self.key} {p}."
        same = f" (and {self.also} more settings that are set just so)" if self.also else ""
        return (
            f"{self.key} = {self.value}{same}: {self.with_failed} of {self.with_all} {what}, against "
            f"{self.without_failed} of {self.without_all} without it {p}."
        )


def associations(project: Project, found: list[Cluster], ended: list[int]) -> list[Link]:
    """Settings, code and machines that go with failures, by Fisher's exact test or ranks; Holm's correction.

    Every value of a setting with few values is tested against all others; numbers with many values by their
    ranks. All tests of all failures are corrected together: where nothing goes with anything, at most one
    project in twenty shows a link.
    """
    records = [project.records[i] for i in ended]
    if len(records) < 2 * _LEAST_RUNS:
        return []
    table: dict[str, list[Any]] = {**settings(records), **code_differences(records)}
    outcomes = {"any": np.array([r.ending.failed for r in records])}
    place = {run: n for n, run in enumerate(ended)}
    for n, cluster in enumerate(found, 1):
        if len(cluster.members) >= _LEAST_RUNS and len(cluster.members) < int(
            outcomes["any"].sum()
        ):
            hit = np.zeros(len(records), bool)
            hit[[place[i] for i in cluster.members if i in place]] = True
            outcomes[f"cause {n}"] = hit
    links: list[Link] = []
    for name, failed in outcomes.items():
        if not 0 < failed.sum() < len(failed):
            continue
        # Settings that split the runs alike (a machine's packages, mostly) are one test.
        distinct: dict[bytes, Link] = {}
        for key, values in table.items():
            for mark, link in _tested(name, key, values, failed, records):
                known = distinct.get(mark)
                distinct[mark] = link if known is None else replace(known, also=known.also + 1)
        links += distinct.values()
    adjusted = holm(np.array([link.p for link in links]))
    done = [replace(k, adjusted=float(a)) for k, a in zip(links, adjusted, strict=True)]
    return sorted(done, key=lambda k: k.p)


def _tested(
    name: str, key: str, values: list[Any], failed: Flags, records: list[RunRecord]
) -> Iterator[tuple[bytes, Link]]:
    """Tests of one setting, each with what tells how it splits the runs."""
    texts = value_texts(values)
    counts = Counter(texts)
    if len(counts) > _MOST_VALUES:
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            y = np.array(values, dtype=np.float64)
            p = rank_test(y[failed], y[~failed])
            way = "higher" if np.median(y[failed]) > np.median(y[~failed]) else "lower"
            total = (int(failed.sum()), len(failed))
            yield y.tobytes(), Link(name, key, way, *total, *total, p, p, "")
        return
    # Of two values one test says all: it is told of the value that fails more often.
    rate = {t: np.mean([f for f, x in zip(failed, texts, strict=True) if x == t]) for t in counts}
    for text in list(counts) if len(counts) > 2 else [max(counts, key=lambda t: float(rate[t]))]:
        inside = np.array([t == text for t in texts])
        a, b = int((inside & failed).sum()), int((inside & ~failed).sum())
        c, d = int((~inside & failed).sum()), int((~inside & ~failed).sum())
        if min(a + b, c + d) >= _LEAST_RUNS:
            p = fisher_exact((a, b, c, d))
            note = _window(inside, records)
            yield inside.tobytes(), Link(name, key, text, a, a + b, c, c + d, p, p, note)


def _window(inside: Flags, records: list[RunRecord]) -> str:
    """A warning where all runs with a value lie in a time of their own: the time may be the cause."""
    starts = np.array([r.started or np.nan for r in records])
    own, others = starts[inside], starts[~inside]
    if np.isnan(starts).any() or len(own) < 2:
        return ""
    between = ((others >= own.min()) & (others <= own.max())).sum()
    if between <= 0.1 * len(own):
        return "; all of them ran in one stretch of time, in which something else may have been the cause"
    return ""


def _link_section(links: list[Link]) -> Section:
    rows = [
        {
            "failure": k.failure,
            "setting": k.key,
            "value": k.value + (f" (and {k.also} settings alike)" if k.also else ""),
            "failed": f"{k.with_failed}/{k.with_all}",
            "others_failed": f"{k.without_failed}/{k.without_all}",
            "p": k.p,
            "p_corrected": k.adjusted,
            "holds": k.adjusted <= 0.05,
            "note": k.note.lstrip("; "),
        }
        for k in links[: _UNTOLD + sum(k.adjusted <= 0.05 for k in links)]
    ]
    text = (
        f"{len(links)} tests (Fisher's exact test, or ranks for numbers with many values), p values corrected "
        f"together by Holm's method. Shown are those that hold, and the {_UNTOLD} smallest others. What goes "
        "together need not be the cause."
    )
    return Section(
        "links", "What goes with failures", [text], pl.DataFrame(rows), wide=("p", "note")
    )


def _time_section(project: Project, ended: list[int]) -> Section:
    known = [i for i in ended if project.records[i].started is not None]
    if len(known) < 2:
        return Section("rate", "Over time")
    starts = [project.records[i].started or 0.0 for i in known]
    unit, label = calendar_unit(min(starts), max(starts))
    bins: dict[datetime, list[int]] = {}
    for i, start in zip(known, starts, strict=True):
        bins.setdefault(floor(start, unit), []).append(i)
    rows: list[dict[str, Any]] = []
    for begin in sorted(bins):
        own = bins[begin]
        failed = sum(project.records[i].ending.failed for i in own)
        low, high = wilson(failed, len(own))
        rows.append(
            {"from": begin, "runs": len(own), "failed": failed, "rate": failed / len(own),
             "low": float(low), "high": float(high)}
        )  # fmt: skip
    labels = [
        f"{r['from']:%m-%d %H:%M}" if unit == "hour" else f"{r['from']:%Y-%m-%d}" for r in rows
    ]
    chart = Chart(
        "bars", f"Runs per {label}, failed and not",
        {"x": f"start ({label}, UTC)", "y": "runs", "labels": labels,
         "parts": [{"label": "failed", "values": [r["failed"] for r in rows]},
                   {"label": "not failed", "values": [r["runs"] - r["failed"] for r in rows]}]},
    )  # fmt: skip
    text = f"Failures per {label} with 95% intervals (Wilson)."
    return Section("rate", "Over time", [text], pl.DataFrame(rows), [chart])


def calendar_unit(first: float, last: float) -> tuple[str, str]:
    """The calendar unit that a stretch of time is told in, and its name."""
    days = (last - first) / 86_400
    if days < 2:
        return "hour", "hour"
    if days < 60:
        return "day", "day"
    return ("week", "week") if days < 500 else ("month", "month")


def floor(seconds: float, unit: str) -> datetime:
    """The begin of the calendar unit that holds a time (UTC)."""
    at = datetime.fromtimestamp(seconds, UTC).replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return at
    at = at.replace(hour=0)
    if unit == "week":
        return at - timedelta(days=at.weekday())
    return at.replace(day=1) if unit == "month" else at


def _ending_section(project: Project) -> Section:
    counts = Counter(r.ending.words for r in project.records)
    rows = [
        {
            "ending": words,
            "failure": any(r.ending.failed for r in project.records if r.ending.words == words),
            "runs": n,
            "hours": sum(r.hours or 0.0 for r in project.records if r.ending.words == words),
        }
        for words, n in counts.most_common()
    ]
    return Section("endings", "How runs ended", [], pl.DataFrame(rows))


def _exemplars(project: Project, found: list[Cluster]) -> list[Section]:
    lines, labels = [], project.labels
    for n, cluster in enumerate(found[:10], 1):
        record = project.records[cluster.members[-1]]
        lines.append(
            f"{n}. {labels[cluster.members[-1]]}: {record.ending.message or cluster.title}"
        )
        lines += [f"    {line}" for line in record.ending.excerpt[-8:]]
    if not lines:
        return []
    return [Section("exemplars", "One run of each", lines)]


def _run_section(project: Project, found: list[Cluster]) -> Section:
    number_of = {i: n for n, c in enumerate(found, 1) for i in c.members}
    labels = project.labels
    rows = [
        {
            "run": labels[i],
            "id": record.id,
            "cause": number_of.get(i),
            "ending": record.ending.words,
            "started": moment(record.started),
            "last_step": record.last_step,
            "hours": record.hours,
            "message": record.ending.message,
            "path": record.path,
        }
        for i, record in enumerate(project.records)
        if record.ending.failed
    ]
    return Section(
        "runs", "Failed runs", [], pl.DataFrame(rows, infer_schema_length=None), wide=("*",)
    )
