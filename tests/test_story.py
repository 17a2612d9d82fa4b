"""The verdict, the story and the timeline: true, in order, and never beside what a finding says."""

from __future__ import annotations

import math
import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Damage, Evidence, Finding, Severity, State
from postrun.model.text import position
from postrun.report.carrying import carrying, lead
from postrun.report.overview import key_metrics
from postrun.report.story import Story, clause, onset, tell
from postrun.report.timeline import timeline
from postrun.rules.registry import rules
from tests.conftest import SAMPLE
from tests.curves import decay, make_run, noise

MISSING = Damage("run.wandb", 0, 0, "the log file is missing", False)


def told(columns: dict[str, Any], **fields: Any) -> tuple[RunView, list[Finding], Story]:
    """A run's view, its findings and its story."""
    view = RunView(make_run(columns, **fields))
    findings = postrun.diagnose(view)
    return view, findings, tell(view, findings)


def overfitted() -> dict[str, Any]:
    n = np.arange(200)
    return {
        "train_loss": 2.0 * 0.98**n + noise(200, 0.01),
        "val_loss": 1 + ((n - 60) / 100.0) ** 2 + noise(200, 0.01, 1),
    }


def test_each_rule_has_a_clause_and_no_clause_is_left_over() -> None:
    text = files("postrun.report").joinpath("clauses.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)["clauses"]
    assert {rule.code for rule in rules() if rule.__module__.startswith("postrun.")} == set(known)
    assert set(tomllib.loads(text)["changes"]) <= set(known)
    marks = {"metric": "m", "from": " F", "after": " A", "at": " @", "by": " B", "lost": "L"}
    assert all(words.format(**marks) and not words.endswith(".") for words in known.values())


def test_a_healthy_run_has_a_verdict_and_a_story() -> None:
    view, _, story = told(
        {"train_loss": decay(300), "val_loss": decay(300, 3.2, 1.2, 0.01, 1)},
        config={"max_steps": 300},
    )
    assert story.verdict.startswith("Completed all 300 steps in 50 min; val_loss ended at ")
    assert story.verdict.endswith("no problem found.") and not story.trouble
    assert (
        story.sentences[0].text
        == "A run, planned for 300 steps, logged 2 metrics over steps 0 to 299."
    )
    assert story.sentences[1].text.startswith("val_loss fell from ")
    found = timeline(view, [])
    assert found is not None and found.tone == "good"
    assert [s.key for s in found.lanes] == ["val_loss", "train_loss"]
    assert found.phases[0].words == "val_loss falling" and found.phases[0].tone == "good"


def test_a_course_has_the_numbers_of_the_finding_that_praises_it() -> None:
    view = RunView(postrun.load(SAMPLE))
    findings = postrun.diagnose(view)
    (improved,) = (f for f in findings if f.rule == "OPT007")
    course = tell(view, findings).sentences[1].text
    assert course.startswith("reward/mean rose from ")
    for value in course.removesuffix(".").split(" ")[-3::2]:
        assert value in improved.message


def test_trouble_is_named_with_its_step_after_the_state() -> None:
    view, findings, story = told(overfitted())
    assert findings[0].rule == "GEN001"
    assert story.link == ", but " and story.trouble.startswith("it overfits")
    assert story.severity is findings[0].severity
    (event,) = (s for s in story.sentences if s.finding == 0)
    assert event.text.startswith("It overfits")
    course = story.sentences[1].text
    best = int(np.argmin(view.series("val_loss").y))
    assert f"was best at step {best}" in course
    found = timeline(view, findings)
    assert found is not None
    assert [(p.tone, p.stop) for p in found.phases] == [("good", best), ("bad", 199)]


def test_a_metric_that_a_warning_rests_on_is_not_praised() -> None:
    still = {"train_loss": 0.6931 + noise(200, 0.003), "val_loss": 0.6931 + noise(200, 0.003, 1)}
    view, findings, story = told(still)
    assert findings[0].rule == "OPT006"
    assert "fell" not in story.sentences[1].text and "improv" not in story.verdict
    found = timeline(view, findings)
    assert found is not None and {p.tone for p in found.phases} <= {"plain"}


def test_a_note_that_nothing_was_learned_is_enough_for_plain_words() -> None:
    view = RunView(make_run({"train_loss": decay(200)}))
    note = Finding(
        "OPT006", "loss-not-decreasing", Severity.INFO, 0.8, "train_loss stays at chance"
    )
    assert tell(view, []).sentences[1].text.startswith("train_loss fell from ")
    assert tell(view, [note]).sentences[1].text.startswith("train_loss began at ")
    found = timeline(view, [note])
    assert found is not None and {p.tone for p in found.phases} == {"plain"}


def test_a_place_is_told_only_if_the_finding_names_it() -> None:
    view = RunView(make_run({"grad_norm": noise(100)}))

    def finding(message: str) -> Finding:
        proof = Evidence("grad_norm", step_from=40.0, step_to=99.0)
        return Finding(
            "OPT008", "gradients-exploded", Severity.WARNING, 0.9, message, evidence=(proof,)
        )

    assert clause(view, finding("grew from step 40 on")) == "the gradients exploded from step 40 on"
    assert clause(view, finding("grew manyfold")) == "the gradients exploded"
    assert (
        onset(view, finding("grew from step 40 on")) == 40 and onset(view, finding("grew")) is None
    )


def test_a_rule_of_another_package_is_told_by_its_name() -> None:
    view = RunView(make_run({"loss": decay(50)}))
    own = Finding("ACME001", "disk-on-fire", Severity.CRITICAL, 1.0, "The disk burns")
    assert tell(view, [own]).verdict == "Finished after 8 min, but disk on fire (ACME001)."


def test_a_failed_run_says_why_and_nothing_of_no_problem() -> None:
    log = """Traceback (most recent call last):
  File "train.py", line 3, in step
RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB"""
    _, findings, story = told({"loss": decay(40)}, state=State.FAILED, exit_code=1, console=log)
    assert story.verdict.startswith("Failed (exit code 1) at step 39 after ")
    assert story.verdict.endswith(": the GPU ran out of memory.")
    assert story.severity is Severity.CRITICAL
    assert story.sentences[-1].finding == next(
        n for n, f in enumerate(findings) if f.rule == "RUN001"
    )


def test_values_that_are_not_finite_are_counted() -> None:
    loss = decay(100)
    loss[30:] = np.nan
    _, _, story = told({"loss": loss})
    assert story.sentences[1].text.startswith(
        "loss is finite in 30 of 100 rows, at last at step 29 ("
    )


def test_a_run_without_rows_has_a_verdict_and_no_timeline() -> None:
    view, findings, story = told({})
    assert story.verdict == "Finished, but it logged no metric."
    assert timeline(view, findings) is None and lead(view) is None


def test_placeholders_of_the_warm_up_set_no_range() -> None:
    mfu = np.full(100, 31.0) + noise(100, 0.2)
    mfu[:3] = -1.0
    view = RunView(make_run({"train_loss": decay(100), "mfu": mfu}))
    (key,) = (m for m in key_metrics(view) if m.key == "mfu")
    assert key.low > 20 and key.first > 20


def test_lanes_are_those_of_the_findings_and_no_counters() -> None:
    view = RunView(postrun.load(SAMPLE))
    findings = postrun.diagnose(view)
    keys = [s.key for s in carrying(view, findings)]
    assert keys[0] == "reward/mean" and "policy/mismatch_kl" in keys and len(keys) == 4
    assert not any((view.metrics[k].role or "").startswith("progress") for k in keys)
    found = timeline(view, findings)
    assert found is not None
    assert [o.x for o in found.onsets] == sorted(o.x for o in found.onsets)
    for mark in found.onsets:
        assert position(mark.x) in findings[mark.finding].message
    assert len(found.ticks["evaluations"]) == 25


@pytest.mark.parametrize(
    "columns", [overfitted(), {"loss": decay(3)}, {"loss": np.ones(50)}, {"x y": noise(9)}]
)
def test_stories_are_short_sentences(columns: dict[str, Any]) -> None:
    _, _, story = told(columns)
    assert 1 <= len(story.sentences) <= 5
    for sentence in story.sentences:
        assert sentence.text.endswith(".") and ".." not in sentence.text
        assert len(sentence.text.split()) <= 25


def test_a_run_that_was_never_evaluated_is_not_said_to_be_without_problems() -> None:
    _, findings, story = told({"train/loss": decay(300), "epoch": np.arange(300) / 60})
    assert "GEN008" in {f.rule for f in findings}
    assert story.verdict.endswith("; no warning, but it was not evaluated.")


def test_three_values_are_too_few_for_a_verdict() -> None:
    _, _, story = told({"loss": decay(3)})
    assert story.verdict.endswith("; no warning, but it has too few values to judge.")


def test_what_has_no_place_in_time_is_not_told_as_before_the_end() -> None:
    """A learning rate that is implausible was so all along; an overfit began at a step."""
    stopped = {"state": State.FAILED, "exit_code": 255}
    odd = told({"loss": decay(300)}, config={"lr": 0.3, "optimizer": "AdamW"}, **stopped)[2]
    assert odd.link == "; " and "before that" not in odd.verdict
    assert told(overfitted(), **stopped)[2].link == "; before that, "


def test_a_run_that_logged_nothing_is_told_so_once() -> None:
    for ended in ({"state": State.FINISHED}, {"state": State.FAILED, "exit_code": 255}):
        story = told({}, config={"epochs": 30}, console="Epoch 1/30", **ended)[2]
        assert story.verdict.count("logged") == 1, story.verdict


def test_a_log_that_is_missing_is_no_part_of_one() -> None:
    lost = {"completeness": {"no_history": "the log file is missing", "damage": [MISSING]}}
    cut = {"completeness": {"truncated": True, "reported_last_step": 9_999, "last_step": 299}}
    assert "its log file could not be read" in told({}, **lost)[2].verdict
    assert "part of its log could not be read" in told({"loss": decay(300)}, **cut)[2].verdict


def test_a_rough_count_of_epochs_is_not_what_a_finished_run_came_to() -> None:
    """The console's last line may hide behind a progress bar."""
    lines = "\n".join(f"epoch {k} done" for k in range(9))
    story = told({"loss": decay(300)}, config={"epochs": 10}, console=lines)[2]
    assert "of 10" not in story.verdict, story.verdict


def test_few_values_are_no_phase() -> None:
    steps = [100, 200, 300]
    view = RunView(make_run({"val/loss": [0.9, 0.7, 0.6]}, steps=steps))
    found = timeline(view, postrun.diagnose(view))
    assert found is not None and found.phases == ()
    view = RunView(make_run({"val/loss": np.geomspace(0.9, 0.2, 12)}))
    found = timeline(view, postrun.diagnose(view))
    assert found is not None and found.phases[0].words == "val/loss falling"


def test_a_constant_metric_has_no_best_value() -> None:
    view = RunView(make_run({"reward/exact": np.zeros(50), "reward/mean": np.linspace(0, 1, 50)}))
    rows = {row.key: row for row in key_metrics(view)}
    assert math.isnan(rows["reward/exact"].best) and rows["reward/exact"].best_at == ""
    assert rows["reward/mean"].best == 1.0
