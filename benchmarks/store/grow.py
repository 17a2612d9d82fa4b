"""A larger store of the runs of a smaller one, under other ids: what a laboratory has after years.

python -m benchmarks.store.grow FROM TO RUNS

Rows and files are written as a pull writes them; nothing is diagnosed again.
"""

from __future__ import annotations

import secrets
import sys

import polars as pl

from postrun.store import Store
from postrun.store.maintenance import compact
from postrun.store.schema import folder
from postrun.store.tables import stamped, write_batch


def grow(source: str, target: str, count: int) -> None:
    """Write `count` runs into a store, those of another one over and over."""
    old, new = Store(source), Store(target, write=True)
    tables = old.tables()
    frames = {"runs": tables.runs().collect()}
    frames |= {name: tables.table(name).collect() for name in ("metrics", "findings")}
    size = frames["runs"].height
    for start in range(0, count, size):
        some = frames["runs"].head(count - start)
        renamed = some.with_columns(
            (pl.col("id") + f"-{start}").alias("id"), (pl.col("origin") + f"-{start}").alias("origin"),
        )  # fmt: skip
        entries = pl.Series("new", [secrets.randbits(62) for _ in range(some.height)])
        keys = pl.DataFrame({"entry": some["entry"], "new": entries})
        for stream in ("history", "console"):
            renamed = renamed.with_columns(_copied(old, new, some, renamed, stream))
        batch = {
            name: frame.join(keys, on="entry", maintain_order="left", how="inner")
            .with_columns(pl.col("new").alias("entry"))
            .drop("new")
            for name, frame in {**frames, "runs": renamed}.items()
        }
        for name in ("metrics", "findings"):
            batch[name] = batch[name].with_columns((pl.col("run") + f"-{start}").alias("run"))
        write_batch(new.storage, batch | {"runs": stamped(batch["runs"])})
    compact(new.storage)


def _copied(
    old: Store, new: Store, before: pl.DataFrame, after: pl.DataFrame, stream: str
) -> pl.Series:
    names = []
    for row, name in zip(after.iter_rows(named=True), before[stream], strict=True):
        if not name:
            names.append("")
            continue
        target = (
            f"{folder(stream, row['entity'], row['project'], row['id'])}/{name.rpartition('/')[2]}"
        )
        new.storage.write(target, old.storage.read(name))
        names.append(target)
    return pl.Series(stream, names, dtype=pl.String)


if __name__ == "__main__":
    grow(sys.argv[1], sys.argv[2], int(sys.argv[3]))
