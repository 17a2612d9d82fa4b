"""The last value of each metric, for listing: by the summary's file, else by the end of the log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from postrun.sources.files import finite_numbers, leads_out
from postrun.sources.lenient_json import object_of
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.schema import RECORD

#: Summary records that are looked at, from the end of the log: decoding them takes most of the time.
_RECORDS = 40
#: Bytes of the summary's file beyond which it is not read for a listing.
_LARGEST = 4_000_000


def last_values(summary: dict[str, Any] | None, last: Sequence[bytes]) -> dict[str, float]:
    """Return metrics to their last values, `_step` and `_runtime` among them.

    Args:
        summary: The summary's file; None if there is none.
        last: The last records of its log, in their order.
    """
    return _by_log(last) if summary is None else dict(finite_numbers(summary))


def small_object(folder: Path, name: str) -> dict[str, Any] | None:
    """Return the JSON object in a file of a run, None if there is none, or if it is too large for a listing."""
    for path in (folder / "files" / name, folder / name):
        try:
            if path.stat().st_size > _LARGEST or leads_out(path):
                continue
            if (found := object_of(path.read_bytes())) is not None:
                return found
        except OSError:
            continue
    return None


def _by_log(last: Sequence[bytes]) -> dict[str, float]:
    found: dict[str, float] = {}
    looked = 0
    for payload in reversed(last):
        try:
            number, start, end = wire.record(payload)
            if RECORD.get(number) != "summary":
                continue
            record = wire.decode(payload, "SummaryRecord", start, end)
        except wire.WireError:
            continue
        for item in record.get("update", ()):
            name = item.get("key") or ".".join(item.get("nested_key", ()))
            if name not in found and (value := _number(item.get("value_json", ""))) is not None:
                found[name] = value
        looked += 1
        if looked == _RECORDS:
            break
    return found


def _number(text: str) -> float | None:
    """Return the finite number that a JSON text states, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
