"""Reading a report page back, as its script does."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def page_data(html: str) -> tuple[dict[str, Any], bytes]:
    """A page's JSON, and the block of its numbers."""
    text = re.search(r'id="page-data">(.*?)</script>', html, re.S)
    block = re.search(r'id="page-numbers">(.*?)</script>', html, re.S)
    assert text and block
    return json.loads(text[1]), zlib.decompress(base64.b64decode(block[1]))


def numbers(block: bytes, ref: dict[str, Any]) -> Floats:
    """The array that a reference means."""
    width = {"f8": 8, "f4": 4, "i4": 4}[ref["t"]]
    raw = np.frombuffer(block, np.uint8, ref["n"] * width, ref["o"])
    values = (
        raw.reshape(width, ref["n"])
        .T.copy()
        .view({"f8": "<f8", "f4": "<f4", "i4": "<i4"}[ref["t"]])
    )
    flat = values.reshape(-1).astype(np.float64)
    if ref["t"] == "i4":
        return np.asarray((ref["base"] + np.concatenate([[0.0], flat.cumsum()])) * ref["unit"])
    return flat
