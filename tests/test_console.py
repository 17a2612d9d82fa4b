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


def test_a_flood_of_empty_lines_is_left_out_counted_and_said() -> None:
    console = Console()
    console.write("stdout", "begin\n" + "\n" * 50_000 + "end\n", None)
    shown = console.frame()["line"].to_list()
    assert shown[0] == "begin" and shown[-1] == "end"
    assert len(shown) == 102
    assert console.notes == [
        "the console log holds 49,900 empty lines beyond 100 in a row: these were left out"
    ]


def test_empty_lines_one_by_one_are_one_flood() -> None:
    console = Console()
    for _ in range(1_000):
        console.write("stdout", "\n", None)
    console.write("stdout", "end", None)
    assert len(console.frame()) == 101
    assert "900 empty lines" in console.notes[0]


def test_the_cursor_stops_at_the_edge_of_the_screen() -> None:
    assert sum(map(len, lines("\x1b[99999C.\n" * 1_000))) <= 501_000
    assert lines("x" * 700 + "\r\x1b[650Cy\n") == ["x" * 650 + "y" + "x" * 49]
    assert lines("\x1b[" + "9" * 10_000 + "C.\n") == [" " * 500 + "."]


def test_a_bar_painted_without_end_keeps_what_shows() -> None:
    console = Console()
    for step in range(5_000):
        console.write("stdout", f"\r\x1b[32m{step:5}\x1b[0m of 5000", None)
    frame = console.frame()
    assert frame["styled"].to_list() == ["\x1b[32m 4999\x1b[0m of 5000"]
    assert len(console._terminals["stdout"].colours[0]) <= 256
