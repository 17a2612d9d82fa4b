"""What the seed's scripts do with an exported run: pandas statistics and two matplotlib figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

folder = Path(sys.argv[1])
history = pd.read_csv(next(folder.glob("*_history.csv")))
summary = json.loads(next(folder.glob("*_summary.json")).read_text())
out = Path("wandb_analysis")
(out / "plots").mkdir(parents=True)

analysis = {}
for column in history.select_dtypes("number").columns:
    values = history[column].dropna()
    if len(values):
        analysis[column] = {
            "initial": float(values.iloc[0]),
            "final": float(values.iloc[-1]),
            "mean": float(values.mean()),
            "std": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            "trend": "decreasing" if values.iloc[-1] < values.iloc[0] else "increasing",
        }
(out / "detailed_analysis.json").write_text(json.dumps(analysis, indent=2))
(out / "summary.json").write_text(json.dumps(summary, indent=2))
history.to_csv(out / "history.csv", index=False)

steps = history["_step"]
figure, axes = plt.subplots(2, 2, figsize=(15, 10))
for axis, name in zip(axes.flat, ("loss", "entropy"), strict=False):
    mean, std = history[f"{name}/mean"], history[f"{name}/std"]
    axis.plot(steps, mean, label=f"Mean {name}", linewidth=2)
    axis.fill_between(steps, mean - std, mean + std, alpha=0.3)
    axis.legend()
axes[1, 0].plot(steps, history["perf/throughput"], linewidth=2)
for name in ("inference_probs", "trainer_probs"):
    axes[1, 1].plot(steps, history[f"{name}/mean"], label=name, linewidth=2)
axes[1, 1].legend()
plt.tight_layout()
plt.savefig(out / "plots" / "training_metrics.png", dpi=150, bbox_inches="tight")
plt.close()

figure, axes = plt.subplots(1, 2, figsize=(15, 5))
axes[0].plot(steps, history["perf/mfu"], linewidth=2)
axes[1].plot(steps, history["perf/peak_memory"], linewidth=2)
plt.tight_layout()
plt.savefig(out / "plots" / "performance_metrics.png", dpi=150, bbox_inches="tight")
plt.close()
