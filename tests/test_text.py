"""Texts and values as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from postrun.model.text import switched_off


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], "0", "None", "no", "OFF"])
def test_words_for_off_in_configs(value: Any) -> None:
    assert switched_off(value)


@pytest.mark.parametrize("value", [True, 1, -1, 0.5, "yes", "no_decay", "linear"])
def test_what_is_on(value: Any) -> None:
    assert not switched_off(value)
