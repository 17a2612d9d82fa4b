"""Numbers that were logged as text.

`str(loss)`, a formatted "0.5312", or a tensor that was not converted reach W&B as text, and its charts do not
plot text. What counts as a number is stated here once, for one text (`read_number`) and for the texts of a
column (`number_reader`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from postrun.model.lazily import pattern

Number = int | float
Reader = Callable[[str], Number | None]

_NUMBER = r"[+-]?(?:\d(?:\.\d*)?[eE][+-]?\d{1,3}|(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)"
#: A scalar as libraries print it: tensor(0.5, device='cuda:0'), np.float64(0.5), Array(0.5, dtype=float32).
_PRINTED = (
    rf"(?:tf\.Tensor|(?:torch\.)?tensor|[aA]rray|(?:np|numpy|jnp)\.\w+)\((?:({_NUMBER})|\[({_NUMBER})\])"
    r"(?:,\s*\w+=(?:[^(),]|\([^()]*\))*)*\)"
)
_TEXT = pattern(rf"({_NUMBER})|{_PRINTED}|<tf\.Tensor: [^>]*numpy=({_NUMBER})>", re.ASCII)
#: Thousands with commas, if the text cannot mean a decimal comma: 1,234.5 or 1,234,567.
_THOUSANDS = pattern(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})", re.ASCII)
_PERCENT = pattern(rf"({_NUMBER})\s*%", re.ASCII)
_WORDS = {
    sign + word: float(sign + word)
    for sign in ("", "+", "-")
    for word in ("nan", "inf", "infinity")
}
#: A whole number with more digits is an id or a time stamp.
_DIGITS = 15
_ZEROS = pattern(r"[+-]?0\d+", re.ASCII)
_DATE = pattern(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])?(?:[0-5]\d){0,2}",
    re.ASCII,
)
#: Last parts of names whose digits are no measurement.
_NAMES = pattern(
    r"(?:^|[/_.\s-])(?:u?u?id|ids|guid|hash|sha\d*|md5|commit|revision|version|date|timestamp|name|path|file"
    r"|host|hostname|tag|label|answer|prediction|prompt|response|completion|text)$",
    re.IGNORECASE,
)
#: One value in so many may be another text in a column of numbers.
_RARE = 10


def read_number(text: str) -> Number | None:
    """Return the number that a text states, or None.

    Numbers are plain and exponent notation, `nan` and `inf` in any case, thousands such as "1,234.5",
    and scalars as PyTorch, NumPy, JAX and TensorFlow print them. Not numbers are texts with leading zeros
    ("007"), whole numbers of more than 15 digits, "1,234" (it may mean 1.234), percentages, and
    numbers beyond the range of floats.
    """
    text = text.strip()
    found = _TEXT.fullmatch(text)
    if found is None:
        if _THOUSANDS.fullmatch(text):
            return float(text.replace(",", ""))
        return _WORDS.get(text.lower())
    digits = found[found.lastindex or 1]
    if digits.lstrip("+-").isdigit():
        return int(digits) if len(digits.lstrip("+-")) <= _DIGITS else None
    value = float(digits)
    return value if math.isfinite(value) else None


def read_percent(text: str) -> Number | None:
    """Return the number before a percent sign (85.3 for "85.3%"), or None."""
    found = _PERCENT.fullmatch(text.strip())
    return read_number(found[1]) if found else _WORDS.get(text.strip().lower())


def names_text(name: str) -> bool:
    """Return whether a column's name says that its digits are no measurement: an id, a date, an answer."""
    return _NAMES.search(name) is not None


def number_reader(name: str, values: Sequence[Any], among_numbers: bool) -> Reader | None:
    """Return the function that reads a column's texts as numbers, or None if they stay text.

    Args:
        name: The column's name. The digits of an id, a hash, a date, a version or a model's answer are no
            measurement.
        values: All values of the column; only its texts are looked at.
        among_numbers: True if the column holds real numbers, too: then each text that is a number joins
            them. Otherwise 90% of the values must be numbers, at least one of them finite; and
            none of them may have leading zeros, nor may all be dates such as 20240131.
    """
    if names_text(name):
        return None
    if among_numbers:
        return read_number
    known = [v for v in values if v is not None]
    for reader in (read_number, read_percent):
        if _mostly(reader, known):
            return reader
    return None


def _mostly(reader: Reader, values: Sequence[Any]) -> bool:
    missed, finite, dates = 0, False, True
    for value in values:
        number = reader(value) if isinstance(value, str) else None
        if number is None:
            missed += 1
            if missed * _RARE > len(values) or (
                isinstance(value, str) and _ZEROS.fullmatch(value.strip())
            ):
                return False
            continue
        finite = finite or math.isfinite(number)
        dates = dates and _DATE.fullmatch(value.strip()) is not None
    return finite and not dates
