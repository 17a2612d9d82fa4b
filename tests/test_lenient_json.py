"""JSON as training programs write it: whatever the text, what comes back can be shown and written again."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrun.sources.lenient_json import DEPTH, is_deep, loads, mended, shallow
from postrun.sources.oddities import Odd, Oddities

#: JSON values with whatever text Python can hold, lone surrogates among it.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, categories=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def levels(value: Any) -> int:
    """Return how deep a value nests, without recursion."""
    depth, level = 0, [value]
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        level = [c for v in level for c in (v.values() if isinstance(v, dict) else v)]
    return depth


@settings(deadline=None)
@given(VALUES)
def test_what_python_writes_is_read_back_but_for_halves_of_characters(value: Any) -> None:
    odd = Oddities()
    found = loads(json.dumps(value), odd)
    json.dumps(found, ensure_ascii=False).encode()  # no surrogate is left
    if not odd:
        assert json.dumps(found) == json.dumps(value)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    try:
        found = loads(data, Oddities())
    except ValueError:
        return
    json.dumps(found, ensure_ascii=False).encode()


@settings(deadline=None)
@given(
    st.sampled_from([("[", "]"), ('{"a":', "}"), ('[0,{"]}":', "}]"), ('{"\\"":[', "]}")]),
    st.integers(0, 3000),
    st.sampled_from(["1", '"x"', "NaN", '"\\\\"', "[]"]),
)
def test_nesting_ends_at_the_stated_depth_and_nothing_of_it_is_lost(
    brackets: tuple[str, str], depth: int, inner: str
) -> None:
    odd = Oddities()
    text = brackets[0] * depth + inner + brackets[1] * depth
    found = loads(text, odd)
    deep = levels(found)
    assert deep <= DEPTH
    assert bool(odd[Odd.DEEP]) == (deep == DEPTH and text.count("[") + text.count("{") > DEPTH)
    assert not is_deep(found)
    assert shallow(found, odd) == found or "NaN" in text
    if odd[Odd.DEEP]:
        while isinstance(found, dict | list):
            found = (list(found.values()) if isinstance(found, dict) else found)[-1]
        assert found in text  # what lies deeper is kept as it was written


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5000, "[" * 150 + "1" + "]" * 149, ""])
def test_brackets_that_nothing_closes_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text, Oddities())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1" * 300, int("1" * 300)),
        ("1" * 400, math.inf),
        ("-" + "9" * 5000, -math.inf),
        ("18446744073709551616", 1 << 64),
        ("-Infinity", -math.inf),
    ],
)
def test_numbers_of_any_length_fit_a_double(text: str, value: float) -> None:
    found = loads(text, Oddities())
    assert found == value
    float(found)


def test_halves_of_characters_are_counted_in_keys_and_values() -> None:
    odd = Oddities()
    assert loads('{"\\ud800": ["\\ud83d\\ude00", "a\\udfff"]}', odd) == {
        "\ufffd": ["😀", "a\ufffd"]
    }
    assert odd[Odd.UNICODE] == 2
    assert loads(b'"\xed\xa0\x80"', odd) == "\ufffd" * 3
    assert odd[Odd.UNICODE] == 3
    assert odd.sentences() == [f"3 {Odd.UNICODE.value[1]}"]
    assert mended("plain", odd) == "plain"


@settings(deadline=None)
@given(VALUES, st.integers(0, 4))
def test_a_value_is_cut_at_any_level(value: Any, most: int) -> None:
    odd = Oddities()
    found = shallow(value, odd, most)
    assert levels(found) <= most
    assert bool(odd) == (levels(value) > most)
