"""What the shape of a console line says: which of its numbers are metrics, which counters, under which names.

The shape of a line is its text with a mark for each number, so that thousands of lines are understood by
one look at their shape. A number is a metric if a name stands before it ("loss: 2.31", "val loss 2.31",
"'loss': 2.31", "loss=2.31"). Dates, times, versions, sizes, ratios and the percentages of progress bars
are none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from postrun.metrics.grammar import JUDGED, read, split_of_name
from postrun.training.console_words import NOT_NOW, OTHER_WORK, UNIT_PATTERN, unit_of_word

#: The mark for a number in a shape, and that for a drawn bar.
SLOT, BAR = "\x00", "▬"
#: A number as programs print it, in the words of Rust's regular expressions.
NUMBER = (
    r"(?i)[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)"
    r"|[+-]?\b(?:nan|inf|infinity)\b"
)
_COUNTER = re.compile(
    rf"(?:^|[^\w/.])(?:global[_ ]|current[_ ])?(?P<unit>{UNIT_PATTERN})s?['\"]?[\s:=#\[(]{{0,4}}['\"]?$",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"\s*(?:/|of)\s*")
#: Before a number: a name of at most five words, and a sign that it is one.
_NAMED = re.compile(
    r"(?P<key>[^\W\d][\w./@%-]*(?:'s)?(?: ?\([\w/%]+\))?(?: [\w@][\w./@%-]*(?: ?\([\w/%]+\))?){0,4})"
    r"(?P<quote>['\"])?(?P<sep> ?[:=] ?)['\"]?(?:(?:torch\.)?tensor\(|(?:np|numpy|jnp)\.\w+\(|[aA]rray\()?$"
)
#: Before a number without such a sign: words that must be understood as a metric.
_BARE = re.compile(r"(?:^|[,;|>\]) -] ?)(?P<key>[^\W\d][\w./@-]*(?: [^\W\d][\w./@-]*){0,2}) $")
_SPLIT = re.compile(
    r"(?<![\w:./])(train(?:ing)?|val(?:id(?:ation)?)?|eval(?:uation)?|dev|test(?:ing)?)(?![\w./]|:\x00)",
    re.IGNORECASE,
)
#: Names whose numbers identify or place something rather than measure it.
_NO_METRIC = re.compile(
    r"(?:^|[\s_/.])(?:p?id|uuid|rank|local_rank|line|lineno|port|seed|version|date|time ?stamp|eta|gpu|cuda|"
    r"device|devices|node|worker|host|hash|sha|shape|dim|size|sizes|params?|parameters|layers?|classes|checkpoint|"
    r"ckpt|file|path|url|model|dataset|remaining|elapsed|py|exit code|code|error|warning|info|debug|"
    r"v_num|total|best|num|number|count|fold|client|trial|localhost)$",
    re.IGNORECASE,
)
_SECONDS = {"ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6, "s": 1.0, "sec": 1.0, "secs": 1.0}
#: Names of durations, if their unit follows.
_TIMES = frozenset({"time", "dt", "took", "elapsed"})
#: Roles that a name which identifies something may have by chance.
_VAGUE = (None, "", "count", "time.total")
_UNIT = re.compile(r"\s?(?P<unit>ms|msec|us|µs|secs?|s|%)(?![\w/%])|(?P<rate>/s\b|/sec\b)")
#: Signs after a number that make it a part of something: a time, a version, a ratio, a list, a range.
_PARTS = frozenset({":", "/", ".", "-", "x", ",", "~", "_", " / ", " x ", ""})
#: Roles that tell of the work and not of what is learned: alone they make no line of metrics.
_BESIDE = ("time", "progress", "memory", "throughput", "system", "count", "mfu", "length", "lr", "momentum",
           "weight_decay", "coefficient", "loss_scale")  # fmt: skip
#: Words before a metric of another time than the line's own.
_EARLIER = re.compile(r"\b(?:best|saved|saving|improved|previous|target|from)\b", re.IGNORECASE)
#: Roles of which a line that names the split once ("train loss: 0.3 acc: 0.9") means the same split.
_OF_SPLITS = ("loss", "accuracy", "score", "perplexity", "success")
#: Words before a counter that make it a number of something else: "number of skipped iterations: 0".
_COUNTED = re.compile(
    r"\b(?:num(?:ber)?|total|max|per|last|skipped|consumed|remaining|warm-?up|each|of|for) $",
    re.IGNORECASE,
)
#: What stands before and behind "640/60000" if it is the place of a progress bar or within an epoch.
_BAR_BEFORE = re.compile(rf"(?:^|[\[|(]|{BAR}|\]) ?$")
_BAR_BEHIND = re.compile(rf" ?[\[\]{BAR}|(]")
#: What loggers print before a name: the half of the day, the level.
_LEVEL = re.compile(r"^(?:(?:AM|PM|INFO|DEBUG|WARN|WARNING|ERROR|TRACE|root)[ :]+)+")
#: A name is looked for in so many characters before a number.
_REACH = 120


@dataclass(slots=True)
class Slot:
    """A number of a line: its place among the line's numbers, and what its value is multiplied by.

    `within` are the places of numbers that belong to its name, with the texts that they must have ("top1").
    """

    place: int
    scale: float = 1.0
    within: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Shape:
    """The numbers of lines of one shape.

    `metrics` and `counters` are by name, `totals` has the places of the counters' totals; `bar` holds the
    places of done and total of a progress bar or of "[640/60000". `redrawn` is True if the bar is drawn
    as Keras does, with means since the epoch began. `judged` is True if a metric is understood.
    """

    metrics: dict[str, Slot] = field(default_factory=dict)
    counters: dict[str, Slot] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    bar: tuple[int, int] | None = None
    redrawn: bool = False
    judged: bool = False

    @property
    def axis(self) -> tuple[bool, tuple[str, ...]]:
        """What the lines are counted by: whether there is a bar, and the counters."""
        return self.bar is not None, tuple(sorted(self.counters))


@lru_cache(maxsize=4096)
def understood(name: str) -> str | None:
    """Return the role of a metric's name, "" if its quantity is known without one; None if it is not."""
    found = read(name)
    if not found or found[0].confidence < JUDGED:
        return None
    return found[0].role or ""


