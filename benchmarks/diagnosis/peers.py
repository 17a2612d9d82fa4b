"""The two packages that try something like it, asked about the same cases, their answers read kindly.

training-doctor and sk-autod name problems in their own words. Each of their words stands for all
rules that it could be said to mean: whatever of them a case must or may have counts as right.
"""

from __future__ import annotations

import math
from importlib.metadata import version

import numpy as np

from benchmarks.diagnosis.labels import Labels
from postrun.metrics import RunView, Series

_UNSTABLE = (
    "OPT001",
    "OPT002",
    "OPT004",
    "OPT008",
    "OPT011",
    "OPT012",
    "RL007",
    "RL014",
    "RL017",
    "RL001",
)
_STUCK = ("OPT003", "OPT005", "OPT006", "OPT009", "OPT014", "DAT006", "PREF001", "RL008", "OPT018")
_FITTED = ("GEN001", "GEN004", "GEN006", "GEN007", "RL015")
#: Their words (in lower case) and what they may mean.
MEANINGS = {
    "training-doctor": {
        "too high": _UNSTABLE,
        "too low": (*_STUCK, "OPT015"),
        "plateau": _STUCK,
        "overfit": _FITTED,
        "instab": _UNSTABLE,
        "explo": _UNSTABLE,
        "vanish": _STUCK,
        "gradient": (*_UNSTABLE, *_STUCK),
    },
    "sk-autod": {
        "overfitting": _FITTED,
        "exploding": _UNSTABLE,
        "lr too high": _UNSTABLE,
        "lr too low": (*_STUCK, "OPT015"),
        "underfitting": _STUCK,
        "dying relu": (*_STUCK, "OPT002"),
        "noisy": ("OPT011", "OPT004", "OPT002"),
        "leakage": ("GEN002",),
        "early stopping": _FITTED,
        "label noise": (*_STUCK, "GEN002"),
    },
}


def versions() -> dict[str, str]:
    """The peers that are installed, and their versions."""
    return {name: version(name) for name in MEANINGS}


def ask_training_doctor(view: RunView) -> list[tuple[str, bool]]:
    """Its problems on a run (each said once), and whether it calls them critical."""
    from training_doctor import Doctor

    doctor = Doctor()
    names = {"loss": _loss(view), "val_loss": view.first("loss.eval"), "grad_norm": view.first("grad_norm"),
             "lr": view.first("lr")}  # fmt: skip
    rows: dict[float, dict[str, float]] = {}
    for name, series in names.items():
        if series is not None:
            for x, y in zip(series.x.tolist(), series.y.tolist(), strict=True):
                rows.setdefault(x, {})[name] = y
    found: dict[str, bool] = {}
    for step in sorted(rows):
        try:
            answers = doctor.log(int(step), **rows[step])
        except OverflowError:  # it squares losses that diverged; what it said so far counts
            break
        for item in answers:
            critical = item.severity.value == "critical"
            found[item.problem] = found.get(item.problem, False) or critical
    return sorted(found.items())


def ask_sk_autod(view: RunView) -> list[tuple[str, bool]]:
    """Its problems on a run: training and evaluation loss at the evaluations, as it wants them."""
    from sk_autod import diagnose

    train, held_out = _loss(view), view.first("loss.eval")
    if train is None or len(train.finite) < 3:
        return []
    train = train.finite
    if held_out is not None and len(held_out.finite) >= 3:
        held_out = held_out.finite
        at = np.clip(np.searchsorted(train.x, held_out.x, side="right") - 1, 0, len(train) - 1)
        pair = [float(v) for v in train.y[at]], [float(v) for v in held_out.y]
    else:
        values = [float(v) for v in train.y]
        pair = values, values
    try:
        report = diagnose(*pair)
    except (ValueError, ZeroDivisionError, OverflowError):
        return []
    found: dict[str, bool] = {}
    for item in report.findings:
        critical = item.severity.value == "CRITICAL"
        found[item.detector_name] = found.get(item.detector_name, False) or critical
    return sorted(found.items())


def _loss(view: RunView) -> Series | None:
    series = view.first("loss.train", "loss.policy", "loss.value", "loss.discriminator")
    return series if series is not None and math.isfinite(len(series)) else None


class PeerScore:
    """Right, wrong and missed answers of one peer.

    `asked` counts the faults that any of its words could mean, `faults` all of them.
    """

    def __init__(self, name: str) -> None:
        self.meanings = MEANINGS[name]
        self.right = self.wrong = self.found = self.asked = self.faults = self.critical = 0
        self._reach = {code for codes in self.meanings.values() for code in codes}

    def add(self, labels: Labels, answers: list[tuple[str, bool]]) -> None:
        """Count one case."""
        meant: set[str] = set()
        for words, critical in answers:
            codes = [c for key, cs in self.meanings.items() if key in words.lower() for c in cs]
            if any(labels.allows(code) for code in codes):
                self.right += 1
                meant.update(codes)
            else:
                self.wrong += 1
                self.critical += labels.healthy and critical
        self.faults += len(labels.must)
        self.asked += sum(code in self._reach for code in labels.must)
        self.found += sum(code in meant for code in labels.must)

    def row(self, name: str) -> str:
        """As a row of the table of totals."""
        said = self.right + self.wrong
        precision = f"{self.right / said:.2f}" if said else "–"
        return (
            f"| {name} | {precision} | {self.found / self.faults:.2f} | "
            f"{self.found / max(1, self.asked):.2f} | – | {self.wrong} | {self.critical} |"
        )
