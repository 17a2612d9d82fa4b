"""What a watch tells: each finding once, escalations, recoveries, nothing that a prefix cannot show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from postrun.diagnosis import Diagnosis
from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run, Severity, State
from postrun.rules import rules
from postrun.rules.base import END, LATE, NOW, TWICE
from postrun.watch import judge
from postrun.watch.event import Event, Kind
from postrun.watch.judge import Judge
from postrun.watch.ledger import Change, Ledger
from postrun.watch.pace import BURST, SHARE, Pace
from postrun.watch.unfinished import ENOUGH_ROWS, enough, tellable
from postrun.watch.zoom import LEAST, zoomed
from tests.curves import make_run

ROOT = Path(__file__).parents[1]
NONE: frozenset[str] = frozenset()


def finding(
    rule: str = "OPT002", severity: Severity = Severity.WARNING, metric: str = "loss"
) -> Finding:
    return Finding(rule, "a-name", severity, 0.9, "It rose", evidence=(Evidence(metric),))


def kinds(changes: list[Change]) -> list[str]:
    return [change.kind.value for change in changes]


def test_a_finding_is_told_at_the_second_look_and_once() -> None:
    ledger, f = Ledger(), finding()
    assert [ledger.look([f], [f], NONE), ledger.pending] == [[], True]
    assert kinds([*ledger.look([f], [f], NONE)]) == ["found"]
    assert [ledger.look([f], [f], NONE), ledger.pending] == [[], False]
    assert ledger.open == [f]


def test_what_one_look_alone_saw_is_never_told() -> None:
    ledger, f = Ledger(), finding()
    for _ in range(5):
        assert ledger.look([f], [f], NONE) == []
        assert ledger.look([], [], NONE) == []


def test_some_rules_are_told_at_once() -> None:
    f = finding("OPT001", Severity.CRITICAL)
    assert kinds([*Ledger().look([f], [f], frozenset({"OPT001"}))]) == ["found"]


def test_escalation_easing_recovery_and_relapse() -> None:
    ledger, mild = Ledger(), finding()
    grave = replace(mild, severity=Severity.CRITICAL)
    told = []
    for f in [mild, mild, grave, grave, mild, mild, None, None, mild, mild, mild, mild]:
        found = [f] if f else []
        told.append(kinds([*ledger.look(found, found, NONE)]))
    expected = [[], ["found"], [], ["escalated"], [], ["eased"], [], ["recovered"], [], [], []]
    assert told == [*expected, ["found"]]  # after a recovery, twice as many looks must agree


def test_a_finding_that_became_a_symptom_is_not_gone() -> None:
    ledger, f = Ledger(), finding()
    cause = replace(finding("OPT001", Severity.CRITICAL, "other"), symptoms=(f,))
    ledger.look([f], [f], NONE)
    ledger.look([f], [f], NONE)
    for _ in range(4):
        changes = ledger.look([cause], cause.with_symptoms(), NONE)
        assert "recovered" not in kinds([*changes])


def test_what_another_finding_says_now_has_not_recovered() -> None:
    ledger = Ledger({"OPT002": {"OPT001"}})
    explained, elsewhere = finding("OPT001", metric="grad_norm"), finding("GEN001", metric="loss")
    same, f = finding("OPT006"), finding()
    assert ledger.replaced(f, [explained]) and ledger.replaced(f, [same])
    assert not ledger.replaced(f, [elsewhere, replace(same, severity=Severity.INFO)])
    ledger.look([f], [f], NONE)
    assert ledger.look([f], [f], NONE)
    told = [kinds([*ledger.look([same], [same], NONE)]) for _ in range(4)]
    assert told == [[], ["found"], [], []] and ledger.open == [same]


def test_a_finding_is_confirmed_by_new_values_only() -> None:
    def at(step: float) -> Finding:
        proof = Evidence("eval/loss", step_from=10.0, step_to=step)
        return replace(finding("GEN001"), evidence=(proof,))

    ledger = Ledger()
    for step in (100.0, 100.0, 100.0):
        assert ledger.look([at(step)], [at(step)], NONE) == []
    assert ledger.pending
    assert kinds([*ledger.look([at(120.0)], [at(120.0)], NONE)]) == ["found"]


def test_the_same_rule_on_two_metrics_is_two_findings() -> None:
    ledger, both = Ledger(), [finding(metric="a"), finding(metric="b")]
    ledger.look(both, both, NONE)
    assert kinds([*ledger.look(both, both, NONE)]) == ["found", "found"]


def test_looks_grow_with_the_run_and_cost_little() -> None:
    pace, looks = Pace(), 0
    for rows in range(1, 100_001):
        if pace.due(rows, rows * 0.05):
            pace.looked(rows, rows * 0.05, 0.1)
            looks += 1
    assert 100 < looks < 600
    assert pace.spent <= SHARE * 5_000 + BURST + 0.1


@pytest.mark.parametrize(("seconds", "looks"), [(30.0, 51), (0.05, 11)])
def test_rows_that_come_slowly_are_looked_at_one_by_one(seconds: float, looks: int) -> None:
    pace, seen = Pace(), 0
    for rows in range(1, 61):
        if pace.due(rows, rows * seconds):
            pace.looked(rows, rows * seconds, 0.05)
            seen += 1
    assert seen == looks


def test_all_of_a_long_run_is_looked_at_more_rarely_unless_it_confirms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, looked = Judge(), []

    def whole(run: Run, *_: Any) -> Diagnosis:
        looked.append(run.history.height)
        return Diagnosis(RunView(run), [], Counter())

    monkeypatch.setattr(judge, "diagnosis", whole)
    run = make_run({"train/loss": np.linspace(2, 1, 2_400)})
    for rows in range(1_900, 2_400, 20):
        told.look(replace(run, history=run.history.head(rows)))
    assert looked == [*range(1_900, 2_001, 20), 2_100, 2_220, 2_340]


def test_a_value_that_is_not_finite_is_looked_at_whatever_it_costs() -> None:
    pace = Pace()
    pace.looked(100, 10.0, 50.0)
    assert not pace.due(200, 11.0) and pace.due(200, 11.0, urgent=True)


def test_a_young_slow_run_is_looked_at_in_the_end() -> None:
    pace = Pace()
    assert not pace.due(3, 0.0) and not pace.due(3, 100.0)
    assert pace.due(3, 400.0)


def test_all_rules_say_when_they_are_told_and_the_docs_list_them() -> None:
    page = (ROOT / "docs" / "watch.md").read_text()
    for rule in rules():
        assert rule.live in (NOW, TWICE, LATE, END), rule.code
        if rule.live != TWICE:
            assert rule.code in page, rule.code
        if rule.lasting:
            assert rule.live != END, f"{rule.code} would be looked for in vain"


def growing(columns: dict[str, np.ndarray], rows: int, **config: object) -> Run:
    run = make_run({name: values[:rows] for name, values in columns.items()})
    return replace(run, state=State.RUNNING, config=dict(config), summary={})


def flat_then_falling(rows: int = 4_000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    loss = 5 + 0.1 * rng.standard_normal(rows)
    loss[rows // 4 :] -= np.linspace(0, 4, rows - rows // 4)
    return {"train/loss": loss}


def test_flatness_needs_more_than_a_prefix() -> None:
    columns = flat_then_falling()
    early = RunView(growing(columns, 300))
    from postrun.rules import diagnose

    found = diagnose(early)
    assert "OPT006" in {f.rule for f in found}
    assert "OPT006" not in {f.rule for f in tellable(early, found)}
    assert "OPT006" not in {
        f.rule for f in tellable(RunView(growing(columns, 300, max_steps=4_000)), found)
    }
    planned = RunView(growing(columns, 300, max_steps=320))
    assert enough(planned) and "OPT006" in {f.rule for f in tellable(planned, found)}


def test_a_run_without_a_plan_has_done_enough_after_many_rows() -> None:
    columns = flat_then_falling()
    assert not enough(RunView(growing(columns, ENOUGH_ROWS - 1)))
    assert enough(RunView(growing(columns, ENOUGH_ROWS)))


def test_plans_plateaus_and_awaited_evaluations_are_told_at_the_end_only() -> None:
    policy = {rule.code: rule.live for rule in rules()}
    for code in ("RUN002", "RUN003", "OPT003", "OPT015", "OPT025", "GEN003", "GEN008", "DAT010"):
        assert policy[code] == END, code


def test_a_symptom_of_what_may_not_be_told_stands_for_itself() -> None:
    view = RunView(growing(flat_then_falling(), 100))
    symptom = finding("OPT002")
    cause = replace(finding("OPT003"), symptoms=(symptom,))
    assert tellable(view, [cause]) == [symptom]


def test_the_recent_past_is_whole_and_the_rest_is_thinned() -> None:
    rows = 5_000
    evals = np.full(rows, np.nan)
    frame = make_run({"train/loss": np.arange(rows) * 1.0, "eval/loss": evals}).history
    frame = frame.with_columns(
        pl.when(pl.int_range(rows) % 100 == 0)
        .then(pl.int_range(rows).cast(float))
        .otherwise(None)
        .alias("eval/loss")
    )
    run = replace(make_run({"train/loss": np.arange(rows) * 1.0}), history=frame)
    short = zoomed(run)
    assert short is not None
    steps = short.history["_step"].to_numpy()
    assert steps[-1] == rows - 1 and steps[0] == 0
    assert (np.diff(steps[-200:]) == 1).all() and np.diff(steps[:50]).mean() > 10
    assert short.history.height < rows / 5
    assert short.history["eval/loss"].drop_nulls().len() == 50, "rare values are all kept"
    assert zoomed(make_run({"train/loss": np.arange(2 * LEAST - 1) * 1.0})) is None


def diverging(rows: int, at: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    loss = 3 * np.exp(-np.arange(rows) / (rows / 6)) + 0.5 + 0.05 * rng.standard_normal(rows)
    loss[at:] += np.minimum(np.arange(rows - at) * 0.3, 6)
    return {"train/loss": loss}


@pytest.mark.slow
def test_a_divergence_is_told_while_it_is_young_and_critical_once() -> None:
    columns, judge, told = diverging(2_000, 1_200), Judge(), []
    for rows in range(20, 1_400, 10):
        found = judge.look(growing(columns, rows))
        told += [(rows, c.kind, c.finding.rule, c.finding.severity) for c in found]
    assert [(k, r) for _, k, r, _ in told if k is Kind.FOUND] == [(Kind.FOUND, "OPT002")]
    assert 1_200 < told[0][0] <= 1_300
    assert told[-1][3] is Severity.CRITICAL


def test_a_healthy_run_is_silent() -> None:
    rng = np.random.default_rng(2)
    loss = 2 * np.exp(-np.arange(1_500) / 300) + 0.4 + 0.03 * rng.standard_normal(1_500)
    judge = Judge()
    for rows in range(10, 1_500, 35):
        assert judge.look(growing({"train/loss": loss}, rows)) == []


def test_findings_of_the_recent_past_have_no_rows_of_the_thinned_history() -> None:
    judge = Judge()
    columns = diverging(2_000, 1_200)
    for rows in range(1_190, 1_320, 10):
        judge.look(growing(columns, rows))
    assert judge.ledger.open
    found = [f for f in judge.findings() if f.rule == "OPT002"]
    assert len(found) == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_events_are_json_and_one_line(kind: Kind) -> None:
    f = finding()
    event = Event(kind, "r1", "name", "It rose", f.severity, 1_700_000_000.0, "step 5", 5.0, f)
    data = event.as_dict()
    assert data["time"] == "2023-11-14T22:13:20+00:00" and data["event"] == kind.value
    assert data["finding"]["rule"] == "OPT002" and "\n" not in data["text"]
    assert event.is_alert == (kind in (Kind.FOUND, Kind.ESCALATED, Kind.STALLED))
