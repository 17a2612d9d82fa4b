"""Who is told of events: commands, web hooks, and the services that apprise knows.

Each has a thread and a queue of its own: one that fails or hangs costs itself only, and never delays the watch.
Texts of a run are data: they go into JSON and environment variables, never into a command.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from postrun.model import UsageError
from postrun.model.text import inert
from postrun.watch.event import Event, Kind

#: Events that wait for one notifier at most; later ones are counted and left out.
_WAITING = 1_000
#: Events that are put into one message of a chat service.
_TOGETHER = 20
#: Seconds for one command, one answer of a web hook, and between tries.
COMMAND_SECONDS, HOOK_SECONDS, TRIES, WAIT = 60.0, 10.0, 3, 2.0
_LONGEST = 3_000


class NotifyError(Exception):
    """A notification was not delivered, with the reason, without the address."""


class Notifier(Protocol):
    """Where events go.

    Attributes:
        label: What it is called in messages, without the secrets of an address.
        together: How many events it takes at a time.
    """

    label: str
    together: int

    def send(self, events: Sequence[Event]) -> None:
        """Deliver events; it may block.

        Raises:
            NotifyError: They were not delivered.
        """
        ...


class Command:
    """A shell command, once per event: JSON on its standard input, POSTRUN_* in its environment."""

    together = 1

    def __init__(self, command: str, seconds: float = COMMAND_SECONDS) -> None:
        self.command, self.seconds = command, seconds
        self.label = "--exec"

    def send(self, events: Sequence[Event]) -> None:
        """Run the command; a process that does not end in time is killed with its children."""
        for event in events:
            told = {
                "EVENT": event.kind.value,
                "RUN": event.run,
                "NAME": event.name,
                "SEVERITY": event.severity.label,
                "RULE": event.finding.rule if event.finding else "",
                "MESSAGE": event.message,
                "STEP": "" if event.step is None else f"{event.step:g}",
            }
            variables = {f"POSTRUN_{k}": _one_line(v) for k, v in told.items()}
            self._run(json.dumps(event.as_dict(), default=str), {**os.environ, **variables})

    def _run(self, text: str, environment: dict[str, str]) -> None:
        process = subprocess.Popen(
            self.command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        try:
            process.communicate(text.encode("utf-8", "replace"), timeout=self.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise NotifyError(f"the command took more than {self.seconds:.0f} s") from None
        if process.returncode:
            raise NotifyError(f"the command failed with exit code {process.returncode}")


class WebHook:
    """A web hook: one POST of JSON per event, with `text` as chat services read it; no redirects."""

    together = 1

    def __init__(self, url: str, seconds: float = HOOK_SECONDS) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("--webhook takes a URL that begins with http:// or https://")
        self.url, self.seconds = url, seconds
        self.label = f"--webhook {parts.hostname}"
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, events: Sequence[Event]) -> None:
        """Post the events, each up to three times if the server fails."""
        for event in events:
            body = json.dumps(event.as_dict(), default=str).encode("utf-8", "replace")
            for number in range(TRIES):
                problem, again = self._post(body)
                if not problem:
                    break
                if not again or number == TRIES - 1:
                    raise NotifyError(problem)
                time.sleep(WAIT * (number + 1))

    def _post(self, body: bytes) -> tuple[str, bool]:
        """Return what went wrong, "" if nothing, and whether to try again."""
        headers = {"Content-Type": "application/json", "User-Agent": "postrun"}
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self.seconds):
                return "", False
        except urllib.error.HTTPError as error:
            with error:
                return f"the server answered {error.code}", error.code >= 500 or error.code == 429
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            return f"no answer ({type(reason).__name__})", True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Service:
    """One of the services that apprise knows, by its URL; needs `postrun[notify]`."""

    together = _TOGETHER

    def __init__(self, url: str) -> None:
        try:
            import apprise
        except ImportError:
            raise UsageError(
                "--notify needs the package apprise: pip install 'postrun[notify]'"
            ) from None
        self._service = apprise.Apprise()
        scheme = url.partition(":")[0]
        if not self._service.add(url):
            raise UsageError(
                f"--notify: apprise does not understand this {scheme}: URL. "
                "Its documentation lists the services: https://github.com/caronc/apprise"
            )
        self.label = f"--notify {scheme}"

    def send(self, events: Sequence[Event]) -> None:
        """Send one message of all events."""
        import apprise

        kinds = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
        worst = max(events, key=lambda e: e.severity)
        lines = [inert(str(event.as_dict()["text"])) for event in events]
        title = f"postrun: {worst.severity.label} in {inert(worst.name)}"
        sent = self._service.notify(
            body="\n".join(lines)[:_LONGEST],
            title=title[:200],
            notify_type=kinds.get(worst.severity.label, apprise.NotifyType.INFO),
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not sent:
            raise NotifyError("apprise could not deliver the message")


class Dispatcher:
    """Hands events to notifiers, each in a thread of its own.

    `complain` is called, once per notifier, with what went wrong first, from the notifier's thread.
    """

    def __init__(self, notifiers: Sequence[Notifier], complain: Callable[[str], None]) -> None:
        self._lines = [_Line(notifier, complain) for notifier in notifiers]

    def tell(self, event: Event) -> None:
        """Queue an event for all notifiers; never blocks."""
        for line in self._lines:
            line.put(event)

    def close(self, seconds: float = 15.0) -> list[str]:
        """Wait until all is delivered, at most so long; return what was not, in sentences."""
        until = time.monotonic() + seconds
        for line in self._lines:
            line.close()
        return [p for line in self._lines if (p := line.wait(until - time.monotonic()))]


class _Line:
    """The queue and the thread of one notifier."""

    def __init__(self, notifier: Notifier, complain: Callable[[str], None]) -> None:
        self.notifier, self._complain = notifier, complain
        self._queue: queue.Queue[Event | None] = queue.Queue(_WAITING)
        self._failed = self._left_out = 0
        self._thread = threading.Thread(target=self._work, name=notifier.label, daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._left_out += 1

    def wait(self, seconds: float) -> str:
        self._thread.join(max(0.0, seconds))
        waiting = self._queue.qsize() if self._thread.is_alive() else 0
        lost = self._failed + self._left_out + waiting + self._thread.is_alive()
        return f"{self.notifier.label}: {lost} notifications were not delivered" if lost else ""

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            events, end = [event], False
            while len(events) < self.notifier.together and not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    end = True
                    break
                events.append(more)
            try:
                self.notifier.send(events)
            except Exception as error:  # of a service's own code as well
                why = str(error) if isinstance(error, NotifyError) else type(error).__name__
                if not self._failed:
                    self._complain(f"{self.notifier.label}: {why}")
                self._failed += len(events)
            if end:
                return


def wanted(event: Event, least: int) -> bool:
    """Return whether notifiers are told of an event: alerts from a severity up, recoveries, the end."""
    if event.kind in (Kind.RECOVERED, Kind.EASED):
        return event.finding is not None and event.finding.severity >= least
    if event.kind in (Kind.STARTED, Kind.RESUMED):
        return False
    if event.kind is Kind.ENDED:
        return True
    return event.severity >= least


def _one_line(text: str) -> str:
    """Return text that an environment variable can hold, and that commands no terminal."""
    return inert(text).replace("\n", " ").replace("\0", "")[:_LONGEST]
