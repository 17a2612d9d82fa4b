"""config.yaml without trust: read as far as it goes, quickly, whatever its tags and aliases ask for."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from postrun.sources.files import read_yaml_config
from postrun.sources.lenient_json import DEPTH
from postrun.sources.lenient_yaml import YamlError, loads
from postrun.sources.oddities import Odd, Oddities
from tests.test_lenient_json import levels

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_what_the_sdk_writes_is_read_as_yaml_reads_it(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    odd = Oddities()
    assert loads(text, odd) == yaml.safe_load(text)
    assert not odd


def test_shared_values_are_read_at_each_of_their_places() -> None:
    shared = [1, {"a": 2}]
    text = yaml.safe_dump({"one": shared, "two": {"again": shared}})
    assert "&id001" in text
    assert loads(text, Oddities()) == {"one": shared, "two": {"again": shared}}


@settings(deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`? \n\t0."), max_size=80))
def test_any_text_is_a_value_or_an_error_that_keeps_what_was_before(text: str) -> None:
    try:
        found = loads(text, Oddities())
    except YamlError as error:
        found = error.value
    json.dumps(found, default=str)


@pytest.mark.parametrize(
    "text",
    [
        "!!bool maybe",
        "!!int ''",
        "!!int abc",
        "!!float x",
        "1" * 5000,
        "0x" + "f" * 5000,
        "__",
        "-0b",
    ],
)
def test_a_value_that_its_tag_does_not_fit_stays_text(text: str) -> None:
    odd = Oddities()
    found = loads(f"lr: 0.1\nodd: {text}\n", odd)
    assert found["lr"] == 0.1
    assert isinstance(found["odd"], str) and found["odd"] in text
    assert odd[Odd.TYPE] in (0, 1)


@pytest.mark.parametrize(
    "text", ["2020-01-01", "!!timestamp 2020-99-99", "!!python/object:os.system x"]
)
def test_dates_and_foreign_tags_stay_text(text: str) -> None:
    assert loads(f"odd: {text}", Oddities()) == {"odd": text.split(" ")[-1]}


@pytest.mark.parametrize("form", ["[{}]", "{{k: [{}]}}"])
def test_a_bomb_of_aliases_is_refused_quickly_and_what_was_before_is_kept(
    form: str, tmp_path: Path
) -> None:
    lines = ["lr: {value: 0.1}", "a0: &a0 [x, x]"]
    lines += [f"a{i + 1}: &a{i + 1} {form.format(', '.join([f'*a{i}'] * 9))}" for i in range(30)]
    path = tmp_path / "config.yaml"
    path.write_text("\n".join(lines))
    notes: list[str] = []
    started = time.process_time()
    config, _ = read_yaml_config(path, notes)
    assert time.process_time() - started < 1
    assert config["lr"] == 0.1
    assert len(json.dumps(config)) < 1_000_000
    assert "aliases stand for more than 10,000 values" in notes[0]


def test_a_value_within_itself_stays_an_alias() -> None:
    odd = Oddities()
    assert loads("a: &a {b: *a, c: 1}", odd) == {"a": {"b": "*a", "c": 1}}
    assert odd[Odd.ALIAS] == 1


@pytest.mark.parametrize("depth", [99, 101, 500, 5000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")])
def test_nesting_ends_at_the_stated_depth(depth: int, opened: str, closed: str) -> None:
    odd = Oddities()
    try:
        found = loads(opened * depth + "1" + closed * depth, odd)
    except YamlError as error:  # deeper than the parser itself goes
        assert "nesting" in str(error)
        found = error.value
    assert levels(found) <= DEPTH
    assert levels(found) == depth or depth > DEPTH or opened == "? "


def test_a_file_that_breaks_off_keeps_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lr: {value: 0.1}\nlayers: {value: 2}\nbad: [1, 2\n")
    notes: list[str] = []
    config, _ = read_yaml_config(path, notes)
    assert config == {"lr": 0.1, "layers": 2, "bad": [1, 2]}
    assert "config.yaml is not readable" in notes[0] and "line" in notes[0]


def test_collections_as_keys_are_their_own_text() -> None:
    assert loads("? [a, b]\n: 1\n? {c: d}\n: 2\n", Oddities()) == {"[a, b]": 1, "{c: d}": 2}
    started = time.process_time()
    with contextlib.suppress(YamlError):  # PyYAML refuses it from 6.0.4 on, and reads it before
        loads("? " * 5000 + "1", Oddities())
    loads("? " * 300 + "1", Oddities())
    assert time.process_time() - started < 2


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "only words"])
def test_a_file_without_settings_says_so(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    notes: list[str] = []
    assert read_yaml_config(path, notes) == ({}, {})
    assert "holds no settings" in notes[0]
