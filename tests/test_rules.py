"""Each rule on runs with a planted fault, and on runs that only look faulty."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Damage, Finding, Run, Seam, Severity, State, UsageError
from postrun.rules import Rule, Selection, diagnose, find_rule, rules
from tests.curves import decay, make_run, noise
from tests.rule_cases import FIRES as MORE
from tests.rule_cases import SILENT

N = 1000
X = np.arange(N)
ONES = np.ones(N)
COSINE = 0.5 * (1 + np.cos(np.pi * X / N))
TRACE = """Traceback (most recent call last):
  File "/home/me/train.py", line 12, in main
    step(batch)
  File "/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1, in _call_impl
    return forward_call()
{end}"""


def mismatch(gap: float, kl: float, masked: float, at: int = 300) -> dict[str, Any]:
    ramp = np.clip((X - at) / 60, 0, 1)
    trainer = 0.7 + noise(N, 0.01)
    return {
        "policy/trainer_prob": trainer,
        "policy/sampler_prob": trainer + gap * ramp + noise(N, 0.002, 1),
        "policy/mismatch_kl": 0.001 + np.abs(noise(N, 0.0003, 2)) + kl * ramp,
        "policy/masked_fraction": np.clip(masked * ramp + noise(N, 0.001, 3), 0, 1),
        "grad_norm": 0.01 * (1 + 20 * ramp) * np.exp(noise(N, 0.1, 4)),
        "reward": 0.5 * (1 - np.exp(-X / 100)) + noise(N, 0.01, 5),
    }


def overfit(onset: int, rise: float) -> dict[str, Any]:
    evals: list[float | None] = [None] * N
    for i in range(0, N, 50):
        later = max(0, i - onset) / N
        evals[i] = float(1.5 + np.exp(-i / 150) + rise * later + noise(1, 0.01, i)[0])
    return {"train/loss": decay(N, 3, 0.5), "val/loss": evals}


def spiked(height: float, stays: bool) -> dict[str, Any]:
    y = decay(N)
    y[600] += height
    if stays:
        y[600:] += height
    return {"loss": y}


def with_nan(start: int, stop: int) -> dict[str, Any]:
    y = decay(N)
    y[start:stop] = np.nan
    return {"train/loss": y, "acc": 1 - y}


# fmt: off
# ruff: noqa: E501 - one case per line
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("RUN001", Severity.CRITICAL, make_run({"loss": decay(50)}, state=State.FAILED, exit_code=1,
        console=TRACE.format(end="ValueError: bad shape")), None),
    ("RUN001", Severity.CRITICAL, make_run(state=State.FAILED, exit_code=137), None),
    ("RUN001", Severity.INFO, make_run({"loss": decay(50)}, state=State.FAILED, exit_code=255,
        console=TRACE.format(end="KeyboardInterrupt")), None),
    ("RUN002", Severity.CRITICAL, make_run({"loss": decay(50)}, state=State.CRASHED, exit_code=None), None),
    ("RUN002", Severity.WARNING, make_run({"loss": decay(50)}, state=State.CRASHED, exit_code=None,
        completeness={"reported_last_step": 900, "truncated": True}), None),
    ("RUN003", Severity.WARNING, make_run({"loss": decay(500), "global_step": np.arange(500)}, config={"max_steps": 1000}), None),
    ("RUN003", Severity.GOOD, make_run({"loss": decay(999)}, config={"max_steps": 1000}), None),
    ("RUN003", Severity.WARNING, make_run({"loss": decay(50), "epoch": np.arange(50) / 10}, config={"epochs": 20}), None),
    ("RUN004", Severity.WARNING, make_run(), None),
    ("DAT001", Severity.WARNING, make_run({"loss": decay(500)}, completeness={"sampled": True, "reported_last_step": 999}), None),
    ("DAT002", Severity.WARNING, make_run({"loss": decay(500)}, completeness={
        "damage": [Damage("run-a.wandb", 4096, 99, "bad checksum", True)]}), None),
    ("DAT003", Severity.WARNING, make_run({"loss": decay(500)}, steps=np.r_[np.arange(300), np.arange(250, 450)]), (250, 299)),
    ("DAT003", Severity.INFO, make_run({"loss": decay(500)}, completeness={
        "seams": [Seam(300, 299, 300, 60.0, "run-b")]}), None),
    ("DAT004", Severity.WARNING, make_run({"reward": noise(N), "metrics/format_reward": 0 * ONES}), None),
    ("DAT004", Severity.WARNING, make_run({"grad_norm": 0 * ONES}), None),
    ("OPT001", Severity.CRITICAL, make_run(with_nan(700, N)), (700, 999)),
    ("OPT001", Severity.INFO, make_run({"train/loss": decay(N), "grad_norm": np.where(X == 40, np.inf, 1 + noise(N, 0.1))}), None),
    ("OPT001", Severity.WARNING, make_run(with_nan(300, 340)), None),
    ("OPT002", Severity.CRITICAL, make_run({"loss": np.where(X < 500, decay(N), 1.2 + (X - 500) / 100 + noise(N, 0.05))}), (400, 620)),
    ("OPT002", Severity.WARNING, make_run({"loss": np.where(X < 700, decay(N, 5), 2.6) + noise(N, 0.05)}), (500, 720)),
    ("OPT003", Severity.INFO, make_run({"reward": np.minimum(X / 200, 1) + noise(N, 0.02)}), (170, 260)),
    ("OPT003", Severity.INFO, make_run({"train/loss": np.maximum(3 - X / 100, 1) + noise(N, 0.02)}), (170, 260)),
    ("OPT003", Severity.INFO, make_run({"reward": np.minimum(X / 150, 1) + X / 8000 + noise(N, 0.02)}), (110, 200)),
    ("OPT004", Severity.INFO, make_run(spiked(6, stays=False)), (600, 600)),
    ("OPT004", Severity.WARNING, make_run(spiked(6, stays=True)), (600, 600)),
    ("OPT005", Severity.CRITICAL, make_run({"loss": decay(N), "lr": 0 * ONES}), None),
    ("OPT005", Severity.WARNING, make_run({"lr": COSINE * 0.1}, config={"lr": 0.1, "scheduler": "constant"}), None),
    ("OPT005", Severity.WARNING, make_run({"lr": COSINE * 0.2}, config={"lr": 0.1}), None),
    ("OPT006", Severity.WARNING, make_run({"loss": 0.693 + noise(N, 0.05)}), None),
    ("OPT006", Severity.INFO, make_run({"loss": 0.693 + noise(N, 0.05)}, completeness={"truncated": True}), None),
    ("OPT007", Severity.GOOD, make_run({"loss": decay(N)}), None),
    ("GEN001", Severity.WARNING, make_run(overfit(400, 0.6)), (350, 550)),
    ("GEN001", Severity.CRITICAL, make_run(overfit(300, 4.0)), (250, 450)),
    ("PERF001", Severity.WARNING, make_run({"tokens_per_sec": np.where(X < 400, 1000, 600) * (1 + noise(N, 0.03))}), (380, 420)),
    ("PERF001", Severity.INFO, make_run({"tokens_per_sec": np.where(X < 400, 1000, 600) * (1 + noise(N, 0.03)),
        "completion_length": np.where(X < 400, 400, 100) + noise(N, 5, 1)}), (380, 420)),
    ("PERF001", Severity.INFO, make_run({"tokens_per_sec": np.where(X < 400, 1000, 600) * (1 + noise(N, 0.03)),
        "step_time": np.where(X < 400, 10, 2) * (1 + noise(N, 0.03, 1))}), (380, 420)),
    ("PERF001", Severity.INFO, make_run({"tokens_per_sec": np.where(X % 100 == 0, 300, 1000) * (1 + noise(N, 0.03))},
        config={"ckpt": {"interval": 100}}), None),
    ("PERF002", Severity.INFO, make_run({"mfu": 0.03 + noise(N, 0.001)}), None),
    ("RL002", Severity.WARNING, make_run({"reward": np.minimum(X / 70, 1) + noise(N, 0.02), "entropy": 0.2 + 0.8 * np.exp(-X / 50) + noise(N, 0.01)}), (0, 0)),
    ("RL002", Severity.INFO, make_run({"reward": X / N + noise(N, 0.02), "entropy": 0.2 + 0.8 * np.exp(-X / 50) + noise(N, 0.01)}), (0, 0)),
    ("RL003", Severity.WARNING, make_run({"reward": X / N, "completion_length": 17 + 430 * np.exp(-X / 50) + noise(N, 2)}), (0, 0)),
    ("RL003", Severity.INFO, make_run({"reward": X / N, "completion_length": 17 + 430 * np.exp(-X / 50) + noise(N, 2), "is_truncated/mean": 0.4 * np.exp(-X / 30)}), (0, 0)),
    ("RL001", Severity.CRITICAL, make_run(mismatch(0.2, 2.0, 0.3)), (290, 330)),
    ("RL001", Severity.CRITICAL, make_run({"actor/pg_loss": noise(N), "critic/rewards/mean": noise(N), "actor/ppo_kl": noise(N) * 1e-4,
        "training/rollout_probs_diff_mean": 0.005 + 0.2 * np.clip((X - 300) / 60, 0, 1) + noise(N, 0.0005)}), (290, 330)),
    ("RL001", Severity.WARNING, make_run(mismatch(0.03, 0.1, 0.08)), (290, 360)),
]

HEALTHY: list[tuple[str, Run]] = [
    ("a loss that falls as losses do", make_run({"train/loss": decay(N), "val/loss": decay(N, 3.1, 1.1)})),
    ("a noisy policy-gradient run", make_run({"loss": noise(N, 1e-4), "reward": 1 - np.exp(-X / 400) + noise(N, 0.05),
        "entropy": 1 - X / 2000 + noise(N, 0.02)})),
    ("matching probabilities", make_run(mismatch(0.0, 0.0, 0.0))),
    ("a cosine schedule to the configured peak", make_run({"loss": decay(N), "lr": COSINE * 0.1}, config={"lr": 0.1})),
    ("warm-up reported as zero throughput", make_run({"loss": decay(N), "tokens_per_sec": np.where(X < 3, 0, 1000) * (1 + noise(N, 0.05))})),
    ("a warm-up spike at the start", make_run({"loss": np.where(X < 5, 50, decay(N))})),
    ("all steps done", make_run({"loss": decay(N)}, config={"max_steps": N})),
    ("evaluation noise without overfitting", make_run({"train/loss": decay(N), "val/loss": decay(N, 3, 1.2, sigma=0.2)})),
    ("entropy that goes down by half while the reward grows", make_run({"reward": X / N + noise(N, 0.02), "entropy": 1 - X / (2 * N) + noise(N, 0.02)})),
    ("lengths that drift", make_run({"reward": X / N + noise(N, 0.02), "completion_length": 400 - X / 5 + noise(N, 10)})),
    ("good MFU", make_run({"loss": decay(N), "mfu": 0.45 + noise(N, 0.01)})),
    ("a plan in epochs, counted from zero", make_run({"loss": decay(N), "epoch": np.floor(X / 100)}, config={"epochs": 10})),
    ("max_steps unset by -1", make_run({"loss": decay(N)}, config={"max_steps": -1})),
    ("few rows", make_run({"loss": [3.0, 2.0, 1.5]})),
    ("a running run short of its plan", make_run({"loss": decay(N)}, config={"max_steps": 5000}, state=State.RUNNING, exit_code=None)),
]
# fmt: on


ALL = FIRES + MORE


def found(run: Run, code: str) -> list[Finding]:
    """Findings of a rule with its own severity, also where another one explains them."""
    findings = postrun.diagnose(run, select=["ALL", "PREVIEW"])
    parts = [part for f in findings for part in f.with_symptoms()]
    return [f for f in parts if f.rule == code]


@pytest.mark.parametrize(
    ("code", "severity", "run", "window"),
    ALL,
    ids=[f"{code}-{severity.label}-{i}" for i, (code, severity, *_) in enumerate(ALL)],
)
def test_fires(code: str, severity: Severity, run: Run, window: tuple[float, float] | None) -> None:
    findings = found(run, code)
    assert findings, [f.message for f in postrun.diagnose(run)]
    finding = findings[0]
    assert finding.severity is severity, finding.message
    assert 0 < finding.confidence <= 1 and finding.message
    assert finding.remedy or severity is Severity.GOOD or finding.rule == "DAT003"
    if window is not None:
        start = finding.evidence[0].step_from
        assert start is not None and window[0] <= start <= window[1], finding


@pytest.mark.parametrize(("name", "run"), HEALTHY, ids=[name for name, _ in HEALTHY])
def test_silent(name: str, run: Run) -> None:
    bad = [f for f in postrun.diagnose(run) if f.severity >= Severity.WARNING]
    assert not bad, [f.message for f in bad]


@pytest.mark.parametrize(
    ("code", "name", "run"), SILENT, ids=[f"{code} {name}" for code, name, _ in SILENT]
)
def test_what_only_looks_faulty(code: str, name: str, run: Run) -> None:
    assert not found(run, code), found(run, code)


def test_every_rule_has_a_case() -> None:
    codes = {rule.code for rule in rules()} - {
        "RUN000",
        "BASE001",
        "BASE002",
        "BASE003",
    }  # they have tests of their own
    assert {code for code, *_ in ALL} == codes
    assert {code for code, *_ in SILENT} == codes


def test_each_rule_has_a_file_of_its_own() -> None:
    homes = Counter(rule.__module__ for rule in rules())
    assert [home for home, count in homes.items() if count > 1] == []


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.code)
def test_documentation(rule: type[Rule]) -> None:
    page = rule.documentation()
    headings = ["## What it does", "## Why it matters", "## How it decides", "## Example"]
    lines = page.splitlines()
    assert [line for line in lines if line in headings] == headings  # each on a line of its own
    assert lines[0].endswith(".") and len(lines[0]) <= 90
    for name in rule.thresholds:
        assert f"`{name}`" in page or name in ("min_rows", "min_points"), name
    assert rule.name == rule.name.lower() and " " not in rule.name


@pytest.mark.parametrize("seed", range(12))
def test_noise_alone_is_never_critical(seed: int) -> None:
    names = ["train/loss", "val/loss", "reward", "grad_norm", "lr", "entropy", "tokens_per_sec",
             "policy/mismatch_kl", "acc", "mfu"]  # fmt: skip
    run = make_run({n: np.abs(5 + noise(300, 1, seed * 20 + i)) for i, n in enumerate(names)})
    assert not [f.message for f in postrun.diagnose(run) if f.severity is Severity.CRITICAL]


def test_causes_of_crashes() -> None:
    for end, words in [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "GPU ran out of memory"),
        ("OSError: [Errno 28] No space left on device", "the disk or the quota was full"),
        ("torch.distributed.DistBackendError: NCCL error", "communication"),
        ("KeyboardInterrupt", "Stopped by the user"),
        ("ValueError: x", "ValueError at train.py:12 in main: x"),
    ]:
        run = make_run(state=State.FAILED, exit_code=1, console=TRACE.format(end=end))
        assert words in found(run, "RUN001")[0].message
    lines = "step 1\nslurmstepd: error: *** JOB 1 CANCELLED DUE TO TIME LIMIT ***"
    run = make_run(state=State.CRASHED, exit_code=None, console=lines)
    assert "SIGTERM" in found(run, "RUN002")[0].message
    cut = make_run(state=State.CRASHED, exit_code=None, console=TRACE.format(end="").rstrip())
    assert "ends inside a traceback" in found(cut, "RUN002")[0].message


def test_a_handled_traceback_is_no_cause() -> None:
    text = TRACE.format(end="ValueError: retried\nall good again\nKilled")
    run = make_run(state=State.FAILED, exit_code=137, console=text)
    assert found(run, "RUN001")


def test_selection() -> None:
    codes = [type(r).code for r in Selection(("OPT", "loss-diverged"), ("OPT003",)).active()]
    assert "OPT001" in codes and "OPT003" not in codes and "RUN001" not in codes
    assert [type(r).code for r in Selection(("OPT003",), ("OPT",)).active()] == ["OPT003"]
    assert len(Selection().active()) == len(rules())
    with pytest.raises(UsageError, match="no rule matches 'XYZ'"):
        Selection(("XYZ",)).active()


def test_thresholds_can_be_overridden() -> None:
    run = make_run({"mfu": 0.2 + noise(N, 0.001)})
    assert not found(run, "PERF002")
    strict = Selection(thresholds={"PERF002": {"low": 30.0}})
    assert any(f.rule == "PERF002" for f in diagnose(run, strict))
    with pytest.raises(UsageError, match="no threshold"):
        Selection(thresholds={"PERF002": {"high": 1.0}}).active()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_thresholds_that_decide_nothing_are_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"PERF002: threshold low = .*at least 0. Its default is "):
        Selection(thresholds={"PERF002": {"low": value}}).active()


def test_find_rule() -> None:
    assert find_rule("opt002").code == "OPT002" and find_rule("plateau").code == "OPT003"
    with pytest.raises(UsageError, match="Did you mean"):
        find_rule("OPT0002")


def test_a_broken_rule_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Rule, view: RunView) -> Any:
        raise ValueError("boom")

    monkeypatch.setattr(find_rule("OPT002"), "check", fail)
    codes = {f.rule for f in postrun.diagnose(make_run(with_nan(700, N)))}
    assert {"RUN000", "OPT001"} <= codes


@pytest.mark.parametrize("first", [1, 10, 250])
def test_a_decay_that_is_first_logged_after_its_start_is_no_fault(first: int) -> None:
    step = np.arange(first, 1000, 10.0)
    columns = {"lr": 0.003 * (1 - step / 1000), "global_step": step}
    assert not found(make_run(columns, config={"lr": 0.003}), "OPT005")


def test_a_remedy_names_the_settings_that_allowed_it() -> None:
    """Clipping and warm-up that the config switches off stand beside a training that blew up."""
    steps = np.arange(300)
    loss = np.where(steps < 150, 3 - steps / 100, 3 + (steps - 150) / 10)
    off = {"max_grad_norm": 0.0, "warmup_steps": 0}
    told = {}
    for name, config in (
        ("off", off),
        ("on", {"max_grad_norm": 1.0, "warmup_ratio": 0.1}),
        ("none", {}),
    ):
        (finding,) = found(make_run({"train/loss": loss}, config=config), "OPT002")
        told[name] = "The config" in finding.remedy
        if name == "off":
            assert "does not clip gradients (max_grad_norm = 0.0)" in finding.remedy
            assert "no warm-up (warmup_steps = 0)" in finding.remedy
    assert told == {"off": True, "on": False, "none": False}
