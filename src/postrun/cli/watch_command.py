"""`postrun watch`: follow trainings while they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import print_results
from postrun.cli.settings import (
    Quantity,
    asked_rules,
    declarations,
    privacy,
    privacy_options,
    rule_options,
)
from postrun.cli.targets import DEFAULT, report_errors, targets_argument
from postrun.model import Severity, UsageError
from postrun.report.console import complain
from postrun.watch.event import Event
from postrun.watch.notify import Command, Dispatcher, Notifier, Service, WebHook, wanted
from postrun.watch.process import ask_to_stop, writer_of
from postrun.watch.screen import JsonLines, Lines, Page, Screen
from postrun.watch.stops import stop_of, stops
from postrun.watch.watched import Terms, Watched
from postrun.watch.watcher import SEARCH_SERVER, Watcher

_SIGNALS = ("INT", "TERM", "USR1", "USR2", "HUP", "KILL")
_LEVELS = ("warning", "critical")


@click.command(name="watch")
@targets_argument
@click.option(
    "--on",
    "least",
    type=click.Choice(_LEVELS),
    default="warning",
    show_default=True,
    help="Least severity that notifiers are told of.",
)
@click.option(
    "--exec",
    "commands",
    multiple=True,
    metavar="CMD",
    help="Run a shell command for each event. Repeat to give several.",
)
@click.option(
    "--webhook",
    "hooks",
    multiple=True,
    metavar="URL",
    help="Post each event as JSON. Repeat to give several.",
)
@click.option(
    "--notify",
    "services",
    multiple=True,
    metavar="URL",
    help="Tell a service that apprise knows (Slack, mail, ntfy, ...). Repeat to give several.",
)
@click.option(
    "--stop-on",
    "stop_on",
    multiple=True,
    metavar="CODE",
    help="Stop at a finding of this rule or severity, exit with 1. Repeat to give several.",
)
@click.option(
    "--signal",
    "signal_name",
    type=click.Choice(_SIGNALS, case_sensitive=False),
    help="At --stop-on, send this signal to the training's process (on this machine).",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep an HTML report of each run up to date in this folder.",
)
@click.option(
    "--idle",
    type=Quantity(),
    metavar="SECONDS",
    help="End when no run has gone on for so long (default: a folder is watched until Ctrl-C).",
)
@click.option(
    "--patience",
    type=Quantity(1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up a run that shows no sign of life for so long.",
)
@click.option(
    "--every",
    type=Quantity(5),
    default=SEARCH_SERVER,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between two questions to a server.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print each event as a line of JSON, nothing else."
)
@privacy_options
@rule_options
def command(
    targets: tuple[str, ...],
    least: str,
    commands: tuple[str, ...],
    hooks: tuple[str, ...],
    services: tuple[str, ...],
    stop_on: tuple[str, ...],
    signal_name: str | None,
    report: Path | None,
    idle: float | None,
    patience: float,
    every: float,
    as_json: bool,
    **asked: Any,
) -> None:
    """Follow trainings while they run, and tell new findings once.

    Without a TARGET: the newest run under ./wandb, or the first that appears there. A run's watch ends with the
    run and its verdict; a folder or project is watched for new runs until Ctrl-C.
    """
    limits = [stop_of(text) for text in stop_on]
    if signal_name and not limits:
        raise UsageError("--signal needs --stop-on: say at which finding the training is to stop")
    terms = Terms(privacy(asked), asked_rules(asked), declarations(), patience, report=report)
    notifiers: list[Notifier] = [
        *(Command(text) for text in commands),
        *(WebHook(url) for url in hooks),
        *(Service(url) for url in services),
    ]
    watcher = Watcher(
        targets or (DEFAULT,),
        terms,
        every=every,
        single=not targets,
        awaited=frozenset() if targets else frozenset({DEFAULT}),
        idle=idle,
    )
    screen = _screen(as_json)
    dispatcher = Dispatcher(notifiers, complain)
    code = 0
    try:
        code = _follow(watcher, screen, dispatcher, Severity.parse(least), limits, signal_name)
    except KeyboardInterrupt:
        for event in watcher.close():
            screen.show(event)
        code = 130
    finally:
        screen.close()
        for problem in dispatcher.close():
            complain(problem)
    sys.exit(report_errors(watcher.errors) or code)


def _follow(
    watcher: Watcher,
    screen: Screen,
    dispatcher: Dispatcher,
    least: Severity,
    limits: list[str | Severity],
    signal_name: str | None,
) -> int:
    """Show and tell events until the watch is over; the exit code."""
    stopped: set[str] = set()
    waiting = False
    for event in watcher.events():
        if event is None:
            screen.update(list(watcher.runs.values()))
            if (
                not watcher.runs
                and not watcher.errors
                and not waiting
                and isinstance(screen, Lines)
            ):
                waiting = True
                complain(
                    f"no run in {', '.join(watcher.targets)} yet: waiting for one. Ctrl-C ends."
                )
            continue
        screen.show(event)
        if wanted(event, least):
            dispatcher.tell(event)
        if event.run in stopped or not any(stops(event, limit) for limit in limits):
            continue
        stopped.add(event.run)
        if signal_name is None:
            return 1
        run = next((r for r in watcher.runs.values() if r.id == event.run), None)
        problem = _signal(run, signal_name)
        if problem:
            complain(f"{event.name}: the training was not stopped: {problem}")
            return 1
        complain(f"{event.name}: sent SIG{signal_name.upper()} to the training")
    return int(bool(stopped))


def _signal(run: Watched | None, name: str) -> str:
    """Ask the process that trains a run to stop; return why that failed, "" if it did not."""
    if run is None or run.ref.remote:
        return "its process is not on this machine"
    pid = writer_of(run.path).trainer
    if pid is None:
        return "no process of yours on this machine has its log open"
    return ask_to_stop(pid, name)


def _screen(as_json: bool) -> Screen:
    if as_json:
        return JsonLines(_print_event)
    return Page() if sys.stdout.isatty() else Lines()


def _print_event(event: Event) -> None:
    print_results(event.as_dict())
