"""Findings, remedies and reports go by the trainer's own steps, whatever the rows are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run
from postrun.report import markdown
from postrun.report.html.run_page import run_page
from postrun.report.overview import facts, insights
from postrun.report.terminal import evidence_line
from tests.conftest import ROOT
from tests.curves import decay, make_run
from tests.rule_cases import FIRES

#: Words that come before a number on an axis.
_UNIT_WORD = re.compile(r"\b(?:steps?|epochs?|iterations?|episodes?|rounds?|updates?) $")
#: Places that speak of W&B's own steps and have no view of the run.
_OF_ROWS = {"model/completeness.py", "sources/dropped.py", "sources/wandb_local/completeness.py"}
#: The step of a fork and a summary's step are numbers that the server keeps, not places in the history.
_ELSEWHERE = {"model/run.py", "training/ending.py", "agents/tools.py"}


def with_counter(case: Run, stride: int) -> Run:
    """The same run of a trainer that counts its own steps: `stride` a row."""
    counter = pl.Series("train/global_step", stride * np.arange(1, case.history.height + 1))
    return replace(case, history=case.history.with_columns(counter))


def flat(findings: list[Finding]) -> list[Finding]:
    return [part for top in findings for part in top.with_symptoms()]


def without_places(finding: Finding) -> str:
    """A finding's words, places on the axis left out."""
    return re.sub(
        r"steps? [\d,.]+(?: to [\d,.]+)?|[\d,.]+ steps?\b",
        "PLACE",
        f"{finding.message} {finding.remedy}",
    )


def counts_nothing(case: Run) -> bool:
    view = RunView(case)
    return not (
        case.parts or view.axis.key != "_step" or view.axis.unit != "step" or not case.history.height
        or any((info.role or "").startswith("progress.") for info in view.metrics.values())
        or view.number("checkpoint_interval")
    )  # fmt: skip


#: PERF019 tells the time of a step, which changes with what counts as one.
CASES = [(code, case) for code, _, case, _ in FIRES if counts_nothing(case) and code != "PERF019"]


@pytest.mark.parametrize(
    ("code", "case"), CASES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(CASES)]
)
def test_another_stride_changes_the_steps_and_nothing_else(code: str, case: Run) -> None:
    """Seven times the counter is seven times every step; rules, severities, rows and words stay."""
    one, seven = (
        flat(postrun.diagnose(with_counter(case, stride), select=[code])) for stride in (1, 7)
    )
    assert [(f.rule, f.severity, without_places(f)) for f in one] == [
        (f.rule, f.severity, without_places(f)) for f in seven
    ]
    for a, b in zip(one, seven, strict=True):
        for p, q in zip(a.evidence, b.evidence, strict=True):
            assert (p.row_from, p.row_to, p.axis, p.unit) == (q.row_from, q.row_to, q.axis, q.unit)
            if q.axis == "train/global_step" and p.step_from is not None:
                assert (q.step_from, q.step_to) == pytest.approx(
                    (7 * p.step_from, 7 * (p.step_to or 0))
                )


