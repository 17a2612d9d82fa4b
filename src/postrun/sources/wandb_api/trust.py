"""Which servers get the API key: the cloud, the user's own server, and servers with a netrc entry.

A target may be a URL that somebody else wrote, and a folder may hold somebody else's `wandb/settings`. A
request to a W&B server carries the key, so no request goes to a server that the user did not name.
"""

from __future__ import annotations

import configparser
import ipaddress
import netrc
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postrun.model import TargetError

#: API servers of the W&B cloud.
_CLOUD = ("https://api.wandb.ai", "https://api.forge.coreweave.com")
#: Names one host, or several with commas, that may get the key without encryption.
ALLOW_HTTP = "POSTRUN_ALLOW_HTTP"
#: What a host may be written with; anything else may be read in two ways.
_HOST = re.compile(r"[a-z0-9._:-]+", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class UntrustedServerError(TargetError):
    """A server that the API key must not be sent to."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that may get the key.

    Attributes:
        url: The address of its API.
        key: The key of its own netrc entry; "" if the SDK finds the key in its usual places.
    """

    url: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Scheme, host and port of a URL: what must agree for two URLs to be of one server."""

    scheme: str
    host: str
    port: int | None

    @property
    def machine(self) -> str:
        """The name of the server's netrc entry, as `wandb login` writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.machine}"


def trusted_server(url: str, settings: Any) -> Server:
    """Return the server at `url`, or the user's own if `url` is "", with the key that it may get.

    `settings` are the SDK's. Nothing is sent.

    Raises:
        UntrustedServerError: The user did not name this server, or it would get the key unencrypted.
    """
    own = _own_url(settings)
    wanted = (url or os.environ.get("WANDB_BASE_URL") or settings.base_url).rstrip("/")
    origin = _origin(wanted)
    if own and _parsed(own) == origin:
        _require_encryption(origin, own)
        return Server(own)
    key = _own_key(origin)
    if key or str(origin) in _CLOUD:
        _require_encryption(origin, wanted)
        return Server(wanted, key)
    where = "" if url else f" ({settings.settings_workspace} names it)"
    raise UntrustedServerError(
        wanted,
        f"the API key is not sent to this server{where}, because you have not named it as yours",
        f"If you trust it, log in there: wandb login --host={origin}; or set WANDB_BASE_URL={origin}.",
    )


def _origin(url: str) -> _Origin:
    """Return the origin of a URL; UntrustedServerError if it has none."""
    found = _parsed(url)
    if found is None:
        raise UntrustedServerError(
            url,
            "not the address of a W&B server",
            "Write it as https://HOST/ENTITY/PROJECT/runs/RUN, without a user or password.",
        )
    return found


def _parsed(url: str) -> _Origin | None:
    """Return the origin of a URL, None if the URL is not plain enough to be read in one way only."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc:
        return None
    return _Origin(parts.scheme, host, port or _PORTS[parts.scheme])


def _require_encryption(origin: _Origin, url: str) -> None:
    """Raise UntrustedServerError if the key would cross a network unencrypted."""
    allowed = [name.strip().lower() for name in os.environ.get(ALLOW_HTTP, "").split(",")]
    if origin.scheme == "https" or _is_loopback(origin.host) or origin.host in allowed:
        return
    raise UntrustedServerError(
        url,
        "the API key is not sent over http, where others on the network can read it",
        f"Use https. If the server has none and you trust the network, set {ALLOW_HTTP}={origin.host}.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_url(settings: Any) -> str | None:
    """Return the server that the user has set: by WANDB_BASE_URL, else in the user's settings file.

    The SDK also takes one from `wandb/settings` in the working folder, which comes with whatever was
    downloaded there.
    """
    named = os.environ.get("WANDB_BASE_URL")
    if not named and settings.settings_system:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(Path(settings.settings_system).expanduser(), encoding="utf-8")
            named = parser.get("default", "base_url", fallback=None)
        except (configparser.Error, UnicodeDecodeError, OSError):
            named = None  # the SDK warns of such a file
    return named.rstrip("/") if named else None


def _own_key(origin: _Origin) -> str:
    """Return the key of a server's own netrc entry, "" if it has none; the default entry is not its own."""
    for path in _netrc_files():
        try:
            hosts = netrc.netrc(path).hosts
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        entry = hosts.get(origin.machine)
        return entry[2] if entry and entry[2] else ""
    return ""


def _netrc_files() -> list[Path]:
    """Return where the SDK looks for a netrc file, first come first served."""
    named = os.environ.get("NETRC")
    if named:
        return [Path(named).expanduser()]
    return [Path.home() / ".netrc", Path.home() / "_netrc"]
