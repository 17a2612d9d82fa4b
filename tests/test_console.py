from __future__ import annotations

import pytest

from postrun.sources.wandb_local.console import Console


def lines(*writes: str) -> list[str]:
    console = Console()
    for text in writes:
        console.write("stdout", text, 1.0)
    return console.frame()["line"].to_list()


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["no newline"], ["no newline"]),
        (["10%\r50%\r100%\n"], ["100%"]),
        (["long text\rhi\n"], ["hing text"]),
        (["\x1b[31mred\x1b[0m plain\n"], ["red plain"]),
        (["a\nb\n\x1b[2A\x1b[Knew\n"], ["new", "b"]),  # two bars, the upper one rewritten
        (["one\x1b[2K\rtwo\n"], ["two"]),
        (["ab\b\bX\n"], ["Xb"]),
        (["\x1b]0;title\x07text\n"], ["text"]),
        (["spl", "it\n"], ["split"]),
        (["a\n\n\n"], ["a"]),
        (["\x1b[5Cx\n"], ["     x"]),
        (["\x1b[99999999C.\r\n"], None),
    ],
)
def test_screen(writes: list[str], expected: list[str] | None) -> None:
    shown = lines(*writes)
    if expected is None:
        assert sum(map(len, shown)) <= 100_001  # a hostile cursor movement costs no memory
    else:
        assert shown == expected


def test_streams_keep_their_order_and_time() -> None:
    console = Console()
    console.write("stdout", "first\n", 1.0)
    console.write("stderr", "bar 1", 2.0)
    console.write("stdout", "second\n", 3.0)
    console.write("stderr", "\rbar 2\n", 4.0)
    frame = console.frame()
    assert frame["line"].to_list() == ["first", "second", "bar 2"]
    assert frame["stream"].to_list() == ["stdout", "stdout", "stderr"]
    assert frame["timestamp"].to_list() == [1.0, 3.0, 4.0]


def styled(*writes: str) -> list[str | None]:
    console = Console()
    for text in writes:
        console.write("stdout", text, 1.0)
    return console.frame()["styled"].to_list()


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        (["plain\n"], [None]),
        (["\x1b[31mred\x1b[0m plain\n"], ["\x1b[31mred\x1b[0m plain"]),
        (["\x1b[1m\x1b[32mb\x1b[mx\n"], ["\x1b[1;32mb\x1b[0mx"]),
        (["\x1b[31mred", " on\nnext\x1b[0m\n"], ["\x1b[31mred on\x1b[0m", "\x1b[31mnext\x1b[0m"]),
        (
            ["\x1b[31mred\x1b[0m\rB\n"],
            ["B\x1b[31med\x1b[0m"],
        ),  # written over: the colour is gone there
        (["\x1b[31mred\r\x1b[K\x1b[0mok\n"], [None]),  # cleared
        (["\x1b[38;5;9mx\x1b[0m\n"], ["\x1b[38;5;9mx\x1b[0m"]),
    ],
)
def test_colours_are_kept_beside_the_text(writes: list[str], expected: list[str | None]) -> None:
    assert styled(*writes) == expected
