"""Numbers and durations as people read them, values as strict JSON takes them."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

#: Control characters except tabs and ends of lines, what overrides the direction of writing, and halves of
#: characters.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

#: What stands for a secret: its kind, and digits that tell it from others and differ from user to user.
MASKED = re.compile(r"\[masked: [^\]]{0,80}\]")
#: Words for "off" in configs.
_OFF = frozenset({"", "0", "0.0", "none", "null", "false", "no", "off"})


def switched_off(value: Any) -> bool:
    """Return whether a setting's value means off: None, False, 0, nothing, or a word for them."""
    return not value or str(value).lower() in _OFF


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits: "13,560", "0.0412", "3.1e-05", "NaN"."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-4:
        return f"{value:.{digits - 1}g}"
    if size >= 10 ** (digits - 1):
        scale = 10.0 ** (math.floor(math.log10(size)) - digits + 1)
        return f"{round(value / scale) * scale:,.0f}"
    return f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """A duration: "45 s", "12 min", "3.4 h", "2 d 4 h", "1,820 d"."""
    if seconds < 100 or not math.isfinite(seconds):
        return f"{seconds:.0f} s"
    if seconds < 48 * 3600:
        return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours and days < 100 else f"{days:,} d"


def inert(text: str) -> str:
    """Return text without characters that command a terminal or turn the order of letters; lines stay."""
    return _COMMANDS.sub("�", text)


def unique_labels(names: Iterable[tuple[str, str]]) -> list[str]:
    """One label per (name, id): the name where no other has it, else "name (id)", else numbered."""
    pairs = list(names)
    counts = Counter(name for name, _ in pairs)
    labels = [name if counts[name] == 1 else f"{name} ({run_id})" for name, run_id in pairs]
    seen: Counter[str] = Counter()
    out = []
    for label in labels:
        seen[label] += 1
        out.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return out


def did_you_mean(word: str, known: Iterable[str], most: int = 3) -> str:
    """Return " Did you mean a or b?" with the known words that are near a mistyped one, or ""."""
    words = list(dict.fromkeys(known))
    lower = {w.lower(): w for w in reversed(words)}
    near = [lower[w] for w in difflib.get_close_matches(word.lower(), lower, most, 0.6)]
    near += [w for w in words if len(word) > 2 and word.lower() in w.lower() and w not in near]
    return f" Did you mean {' or '.join(near[:most])}?" if near else ""


def no_metric(name: str, known: Sequence[str]) -> str:
    """Return that no run has a metric of this name, with near ones or else the first that there are."""
    near = did_you_mean(name, known)
    listed = f" The runs have {', '.join(known[:8])}." if known and not near else ""
    return f"no run has a metric {name!r}.{near}{listed}"


def shortened(texts: Sequence[str], width: int) -> list[str]:
    """Return texts of at most about `width` letters, cut in the middle; different ones stay different."""
    cut = [
        t
        if len(t) <= width
        else f"{t[: width - width // 2 - 1].rstrip()}…{t[-(width // 2) :].lstrip()}"
        for t in texts
    ]
    alike: dict[str, list[str]] = {}
    for text, short in zip(texts, cut, strict=True):
        own = alike.setdefault(short, [])
        if text not in own:
            own.append(text)
    return [
        f"{short} #{alike[short].index(text) + 1}" if len(alike[short]) > 1 else short
        for text, short in zip(texts, cut, strict=True)
    ]


def plain(value: Any) -> Any:
    """A value with NaN and ±Infinity as strings and with string keys, ready for strict JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def places(unit: str, start: float, stop: float) -> str:
    """Return a range on an axis: "steps 70 to 479"; one place if both are equal: "epoch 12.5"."""
    if start == stop:
        return f"{unit} {position(start)}"
    return f"{unit}s {position(start)} to {position(stop)}"


def position(x: float) -> str:
    """Return a place on an axis: "1,200", "12.5"; two decimals at most, none from 1,000 on; "unknown"."""
    if not math.isfinite(x):
        return "unknown"
    if x == round(x) or abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:,.2f}".rstrip("0").rstrip(".")
