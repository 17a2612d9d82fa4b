"""What is kept from reports, and the key that tells masked values apart."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from postrun.model.places import cache_folder

#: Changes whenever masking does: what was masked by an earlier version is then made again.
_VERSION = 2
_FILE = "mask.key"
_LENGTH = 32


@lru_cache(maxsize=8)
def own_salt(folder: Path) -> bytes:
    """Return the user's own salt, made at the first call and kept in a folder that only the user reads.

    If the folder cannot be written, the salt lasts as long as the process.
    """
    path, made = folder / _FILE, secrets.token_bytes(_LENGTH)
    found = _read(path)
    if found:
        return found
    aside = folder / f".{os.getpid()}-{made.hex()[:8]}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.write_bytes(made)
        aside.chmod(0o600)
        if path.exists():  # cut short or another program's
            aside.replace(path)
        else:
            os.link(aside, path)  # unlike renaming, this leaves another process's file as it is
            aside.unlink()
    except OSError:
        with suppress(OSError):
            aside.unlink()
    return _read(path) or made


def _read(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except OSError:
        return b""
    return found if len(found) == _LENGTH else b""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is kept from reports: `mask` secrets; `anonymize` paths, addresses, host and user.

    `salt` is the key of the hash that tells two masked values apart. Values that are to be compared are masked
    with one salt; it is the user's own unless a store's is given.
    """

    mask: bool = True
    anonymize: bool = False
    salt: bytes = field(default=b"", repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take the user's own salt if none is given."""
        if not self.salt:
            object.__setattr__(self, "salt", own_salt(cache_folder()))

    @property
    def key(self) -> str:
        """A word that is the same for equal settings, for keys of what is kept."""
        return f"mask={_VERSION if self.mask else 0},anonymize={self.anonymize:d}"

    def mark(self, secret: str) -> str:
        """Return eight digits that tell a secret from others and do not tell what it is."""
        data = secret.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self.salt[:64], digest_size=4).hexdigest()
