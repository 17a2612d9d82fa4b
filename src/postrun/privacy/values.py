"""What a value looks like: a placeholder, a path, a digest, something random."""

from __future__ import annotations

import re

from postrun.model.lazily import pattern
from postrun.model.text import MASKED
from postrun.privacy.names import Told
from postrun.privacy.vocabulary import SWITCHES

_PLACEHOLDER = pattern(
    r"""(?ix) ^(?:
    \*+ | x{3,} | \.{2,} | -+ | _+ | <[^>]*> | \$\w+ | \$?\{.*\} | \$\(.*\) | (?-i:%[A-Z_0-9]+%) | \[.*\]
    | @\w+@
    | (?:your|my|insert|enter|put|add|paste|replace|change|set|some|the|example|sample|dummy|fake|test|todo)
      (?:[\s_-]?(?:me|this|it|here|your|own|wandb|hf|openai|api|auth|access|secret|key|token|password|value|in|with))+
    | (?: env(?:iron)? | vault | file | secret | ssm | sm | op | keyring | keychain | gcp-?sm | aws-?sm | azkv
      | arn | ref | oc\.env ) [:/.].*
    | (?: os\. )? (?: environ | getenv )\b .* | getpass[.(].* | !(?:env|vault|secret|ref|sub)\b.* | optional\[.*
    | (?: self | args | cfg | config | conf | opts? | options | settings | kwargs | flags | hparams | params
      | secrets | env | request ) [.\[] .*
    )$"""
)
_NAME_OF_VARIABLE = pattern(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_FILE = pattern(
    r"(?i)\.(?:json|ya?ml|toml|ini|cfg|conf|txt|env|pem|key|pub|p12|pfx|crt|cer|csv|py|sh|db|sqlite|gpg|asc)$"
)
_PATH = pattern(r"^(?:~[\w-]*|\.{1,2})?/|^[A-Za-z]:[\\/]|^\\\\")
_URL = pattern(r"^[a-z][a-z0-9+.-]*://")
_NUMBER = pattern(r"^[-+]?[\d.,_]+(?:e[-+]?\d+)?%?$", re.IGNORECASE)
_UUID = pattern(r"(?i)^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_HEXADECIMAL = pattern(
    r"(?i)^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{128})$"
)
_CHUNKS = pattern(r"[A-Za-z0-9]+")
_CHANGES = pattern(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_ALLOWED = pattern(r"^[\x21-\x7e]+$")
_PERCENT = pattern(r"%[0-9A-F]{2}")
#: Least share of neighbours that are of different kinds (small letter, capital, digit) in random text. It has
#: 0.4 to 0.6, words with numbers have less than 0.2.
_LEAST_CHANGES = 0.22
#: The same for a text of several parts ("image_patch_16x16_v2").
_LEAST_CHANGES_OF_PARTS = 0.3
_LEAST_RANDOM = 16


def is_random(value: str) -> bool:
    """Return whether a text looks like random letters and digits rather than words: no space, 16 or more."""
    if len(value) < _LEAST_RANDOM or not _ALLOWED.match(value):
        return False
    text = _PERCENT.sub("", value)
    chunks = _CHUNKS.findall(text)
    pairs = sum(len(chunk) - 1 for chunk in chunks)
    if pairs < 8 or not any(c.isdigit() for c in text) or not any(c.isalpha() for c in text):
        return False
    changes = sum(1 for chunk in chunks for _ in _CHANGES.finditer(chunk))
    return changes / pairs >= (_LEAST_CHANGES if len(chunks) < 3 else _LEAST_CHANGES_OF_PARTS)


def is_hexadecimal(value: str) -> bool:
    """Return whether a text is as many hexadecimal digits as hash functions give."""
    return bool(_HEXADECIMAL.match(value))


def is_uuid(value: str) -> bool:
    """Return whether a text is a UUID."""
    return bool(_UUID.match(value))


def is_path(value: str) -> bool:
    """Return whether a text is a path or a file's name rather than a secret with a slash in it."""
    if _FILE.search(value) and not re.search(r"\s", value):
        return True
    return bool(_PATH.match(value)) and not (len(value) >= 24 and is_random(value))


def harmless(value: str) -> bool:
    """Return whether a value is no secret under any name: a placeholder, a switch, a path, an address."""
    return bool(
        value.lower() in SWITCHES
        or _PLACEHOLDER.match(value)
        or MASKED.search(value)
        or _NAME_OF_VARIABLE.match(value)
        or _URL.match(value)
        or is_path(value)
    )


def is_secret(told: Told, value: str) -> bool:
    """Return whether a value is a secret, by what its name tells and by what it looks like."""
    if told is Told.NONE or len(value) < 4 or harmless(value):
        return False
    if told is Told.SURE:
        return len(value) >= 6 if _NUMBER.match(value) else True
    if told is Told.INSIDE:
        return is_random(value) or _is_mixed(value)
    if told is Told.PERHAPS and is_hexadecimal(value):
        return False
    return is_random(value) and not _UUID.match(value)


def _is_mixed(value: str) -> bool:
    """Return whether a short text without spaces mixes letters with digits or signs, as passwords do."""
    if len(value) < 8 or not _ALLOWED.match(value) or _NUMBER.match(value):
        return False
    digits = any(c.isdigit() for c in value)
    letters = any(c.isalpha() for c in value)
    signs = any(c in "!@#$%^&*?+=~" for c in value)
    return letters and (
        signs or (digits and not re.fullmatch(r"[a-z]+(?:[-_.][a-z]+)*[-_.]?\d{1,4}", value))
    )
