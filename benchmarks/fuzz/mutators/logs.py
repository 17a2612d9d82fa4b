"""Mutants of a `.wandb` log: payloads with right checksums, whole records, bytes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from struct import pack

from benchmarks.fuzz import seeds, values
from benchmarks.fuzz.case import Case, Mutator
from benchmarks.fuzz.framing import FRAME, framed
from benchmarks.fuzz.wire import BYTES, FIXED64, VARINT, Node, Place, encode, parsed, places, varint

Change = Callable[[Random, Place], None]


def _payloads(change: Change, wanted: Callable[[Node], bool]) -> Callable[[Random], Case]:
    """Return what makes mutants of one field of one record, of those that are wanted."""

    def make(random: Random) -> Case:
        payloads = list(seeds.records())
        while True:
            number = random.randrange(len(payloads))
            tree = parsed(payloads[number])
            found = [place for place in places(tree) if wanted(place.node)]
            if found:
                break
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            change(random, random.choice(found))
        payloads[number] = encode(tree)
        return _log(payloads, seeds.ALL - _rows(number))

    return make


def _rows(number: int) -> frozenset[float]:
    """Return the loss that a payload holds, if any."""
    row = seeds.row_of().get(number)
    return frozenset() if row is None else frozenset({seeds.loss(row)})


def _log(payloads: list[bytes], intact: frozenset[float]) -> Case:
    return Case({seeds.LOG: framed(payloads)[0]}, seeds.RUN, intact)


def _wire(random: Random, place: Place) -> None:
    """Break a field of the wire format."""
    node, among = place.node, place.among
    at = among.index(node) if node in among else 0
    kind = random.randrange(8)
    if kind == 0:
        node.kind = random.choice([k for k in range(8) if k != node.kind])
    elif kind == 1:
        size = len(node.encoded())
        node.length = random.choice((0, size + 1, size // 2, 1 << 14, 1 << 31, 1 << 62, 1 << 63))
    elif kind == 2:
        whole = node.encoded()
        node.raw = whole[: random.randrange(len(whole) + 1)]
    elif kind == 3:
        among[at : at + 1] = []
    elif kind == 4:
        among[at:at] = [node] * random.choice((1, 2, 50))
    elif kind == 5:
        random.shuffle(among)
    elif kind == 6:
        node.raw = random.randbytes(random.randrange(12))
    else:
        number = random.choice((0, 1, 2, 3, 15, 16, 19, 200, 5000, (1 << 29) - 1))
        value = random.randbytes(random.randrange(10))
        among.insert(at, Node(number, random.choice((VARINT, BYTES, 3, 4, 6, 7)), "", value))


def _number(random: Random, place: Place) -> None:
    """Put a number at the edge of its type, or none, in the place of one."""
    node = place.node
    if node.kind == FIXED64:
        node.value = pack("<d", random.choice(values.DOUBLES))
    elif random.random() < 0.1:
        node.value = b"\xff" * random.choice((9, 10, 11, 40)) + b"\x01"
    else:
        node.value = varint(random.choice(values.NUMBERS))


def _json(random: Random, place: Place) -> None:
    place.node.value = values.json_text(random).encode("utf-8", "surrogatepass")


def _key(random: Random, place: Place) -> None:
    """Give an item an odd name, or one of many parts."""
    node, among = place.node, place.among
    if random.random() < 0.8:
        node.value = random.choice((random.choice(values.NAMES).encode(), *values.TEXTS[:6]))
        return
    parts = random.choice((1, 2, 50, 99, 101, 500, 2000))
    part = random.choice((b"a", b"", b"_type", b"*", b"loss"))
    at = among.index(node) if node in among else 0
    among[at : at + 1] = [Node(2, BYTES, "nested_key", part) for _ in range(parts)]


def _text(random: Random, place: Place) -> None:
    place.node.value = random.choice((*values.TEXTS, random.randbytes(random.randrange(60))))


def _records(random: Random) -> Case:
    """Drop, repeat, move, cut, empty and invent whole records."""
    payloads = list(seeds.records())
    intact = seeds.ALL
    for _ in range(random.choice((1, 1, 3))):
        number = random.randrange(len(seeds.records()))
        intact -= _rows(number)
        payload = seeds.records()[number]
        at = payloads.index(payload) if payload in payloads else 0
        kind = random.randrange(7)
        if kind == 0:
            payloads[at : at + 1] = []
        elif kind == 1:
            payloads[at:at] = [payload] * random.choice((1, 5, 40))
        elif kind == 2:
            payloads.insert(random.randrange(len(payloads)), payloads.pop(at))
        elif kind == 3:
            payloads[at] = payload[: random.randrange(len(payload))]
        elif kind == 4:
            payloads[at] = b""
        elif kind == 5:
            payloads[at] = random.randbytes(random.choice((1, 2, 7, 60, 40_000)))
        else:
            payloads[at] = payload + random.randbytes(random.randrange(1, 20))
    return _log(payloads, intact)


def _bytes(random: Random) -> Case:
    """Damage bytes: in the data of one record, where the checksum tells, or anywhere."""
    data, starts = framed(seeds.records())
    number = random.randrange(len(starts))
    start = starts[number]
    stop = starts[number + 1] if number + 1 < len(starts) else len(data)
    before = frozenset(loss for n in range(number) for loss in _rows(n))
    kind = random.randrange(5)
    out = bytearray(data)
    intact = before
    if kind == 0:
        out[random.randrange(start + FRAME, stop)] ^= 1 << random.randrange(8)
        intact = seeds.ALL - _rows(number)
    elif kind == 1:
        out[start + random.randrange(FRAME)] = random.randrange(256)
    elif kind == 2:
        del out[random.randrange(start, stop) :]
    elif kind == 3:
        size = random.choice((1, 7, 200, 5000))
        out[start : start + size] = bytes(min(size, len(out) - start))
    else:
        out[start:start] = random.randbytes(random.choice((1, 7, 300)))
    return Case({seeds.LOG: bytes(out)}, seeds.RUN, intact, refusable=number == 0)


MUTATORS = (
    Mutator("log: wire format", _payloads(_wire, lambda node: True)),
    Mutator("log: numbers", _payloads(_number, lambda n: n.fields is None and n.kind != BYTES)),
    Mutator("log: JSON of items", _payloads(_json, lambda node: node.name == "value_json")),
    Mutator("log: names", _payloads(_key, lambda node: node.name in ("key", "nested_key"))),
    Mutator("log: texts", _payloads(_text, lambda n: n.fields is None and n.kind == BYTES)),
    Mutator("log: whole records", _records),
    Mutator("log: bytes", _bytes),
)
