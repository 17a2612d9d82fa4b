"""Damage to the log's outer shell: what is recovered, what is said, and at which byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrun.model import TargetError
from postrun.sources.wandb_local.framing import BLOCK, LogReader
from tests import logs


def read(path: Path) -> tuple[list[bytes], LogReader]:
    reader = LogReader(path)
    return [p for batch in reader for p in batch], reader


PAYLOADS = [bytes([i % 251]) * (50 + 37 * i % 900) for i in range(400)] + [b"long" * 30_000, b"end"]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(logs.frames(PAYLOADS))
    return path


def test_undamaged(whole: Path) -> None:
    payloads, reader = read(whole)
    assert payloads == PAYLOADS
    assert not reader.damage and not reader.truncated


def test_larger_than_one_read(tmp_path: Path) -> None:
    payloads = [bytes([i % 256]) * 5000 for i in range(1000)]  # 5 MB: several reads
    path = tmp_path / "run-b.wandb"
    path.write_bytes(logs.frames(payloads))
    assert read(path)[0] == payloads


@pytest.mark.parametrize("keep", [8, 20, 1000, BLOCK - 3, BLOCK, BLOCK + 5, 100_000, 200_000])
def test_cut(whole: Path, keep: int) -> None:
    whole.write_bytes(whole.read_bytes()[:keep])
    payloads, reader = read(whole)
    assert payloads == PAYLOADS[: len(payloads)]
    if reader.damage:
        assert reader.truncated
        last = reader.damage[-1]
        assert last.offset + last.length == keep and not last.resumed


def test_bad_checksum_loses_one_record(whole: Path) -> None:
    data = bytearray(whole.read_bytes())
    first = 7 + 7 + len(PAYLOADS[0])
    data[first + 7 + 3] ^= 0xFF  # inside the second record
    whole.write_bytes(data)
    payloads, reader = read(whole)
    assert payloads == [PAYLOADS[0], *PAYLOADS[2:]]
    (damage,) = reader.damage
    assert (damage.offset, damage.length) == (first, 7 + len(PAYLOADS[1]))
    assert damage.reason == "bad checksum" and damage.resumed and not reader.truncated


def test_broken_length_loses_one_block(whole: Path) -> None:
    data = bytearray(whole.read_bytes())
    first = 7 + 7 + len(PAYLOADS[0])
    data[first + 4 : first + 6] = b"\xff\xff"
    whole.write_bytes(data)
    payloads, reader = read(whole)
    assert payloads[0] == PAYLOADS[0] and payloads[-1] == b"end"
    assert reader.damage[0].offset == first
    assert reader.damage[0].offset + reader.damage[0].length == BLOCK
    assert all(p in PAYLOADS for p in payloads)


def test_zeroed_tail(whole: Path) -> None:
    data = whole.read_bytes()
    whole.write_bytes(data[:40_000] + bytes(len(data) - 40_000))
    payloads, reader = read(whole)
    assert payloads == PAYLOADS[: len(payloads)] and payloads
    assert reader.truncated
    assert reader.damage[-1].offset + reader.damage[-1].length == len(data)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b":W&", "header"),
        (b"SQLite format 3\0" * 9, "not a W&B run log"),
        (b":W&B\xe1\xbe\x09rest", "unknown format version"),
    ],
)
def test_not_a_log(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.wandb"
    path.write_bytes(content)
    with pytest.raises(TargetError, match=words):
        read(path)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_noticed_and_contained(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever byte is damaged: no wrong payload is returned, and most are."""
    content = bytearray(logs.frames(PAYLOADS))
    at = data.draw(st.integers(7, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("flip") / "run-c.wandb"
    path.write_bytes(content)
    payloads, reader = read(path)
    assert set(payloads) <= set(PAYLOADS)
    assert reader.damage or payloads == PAYLOADS  # a flip in a block's padding harms nothing
    assert len(payloads) >= len(PAYLOADS) // 2
