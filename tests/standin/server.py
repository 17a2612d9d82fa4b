"""The HTTP side: routes, keys, latency, faults, and a record of every request."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.standin import uploads
from tests.standin.faults import Fault
from tests.standin.forms import Form
from tests.standin.queries import HANDLERS
from tests.standin.state import ServerRun

KEY = "0123456789abcdef0123456789abcdef01234567"
_OPERATION = re.compile(r"(?:query|mutation)\s+(\w+)")


_REFUSALS = {
    "401": "user is not logged in", "403": "permission denied", "404": "not found",
    "429": "rate limit exceeded", "500": "internal server error",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: its operation or path, when it came (seconds), and the status of its answer."""

    name: str
    at: float
    status: int
    variables: dict[str, Any]


class _Quiet(ThreadingHTTPServer):
    """Clients that leave in the middle, killed ones above all, are no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class StandIn:
    """A server on a free port of 127.0.0.1; use it in a `with`.

    Attributes:
        projects: (entity, project) to its runs by id.
        reports: W&B Reports by id, as `upsertView` wrote them.
        latency: Seconds before each answer.
        exports: False for a server that has no Parquet exports.
        most_in_flight: The most requests that were answered at one time.
        unknown: Operations that it could not answer; a test should find none.
        form: How it writes times, and which fields it leaves out.
        keys: The API keys that came, on whatever request.
        elsewhere: The server that its files and exports lie on; "" for itself.
    """

    def __init__(self, entity: str = "ent", latency: float = 0.0) -> None:
        self.entity, self.latency, self.exports = entity, latency, True
        self.key = KEY
        self.form = Form()
        self.keys: set[str] = set()
        self.elsewhere = ""
        self.projects: dict[tuple[Any, Any], dict[str, ServerRun]] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self._requests: list[Request] = []
        self.unknown: list[str] = []
        self.most_in_flight = self._in_flight = 0
        self._lock = threading.Lock()
        self._parquet: dict[str, tuple[int, list[bytes]]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

            def do_GET(self) -> None:
                server.handle(self, b"")

            def do_PUT(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                server.handle(self, body)

        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def add(self, run: ServerRun) -> ServerRun:
        """Put a run on the server."""
        self.projects.setdefault((run.entity, run.project), {})[run.id] = run
        return run

    @property
    def requests(self) -> list[Request]:
        """All requests so far; waits (a second at most) for those that are being answered."""
        deadline = time.monotonic() + 1
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(0.005)
        return self._requests

    def count(self, name: str = "") -> int:
        """Requests so far whose name holds this."""
        return sum(name in r.name for r in self.requests)

    def handle(self, http: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        begin = time.monotonic()
        path = urlsplit(http.path).path
        if key := _key(http):
            self.keys.add(key)
        if path.startswith("/sdk/otel"):
            _send(http, 200, b"{}")
            return
        with self._lock:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        name, status = path, 500
        variables: dict[str, Any] = {}
        try:
            query: dict[str, Any] = json.loads(body) if path == "/graphql" else {}
            if query:
                found = _OPERATION.search(query["query"])
                name, variables = found[1] if found else "?", query.get("variables") or {}
            time.sleep(self.latency)
            with self._lock:
                fault = next((f for f in self.faults if f.strikes(name)), None)
            status = self._answer(http, path, query, name, variables, body, fault)
        finally:
            with self._lock:
                self._in_flight -= 1
                self._requests.append(Request(name, begin, status, variables))

    def _answer(
        self,
        http: BaseHTTPRequestHandler,
        path: str,
        query: dict[str, Any],
        name: str,
        variables: dict[str, Any],
        body: bytes,
        fault: Fault | None,
    ) -> int:
        if fault is not None and fault.kind.isdigit():
            headers = {"Retry-After": f"{fault.seconds:g}"} if fault.kind == "429" else {}
            text = json.dumps({"errors": [{"message": _REFUSALS[fault.kind]}], "data": None})
            return _send(http, int(fault.kind), text.encode(), headers)
        if fault is not None and fault.kind == "redirect":
            return _send(http, 307, b"", {"Location": fault.to + http.path})
        if fault is not None and fault.kind == "bomb":
            start = b'{"data":{"project":{"run":{"id":["' + b'","'.join([b"a" * 6] * 17_000_000)
            bomb = gzip.compress(start + b'"]}}}}', 1)
            return _send(http, 200, bomb, {"Content-Encoding": "gzip"})
        if fault is not None and fault.kind == "stall":
            time.sleep(fault.seconds)
        status, data = self._data(http, path, query, name, variables, body)
        if fault is not None and fault.kind == "cut":
            http.send_response(200)
            http.send_header("Content-Length", str(len(data) + 1000))
            http.end_headers()
            http.wfile.write(data[: len(data) // 2])
            http.close_connection = True
            return 200
        if fault is not None and fault.kind == "truncate":
            data = data[: len(data) // 2]
        return _send(http, status, data)

    def _data(
        self,
        http: BaseHTTPRequestHandler,
        path: str,
        query: dict[str, Any],
        name: str,
        variables: dict[str, Any],
        body: bytes,
    ) -> tuple[int, bytes]:
        if path.startswith("/discard/"):
            return 200, b""
        if path.startswith("/exports/"):
            return self._export(http.path)
        if path.startswith("/storage/"):
            return self._storage(http, path, body)
        if _key(http) != self.key:
            return (
                401,
                b'{"errors":[{"message":"user is not logged in","extensions":{"code":"PERMISSION_ERROR"}}]}',
            )
        if path.endswith("/file_stream"):
            entity, project, run_id = path.removeprefix("/files/").split("/")[:3]
            return 200, json.dumps(
                uploads.file_stream(self, entity, project, run_id, json.loads(body))
            ).encode()
        handler = HANDLERS.get(name)
        if handler is None:
            self.unknown.append(name)
            return 200, json.dumps(
                {"errors": [{"message": f"unknown operation {name}"}], "data": None}
            ).encode()
        return 200, json.dumps({"data": handler(self, variables, query["query"])}).encode()

    def _export(self, address: str) -> tuple[int, bytes]:
        parts = urlsplit(address)
        entity, project, run_id, number = unquote(parts.path).removeprefix("/exports/").split("/")
        run, where = self.projects[entity, project][run_id], f"{entity}/{project}/{run_id}"
        with self._lock:
            if self._parquet.get(where, (-1, []))[0] != run.exported:
                self._parquet[where] = run.exported, run.exports()
            return 200, self._parquet[where][1][int(number.removesuffix(".parquet"))]

    def _storage(self, http: BaseHTTPRequestHandler, path: str, body: bytes) -> tuple[int, bytes]:
        entity, project, run_id, name = unquote(path).removeprefix("/storage/").split("/", 3)
        run = self.projects.get((entity, project), {}).get(run_id)
        if run is None:
            return 404, b""
        if http.command == "PUT":
            run.files[name] = body
            return 200, b""
        return (200, run.files[name]) if name in run.files else (404, b"")


def _key(http: BaseHTTPRequestHandler) -> str:
    """Return the API key of a request, "" if it has none."""
    given = (http.headers.get("Authorization") or "").removeprefix("Basic ")
    try:
        return base64.b64decode(given).decode().rpartition(":")[2]
    except ValueError:
        return ""


def _send(
    http: BaseHTTPRequestHandler, status: int, data: bytes, headers: dict[str, str] | None = None
) -> int:
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(data)))
    for name, value in (headers or {}).items():
        http.send_header(name, value)
    http.end_headers()
    http.wfile.write(data)
    return status