@pytest.mark.parametrize(
    ("code", "case"), CASES[1::3], ids=[f"{c}-{i}" for i, (c, _) in enumerate(CASES[1::3])]
)
def test_several_rows_of_one_step_break_no_rule(code: str, case: Run) -> None:
    """Batches whose gradients are accumulated share a step: no rule divides by the distance of two rows."""
    counter = pl.Series("train/global_step", np.arange(case.history.height) // 4)
    run = replace(case, history=case.history.with_columns(counter))
    findings = flat(postrun.diagnose(run))
    assert "RUN000" not in {f.rule for f in findings}
    assert all(
        np.isfinite(e.step_from) for f in findings for e in f.evidence if e.step_from is not None
    )


def test_most_rules_are_put_to_it() -> None:
    families = {code.rstrip("0123456789") for code, _ in CASES}
    assert families >= {"OPT", "GEN", "RL", "PREF", "DAT"} and len({code for code, _ in CASES}) > 40


@pytest.mark.parametrize(
    ("code", "case"), CASES[::3], ids=[f"{c}-{i}" for i, (c, _) in enumerate(CASES[::3])]
)
def test_windows_lie_on_the_counter(code: str, case: Run) -> None:
    """A window's ends are values of the counter, in the rows that the evidence names."""
    run = with_counter(case, 10)
    counter = run.history["train/global_step"].to_list()
    for finding in flat(postrun.diagnose(run, select=[code])):
        for proof in finding.evidence:
            if proof.axis == "train/global_step" and proof.row_from is not None:
                assert proof.row_to is not None and proof.step_to is not None
                assert proof.unit == "step"
                assert counter[proof.row_from] >= (proof.step_from or 0) - 1e-9
                assert counter[proof.row_to] <= max(proof.step_to, counter[proof.row_from]) + 1e-9


def bare_places(path: Path) -> Iterator[str]:
    """F-strings that write "step " and then a number by themselves."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for text, value in zip(node.values, node.values[1:], strict=False):
            if (
                isinstance(text, ast.Constant)
                and _UNIT_WORD.search(str(text.value))
                and isinstance(value, ast.FormattedValue)
            ):
                yield f"{path.name}:{node.lineno} {ast.unparse(value)}"


@pytest.mark.slow
def test_no_sentence_writes_a_step_by_itself() -> None:
    """Whoever names a step asks the run's axis for the words."""
    source = ROOT / "src/postrun"
    paths = [
        p for p in source.rglob("*.py") if str(p.relative_to(source)) not in _OF_ROWS | _ELSEWHERE
    ]
    assert len(paths) > 200
    assert [place for path in paths for place in bare_places(path)] == []


def test_the_guard_sees_what_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text(
        'x = 3\ny = f"best at step {x} of it"\nz = f"{x} steps, {x}"\n'
    )
    assert len(list(bare_places(tmp_path / "rule.py"))) == 1


# ----------------------------------------------------------------------------------------- reports
def overfit() -> Run:
    """Sixty evaluations of a trainer that evaluates every 50 steps."""
    held_out = np.r_[np.linspace(2.0, 1.0, 15), np.linspace(1.0, 3.0, 45)] + 0.01 * np.sin(
        np.arange(60)
    )
    return make_run(
        {
            "train/loss": decay(60, 2.0, 0.1),
            "eval/loss": held_out,
            "train/global_step": np.arange(50, 3050, 50),
        }
    )


def test_every_report_names_the_trainers_steps() -> None:
    run = overfit()
    view, findings = RunView(run), postrun.diagnose(run)
    (found,) = (f for f in findings if f.rule == "GEN001")
    assert re.search(r"best at step \d{3,} ", found.message)
    assert ("steps", "50 to 3,000 (train/global_step)") in facts(view)
    assert "Steps 50 to 3,000: 60 logged rows" in insights(view, findings)
    place = found.evidence[0].span
    assert place.endswith("to 3,000") and place.startswith("steps ")
    assert place in evidence_line(found.evidence[0])
    assert place in markdown.render(view, findings, [])
    html = run_page(view, findings)
    assert place in html and '<option value="step">step (train/global_step)</option>' in html


def test_epochs_are_called_epochs() -> None:
    run = make_run({"epoch": np.arange(30), "loss": decay(30), "val_loss": decay(30)})
    view = RunView(run)
    assert ("epochs", "0 to 29") in facts(view)
    html = run_page(view, [])
    assert '<option value="step">epoch</option>' in html and '"axis":"epoch"' in html


def test_evidence_says_its_place_in_words() -> None:
    assert Evidence("x", step_from=3.0, step_to=12.5, unit="epoch").span == "epochs 3 to 12.5"
    assert (
        Evidence("x", step_from=1e6, step_to=1e6, unit="environment step").span
        == "environment step 1,000,000"
    )
    assert Evidence("x").span == ""
    assert evidence_line(Evidence("loss", step_from=3.0, step_to=3.0, unit="epoch")).startswith(
        "loss, epoch 3"
    )


def test_wandb_steps_are_told_apart_from_the_trainers() -> None:
    """DAT rules speak of `_step`, which another counter makes "W&B step"."""
    steps = np.r_[np.arange(40), np.arange(20, 60)]
    plain = make_run({"loss": decay(80)}, steps=steps)
    counted = make_run(
        {"loss": decay(80), "train/global_step": np.arange(10, 810, 10)}, steps=steps
    )
    (a,), (b,) = (postrun.diagnose(run, select=["DAT003"]) for run in (plain, counted))
    assert "after step 39 (to 20)" in a.message and a.evidence[0].span == "steps 20 to 39"
    assert "after W&B step 39 (to 20)" in b.message and b.evidence[0].span == "W&B steps 20 to 39"
