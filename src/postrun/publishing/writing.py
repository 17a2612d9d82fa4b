"""From what a run has on its server to what it should have; only what differs is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from postrun.model import Severity, State
from postrun.publishing import report as reports
from postrun.publishing.content import OWN_TAG, Content
from postrun.report.section import with_section, without_section
from postrun.sources.wandb_api.address import Address

VERDICT, ALERTED = "postrun/verdict", "postrun/alert"
#: Keys of the summary: the id of the run's Report, and what tells whether its content changed.
REPORT, REPORTED = "postrun/report", "postrun/report_content"
KEYS = (VERDICT, ALERTED, REPORT, REPORTED)
_LEVELS = {Severity.CRITICAL: "ERROR", Severity.WARNING: "WARN"}
#: The SDK has no call for an alert of a run that has ended; this is what its own core sends for a live one.
_ALERT = """
mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!,
    $title: String!, $text: String!, $severity: AlertSeverity = INFO) {
  notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName,
      title: $title, text: $text, severity: $severity}) { success }
}
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write: "notes" (postrun's section), "tags" (all), "summary KEY", "report" or "alert LEVEL".

    The value is None for what is taken away.
    """

    what: str
    value: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {"what": self.what, "value": self.value}


@dataclass(frozen=True, slots=True)
class Published:
    """What was written to a run, or would be; `error` says why nothing was, if something went wrong."""

    run: str
    changes: tuple[Change, ...]
    written: bool
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        changes = [change.as_dict() for change in self.changes]
        return {"run": self.run, "written": self.written, "changes": changes}


def publish(
    address: Address,
    said: Content,
    alert_from: Severity | None = None,
    dry_run: bool = False,
    report: bool = False,
) -> Published:
    """Write to a run on a server what differs from what it has; with `dry_run`, write nothing.

    An alert is sent if the worst finding is at least `alert_from` and the run's last alert said something else.
    With `report`, a W&B Report is written, or the one that was written before is replaced.

    Raises:
        ServerError: The run is still running, or the server does not take it.
        UsageError: The package for Reports is not installed.
    """
    from postrun.sources.wandb_api.connection import asking, patiently

    api, theirs = _read(address)
    changes = list(_changes(theirs, said, alert_from))
    if report:
        with asking(address, api):
            changes += _report_changes(api, theirs, said)
    if not changes or dry_run:
        return Published(str(address), tuple(changes), False)
    for change in changes:  # first: if what follows fails, an alert twice is better than none
        if change.what.startswith("alert "):
            with asking(address, api):
                _send(api, address, theirs, change)
        elif change.what == "report":
            with asking(address, api):
                made = reports.save(api, address, theirs.id, said, change.value["id"])
            theirs.summary[REPORT], theirs.summary[REPORTED] = made, reports.fingerprint(said)

    def write() -> None:
        with asking(address, api):
            _write(theirs, changes)

    patiently(write)
    return Published(str(address), tuple(changes), True)


def undo(address: Address, dry_run: bool = False) -> Published:
    """Take away what `publish` wrote to a run; with `dry_run`, only return what would be. Alerts stay sent.

    Raises:
        ServerError: The run is still running, or the server does not take it.
    """
    from postrun.sources.wandb_api.connection import asking, patiently

    api, theirs = _read(address)
    changes: list[Change] = []
    if without_section(theirs.notes or "") != (theirs.notes or ""):
        changes.append(Change("notes", None))
    tags = [tag for tag in theirs.tags or [] if not OWN_TAG.fullmatch(tag)]
    if tags != list(theirs.tags or []):
        changes.append(Change("tags", tags))
    summary = theirs.summary_metrics
    changes += [Change(f"summary {key}", None) for key in KEYS if key in summary]
    report = summary.get(REPORT)
    if report:
        with asking(address, api):
            changes += [Change("report", None)] if reports.exists(api, report) else []
    if not changes or dry_run:
        return Published(str(address), tuple(changes), False)

    def write() -> None:
        with asking(address, api):
            _write(theirs, changes)

    if any(change.what == "report" for change in changes):
        with asking(address, api):
            reports.delete(api, report)
    patiently(write)
    return Published(str(address), tuple(changes), True)


def _read(address: Address) -> tuple[Any, Any]:
    """Return the connection and a run as its server has it now; ServerError if it is still running."""
    from postrun.sources.wandb_api.connection import ServerError, asking, connect, patiently

    api = connect(address)

    def read() -> Any:
        with asking(address, api):
            api.flush()  # the SDK keeps runs that it was asked for before
            return api.run(str(address))

    theirs = patiently(read)
    if State.of(theirs.state) is State.RUNNING:
        raise ServerError(
            str(address),
            "still running: its training would overwrite what is written here",
            "Publish it after its end; `postrun watch` follows it until then.",
        )
    return api, theirs


def _report_changes(api: Any, theirs: Any, said: Content) -> list[Change]:
    """Return the Report that is to be written; none if the one that is there says the same."""
    summary = theirs.summary_metrics
    known = summary.get(REPORT)
    if known and not reports.exists(api, known):
        known = None  # its owner deleted it
    if known and summary.get(REPORTED) == reports.fingerprint(said):
        return []
    panels = [panel.title for panel in said.panels]
    return [
        Change("report", {"id": known, "title": said.title, "text": said.body, "panels": panels})
    ]


def _changes(theirs: Any, said: Content, alert_from: Severity | None) -> Iterator[Change]:
    before = theirs.notes or ""
    if with_section(before, said.note)[0] != before:
        yield Change("notes", said.note)
    old = list(theirs.tags or [])
    tags = [t for t in old if not OWN_TAG.fullmatch(t) or t in said.tags]
    tags += [t for t in said.tags if t not in tags]
    if tags != old:
        yield Change("tags", tags)
    summary = theirs.summary_metrics
    if summary.get(VERDICT) != said.verdict:
        yield Change(f"summary {VERDICT}", said.verdict)
    if alert_from is None or said.worst < alert_from or summary.get(ALERTED) == said.alert:
        return
    yield Change(f"alert {_LEVELS.get(said.worst, 'INFO')}", said.alert)
    yield Change(f"summary {ALERTED}", said.alert)


def _send(api: Any, address: Address, theirs: Any, change: Change) -> None:
    answer = api._service_api.execute_graphql(
        _ALERT,
        {
            "entityName": address.entity,
            "projectName": address.project,
            "runName": theirs.id,
            "title": "postrun",
            "text": change.value,
            "severity": change.what.removeprefix("alert "),
        },
    )
    if not (answer.get("notifyScriptableRunAlert") or {}).get("success"):
        raise RuntimeError("the server did not take the alert")


def _write(theirs: Any, changes: Sequence[Change]) -> None:
    """Write notes and tags in one request, the summary in another; each only if it changes."""
    values = {change.what: change.value for change in changes}
    for what, value in values.items():
        key = what.removeprefix("summary ")
        if key == what:
            continue
        if value is not None:
            theirs.summary[key] = value
        elif key in theirs.summary:
            del theirs.summary[key]
    if "notes" in values:
        before, section = theirs.notes or "", values["notes"]
        theirs.notes = (
            without_section(before) if section is None else with_section(before, section)[0]
        )
    if "tags" in values:
        theirs.tags = values["tags"]
    if "notes" in values or "tags" in values:
        theirs.update()  # and the summary
    else:
        theirs.summary.update()
