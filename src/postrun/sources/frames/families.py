"""Which keys of a history are kept together in one column.

A run that logs `table_0`, `table_1`, ... has a new key in each row: as columns they would take rows times keys,
nearly all of it empty. Such keys are kept in one column for the family. The rule:

* a *rare* key has at most three values. More than 256 rare keys whose names differ in numbers alone are kept
  together as `table_{n}`;
* if more than 10,000 rare keys are left, or more cells than fit into 256 MB, those beside one another are kept
  together as `parent/{name}` (more than 256 each), and if these are too many still, all as `{name}`;
* if more than 10,000 keys are left, or more cells than fit into 512 MB, families whose keys have values in less
  than a quarter of the rows are kept together as well; with that many keys, short histories, too.

Other keys stay columns of their own, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from postrun.model.families import EVERY, family_of, siblings_of

Ints = NDArray[np.int64]

#: Keys of a family that stay columns of their own.
FAMILY = 256
_RARE = 3
#: Keys, and cells of all of them, beyond which keys of other names are kept together, too.
_KEYS = 10_000
_CELLS = 32_000_000
#: Cells of all keys, beyond which sparse families are kept together.
_ALL_CELLS = 64_000_000
#: A family is sparse if its keys have values in less than this share of the rows.
_SPARSE = 0.25
#: Values of a family that are worth a column for each key, however many keys there are.
_WORTH = 4_000_000


@dataclass(slots=True)
class Families:
    """Families of keys that are kept together.

    Attributes:
        names: The families' names.
        of: For each key, the index of its family, -1 if it stays a column of its own.
    """

    of: Ints
    names: list[str] = field(default_factory=list)

    def _take(self, mask: NDArray[np.bool_], patterns: Sequence[str]) -> None:
        """Keep the keys in `mask` together by their patterns, if more than `FAMILY` share one."""
        at = np.flatnonzero(mask)
        codes, names = _coded([patterns[i] for i in at.tolist()])
        large = np.flatnonzero(np.bincount(codes, minlength=len(names)) > FAMILY)
        numbers = np.full(len(names), -1, np.int64)
        numbers[large] = np.arange(len(large)) + len(self.names)
        self.of[at] = numbers[codes]
        self.names += [names[code] for code in large.tolist()]


def families(keys: Sequence[str], values: Ints, rows: int) -> Families:
    """Return which keys are kept together; `values` is the number of values of each key."""
    out = Families(np.full(len(keys), -1, np.int64))
    if len(keys) <= FAMILY:
        return out
    rare = (values <= _RARE) & (values > 0)
    numbered = [family_of(key) for key in keys]
    differs = np.fromiter(
        (a != b for a, b in zip(keys, numbered, strict=True)), np.bool_, len(keys)
    )
    out._take(rare & differs, numbered)
    for pattern in (siblings_of, _every):
        left = rare & (out.of < 0)
        if _many(int(left.sum()), rows, _CELLS):
            out._take(left, _patterns(keys, left, pattern))
    left = (out.of < 0) & (values > 0)
    count = int(left.sum())
    if _many(count, rows, _ALL_CELLS):
        codes, names = _coded(numbered)
        held = np.bincount(codes[left], values[left], minlength=len(names))
        members = np.bincount(codes[left], minlength=len(names))
        thin = held < _SPARSE * members * rows
        if count > _KEYS:
            thin |= held < _WORTH
        out._take(left & differs & thin[codes], numbered)
    return out


def _many(keys: int, rows: int, cells: int) -> bool:
    return keys > _KEYS or keys * rows > cells


def _every(_: str) -> str:
    return EVERY


def _patterns(
    keys: Sequence[str], mask: NDArray[np.bool_], pattern: Callable[[str], str]
) -> list[str]:
    return [pattern(key) if wanted else "" for key, wanted in zip(keys, mask.tolist(), strict=True)]


def _coded(patterns: Sequence[str]) -> tuple[Ints, list[str]]:
    """Return the index of each text among the different ones, and these."""
    known: dict[str, int] = {}
    codes = np.fromiter(
        (known.setdefault(p, len(known)) for p in patterns), np.int64, len(patterns)
    )
    return codes, list(known)


def sentence(sizes: dict[str, int]) -> str:
    """Return a sentence on families and the number of their keys."""
    keys = sum(sizes.values())
    shown = ", ".join(f"{name} ({size:,} keys)" for name, size in list(sizes.items())[:5])
    more = " ..." if len(sizes) > 5 else ""
    columns = "one column" if len(sizes) == 1 else f"{len(sizes)} columns"
    return f"{keys:,} keys are kept together in {columns}, for most rows hold none of them: {shown}{more}"
