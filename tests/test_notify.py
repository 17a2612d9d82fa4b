"""Notifiers: each gets JSON, and one that fails or hangs costs itself only."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from postrun.model import Evidence, Finding, Severity, UsageError
from postrun.watch import notify
from postrun.watch.event import Event, Kind
from postrun.watch.notify import Command, Dispatcher, NotifyError, WebHook, wanted

HOSTILE = "loss \x1b[2J\x1b]0;pwned\x07 $(touch pwned) `id` '; rm -rf / #\n<script>alert(1)</script>\u202e"


def event(message: str = "It rose", kind: Kind = Kind.FOUND) -> Event:
    found = Finding("OPT002", "a", Severity.WARNING, 0.9, message, evidence=(Evidence("loss"),))
    return Event(kind, "r1", message, message, Severity.WARNING, 1.7e9, "step 5", 5.0, found)


class Hook(ThreadingHTTPServer):
    """A web hook that keeps what it is sent; `answers` are the codes of the next answers."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.answers: list[int] = []
        self.wait = 0.0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append(json.loads(body))
                time.sleep(hook.wait)
                code = hook.answers.pop(0) if hook.answers else 204
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-token"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr(notify, "WAIT", 0.01)
    server = Hook()
    yield server
    server.shutdown()
    server.server_close()


def test_a_web_hook_gets_the_event(hook: Hook) -> None:
    WebHook(hook.url).send([event()])
    (got,) = hook.got
    assert got["event"] == "found" and got["severity"] == "warning" and got["step"] == 5.0
    assert got["finding"]["rule"] == "OPT002" and got["text"].startswith("It rose: warning OPT002")


def test_a_server_that_fails_is_asked_three_times(hook: Hook) -> None:
    hook.answers = [500, 503]
    WebHook(hook.url).send([event()])
    assert len(hook.got) == 3
    hook.answers = [500] * 3
    with pytest.raises(NotifyError, match="answered 500"):
        WebHook(hook.url).send([event()])


def test_a_refusal_is_not_tried_again_and_a_redirect_not_followed(hook: Hook) -> None:
    for code in (404, 302):
        hook.got.clear()
        hook.answers = [code]
        with pytest.raises(NotifyError, match=str(code)):
            WebHook(hook.url).send([event()])
        assert len(hook.got) == 1


def test_errors_do_not_tell_the_address(hook: Hook) -> None:
    hook.answers = [404]
    said: list[str] = []
    dispatcher = Dispatcher([WebHook(hook.url)], said.append)
    dispatcher.tell(event())
    left = dispatcher.close(5)
    assert said == ["--webhook 127.0.0.1: the server answered 404"]
    assert left == ["--webhook 127.0.0.1: 1 notifications were not delivered"]
    assert "secret-token" not in "".join(said + left)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "host", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="http"):
        WebHook(url)


def test_a_notifier_that_hangs_delays_nothing(hook: Hook) -> None:
    hook.wait = 3
    said: list[str] = []
    started = time.monotonic()
    dispatcher = Dispatcher([WebHook(hook.url, seconds=30)], said.append)
    for _ in range(5_000):
        dispatcher.tell(event())
    left = dispatcher.close(0.1)
    assert time.monotonic() - started < 2
    assert len(left) == 1 and "not delivered" in left[0]


def test_a_command_gets_json_and_variables_and_no_text_is_run(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    script = tmp_path / "take.py"
    script.write_text(
        "import json, os, sys\n"
        f"json.dump([json.load(sys.stdin), os.environ['POSTRUN_MESSAGE'], os.environ['POSTRUN_RULE']], "
        f"open({str(out)!r}, 'w'))\n"
    )
    Command(f"cd {tmp_path} && {sys.executable} {script}").send([event(HOSTILE)])
    told, message, rule = json.loads(out.read_text())
    assert told["message"] == HOSTILE and rule == "OPT002"
    assert "\x1b" not in message and "\n" not in message and "$(touch pwned)" in message
    assert not (tmp_path / "pwned").exists()


def test_a_command_that_fails_or_hangs_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotifyError, match="exit code 3"):
        Command("exit 3").send([event()])
    started = time.monotonic()
    with pytest.raises(NotifyError, match="more than 0 s"):
        Command(f"sleep 30; touch {tmp_path}/late", seconds=0.2).send([event()])
    assert time.monotonic() - started < 5 and not (tmp_path / "late").exists()


def test_a_notifier_with_a_defect_costs_itself_only(hook: Hook) -> None:
    class Broken:
        label, together = "broken", 1

        def send(self, events: Any) -> None:
            raise RuntimeError("no")

    said: list[str] = []
    dispatcher = Dispatcher([Broken(), WebHook(hook.url)], said.append)
    for _ in range(3):
        dispatcher.tell(event())
    left = dispatcher.close(5)
    assert len(hook.got) == 3 and said == ["broken: RuntimeError"]
    assert left == ["broken: 3 notifications were not delivered"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own, on import
def test_apprise_gets_one_message_of_many_events(hook: Hook) -> None:
    pytest.importorskip("apprise")
    service = notify.Service(hook.url.replace("http", "json"))
    service.send([event(), event(HOSTILE)])
    (got,) = hook.got
    assert "postrun: warning in" in got["title"] and "\x1b" not in got["title"] + got["message"]
    assert got["message"].count("OPT002") == 2 and got["type"] == "warning"
    with pytest.raises(UsageError, match="does not understand"):
        notify.Service("nosuchservice://secret")


def test_who_is_told_of_what() -> None:
    for kind in (Kind.FOUND, Kind.ESCALATED, Kind.RECOVERED, Kind.EASED, Kind.ENDED):
        assert wanted(event(kind=kind), Severity.WARNING)
    for kind in (Kind.STARTED, Kind.RESUMED):
        assert not wanted(event(kind=kind), Severity.WARNING)
    assert not wanted(event(), Severity.CRITICAL)
    assert wanted(event(kind=Kind.ENDED), Severity.CRITICAL)
