"""A prefix in an object store (S3, GCS, Azure) as a place for a store, by obstore.

Credentials and endpoints come from the environment, under the names that the clouds' own tools use
(`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, ...). Where boto3 is installed and
no key is set, it is asked, for it knows profiles and single sign-on. Polars' scans use the same environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from postrun.store.storage import Listed, StoreError

#: A service that gives no answer is not waited for much longer than these.
_CLIENT = {"connect_timeout": "5s", "timeout": "120s"}
_RETRIES: dict[str, Any] = {"max_retries": 4}
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SKIP_SIGNATURE")  # fmt: skip
#: Words in an object store's errors, and what they mean to a user.
_REASONS = (
    (("169.254.169.254", "credential", "metadata", "no provider", "missing access key"),
     "no credentials for it were found",
     "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or GOOGLE_APPLICATION_CREDENTIALS, "
     "AZURE_STORAGE_ACCOUNT_KEY), or install boto3 for profiles and single sign-on."),
    (("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403", "401", "Unauthenticated"),
     "these credentials may not use it", "Check them, and what they are allowed to do."),
    (("NoSuchBucket", "404"), "there is no such bucket", "Create it, or check its name."),
    (("dns", "connect", "timed out", "timeout", "error sending request"),
     "it cannot be reached", "Check the network and the endpoint (AWS_ENDPOINT_URL)."),
)  # fmt: skip


class ObjectPlace:
    """Files below a URL."""

    local = False

    def __init__(self, root: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ImportError:
            raise StoreError(
                root,
                "object stores need obstore",
                "Install it with: pip install 'postrun[cloud]'",
            ) from None
        self.root = root
        self.options: dict[str, str] | None = None
        self._obstore = obstore
        settings: dict[str, Any] = {"client_options": _CLIENT, "retry_config": _RETRIES}
        if (profile := _profile(root)) is not None:
            settings["credential_provider"] = profile
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            settings["client_options"] = {**_CLIENT, "allow_http": True}
            # Polars asks with its own client, which must be allowed the same.
            self.options = {"aws_allow_http": "true"}
        try:
            self._store = from_url(root, **settings)
        except Exception as error:
            raise self._error(error) from error

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        try:
            return bytes(self._obstore.get(self._store, name).bytes())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._error(error) from error
            raise
        except Exception as error:
            raise self._error(error) from error

    def write(self, name: str, data: bytes) -> None:
        """One request, or parts that show only when all are there: an object is never half written."""
        try:
            self._obstore.put(self._store, name, data)
        except Exception as error:
            raise self._error(error) from error

    def listed(self, folder: str) -> Iterator[Listed]:
        """All objects below a prefix."""
        try:
            for batch in self._obstore.list(self._store, folder or None):
                for item in batch:
                    moment = item["last_modified"].timestamp()
                    yield Listed(str(item["path"]), int(item["size"]), moment)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._error(error) from error

    def delete(self, name: str) -> None:
        """Delete an object."""
        try:
            self._obstore.delete(self._store, name)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._error(error) from error

    def full(self, name: str) -> str:
        """The URL."""
        return f"{self.root}/{name}" if name else self.root

    def _error(self, error: Exception) -> StoreError:
        text = str(error)
        for words, problem, remedy in _REASONS:
            if any(_says(text, word) for word in words):
                return StoreError(self.root, problem, remedy)
        return StoreError(self.root, text.splitlines()[0] if text else type(error).__name__)


def _says(text: str, word: str) -> bool:
    """Return whether a text holds a word; a status must stand alone, for a port may be 40391."""
    pattern = rf"(?<!\d){word}(?!\d)" if word.isdigit() else re.escape(word)
    return re.search(pattern, text, re.IGNORECASE) is not None


def _profile(root: str) -> Any:
    """Credentials by boto3, where it is there and the environment holds none."""
    if not root.startswith("s3") or any(os.environ.get(name) for name in _KEYS):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider

        return Boto3CredentialProvider()
    except Exception:  # no boto3, or it knows none either: obstore's own ways are tried
        return None