def parse_shape(template: str, numbers: Sequence[str]) -> Shape:
    """Return what a shape says; `numbers` are those of one of its lines."""
    return _Parser(template, numbers).parse()


class _Parser:
    """One reading of a shape, from left to right."""

    def __init__(self, template: str, numbers: Sequence[str]) -> None:
        self._gaps = template.split(SLOT)
        self._numbers = numbers
        self._shape = Shape()
        #: The split that stands before the names, and that of the last name that tells one.
        self._split = self._named_split = ""
        self._taken = -1
        self._after_epoch = False
        #: Numbers that are part of a word since the last slot: place and text.
        self._within: dict[int, str] = {}

    def parse(self) -> Shape:
        before = ""
        for i in range(len(self._gaps) - 1):
            before = (before + self._gaps[i])[-_REACH:]
            after = self._gaps[i + 1]
            if i <= self._taken:
                before = ""
            elif self._counts(before, i) or self._is_bar(before, i) or self._is_round(before, i):
                self._note_split(before)
                before, self._within = "", {}
            elif _in_word(before, after):
                before += self._numbers[i]
                self._within[i] = self._numbers[i]
            else:
                self._measures(before, i)
                before, self._within = "", {}
        return self._shape

    def _counts(self, before: str, i: int) -> bool:
        """Note a counter such as "Epoch 3/10" or "step: 100"."""
        match = _COUNTER.search(before)
        if match is None or _in_word("", self._gaps[i + 1]) or self._gaps[i + 1][:1] == "%":
            return False
        context = before[: match.start("unit")][-24:]
        if NOT_NOW.search(context) or _COUNTED.search(context):
            return True  # a count of another time or thing: neither counter nor metric
        total = bool(_TOTAL.fullmatch(self._gaps[i + 1])) and i + 2 < len(self._gaps)
        self._taken = i + total
        unit = unit_of_word(match["unit"])
        self._after_epoch = unit == "epoch" and not total
        if not OTHER_WORK.search(_SPLIT.sub("", context)) and unit not in self._shape.counters:
            self._shape.counters[unit] = Slot(i)
            if total:
                self._shape.totals[unit] = i + 1
        return True

    def _is_bar(self, before: str, i: int) -> bool:
        """Note the done and total of a progress bar, or of a place within an epoch."""
        after = self._gaps[i + 1]
        if after not in ("/", " / ") or i + 2 >= len(self._gaps) or _NAMED.search(before):
            return False
        behind = self._gaps[i + 2]
        follows = self._after_epoch and before.strip() in ("", ":", ",", "|", "-")
        after_bar = before.rstrip().endswith(BAR)
        drawn = after_bar or (_BAR_BEFORE.search(before) and _BAR_BEHIND.match(behind))
        if not (follows or drawn):
            return False
        keras = BAR in behind[:3] or after_bar
        self._taken = i + 1
        if self._shape.bar is None:
            self._shape.bar, self._shape.redrawn = (i, i + 1), keras
        return True

    def _is_round(self, before: str, i: int) -> bool:
        """Note the count at the beginning of XGBoost's and LightGBM's lines: "[12]"."""
        if i or before != "[" or not self._gaps[1].startswith("] "):
            return False
        self._shape.counters["round"] = Slot(i)
        return True

    def _note_split(self, text: str) -> None:
        for found in _SPLIT.finditer(text):
            self._split = found[1].lower()

    def _measures(self, before: str, i: int) -> None:
        """Note a metric, if a name stands before the number and nothing shows that it measures nothing."""
        unit = _UNIT.match(self._gaps[i + 1])
        name, sure = self._name(before, bool(unit and unit["unit"] in _SECONDS))
        self._note_split(before[: before.rfind(name)] if name else before)
        role = understood(name) if name else None
        lead = before[: before.rfind(name)] if name else ""
        if not name or _EARLIER.search(lead) or (_NO_METRIC.search(name) and role in _VAGUE):
            return
        place, after = self._value(i)
        key = self._own(name, role)
        part = after in _PARTS and place + 2 < len(self._gaps)
        if key in self._shape.metrics or part or after.lstrip().startswith(":"):
            return
        unit = _UNIT.match(after)
        if after[:1].isalpha() and unit is None:
            return  # a size, a count with its suffix
        if role is None and (
            (not sure and name not in _TIMES) or (unit is not None and unit["unit"] == "%")
        ):
            return
        scale = _SECONDS.get(unit["unit"] or "", 1.0) if unit else 1.0
        within = {p: text for p, text in self._within.items() if text in name}
        self._shape.metrics[key] = Slot(place, scale, within)
        if role and not role.startswith(_BESIDE):
            self._shape.judged = True

    def _value(self, i: int) -> tuple[int, str]:
        """Return the place of a value and what follows: "9823/10000 (98%)" is 98%."""
        gaps = self._gaps
        share = i + 3 < len(gaps) and gaps[i + 1] == "/" and gaps[i + 2] in (" (", "(")
        if share and gaps[i + 3].startswith("%"):
            self._taken = i + 2
            return i + 2, gaps[i + 3]
        return i, gaps[i + 1]

    def _name(self, before: str, timed: bool) -> tuple[str, bool]:
        """Return the name before a number and whether a sign says that it is one; "" if there is none."""
        match = _NAMED.search(before)
        if match is None:
            bare = _BARE.search(before)
            word = _LEVEL.sub("", bare["key"]) if bare else ""
            told = word and (understood(word) or (word in _TIMES and timed))
            return (word, False) if told else ("", False)
        key, start = match["key"], match.start()
        lead = before[:start].rstrip("'\"")
        if not match["quote"] and lead[-1:].isalnum():
            return "", False  # the end of a longer sentence
        joined = ":" in match["sep"] and " " not in match["sep"] and not match["quote"]
        if joined and (lead.endswith(":") or understood(key) is None):
            return "", False  # "module:function:42", "train.py:42", "localhost:8080"
        return _LEVEL.sub("", key).strip(), True

    def _own(self, name: str, role: str | None) -> str:
        """Return a metric's name with the split that the line names before it."""
        plain = " ".join(name.split())
        if split_of_name(plain):
            self._named_split = next(iter(_SPLIT.findall(plain)), "").lower()
            return plain
        of_split = (role or "").startswith(_OF_SPLITS)
        split = self._split or (self._named_split if of_split else "")
        return f"{split}/{plain}" if split else plain


def _in_word(before: str, after: str) -> bool:
    """Return whether a number between two texts is part of a word: "top1", "f1", "Acc@5"."""
    joined = bool(before) and (before[-1].isalpha() or before[-1] in "_@")
    layer = before.endswith(".") and before[-2:-1].isalnum()
    return (
        joined
        or layer
        or (after[:1].isalpha() and _UNIT.match(after) is None and _wordlike(after))
        or (after[:1] == "_")
    )


def _wordlike(after: str) -> bool:
    """Return whether a text that follows a number goes on as a name rather than as a unit."""
    word = re.match(r"[^\W\d]\w*", after)
    return bool(word) and ("_" in word[0] or len(word[0]) > 3)  # type: ignore[index]
