"""How to lay out many histories: wide or long, a file per run or bundles. Sizes and reading times.

python -m benchmarks.store.layout STORE [RUNS]

The histories are those of a store that `postrun pull --store` made, the first RUNS (2,000) of them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.store.measure import tried
from postrun.store import Store

METRIC, RUN = "eval/loss", "run00777"
TIMES = ["_step", "_runtime", "_timestamp"]


def main(root: str, count: int) -> None:
    store = Store(root)
    paths = store.tables().runs().select("history").collect()["history"].to_list()[:count]
    work = Path(tempfile.mkdtemp(prefix="layout-", dir=Path(root).parent))
    made: dict[str, tuple[Path, float]] = {}
    try:
        frames = [
            pl.read_parquet(store.storage.full(path)).with_columns(
                pl.lit(f"run{n:05d}").alias("run")
            )
            for n, path in enumerate(paths)
        ]
        for name, size in (
            ("wide, a file per run", 1),
            *((f"wide, bundles of {b}", b) for b in (32, 64, 128)),
        ):
            made[name] = _write(work / name, frames, size, long=False)
        for name, size in (("long, a file per run", 1), ("long, bundles of 64 by metric", 64)):
            made[name] = _write(work / name, frames, size, long=True)
        del frames
        print(f"{len(paths):,} runs, {METRIC!r}\n")
        print("| layout | MB | written, s | one metric of all, s | one run's all metrics, ms |")
        print("|---|---:|---:|---:|---:|")
        for name, (folder, seconds) in made.items():
            files = sorted(folder.iterdir())
            megabytes = sum(f.stat().st_size for f in files) / 1e6
            wide = name.startswith("wide")
            column = tried(lambda f=files, w=wide: _metric(f, w), 3)[0]  # type: ignore[misc]
            run = tried(lambda f=files, w=wide: _run(f, w))[0]  # type: ignore[misc]
            print(f"| {name} | {megabytes:,.0f} | {seconds:.1f} | {column:.2f} | {1e3 * run:.1f} |")
    finally:
        shutil.rmtree(work)


def _write(folder: Path, frames: list[pl.DataFrame], size: int, long: bool) -> tuple[Path, float]:
    folder.mkdir()
    begin = time.perf_counter()
    for start in range(0, len(frames), size):
        frame = pl.concat(frames[start : start + size], how="diagonal")
        group = 1000
        if long:
            frame = frame.unpivot(index=["run", *TIMES], variable_name="metric").drop_nulls("value")
            frame = frame.sort("metric", "run", "_step", maintain_order=True)
            group = 1000 * size
        frame.write_parquet(
            folder / f"{start:05d}.parquet", compression="zstd", row_group_size=group
        )
    return folder, time.perf_counter() - begin


def _metric(files: list[Path], wide: bool) -> None:
    if wide:
        schema = {"run": pl.String, "_step": pl.Int64, "_runtime": pl.Float64, METRIC: pl.Float64}
        lazy = pl.scan_parquet(
            files, schema=schema, missing_columns="insert", extra_columns="ignore"
        )
    else:
        lazy = pl.scan_parquet(files).filter(pl.col("metric") == METRIC)
    assert lazy.collect().height


def _run(files: list[Path], wide: bool) -> None:
    """Whoever keeps runs in bundles keeps a table of where they are: the file is known."""
    number = int(RUN.removeprefix("run"))
    at = max((f for f in files if int(f.stem) <= number), key=lambda f: f.stem)
    found = pl.scan_parquet(at).filter(pl.col("run") == RUN).collect()
    assert found["run"].n_unique() == 1
    if not wide:
        assert found.pivot(on="metric", index="_step", values="value").height


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
