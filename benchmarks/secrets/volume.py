"""Runs that are large: a config of many keys, a console of many lines, as trainings write them."""

from __future__ import annotations

import random

import polars as pl

from postrun.model import Identity, Run
from postrun.model.run import empty_console

_NAMES = (
    "hidden_size", "lr", "name", "path", "sort_key", "eos_token", "num_heads", "dropout", "max_tokens",
    "optimizer",
)  # fmt: skip
_VALUES = (
    0.1, 128, "adamw", "meta-llama/Llama-3.1-8B", "/data/train/part-0001.parquet", "cosine_with_warmup",
    True, "a" * 40, None,
)  # fmt: skip


def wide_config(keys: int) -> Run:
    """Return a run whose config has about so many keys."""
    generator = random.Random(1)
    config = {
        f"model.layer{i}.{generator.choice(_NAMES)}": generator.choice(_VALUES) for i in range(keys)
    }
    return Run(Identity("wide"), config=config)


def long_console(size: int) -> Run:
    """Return a run whose console has about so many bytes."""
    generator = random.Random(1)
    lines: list[str] = []
    while size > 0:
        lines.append(_line(len(lines), generator))
        size -= len(lines[-1]) + 1
    frame = pl.DataFrame({"line": lines, "stream": "stdout"})
    return Run(Identity("long"), console=pl.concat([empty_console(), frame], how="diagonal"))


def _line(i: int, generator: random.Random) -> str:
    speed = 1e4 * generator.random()
    return generator.choice(
        (
            f"step {i} loss {generator.random():.4f} lr 1e-4 tokens/s {speed:.1f}",
            f"INFO:train: epoch {i // 100} tokens_per_second: {speed:.1f} grad_norm=0.1234 mem=12.3GB",
            f"  (layers.{i}.self_attn.k_proj): Linear(in_features=4096, out_features=4096, bias=False)",
            f"Some keys missing: model.layers.{i}.self_attn.k_proj.weight",
            f"[rank0] 2026-01-01 10:00:{i % 60:02d} saved checkpoint to /data/runs/exp-{i}/ckpt.pt",
            f"Downloading shards: 100%|##########| {i}/3000 [00:12<00:00, 12.3it/s]",
        )
    )
