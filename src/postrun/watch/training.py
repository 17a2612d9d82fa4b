"""Watching from within a training: what it logs is handed to a process of its own, which judges it.

The training only appends a dictionary to a list. A thread turns lists into JSON and writes them to the process,
and whatever goes wrong there ends the watch, never the training. Nothing but the standard library is imported.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

#: Rows that wait to be handed over at most; older ones are dropped and counted.
_WAITING = 20_000
#: Seconds between two hand-overs, and those that the end of a training waits for its verdict.
_EVERY, _PATIENCE = 0.5, 10.0
#: A text value that is longer is not logged.
_LONGEST = 1_000
_LINES = 60
_NO_WATCH = "postrun: this training is not watched: "
_open: weakref.WeakSet[Watch] = weakref.WeakSet()


class Watch:
    """A training that is watched by another process. No method raises, and `log` never waits.

    Attributes:
        stop_requested: True once a finding of `stop_on` was told: end the training when that suits it.
        alerts: What was told so far, as JSON objects (`docs/watch.md`).
        dropped: Rows that were not handed over because the watching process was too slow.
    """

    def __init__(
        self,
        name: str = "",
        config: Mapping[str, Any] | None = None,
        *,
        run_id: str = "",
        on: str = "warning",
        exec: str | Sequence[str] = (),  # noqa: A002 - the option's name
        webhook: str | Sequence[str] = (),
        notify: str | Sequence[str] = (),
        stop_on: str | Sequence[str] = (),
        report: str | os.PathLike[str] | None = None,
        ignore: Sequence[str] = (),
        quiet: bool = False,
    ) -> None:
        self.stop_requested = False
        self.alerts: list[dict[str, Any]] = []
        self.dropped = 0
        self._rows: deque[tuple[Any, float, Mapping[str, Any]]] = deque(maxlen=_WAITING)
        self._closing = threading.Event()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._hello = {
            "name": name,
            "id": run_id,
            "config": config or {},
            "on": on,
            "exec": _texts(exec),
            "webhook": _texts(webhook),
            "notify": _texts(notify),
            "stop_on": _texts(stop_on),
            "report": None if report is None else os.fspath(report),
            "ignore": list(ignore),
            "quiet": quiet,
            "started": time.time(),
        }
        try:
            self._start()
        except Exception as error:  # whatever it is, the training goes on
            _complain(f"{_NO_WATCH}{type(error).__name__}: {error}")

    def _start(self) -> None:
        environment = dict(os.environ, POLARS_MAX_THREADS="1", OPENBLAS_NUM_THREADS="1")
        root = str(Path(__file__).parents[2])
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([root, known]) if known else root
        self._process = subprocess.Popen(
            [sys.executable, "-m", "postrun.watch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the training
        )
        self._threads = [
            threading.Thread(target=work, name="postrun-watch", daemon=True)
            for work in (self._hand_over, self._listen)
        ]
        for thread in self._threads:
            thread.start()
        _open.add(self)

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Hand over what was logged at a step; without one, each call is the next step.

        `values` must not be changed afterwards. Nested dictionaries are flattened with "."; what is no number,
        text or dictionary is left out.
        """
        if self._process is None:
            return
        if len(self._rows) == _WAITING:
            self.dropped += 1
        self._rows.append((step, time.time(), values))

    def close(self, error: BaseException | None = None) -> None:
        """End the watch and wait some seconds for the verdict. `error` is what ended the training."""
        if self._closed:
            return
        self._closed = True
        with suppress(Exception):
            _open.discard(self)
            self._error = _described(error)
            self._closing.set()
            if self._process is not None:
                until = time.monotonic() + _PATIENCE
                for thread in self._threads:
                    thread.join(max(0.0, until - time.monotonic()))

    def _hand_over(self) -> None:
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            with process.stdin as pipe:
                pipe.write(_line({**self._hello, "config": _plain_config(self._hello["config"])}))
                while True:
                    done = self._closing.wait(_EVERY)
                    rows = [self._rows.popleft() for _ in range(len(self._rows))]
                    if rows:
                        pipe.write(_line({"rows": [[_step(s), t, _plain(v)] for s, t, v in rows]}))
                        pipe.flush()
                    if done:
                        pipe.write(_line({"end": {"error": self._error, "dropped": self.dropped}}))
                        return
        except Exception as error:
            self._process = None
            self._rows.clear()
            if not self._closed:
                _complain(f"postrun: the watch ended: {type(error).__name__}: {error}")

    def _listen(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        with suppress(Exception):
            for line in process.stdout:
                event = json.loads(line)
                if event.get("stop"):
                    self.stop_requested = True
                else:
                    self.alerts.append(event)
        with suppress(Exception):
            process.wait(1)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.close(error)


@contextmanager
def watching(run: Any = None, **options: Any) -> Iterator[Watch]:
    """Watch a training from within: `with postrun.watching(run): ...`.

    Args:
        run: A W&B run, whose `log` (and `wandb.log`) is then seen; or None: call `log` of what is yielded.
        options: As of `Watch`: name, config, on, exec, webhook, notify, stop_on, report, ignore, quiet.

    Yields:
        The `Watch`: `log(values, step)`, `stop_requested`, `alerts`.
    """
    if run is not None:
        with suppress(Exception):
            options.setdefault("name", str(getattr(run, "name", "") or ""))
            options.setdefault("run_id", str(getattr(run, "id", "") or ""))
            options.setdefault("config", dict(getattr(run, "config", {}) or {}))
    watch = Watch(**options)
    undo = _hooked(run, watch) if run is not None else None
    error: BaseException | None = None
    try:
        yield watch
    except BaseException as raised:
        error = raised
        raise
    finally:
        if undo is not None:
            undo()
        watch.close(error)


def _hooked(run: Any, watch: Watch) -> Any:
    """Make a W&B run hand over what it logs; return what undoes that."""
    original = run.log
    module = sys.modules.get("wandb")
    bound = module is not None and getattr(getattr(module, "log", None), "__self__", None) is run

    def log(data: Any, step: int | None = None, commit: bool | None = None, **more: Any) -> Any:
        at = step
        if at is None:
            with suppress(Exception):
                at = run.step
        result = original(data, step=step, commit=commit, **more)
        if isinstance(data, Mapping):
            watch.log(dict(data), at)
        return result

    try:
        run.log = log
        if bound and module is not None:
            module.log = log  # type: ignore[attr-defined]
    except Exception as error:
        _complain(f"{_NO_WATCH}{type(error).__name__}: {error}")

    def undo() -> None:
        with suppress(Exception):
            run.log = original
            if bound and module is not None:
                module.log = original  # type: ignore[attr-defined]

    return undo


@atexit.register
def _at_exit() -> None:
    """End watches of a training that did not: one that raised, or never said that it ended."""
    error = getattr(sys, "last_value", None)
    for watch in list(_open):
        watch.close(error)


def _plain(values: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return what of the values can be logged: numbers, short texts, dictionaries of them."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, bool | int | float):
            out[str(key)] = value
        elif isinstance(value, str):
            if len(value) <= _LONGEST:
                out[str(key)] = value
        elif isinstance(value, Mapping):
            if depth < 5:
                out[str(key)] = _plain(value, depth + 1)
        elif getattr(value, "ndim", None) == 0 or getattr(value, "size", None) == 1:
            with suppress(Exception):  # scalars of NumPy, and tensors of one number
                out[str(key)] = float(value.item() if hasattr(value, "item") else value)
    return out


def _plain_config(config: Any) -> dict[str, Any]:
    with suppress(Exception):
        found: dict[str, Any] = json.loads(json.dumps(dict(config), default=str))
        return found
    return {}


def _step(step: Any) -> int | None:
    with suppress(Exception):
        return None if step is None else int(step)
    return None


def _line(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("utf-8", "replace") + b"\n"


def _texts(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else [str(v) for v in value]


def _described(error: BaseException | None) -> list[str]:
    """Return the lines that Python prints of an error, the last of many."""
    if error is None:
        return []
    lines = "".join(traceback.format_exception(error)).splitlines()
    return lines[-_LINES:]


def _complain(text: str) -> None:
    with suppress(Exception):
        print(text, file=sys.stderr)
