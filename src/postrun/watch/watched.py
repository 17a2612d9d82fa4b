"""One run that is watched, from its start to its verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from postrun.job import Options, Result, analyze_run, failure
from postrun.metrics import RunView
from postrun.metrics.declared import with_declared
from postrun.model import FAILURES, Finding, Growing, MetricDefinition, Run, RunRef, Severity, State
from postrun.model.text import duration
from postrun.privacy import Masker, Privacy
from postrun.rules import Selection
from postrun.rules.beside_siblings import WillNotReachBest
from postrun.studies.reach import Reach
from postrun.watch.event import Event, Kind
from postrun.watch.followers import ReadAgain, follow
from postrun.watch.judge import Judge
from postrun.watch.ledger import Change
from postrun.watch.pace import SHARE, Pace
from postrun.watch.process import Writer, writer_of
from postrun.watch.siblings import Siblings

#: A run stands still if nothing came for so many seconds, and so many times the longest pause before.
STILL, PAUSES = 300.0, 5.0
#: Seconds between two looks at whether the process that writes a log lives.
_CHECK = 5.0
#: Seconds without growth before that is looked at at all.
_QUIET = 10.0
#: Errors in a row after which a run is given up.
_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """How runs are watched.

    Attributes:
        patience: Seconds without anything new after which a run that nothing shows to live is given up.
        share: The share of one core that judging a run may take.
        report: Folder that HTML reports are written to and kept up to date in; None for none.
    """

    privacy: Privacy = field(default_factory=Privacy)
    selection: Selection = field(default_factory=Selection)
    declared: Sequence[MetricDefinition] = ()
    patience: float = 600.0
    share: float = SHARE
    report: Path | None = None


class Watched:
    """A run that is followed and judged; `step` does what is due and returns what happened.

    Attributes:
        ended: Whether it is over: the process exited, is gone, or the run cannot be read.
        result: The verdict, once it ended.
    """

    def __init__(
        self,
        ref: RunRef,
        terms: Terms,
        folder: str = "",
        clock: Callable[[], float] = time.time,
        growing: Growing | None = None,
        siblings: Siblings | None = None,
    ) -> None:
        self.ref, self.terms, self.clock = ref, terms, clock
        self.folder = folder or ref.id
        masker = Masker(terms.privacy)
        self.id, self.name = masker.text(ref.id), masker.text(ref.id)
        self._siblings = siblings
        self.judge = self._judge_of()
        self.pace = Pace(share=terms.share)
        self.ended = False
        self.result: Result | None = None
        self.writer = Writer(False)
        self._growing = growing or follow(ref)
        self._seen_finite = 0
        self._grew = clock()
        self._checked = -math.inf
        self._longest = 0.0
        self._still = self._begun = self._asked_end = False
        self._errors = 0
        self._at: tuple[str, float | None] = ("", None)
        self._report_after = -math.inf
        self._had_writer = 0

    @property
    def path(self) -> Path:
        """What is followed."""
        return self._growing.path

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._growing.rows

    @property
    def open(self) -> list[Finding]:
        """What was told and still holds."""
        return self.judge.ledger.open

    @property
    def at(self) -> str:
        """The last step that was judged, in words."""
        return self._at[0]

    def refresh(self, ref: RunRef) -> list[Event]:
        """Take over what its source lists now: a later segment of a resumed run, a new version."""
        moved = ref.path != self.ref.path
        self.ref = ref
        if isinstance(self._growing, ReadAgain):
            self._growing.refresh(ref)
        elif moved:
            self._growing = follow(ref)
            self._begun = self.ended = False
            self.pace, self._seen_finite = Pace(share=self.terms.share), 0
            self._grew, self._had_writer = self.clock(), 0
            return [self._event(Kind.RESUMED, f"resumed in {ref.path.parent.name}")]
        return []

    def step(self) -> list[Event]:
        """Read what is new, judge if that is due, and return what happened. What goes wrong is an event."""
        if self.ended:
            return []
        try:
            events = self._step()
        except FAILURES as error:
            return self._failed(error)
        self._errors = 0
        return events

    def finish(self, gone: bool = True) -> list[Event]:
        """End the watch: judge the run as it is, as one that ended, and return the verdict."""
        self.ended = True
        try:
            run = self._final(gone)
            options = Options(
                self.terms.report,
                plots=False,
                report=self.terms.report is not None,
                together=False,
                privacy=self.terms.privacy,
                selection=self.terms.selection,
            )
            self.result = analyze_run(run, self.folder, options)
        except FAILURES as error:
            message = failure(self.ref, error)
            self.result = Result(self.id, self.name, error=message)
            return [self._event(Kind.PROBLEM, message, Severity.WARNING)]
        self.name = self.result.name
        view = self.result.view
        self._at = self._place(view, view.last_x if view else None)
        worst = max((f.severity for f in self.result.findings), default=Severity.GOOD)
        return [self._event(Kind.ENDED, self.result.verdict, worst)]

    def _step(self) -> list[Event]:
        now, growing = self.clock(), self._growing
        events: list[Event] = []
        started = time.thread_time()
        grew = growing.poll()
        self.pace.spent += time.thread_time() - started
        if growing.changed:
            events.append(
                self._event(Kind.PROBLEM, f"{growing.changed}: it is read from its start")
            )
            self.pace, self._seen_finite = Pace(share=self.terms.share), 0
            self.judge = self._judge_of()
        if grew:
            if self._begun:
                self._longest = max(self._longest, now - self._grew)
            self._grew = now
            if self._still:
                self._still = False
                events.append(self._event(Kind.RESUMED, "it goes on", Severity.GOOD))
        urgent = growing.not_finite > 2 * self._seen_finite  # at first, then ever more rarely
        if growing.exited:
            return [*events, *self.finish(gone=False)]
        if self.pace.due(growing.rows, now, urgent):
            events += self._judge(urgent)
        return events + (self._quiet(now) if not grew else [])

    def _judge_of(self) -> Judge:
        """Return a judge that knows nothing of the run yet."""
        judge = Judge(self.terms.privacy, self.terms.selection)
        rules = self.terms.selection.active() if self._siblings else []
        rule = next((r for r in rules if isinstance(r, WillNotReachBest)), None)
        if rule is not None:
            reach, kind = Reach(rule), type(rule)

            def beside(view: RunView) -> Finding | None:
                found = self._beside(view, reach)
                return self.terms.selection.settled(found, kind) if found is not None else None

            judge.beside = beside
        return judge

    def _beside(self, view: RunView, reach: Reach) -> Finding | None:
        """Return that the run will not reach the best finished run beside it, if that holds."""
        assert self._siblings is not None
        made = reach.forecast(view)
        if made is not None:
            self._siblings.want(view, made.metric)
        return reach.look(view, made, self._siblings.records)

    def _judge(self, urgent: bool) -> list[Event]:
        started = time.thread_time()
        growing = self._growing
        rows, self._seen_finite = growing.rows, growing.not_finite
        run = with_declared(growing.run(), list(self.terms.declared))
        changes = self.judge.look(run, urgent)
        last = self.judge.last
        assert last is not None
        self.name, self._at = last.run.name, self._place(last.view, self.judge.reached)
        events = []
        if not self._begun:
            self._begun = True
            events.append(self._event(Kind.STARTED, f"watched from {self.at or 'its start'} on"))
        events += [self._told(change) for change in changes]
        self._write_report(bool(changes))
        cost = time.thread_time() - started
        self.pace.looked(rows, self.clock(), cost, self.judge.ledger.pending)
        return events

    def _write_report(self, news: bool) -> None:
        now = self.clock()
        last = self.judge.last
        if self.terms.report is None or last is None or (now < self._report_after and not news):
            return
        from postrun.report.html.run_page import write_report

        started = time.thread_time()
        path = self.terms.report / self.folder / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        findings = self.judge.findings()
        write_report(
            path, last.view, findings, last.masked, privacy=self.terms.privacy, refresh=_REFRESH
        )
        cost = time.thread_time() - started
        self._report_after = now + max(5.0, cost * (1 / self.terms.share - 1))

    def _quiet(self, now: float) -> list[Event]:
        """Say that a run stands still, or end it if its process is gone."""
        quiet = now - self._grew
        if quiet < _QUIET or now - self._checked < _CHECK:
            return []
        self._checked = now
        local = self.ref.follow is not None
        if local:
            self.writer = writer_of(self.path)
            if self.writer.writers:
                self._had_writer = 2
            elif self._had_writer:  # twice, for the log of a resumed run changes hands
                self._had_writer -= 1
                return [] if self._had_writer else self.finish()
        if quiet > self.terms.patience and not self.writer.writers and not self.ref.remote:
            return self.finish()
        if self._begun and not self._still and quiet > max(STILL, PAUSES * self._longest):
            self._still = True
            return [
                self._event(
                    Kind.STALLED,
                    f"Nothing was logged for {duration(quiet)} (the longest pause before was "
                    f"{duration(self._longest)}).",
                    Severity.WARNING,
                )
            ]
        return []

    def _final(self, gone: bool) -> Run:
        """Return the run as one that ended: read whole, for a log may be torn where it was followed."""
        run: Run | None = None
        if self.ref.follow is not None:
            run = self.ref.load()
            if run.state is State.RUNNING:
                run = None
        if run is None:
            run = self._growing.run(gone=gone)
        if run.state is State.RUNNING and gone:
            run = replace(run, state=State.UNKNOWN)
        return with_declared(run, list(self.terms.declared))

    def _told(self, change: Change) -> Event:
        return self._event(
            change.kind,
            change.finding.message,
            Severity.GOOD if change.kind is Kind.RECOVERED else change.finding.severity,
            change.finding,
        )

    def _failed(self, error: BaseException) -> list[Event]:
        self._errors += 1
        message = failure(self.ref, error)
        if self._errors >= _ERRORS:
            self.ended = True
            self.result = Result(self.id, self.name, error=message)
            return [
                self._event(Kind.PROBLEM, f"{message} It is no longer watched.", Severity.WARNING)
            ]
        first = self._errors == 1
        return [self._event(Kind.PROBLEM, message, Severity.WARNING)] if first else []

    def _event(
        self,
        kind: Kind,
        message: str,
        severity: Severity = Severity.INFO,
        finding: Finding | None = None,
    ) -> Event:
        at, step = self._at
        return Event(kind, self.id, self.name, message, severity, self.clock(), at, step, finding)

    @staticmethod
    def _place(view: RunView | None, x: float | None) -> tuple[str, float | None]:
        """Return a step in words and as a number."""
        return ("", None) if view is None or x is None else (view.axis.at(x), x)


#: Seconds after which a browser loads the report of a run that goes on again.
_REFRESH = 30
