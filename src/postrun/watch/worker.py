"""The process that watches a training from beside it: rows come in on standard input, alerts go out.

Started by `postrun.watch.training`. Each line of standard input is a JSON object: first how to watch, then
rows, at last the end. If the input ends without one, the training died. Events go to standard error as people
read them, and to standard output as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

#: Seconds between two looks at what came in.
_LOOK = 0.5


def main() -> None:
    """Watch one training, until its end or that of its process."""
    with suppress(OSError):
        os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hello = json.loads(sys.stdin.buffer.readline() or b"{}")
    if hello:
        watch(hello, sys.stdin.buffer)


def watch(hello: dict[str, Any], source: BinaryIO) -> None:
    """Judge the rows that come from `source` until it ends, and tell what is found."""
    from postrun.model import RunRef, Severity
    from postrun.report.console import complain, make_console
    from postrun.rules import Selection
    from postrun.watch.event import Kind
    from postrun.watch.fed import FedRun
    from postrun.watch.judge import warm_up
    from postrun.watch.notify import Command, Dispatcher, Notifier, Service, WebHook, wanted
    from postrun.watch.screen import event_line
    from postrun.watch.stops import stop_of, stops
    from postrun.watch.watched import Terms, Watched

    name = hello["name"] or hello["id"] or "training"
    fed = FedRun(hello["id"] or name, name, hello["config"], hello["started"])
    ended = threading.Event()
    threading.Thread(target=_read, args=(source, fed, ended), daemon=True).start()
    least = Severity.parse(hello["on"])
    limits = [stop_of(text) for text in hello["stop_on"]]
    notifiers: list[Notifier] = [
        *(Command(text) for text in hello["exec"]),
        *(WebHook(url) for url in hello["webhook"]),
        *(Service(url) for url in hello["notify"]),
    ]
    dispatcher = Dispatcher(notifiers, complain)
    report = Path(hello["report"]) if hello["report"] else None
    terms = Terms(selection=Selection(ignore=tuple(hello["ignore"])), report=report)
    ref = RunRef(fed.id, "training", fed.path, fed.run, remote=True)
    run = Watched(ref, terms, growing=fed)
    warm_up()
    console = make_console()
    console.file = sys.stderr
    while not run.ended:
        gone = ended.wait(_LOOK)
        events = run.step()
        if gone and not run.ended:
            events += run.finish()
        for event in events:
            if event.kind is not Kind.STARTED and not hello["quiet"]:
                console.print("postrun", event_line(event, True), soft_wrap=True)
            if wanted(event, least):
                dispatcher.tell(event)
            _say(event.as_dict())
            if any(stops(event, limit) for limit in limits):
                _say({"stop": True})
    for problem in dispatcher.close():
        complain(problem)


def _read(source: BinaryIO, fed: Any, ended: threading.Event) -> None:
    try:
        for line in source:
            value = json.loads(line)
            if "rows" in value:
                fed.feed([(step, moment, values) for step, moment, values in value["rows"]])
            elif "end" in value:
                fed.end(value["end"]["error"])
    finally:
        ended.set()


def _say(value: dict[str, Any]) -> None:
    with suppress(OSError):  # nobody listens any more
        print(json.dumps(value, default=str), flush=True)


if __name__ == "__main__":
    main()
