"""What the name of a setting tells of its value: certainly a secret, perhaps one, or none."""

from __future__ import annotations

import enum
from functools import lru_cache

from postrun.model.lazily import pattern
from postrun.privacy.vocabulary import (
    AFTER_PLAIN,
    KEY_BEFORE,
    KEY_PLAIN,
    LOGIN,
    PASS_PLAIN,
    SECRET,
    SERVICE,
    TOKEN_BEFORE,
    TOKEN_PLAIN,
    TOKEN_SERVICE,
)


class Told(enum.IntEnum):
    """What a name tells of its value.

    PERHAPS asks for a value that looks random and is no digest. LIKELY (a mere "key" or "token") asks for a
    random one. INSIDE (what lies in a dictionary of secrets) asks for one that is no plain word. SURE takes any
    that is no placeholder, path or switch.
    """

    NONE = 0
    PERHAPS = 1
    LIKELY = 2
    INSIDE = 3
    SURE = 4


#: Ends of words written together that mean the same ("PGPASSWORD", "_authToken").
_FUSED = (
    "password", "passwd", "passphrase", "apikey", "authtoken", "accesstoken", "secretkey", "accesskey",
    "apitoken", "privatekey",
)  # fmt: skip
#: Short words for a password, which mean something else behind some words ("first_pass").
_SHORT = ("pass", "pw", "bearer")
#: Words that stand before secrets and other things alike.
_VAGUE = ("auth", "pat", "sid", "cookie", "dsn", "jwt", "signature", "sessionid", "webhook")
_HEADS = pattern(
    r"(?i)key|token|secret|pass|pw|credential|auth|bearer|cookie|session|sid|signature|dsn|webhook|jwt|pat"
)
_WORDS = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=16384)
def told(name: str) -> Told:
    """Return what a name tells: of a setting, a flag, a variable or a header, with "." between nested ones."""
    if not _HEADS.search(name):
        return Told.NONE
    segments = [part for part in name.replace("/", ".").split(".") if part]
    if not segments:
        return Told.NONE
    own = _words(segments[-1])
    before = [word for part in segments[-3:-1] for word in _words(part)]
    found = _of_words(own, before)
    if found is not None:
        return found
    parents = [_words(part) for part in segments[:-1]]
    if any(_of_words(words, []) is Told.SURE for words in parents):
        return Told.INSIDE
    # "keys.openai": a dictionary of keys by their services
    keys = any(words and words[-1] in ("key", "keys", "token", "tokens") for words in parents)
    return (
        Told.INSIDE if keys and all(w in SERVICE or w in TOKEN_SERVICE for w in own) else Told.NONE
    )


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


def _of_words(words: list[str], parents: list[str]) -> Told | None:
    """Return what the words of one name tell, None if none of them speaks of secrets."""
    for at in range(len(words) - 1, -1, -1):
        found = _of_word(words[at], [*parents, *words[:at]])
        if found is None:
            continue
        after = [word for word in words[at + 1 :] if not word.isdigit()]
        if not after or found is Told.NONE:
            return found
        if any(word in AFTER_PLAIN for word in after) or after[-1] == "id":
            return Told.PERHAPS if after == ["id"] and found is Told.SURE else Told.NONE
        if all(word in SERVICE for word in after):
            return found
        return Told.INSIDE if found is Told.SURE else Told.NONE
    return None


def _of_word(word: str, before: list[str]) -> Told | None:
    """Return what one word tells with the words before it, None if it does not speak of secrets."""
    last = next((w for w in reversed(before) if not w.isdigit()), "")
    if word in SECRET or word.endswith(_FUSED):
        return Told.SURE
    if word in ("key", "keys"):
        return _qualified(word, last, KEY_BEFORE, KEY_PLAIN)
    if word in ("token", "tokens"):
        return _qualified(word, last, TOKEN_BEFORE, TOKEN_PLAIN)
    if word in _SHORT:
        return Told.SURE if last in LOGIN else (Told.NONE if last in PASS_PLAIN else Told.INSIDE)
    return Told.PERHAPS if word in _VAGUE else None


def _qualified(word: str, last: str, sure: frozenset[str], plain: frozenset[str]) -> Told:
    """Return what "key" or "token" tells by the word before it."""
    if last in sure:
        return Told.SURE
    if last in plain or word.endswith("s"):
        return Told.NONE
    return Told.PERHAPS if last else Told.LIKELY
