"""Logs of wandb-core before 0.17.6, whose blocks are counted from behind the header."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun.model import State
from postrun.sources import resolve
from postrun.sources.wandb_local.framing import BLOCK, HEADER, LogReader
from tests import logs


def read(path: Path) -> tuple[list[bytes], LogReader]:
    reader = LogReader(path)
    return [payload for batch in reader for payload in batch], reader


def payloads(count: int = 700) -> list[bytes]:
    return [bytes([1 + i % 250]) * (40 + 53 * i % 1300) for i in range(count)]


@pytest.mark.parametrize("origin", [0, len(HEADER)])
def test_either_origin_reads_whole(tmp_path: Path, origin: int) -> None:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(logs.frames(payloads(), origin))
    found, reader = read(path)
    assert found == payloads() and not reader.damage and not reader.truncated


@settings(max_examples=80, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40_000), min_size=1, max_size=12),
    last=st.integers(0, 40),
    origin=st.sampled_from([0, len(HEADER)]),
)
def test_records_that_end_near_the_first_boundary(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], last: int, origin: int
) -> None:
    """Wherever records end, also in the seven bytes in which the two origins differ."""
    want = [b"x" * size for size in sizes]
    used = sum(len(p) + 7 for p in want)
    if used + 7 < BLOCK:  # one that ends close to the boundary, then one more
        want.append(b"y" * max(0, BLOCK - 7 - used - 7 - 20 + last))
        want.append(b"z" * 50)
    path = tmp_path_factory.mktemp("near") / "run-b.wandb"
    path.write_bytes(logs.frames(want, origin))
    found, reader = read(path)
    assert found == want and not reader.damage


def test_damage_is_contained_in_its_block(tmp_path: Path) -> None:
    data = bytearray(logs.frames(payloads(), len(HEADER)))
    broken = BLOCK + len(HEADER)  # the frame at the first boundary, which tells the origin
    data[broken + 4 : broken + 6] = b"\xff\xff"
    path = tmp_path / "run-c.wandb"
    path.write_bytes(data)
    found, reader = read(path)
    assert found[0] == payloads()[0] and found[-1] == payloads()[-1]
    assert all(p in payloads() for p in found)
    damage = next(d for d in reader.damage if "length" in d.reason)
    assert damage.offset == broken and damage.offset + damage.length == 2 * BLOCK + len(HEADER)


def test_cut_inside_a_record(tmp_path: Path) -> None:
    path = tmp_path / "run-d.wandb"
    path.write_bytes(logs.frames(payloads(), len(HEADER))[: 3 * BLOCK + 100])
    found, reader = read(path)
    assert found == payloads()[: len(found)] and reader.truncated


def test_run_and_listing(tmp_path: Path) -> None:
    values = [{"_step": i, "loss": 1 / (i + 1), "note": "x" * 60} for i in range(900)]
    records = [logs.run_record("old1", display_name="old one"), *logs.rows(values)]
    log = tmp_path / "run-20240601_000000-old1" / "run-old1.wandb"
    logs.write(log, [*records, logs.exit_record(0)], origin=len(HEADER))
    assert log.stat().st_size > 3 * BLOCK
    run = postrun.load(log)
    assert run.history.height == 900 and run.state is State.FINISHED and run.completeness.whole
    (ref,) = resolve(log)
    assert (ref.name, ref.state) == ("old one", State.FINISHED)


def test_damaged_header_does_not_cost_the_records(tmp_path: Path) -> None:
    path = tmp_path / "run-e.wandb"
    data = bytearray(logs.frames(payloads()))
    data[:7] = bytes(7)
    path.write_bytes(data)
    found, reader = read(path)
    assert found == payloads()
    (damage,) = reader.damage
    assert (damage.offset, damage.length, damage.resumed) == (0, 7, True)
    assert "header" in damage.reason and not reader.truncated
