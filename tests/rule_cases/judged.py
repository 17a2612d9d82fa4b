"""Pairs of cases near the line between what is worth telling and what misleads: one of each kind for a rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from postrun.model import Damage, Run, Severity, State
from tests.curves import decay, make_run, noise

W, I, G, C = Severity.WARNING, Severity.INFO, Severity.GOOD, Severity.CRITICAL  # noqa: E741
N = 400
X = np.arange(N)
COIN = np.log(2) + noise(N, 0.05)
TORN = {"damage": [Damage("run.wandb", 9_000, 11, "the file ends inside a record", False)]}
CUT = {"truncated": True, "reported_last_step": 9_999}


def evaluated(values: Any, **others: Any) -> Run:
    """A run of 400 rows that logs these values at every twentieth."""
    held_out: list[float | None] = [None] * N
    held_out[19::20] = [float(v) for v in values]
    return make_run({"train_loss": decay(N), **others, "val_acc": held_out})


def overfitted(accuracy: Any) -> Run:
    """An evaluation loss that ends above its first value, beside an accuracy."""
    k = np.arange(20)
    loss: list[float | None] = [None] * N
    loss[19::20] = [float(v) for v in 0.5 - 0.05 * k + 0.006 * k**2 + noise(20, 0.002)]
    return evaluated(accuracy, val_loss=loss, train_loss=decay(N, 2.0, 0.05, 0.005))


def fits(spikes: tuple[int, ...], rate: Any) -> Run:
    """A loss with spikes beside a learning rate."""
    loss = decay(N, 3.0, 1.0, 0.01)
    loss[list(spikes)] += 6.0
    return make_run({"train_loss": loss, "lr-Adam": rate})


def timed(slow: Any) -> Run:
    """Step times of which some are ten times as long."""
    seconds = 1.0 + noise(N, 0.01)
    seconds[slow] = 10.0
    return make_run({"loss": decay(N), "step_time": seconds})


def rare(successes: bool) -> Any:
    """Return rewards of which ever more are successes, or none is; the others get a little lower."""
    reward = -99 - 9 * np.clip((X - 200) / 20, 0, 1) + noise(N, 1)
    if successes:
        reward[250::6] = 60.0
    return reward


K = np.arange(20)
LATE = 0.001 * 0.1 ** (np.clip(X - 40, 0, None) / 40)
SETTLED = np.where(K < 2, 0.80 + 0.02 * K, 0.84)
SAW = 0.001 * (1 - 0.1 * (X % 100) / 100)
SETTLES = 0.45 + 0.25 * np.exp(-X / 8) + noise(N, 0.02)
# fmt: off
# ruff: noqa: E501 - one case per line
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("OPT006", I, make_run({"train_loss": COIN}, completeness=CUT), None),
    ("OPT006", I, make_run({"train_loss": COIN}, summary={"train_loss_epoch": 0.31}, completeness=CUT), None),
    ("OPT006", W, make_run({"loss": decay(40), "accuracy": [0.2] + [0.1003] * 39}), (1, 1)),
    ("GEN005", I, evaluated(0.70 + 0.02 * np.minimum(K / 8, 1) + noise(20, 0.01)), None),
    ("RL007", W, make_run({"reward": rare(successes=False)}), None),
    ("RL007", C, make_run({"reward": 0.8 - 0.6 * np.clip((X - 200) / 20, 0, 1) + noise(N, 0.01)}), None),
    ("GEN001", C, overfitted(0.80 - 0.01 * K + noise(20, 0.001)), None),
    ("GEN001", W, overfitted(0.60 + 0.01 * K + noise(20, 0.001)), None),
    ("OPT001", I, make_run({"loss": decay(N), "step_avg": np.where((X > 100) & (X < 120), np.nan, 1.0)}), (101, 101)),
    ("OPT001", I, make_run({"loss": np.where(X < 2, np.nan, decay(N))}), (0, 0)),
    ("OPT004", I, fits((200,), np.full(N, 0.001)), (200, 200)),
    ("OPT012", I, make_run({"loss": np.where((X > 1) & (X < 15), 3.5, 0.69) * (1 + noise(N, 0.05)), "lr": np.full(N, 0.001)}), (0, 0)),
    ("OPT007", G, make_run({"val_loss": [2.8, 2.3, 1.9, 1.7, 1.6]}), None),
    ("DAT002", I, make_run({"loss": decay(N)}, completeness=TORN), None),
    ("DAT003", W, make_run({"loss": decay(76)}, steps=np.arange(76) // 9), None),
    ("DAT004", W, make_run({"reward": decay(N), "rewards/format": np.zeros(N), "rewards/brevity": np.zeros(N)}), None),
    ("DAT004", W, make_run({"reward": np.ones(N), "rewards/format": np.ones(N), "grad_norm": np.zeros(N)}), None),
    ("RL019", W, make_run({"reward": rare(successes=True)}), None),
    ("PERF007", I, timed(np.array([31, 58, 64, 140, 149, 233, 301, 322])), None),
]

SILENT: list[tuple[str, str, Run]] = [
    ("OPT006", "an accuracy that settled when the learning rate was gone", evaluated(SETTLED, train_loss=SETTLES, lr=LATE)),
    ("GEN005", "noise by which no one picks a checkpoint", evaluated(0.98 + 0.001 * np.minimum(K / 8, 1) + noise(20, 0.0005))),
    ("OPT001", "an average of nothing yet", make_run({"loss": decay(N), "step_avg": np.where(X < 5, np.nan, 1.0)})),
    ("OPT004", "the fall from a start that blew up", make_run({"loss": np.r_[105.0, 45000.0, 1400.0, 3500.0, 3000.0, 1500.0, 3500.0, 900 * np.exp(-np.arange(60) / 12)]})),
    ("OPT012", "an easy first batch", make_run({"loss": np.r_[0.4, 1.2, 1.3, np.where(np.arange(N - 3) % 8 < 3, 1.2, 0.6)] + noise(N, 0.01), "lr": np.full(N, 3e-6)})),
    ("OPT007", "few values of which the last is far from the best", make_run({"val_loss": [2.8, 2.3, 1.7, 1.7, 2.2]})),
    ("DAT002", "the torn end of a process that wrote no exit", make_run({"loss": decay(N)}, state=State.FAILED, exit_code=None, completeness=TORN)),
    ("DAT003", "printed lines that carry the count of a stage", make_run({"loss": decay(76)}, steps=np.arange(76) // 9, completeness={"from_console": True})),
    ("DAT004", "a reward term that is not constant", make_run({"reward": decay(N), "rewards/format": decay(N)})),
    ("RL007", "rare successes that lift the mean", make_run({"reward": rare(successes=True)})),
    ("RL019", "a reward that rose and fell", make_run({"reward": np.minimum(X / 150, 1) - np.clip((X - 200) / 20, 0, 1) + noise(N, 0.02)})),
    ("PERF007", "slow steps at regular intervals, and one more", timed(np.r_[30:N:37, 33])),
]
# fmt: on
