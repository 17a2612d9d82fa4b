"""Odd values: what JSON, names, texts and numbers may be although nobody means them."""

from __future__ import annotations

import json
from random import Random

#: Names that some library reads as a pattern, a path, or nothing at all.
NAMES = (
    "", " ", "*", "^loss$", "^.*$", "^[$", "(?i)loss", ".", "..", "a..b", "loss.", ".loss", "/", "\\",
    "\0",
    "loss:text", "loss:media", "loss._type", "_step", "_timestamp", "_runtime", "_wandb", "_type", "row",
    "__index_level_0__", "=1+1", "-", "\n", "\t", "\u202e", "😀", "e\u0301", "literal", "index",
    "count", "len",
    "x" * 5000, "'", '"', "`", "<b>", "{}", "%s", "{0}", "loss|2", "loss (writer 2)", "run", "step",
    "time",
    "null", "None", "True", "0", "1e5", "NaN",
)  # fmt: skip
#: JSON texts that are no plain numbers or short texts.
JSONS = (
    "", " ", "null", "true", "false", "NaN", "Infinity", "-Infinity", "-0", "1e400", "-1e400",
    "1e-400", "1" * 400,
    "-" + "9" * 5000, "0." + "1" * 5000, "9223372036854775807", "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616", "9007199254740993", '"NaN"', '"Infinity"', '"nan"', '"1.5"', '"85%"', '""',
    '"\\u0000"',
    '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\x7f"', '"tensor(0.5)"', "[",
    "]", "{", "}",
    '"', "'a'", "[1,2", '{"a":', '{"a":1,"a":2}', "[]", "{}", "[[]]", '[null,"a",1.5,true]', "01",
    "+1", ".5", "1.",
    "0x10", "1_000", "1,5", "nan", "None", "undefined", "\ufeff1", "1 2", "1]", "1],[2", "// x",
    "{'a': 1}",
    '{"_type":"histogram","values":[1],"bins":[0,1]}', '{"_type":null}', '{"_type":{"a":1}}',
    '{"_type":"table-file"}',
    '{"":1}', '{"*":1}', '{"^a$":1}', '{".":1}', '{"a":{"_type":"image-file","path":1}}',
    '{"a":{"b":{"_type":"x"}}}',
    '{"\\ud800":1}', '{"a.b":1,"a":{"b":2}}', "-1", "1e300", "-1e300", "1e18", "253402300800", "1.5",
    '"2023-11-14T22:13:20"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+14:00"',
)  # fmt: skip
#: Whole numbers at the edges of their types.
NUMBERS = (
    0, 1, 2, 127, 128, 255, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 53, (1 << 62) + 1, (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1, (1 << 64) - 1_000_000_000_000, 253_402_300_800, 9_999_999_999_999,
)  # fmt: skip
DOUBLES = (0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, 1e18)
TEXTS = (
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xf0\x9f", b"a" * 70_000, b"\n" * 300, b"\r\r\n\b\b",
    b"\x1b[" + b"7" * 5000 + b"A", b"\x1b[999999999C.", b"\x1b[1;2;3;4m", b"\x1b]8;;x", b"\x1b",
    b"\x1b[?25l",
    b"\x1b[;;;;H\x1b[2J\x1b[K", b"=cmd()", b"<script>", b"{{7*7}}", b"%n%n", "𝔘é\u202e".encode(),
)  # fmt: skip


def nested(random: Random) -> str:
    """Return JSON that nests deep: dictionaries, lists or both, with or without an end."""
    depth = random.choice(
        (20, 99, 100, 101, 102, 150, 480, 500, 900, 985, 1000, 1023, 1024, 1100, 3000, 20_000)
    )
    opened, closed = random.choice(
        (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ('{"":[0,', "]}"))
    )
    inner = random.choice(("", "1", '"x"', "NaN", '"\\ud800"', '{"_type":"x"}'))
    if inner == "" and opened.endswith((":", ",")):
        inner = "1"
    return opened * depth + inner + (closed * depth if random.random() < 0.85 else "")


def json_text(random: Random) -> str:
    """Return an odd JSON text, or a text that is none."""
    kind = random.random()
    if kind < 0.6:
        return random.choice(JSONS)
    if kind < 0.75:
        return nested(random)
    if kind < 0.9:
        return json.dumps(tree(random, 4))
    text = json.dumps(tree(random, 3))
    return text[: random.randrange(len(text) + 1)]


def tree(random: Random, levels: int) -> object:
    """Return a random value of JSON's types."""
    kind = random.random()
    if levels and kind < 0.3:
        return {random.choice(NAMES): tree(random, levels - 1) for _ in range(random.randrange(4))}
    if levels and kind < 0.5:
        return [tree(random, levels - 1) for _ in range(random.randrange(4))]
    plain: tuple[object, ...] = (
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e300,
        -(1 << 63),
        1 << 70,
        "",
        "a",
        "NaN",
        "\ud800",
    )
    return random.choice(plain)
