"""Secrets that the words around them betray: settings, flags, headers, addresses with a password."""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator
from typing import NamedTuple

from postrun.model.lazily import pattern
from postrun.privacy.names import Told, told
from postrun.privacy.values import harmless, is_hexadecimal, is_random, is_secret, is_uuid

#: What a secret is called that only the words around it betray.
BY_NAME = "secret by its name"


class Span(NamedTuple):
    """A secret in a text, from `start` up to `end`."""

    start: int
    end: int
    kind: str


_WORDS = pattern(
    r"(?i)key|token|secret|passw|passp|pwd|credential|cookie|session|signature|basic|bearer|login|sig=|_pass|auth"
    r"|code=|pat\b|jwt|dsn"
)
_HEAD = pattern(
    r"(?i)key|token|secret|passw(?:or)?d|passphrase|pwd|credential|authorization|session|_pass\b|auth|pat\b"
    r"|jwt|dsn"
)
_NAME_LETTERS = string.ascii_letters + string.digits + "_.-"
#: The rest of a name, what closes it, and what leads to its value.
_GAP = pattern(
    r"""(?x) (?P<rest> [\w.-]{0,60}? ) (?P<close> [ ]{0,2} ["'\]]{0,3} )
    (?: (?P<sign> [ \t]* (?: => | := | -> | (?<!=)=(?!=) | :(?!:) | [│┃|] ) [ \t]* )
    | (?P<blank> [ \t]+ (?: (?: is | was ) [ \t]+ )? ) | (?P<tag> > ) )
    (?! \s | $ )"""
)
_QUOTED = pattern(r"""(?:[rbuf]{0,2})(["'`])((?:(?!\1)[^\n\\]|\\.){1,2000})\1""")
#: A random text of so many letters after a mere "token" is one.
_LONG = 24
_WORD_BEFORE = pattern(r"(?<![A-Za-z])([A-Za-z]{2,20}) $")
_PASSWORDS = ("password", "passwd", "passphrase", "pwd")
#: A value without quotes ends at a blank or a quote, or at a separator behind which another setting begins.
_PLAIN = pattern(
    r"""(?x) <[^<>\n]{1,60}> | \$?\{\{?[^{}\n]{1,80}\}\}?
    | (?: [^\s"'`<>,;&|(){}\[\]] | [<>(){}\[\]|] (?= [^\s"'`<>,;&|(){}\[\]] )
    | [,;&] (?! \s | $ | ["'] | [\w.-]+ ["']? [=:] ) ){1,2000}"""
)
_HEADER = pattern(
    r"""(?ix) \b (?:proxy-)?authorization ["']? \s* [:=] \s* ["']?
    (?: (?: basic | bearer | token | digest | api-?key | negotiate | apitoken ) \s+ )?
    (?P<secret> [^\s"',;<>]{6,} )"""
)
_BEARER = pattern(r"(?i)\bbearer[ =:]+(?P<secret>[A-Za-z0-9._~+/=-]{16,})")
_BASIC = pattern(r"(?i)\bbasic\s+(?P<secret>[A-Za-z0-9+/_-]{8,}={0,2})")
_COOKIES = pattern(r"(?i)\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?(?P<rest>[^\"'\n]{6,4000})")
_COOKIE = pattern(r"(?P<name>[^\s=;,]+)=(?P<secret>[^\s;,\"']{6,})")
_COOKIE_WORDS = pattern(r"(?i)^(?:path|domain|expires|max-age|samesite|version|priority)$")
_USERINFO = pattern(
    r"[a-z][a-z0-9+.-]{0,30}://(?P<user>[^\s/:@\"'<>?#]{0,400})"
    r"(?::(?P<secret>[^\s\"'<>/]{0,400}|[^\s\"'<>]{0,400}?))?@"
    r"(?=[A-Za-z0-9\[])"
)
_QUERY = pattern(
    r"(?i)(?:[?&;]|%26|%3F)(?P<name>[\w.-]{0,40}"
    r"(?:sig|signature|token|key|secret|password|pwd|auth|code|credential|session)[\w.-]{0,20})(?:=|%3D)(?P<secret>[^&\s\"'<>#;]{8,})"
)
_QUERY_SIGNS = pattern(
    r"(?i)^(?:sig|code|x-(?:amz|goog)-(?:signature|security-token|credential)|signature)$"
)
_NETRC = pattern(r"\blogin\s+\S+\s+password\s+(?P<secret>\S{4,})")
_FETCH = pattern(r"\b(?:curl|wget|https?|xh|lftp|ftp|rclone|skopeo|smbclient|mitmdump)\b")
_USER = pattern(
    r"""(?<!\S)(?:-u|-U|--user|--proxy-user|--creds)(?:[ =]+|(?<=-u))"""
    r"""["']?(?P<user>[^\s:"'=]+):(?P<secret>[^\s"']+)"""
)
_PASSWORD_FLAG = pattern(
    r"""(?x) \b (?: (?: docker | podman | nerdctl | helm | oras | az | oc | cf | ibmcloud | crane | buildah ) \b
      [^\n|;&]{0,200}? \b login | twine | sshpass | mysql(?:dump|admin|sh)? | mariadb
    | mongo(?:sh|dump|restore|export|import)? | ldap\w+ | redis-cli
    | clickhouse-client | sqlcmd | gradle | rsync ) \b [^\n|;&]{0,300}?
    \s (?: -p | -P | -a | -w ) [ =]? ["']? (?P<secret> [^\s"'-] [^\s"']{3,} )"""
)
#: A call or a type: `load_key(path)`, `Optional[str]`.
_CALL = pattern(r"^(?:[a-z][a-z_.]{2,}|[A-Z][a-z]+(?:[A-Z][a-z]+)*)[\[(]")
_DIGITS = pattern(r"^[\d:.\-/]+(?:tcp|udp)?$")
#: W&B's older keys are 40 hexadecimal digits, as commits are: what stands before tells them.
_HEX = pattern(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")
_KEY_BEFORE = pattern(
    r"""(?ix) (?: \b wandb (?:\.login|\s+login)? (?P<a> [^\n]{0,24} ) | \b login \b (?P<b> [^\n]{0,24} )
    | (?: ^ | [^A-Za-z] )
      (?P<name> (?:[A-Za-z]+[ _-]){0,2} (?:key|token|password|secret|credential) ) \b (?P<c> [^\n]{0,48} )
    ) [\s"'`=:({\[] $"""
)


#: Words between those and the digits that make them a digest.
_DIGEST = pattern(
    r"(?i)sha|hash|digest|commit|revision|checksum|fingerprint|md5|object|blob|tree|snapshot|version|\bids?\b|uuid"
    r"|artifact|checkpoint|cache|run\b"
)


def by_words(text: str) -> Iterator[Span]:
    """Yield the secrets of a text that the words around them betray; some may overlap."""
    if "@" in text and "://" in text:
        yield from _in_urls(text)
    if ":" in text and ("-u" in text or "-U" in text or "--proxy" in text or "--creds" in text):
        yield from _users(text)
    if " -" in text:
        for match in _PASSWORD_FLAG.finditer(text):
            if not _DIGITS.match(match["secret"]) and not harmless(match["secret"]):
                yield Span(*match.span("secret"), "password")
    if not _WORDS.search(text):
        return
    yield from _in_headers(text)
    for match in _QUERY.finditer(text):
        value = match["secret"]
        if _QUERY_SIGNS.match(match["name"]):
            if len(value) >= 16 and is_random(value):
                yield Span(*match.span("secret"), "signed URL")
        elif is_secret(known := told(match["name"]), value) or (known and is_uuid(value)):
            yield Span(*match.span("secret"), BY_NAME)
    for match in _NETRC.finditer(text):
        yield Span(*match.span("secret"), "password")
    for match in _HEX.finditer(text):
        if _after_key(text[max(0, match.start() - 80) : match.start()]):
            yield Span(*match.span(), "W&B key")
    yield from _assigned(text)


def _in_urls(text: str) -> Iterator[Span]:
    for match in _USERINFO.finditer(text):
        if match["secret"] and not harmless(match["secret"]):
            yield Span(*match.span("secret"), "password")
        if is_random(match["user"]):
            yield Span(*match.span("user"), "password")


def _users(text: str) -> Iterator[Span]:
    fetches = _FETCH.search(text) is not None
    for match in _USER.finditer(text):
        value = match["secret"]
        if harmless(value) or _DIGITS.match(value):
            continue
        if fetches or (len(value) >= 8 and any(c.isdigit() for c in value) and not value.isalnum()):
            yield Span(*match.span("secret"), "password")


def _in_headers(text: str) -> Iterator[Span]:
    for match in _HEADER.finditer(text):
        if not harmless(match["secret"]):
            yield Span(*match.span("secret"), "authorization")
    for match in _BEARER.finditer(text):
        if any(c.isdigit() for c in match["secret"]) and is_random(match["secret"]):
            yield Span(*match.span("secret"), "bearer token")
    for match in _BASIC.finditer(text):
        if _is_userinfo(match["secret"]):
            yield Span(*match.span("secret"), "authorization")
    for match in _COOKIES.finditer(text):
        yield from cookies(text, *match.span("rest"))


def cookies(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the values of cookies (`name=value; name=value`) in a part of a text."""
    for match in _COOKIE.finditer(text, start, end):
        if not _COOKIE_WORDS.match(match["name"]) and not harmless(match["secret"]):
            yield Span(*match.span("secret"), "cookie")


def _is_userinfo(value: str) -> bool:
    """Return whether a text is the base64 of a user's name, a colon and a password."""
    try:
        found = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return ":" in found and found.isprintable()


def _after_key(before: str) -> bool:
    """Return whether the words before 40 hexadecimal digits say that they are a key."""
    match = _KEY_BEFORE.search(before)
    if match is None or _DIGEST.search(match["a"] or match["b"] or match["c"] or ""):
        return False
    return match["name"] is None or told(match["name"].replace(" ", "_")) is not Told.NONE


def _assigned(text: str) -> Iterator[Span]:
    """Yield the values of names that speak of secrets: `NAME=VALUE`, `"NAME": VALUE`, `--NAME VALUE`."""
    done = 0
    for head in _HEAD.finditer(text):
        if head.start() < done:
            continue
        gap = _GAP.match(text, head.end())
        if gap is None:
            continue
        before = text[max(0, head.start() - 60) : head.start()]
        start = head.start() - len(before) + len(before.rstrip(_NAME_LETTERS))
        name = text[start : gap.end("rest")]
        span = _value_of(text, name, start, gap)
        if span is not None:
            yield span
            done = span.end


def _value_of(text: str, name: str, start: int, gap: re.Match[str]) -> Span | None:
    known = told(_with_word_before(text, name.strip("-."), start))
    if known is Told.NONE or (gap["tag"] and text[start - 1 : start] != "<"):
        return None
    at = gap.end()
    quoted = _QUOTED.match(text, at)
    found = (quoted.span(2) if quoted else None) or (
        plain.span() if (plain := _PLAIN.match(text, at)) else None
    )
    if found is None:
        return None
    value = text[found[0] : found[1]].rstrip()
    found = (found[0], found[0] + len(value))
    if not is_secret(known, value) or (not quoted and _is_code(text, value, found[1])):
        return None
    if gap["blank"] and not name.startswith("-") and not _stands_alone(name, known, value):
        return None  # "the key point": words, not a setting
    if gap["sign"] and not quoted and _is_prose(text, gap["sign"], value, found[1]):
        return None
    return Span(*found, BY_NAME)


def _with_word_before(text: str, name: str, start: int) -> str:
    """Return a mere "key" or "token" with the word before it, which tells of what: "API key", "cache key"."""
    if name.lower() not in ("key", "token"):
        return name
    before = _WORD_BEFORE.search(text, max(0, start - 24), start)
    joined = f"{before[1]}_{name}" if before else name
    return name if told(joined) is Told.PERHAPS else joined


def _is_code(text: str, value: str, end: int) -> bool:
    """Return whether what follows a sign is code: `config["password"]`, `load_key()`, `api_key=openai_key`."""
    if text[end : end + 1] in ("[", "("):
        return value.isidentifier()
    if _CALL.match(value):
        return True
    named = value.rstrip(".,)").replace(".", "_")
    return (
        named.isidentifier()
        and not any(c.isdigit() for c in named)
        and told(named) is not Told.NONE
    )


def _stands_alone(name: str, known: Told, value: str) -> bool:
    """Return whether a value that follows its name after a mere blank, or "is", is a secret."""
    if known is Told.LIKELY:
        return len(value) >= _LONG and is_random(value) and not is_hexadecimal(value)
    if known is not Told.SURE:
        return False
    return is_random(value) or (name.lower().endswith(_PASSWORDS) and is_secret(Told.INSIDE, value))


def _is_prose(text: str, sign: str, value: str, end: int) -> bool:
    """Return whether "password: please try again" goes on as a sentence."""
    return (
        ":" in sign
        and value.isalpha()
        and value[1:].islower()
        and bool(re.match(r"[.,]? [A-Za-z]", text[end : end + 3]))
    )
