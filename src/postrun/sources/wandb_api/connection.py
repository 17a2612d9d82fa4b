"""The SDK, connected; and what goes wrong there in words that help.

The SDK is the `wandb` extra: it is imported when a server is asked for and never before.
"""

from __future__ import annotations

import difflib
import os
import random
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from postrun.model import PostrunError, TargetError
from postrun.sources.wandb_api.address import Address
from postrun.sources.wandb_api.answers import LargeAnswerError, make_tolerant
from postrun.sources.wandb_api.trust import Server, trusted_server

T = TypeVar("T")

#: Seconds that one request may take, retries of the SDK included, before it counts as lost.
PATIENCE = 120
_PROBE = 10
_CORE_MEMORY = "512MiB"
_MOST_NAMES = 300
_LOCK = threading.Lock()


class ServerError(TargetError):
    """A server that did not give what it was asked for; `passing` where it may on a later try."""

    passing = False


class Gate:
    """One gate for all that ask a server: after a refusal everybody waits, not the refused one alone.

    Within one request wandb-core retries by itself and honours `Retry-After`; what comes through here
    are requests that it gave up.
    """

    def __init__(self) -> None:
        self._open_at = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the gate is open."""
        while (left := self._open_at - time.monotonic()) > 0:
            time.sleep(left)

    def close(self, seconds: float) -> None:
        """Keep the gate closed for some seconds from now, or as long as it is already."""
        with self._lock:
            self._open_at = max(self._open_at, time.monotonic() + seconds)


GATE = Gate()
#: Tries of one run, and the seconds before the second; each later pause is twice as long, and any is
#: anything from nothing to twice that ("full jitter": AWS Architecture Blog, 2015).
TRIES, FIRST_PAUSE = 4, 0.5


def patiently(work: Callable[[], T]) -> T:
    """Work that asks a server, tried again where the failure may pass."""
    for number in range(TRIES):
        GATE.wait()
        try:
            return work()
        except ServerError as error:
            if not error.passing or number == TRIES - 1:
                raise
            GATE.close(random.uniform(0, 2 * FIRST_PAUSE * 2**number))
    raise AssertionError("not reached")


def connect(address: Address) -> Any:
    """The SDK's `wandb.Api` for an address's server; one per server and process.

    Raises:
        ServerError: No SDK, no key, a key that is refused, or a server that cannot be reached.
        UntrustedServerError: A server that the key must not be sent to.
    """
    try:
        import wandb
    except ImportError as error:
        raise ServerError(
            str(address),
            "reading runs from a server needs the W&B SDK",
            "`pip install 'postrun[wandb]'`.",
        ) from error
    # The SDK's helper process takes it from here; it gives memory back early near this size, no more.
    os.environ.setdefault("GOMEMLIMIT", _CORE_MEMORY)
    server = trusted_server(address.base, wandb.setup().settings)
    with _LOCK:
        return _connect(server, os.environ.get("WANDB_API_KEY", ""))


@cache
def _connect(server: Server, _key: str) -> Any:
    """Return the connection to a server; one for each server and key."""
    import wandb

    if not os.environ.get("WANDB_INSECURE_DISABLE_SSL"):
        _probe(server.url)
    overrides = {"base_url": server.url}
    try:
        api = wandb.Api(overrides=overrides, timeout=PATIENCE, api_key=server.key or None)
    except Exception as error:
        raise _connection_error(error, server.url) from error
    make_tolerant(api)
    return api


def _probe(url: str) -> None:
    """Reach the server once: the SDK would wait long and then not say why it could not."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PROBE).close()
    except urllib.error.HTTPError:
        return  # it answered
    except (urllib.error.URLError, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        remedy = "Check WANDB_BASE_URL, the network, and HTTPS_PROXY where there is a proxy."
        if isinstance(cause, ssl.SSLError):
            problem = f"TLS failed: {getattr(cause, 'verify_message', '') or cause.reason or cause}"
            remedy = (
                "Where the server has a certificate of its own, name its authority in SSL_CERT_FILE; "
                "check that WANDB_BASE_URL says https only where the server does."
            )
        elif isinstance(cause, socket.gaierror):
            problem = "no such host"
        elif isinstance(cause, TimeoutError):
            problem = f"no answer within {_PROBE} s"
        else:
            problem = f"not reachable: {getattr(cause, 'strerror', None) or cause}"
        raise ServerError(url, problem, remedy) from error


def _connection_error(error: Exception, url: str) -> ServerError:
    text = _plain(error)
    if "No API key" in text or "not configured" in text:
        return ServerError(
            url,
            "no API key",
            "Log in with `wandb login`, or set WANDB_API_KEY (and WANDB_BASE_URL for your own server).",
        )
    if "not logged in" in text or "401" in text or "invalid" in text.lower():
        return ServerError(
            url,
            "the API key is refused",
            "Get a key from the server's /authorize page and log in again: `wandb login --relogin`. "
            "A key of the cloud does not open a server of your own, nor the other way round.",
        )
    return ServerError(url, f"cannot connect: {text}", "Check WANDB_BASE_URL and the network.")


@contextmanager
def asking(address: Address, api: Any = None) -> Iterator[None]:
    """Turns what the SDK raises about an address into one clear ServerError."""
    try:
        yield
    except PostrunError:
        raise
    except Exception as error:
        raise _request_error(error, address, api) from error


_PASSING = re.compile(
    r"(?i)\b(429|5\d\d)\b|rate.?limit|unexpected eof"
    r"|connection (reset|refused|closed|lost)|broken pipe|invalid character|end of json|eof"
)


#: What the SDK's code raises for an answer of another shape than it expects.
_MISREAD = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


def _request_error(error: Exception, address: Address, api: Any) -> ServerError:
    made = _translated(error, address, api)
    # The SDK's cache of runs may be emptied by another thread between its own two looks into it.
    made.passing = bool(_PASSING.search(_plain(error))) or isinstance(error, KeyError)
    return made


def _translated(error: Exception, address: Address, api: Any) -> ServerError:
    text = _plain(error)
    low = text.lower()
    if "could not find" in low or "404" in text or "not found" in low:
        return _missing(address, api)
    if "403" in text or "permission" in low or "forbidden" in low:
        return ServerError(
            str(address), "no permission", "Ask the project's owner for access, or use another key."
        )
    if "401" in text or "not logged in" in low:
        return ServerError(str(address), "the API key is refused", "`wandb login --relogin`.")
    if "429" in text or "rate limit" in low:
        return ServerError(
            str(address),
            "the server keeps refusing: too many requests",
            "Wait some minutes, then run the same command: what was fetched is kept. Use fewer --workers.",
        )
    if "timed out" in low or "did not respond in time" in low or "deadline" in low:
        return ServerError(
            str(address),
            f"no answer within {PATIENCE} s, retries included: the server is down, or refuses because "
            "of too many requests",
            "Run the same command again later: what was fetched is kept. Use fewer --workers.",
        )
    if isinstance(error, LargeAnswerError) or isinstance(error.__cause__, LargeAnswerError):
        return ServerError(str(address), text, "Name one run, or take fewer with --limit.")
    if isinstance(error, _MISREAD):
        return ServerError(
            str(address),
            f"the W&B SDK cannot read the server's answer ({type(error).__name__}: {text})",
            "Update the SDK: pip install -U wandb. If that does not help, report it with the server's "
            "version.",
        )
    remedy = (
        "Run the same command again later."
        if _PASSING.search(text)
        else "Check that the server works in a browser; if it does, report this with the SDK's version."
    )
    return ServerError(str(address), text or type(error).__name__, remedy)


def _missing(address: Address, api: Any) -> ServerError:
    """What is not there, with the nearest names that are."""
    # Without a server's address the target may as well be a path with a slip in it.
    here = "" if address.base else "no such file or folder here, and on the server "
    if api is None:
        problem = f"{here}no such run or project"
        return ServerError(str(address), problem, "`postrun list ENTITY/PROJECT`.")
    entity, project = address.entity, address.project
    names = _names(lambda: [p.name for p in api.projects(entity)])
    if not names:
        return ServerError(
            str(address),
            f"{here}no project of {entity}, or none that you may see",
            f"Check the entity's name; yours is {api.default_entity}.",
        )
    if project not in names:
        return ServerError(
            str(address), f"{here}{entity} has no project {project}", _near(project, names)
        )
    runs = _names(lambda: [n for r in _first_runs(api, entity, project) for n in (r.id, r.name)])
    problem = f"{here}{entity}/{project} has no run {address.run}"
    return ServerError(str(address), problem, _near(address.run, runs))


def _first_runs(api: Any, entity: str, project: str) -> list[Any]:
    runs = api.runs(f"{entity}/{project}", order="-created_at", per_page=_MOST_NAMES)
    return [run for run, _ in zip(runs, range(_MOST_NAMES), strict=False)]


def _names(ask: Callable[[], list[str]]) -> list[str]:
    try:
        return [name for name in ask() if name]
    except Exception:
        return []  # only the hint is lost


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        return f"Did you mean {', '.join(near)}?"
    return f"There are {', '.join(sorted(names)[:5])}{' ...' if len(names) > 5 else ''}."


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
