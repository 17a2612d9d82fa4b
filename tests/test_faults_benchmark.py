"""The benchmark of fault diagnosis: that it counts what it says it counts, on answers made here."""

from __future__ import annotations

import math
import re
from pathlib import Path

import polars as pl
import pytest
from benchmarks.faults import score
from benchmarks.faults.ask import ask, ask_all
from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.consistency import contradictions, praised
from benchmarks.faults.kinds import kind_named, kind_of, kinds
from benchmarks.faults.makers import MAKERS
from benchmarks.faults.sources.own import _of_rule
from benchmarks.faults.statements import Answer, Level, Statement
from benchmarks.faults.subject import Subject, history_of
from benchmarks.faults.tables import markdown, published, silent
from benchmarks.faults.tools.postrun_tool import PostrunTool
from benchmarks.faults.tools.sk_autod_tool import _pair
from benchmarks.faults.untrue import Untrue

import postrun
from postrun.model import Evidence, Finding, Run, Severity
from postrun.rules import rules
from tests.conftest import ROOT


def said(words: str, level: Level = Level.WARNING, check: str = "x") -> Statement:
    return Statement(check, level, words)


def case(truth: Truth, kind: str = "", name: str = "a", **more: object) -> Case:
    causes = (Cause(kind, kind=kind_named(kind)),) if kind else ()
    return Case("s", name, truth, Subject(runs=[]), causes=causes, **more)  # type: ignore[arg-type]


def answered(*statements: Statement) -> Answer:
    return Answer.of(statements)


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────


def test_each_kind_is_named_once_and_each_maker_has_a_kind() -> None:
    names = [kind.name for kind in kinds()]
    assert len(names) == len(set(names))
    faults = {maker.fault for maker in MAKERS.values() if maker.fault}
    assert faults <= set(names)


def test_each_fault_stands_beside_a_healthy_training_of_the_same_function() -> None:
    for maker in MAKERS.values():
        if maker.fault:
            healthy = MAKERS[maker.beside]
            assert not healthy.fault and healthy.function == maker.function, maker.name
            assert maker.changes != healthy.changes, maker.name


def test_codes_in_kinds_are_codes_of_rules() -> None:
    codes = {rule.code for rule in rules()}
    text = (ROOT / "benchmarks" / "faults" / "kinds.toml").read_text()
    assert set(re.findall(r"\b(?:OPT|GEN|RUN|DAT|RL|PREF|PERF)\d{3}\b", text)) <= codes


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("CUDA out of memory at step 310", "out-of-memory"),
        ("No evaluation at all, so overfitting cannot be seen", "no-evaluation"),
        ("Memorising: the loss falls at each epoch, no evaluation", "memorising"),
        ("eight of ten", None),
        ("Cut off without a trace: CPU at 0%, suspended, then killed", "suspended"),
        ("Three of four GPUs are empty while one runs out of memory", "gpus-unused"),
    ],
)
def test_a_truth_in_words_finds_its_kind(words: str, name: str | None) -> None:
    kind = kind_of(words)
    assert (kind.name if kind else None) == name


def test_words_tell_a_kind_unless_they_praise_or_speak_of_something_else() -> None:
    leak = kind_named("leak")
    assert leak.told_by(said("accuracy is 1 from the first evaluation: labels may leak"))
    assert not leak.told_by(said("host memory leak"))
    assert not kind_named("overfitting").told_by(said("no overfitting: improved", Level.GOOD))
    assert kind_named("dead-relu").told_by(said("", check="TP-ZERO-GRAD"))


# ── scores ───────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_counts_as_warned_and_as_told_apart_from_each_other() -> None:
    overfit = case(Truth.FAULT, "overfitting")
    plain = score.faults([(overfit, answered(said("loss is flat")))])
    assert plain["curve faults, any warning"].hits == 1
    assert plain["curve faults, right words"].hits == 0
    quiet = score.faults([(overfit, answered(said("overfitting", Level.INFO)))])
    assert quiet["curve faults, any warning"].hits == 0
    assert quiet["curve faults, right words"].hits == 1


def test_what_no_curve_can_show_is_not_asked_of_curves() -> None:
    cause = Cause("out of memory", kind=kind_named("out-of-memory"), curve=False)
    oom = Case("s", "a", Truth.FAULT, Subject(runs=[]), causes=(cause,))
    result = score.faults([(oom, answered())])
    assert result["curve faults, any warning"].of == 0
    assert result["all faults, right words"].missed == ["a"]


def test_a_warning_that_the_truth_of_a_healthy_training_allows_is_no_alarm() -> None:
    fixed = case(Truth.HEALTHY, "overfitting")
    assert not score.alarms(fixed, answered(said("overfitting since step 3")))
    assert score.alarms(fixed, answered(said("loss spike")))
    assert not score.alarms(fixed, answered(said("loss spike", Level.INFO)))


def test_only_a_critical_statement_in_the_right_words_counts_for_a_gradient_that_is_nan() -> None:
    log = case(Truth.FAULT, "not-finite", label="nonfinite")
    column = "nonfinite, critical and in right words"
    for level, hits in ((Level.WARNING, 0), (Level.CRITICAL, 1)):
        result = score.algoperf([(log, answered(said("grad_norm is NaN", level)))])
        assert result[column].hits == hits and result["nonfinite, any warning"].hits == 1
    other = score.algoperf([(log, answered(said("loss spike", Level.CRITICAL)))])
    assert other[column].hits == 0


@pytest.mark.parametrize(
    "words", ["val_loss has been flat since step 3", "no improvement after step 3", "Plateau"]
)
def test_a_record_run_may_not_be_called_flat_not_even_as_an_aside(words: str) -> None:
    run = case(Truth.HEALTHY)
    assert score.records([(run, answered(said(words, Level.INFO)))])["called flat"].hits == 1
    assert score.records([(run, answered(said("Improved", Level.GOOD)))])["called flat"].hits == 0


def bugs(buggy: list[bool], fixed: list[bool]) -> score.Scores:
    """Score one pair whose seeds are warned or not."""
    asked = []
    for label, hits in (("buggy", buggy), ("fixed", fixed)):
        truth = Truth.FAULT if label == "buggy" else Truth.HEALTHY
        for seed, hit in enumerate(hits):
            one = case(truth, name=f"{label}{seed}", label=label, pair="p")
            asked.append((one, answered(said("spike")) if hit else answered()))
    return score.fixes(asked)


@pytest.mark.parametrize(
    ("buggy", "fixed", "apart", "alarmed"),
    [
        ([True, True, False], [False, False, True], 1, 0),
        ([True, False], [False, False], 0, 0),
        ([True, True], [True, True], 0, 1),
    ],
)
def test_a_pair_is_told_apart_by_most_of_its_seeds(
    buggy: list[bool], fixed: list[bool], apart: int, alarmed: int
) -> None:
    result = bugs(buggy, fixed)
    assert result["visible bugs told apart from their fix"].hits == apart
    assert result["fixed programs warned in most seeds"].hits == alarmed


def test_causes_of_strangers_are_counted_by_class_and_unknown_words_count_as_missed() -> None:
    causes = (Cause.of("Overfitting from epoch 2 on", "training"), Cause.of("42", "setup"))
    run = Case("s", "a", Truth.MIXED, Subject(runs=[]), causes=causes)
    result = score.strangers([(run, answered(said("val/loss: overfitting")))])
    assert (str(result["training"]), str(result["setup"])) == ("1 of 1", "0 of 1")
    assert str(result["all causes"]) == "1 of 2"


def test_only_a_tool_with_codes_is_asked_for_the_rule_of_an_own_curve() -> None:
    cause = Cause("OPT001", kind=_of_rule("OPT001"))
    curve = Case("s", "a", Truth.FAULT, Subject(runs=[]), causes=(cause,))
    ours = score.own([(curve, answered(said("NaN", check="OPT001 not-finite")))])
    theirs = score.own([(curve, answered(said("NaN", check="nan_inf")))])
    column = "faults, told by the rule"
    assert (str(ours[column]), str(theirs[column])) == ("1 of 1", "–")
    assert theirs["faults, any warning"].hits == 1


# ── tables and asking ────────────────────────────────────────────────────────────────────────────


def test_a_table_has_a_row_per_tool_and_says_how_often_a_tool_gave_no_answer() -> None:
    scores = {"one 1.0": score.records([(case(Truth.HEALTHY), answered())])}
    table = markdown("nanogpt", scores, silent({"one 1.0": [Answer(asked=False)]}))
    assert table.splitlines()[-1] == "| one 1.0 | 0 of 1 | 0 of 1 | 1 |"


def test_published_answers_of_other_detectors_are_counted() -> None:
    cases = [case(Truth.FAULT, others={"D": True}), case(Truth.FAULT, others={"D": False})]
    (row,) = published(cases).values()
    assert str(row["any warning"]) == "1 of 2"


class Broken:
    name, cached, reads = "broken", True, ""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, subject: Subject) -> list[Statement]:
        self.asked += 1
        raise ZeroDivisionError("of theirs")


def test_a_tool_that_raises_says_nothing_and_is_asked_once(tmp_path: Path) -> None:
    tool, one = Broken(), case(Truth.HEALTHY)
    assert ask(tool, one).problem == "ZeroDivisionError: of theirs"
    for _ in range(2):
        (answers,) = ask_all([one], [tool], tmp_path).values()
        assert not answers["broken"].asked
    assert tool.asked == 2


# ── what tools are given ─────────────────────────────────────────────────────────────────────────


def run_of(columns: dict[str, list[float | None]]) -> Run:
    return Run.from_frame(pl.DataFrame(columns))


def test_columns_get_their_roles_by_name_alone() -> None:
    names = ["eval/loss", "train/loss", "train/learning_rate", "grad_norm", "loss_other"]
    history = history_of(run_of({name: [1.0, 2.0] for name in names}))
    assert history.roles == {
        "train_loss": "train/loss",
        "eval_loss": "eval/loss",
        "lr": "train/learning_rate",
        "grad_norm": "grad_norm",
    }


def test_a_csv_file_keeps_gaps_and_values_that_are_not_finite(tmp_path: Path) -> None:
    history = history_of(run_of({"loss": [1.0, None, math.nan], "n": [1.0, 2.0, 3.0]}))
    path = history.write_csv(tmp_path / "x.csv", history.renamed({"train_loss": "train/loss"}))
    assert path.read_text().split() == ["step,train/loss,n", "0,1.0,1.0", "1,,2.0", "2,nan,3.0"]


def test_steps_are_the_trainers_own_unless_they_fall() -> None:
    up = run_of({"global_step": [10.0, 20.0], "loss": [1.0, 1.0]})
    back = run_of({"global_step": [20.0, 10.0], "loss": [1.0, 1.0]})
    assert history_of(up).steps == [10, 20] and history_of(back).steps == [0, 1]


def test_two_lists_of_one_length_hold_the_training_loss_at_each_evaluation() -> None:
    held_out = [None, *([0.5, None] * 5)]
    train = [float(i) for i in range(len(held_out))]
    history = history_of(run_of({"loss": list(train), "val_loss": held_out}))
    assert _pair(history) == ([1.0, 3.0, 5.0, 7.0, 9.0], [0.5] * 5)


def test_postrun_is_asked_through_its_own_functions() -> None:
    run = run_of({"loss": [1.0, *[math.nan] * 30]})
    answer = PostrunTool().ask(Subject(runs=[run]))
    assert kind_named("not-finite").told(answer)
    assert any(s.check == "completeness" for s in answer)


# ── untrue statements ────────────────────────────────────────────────────────────────────────────


def row(rule: str, said: str, why: str = "") -> Untrue:
    return Untrue.of({"data": "labelled", "run": "a/b", "rule": rule, "said": said, "why": why})


def test_a_row_is_said_still_under_its_rule_and_of_its_metric() -> None:
    improved = row("OPT007", "Improved: eval/loss from 19 to 3", "back to chance")
    good = said("Improved: eval/loss from 19 to 3", Level.GOOD, "OPT007 improved")
    other = said("Improved: train/loss from 19 to 3", Level.GOOD, "OPT007 improved")
    assert improved.still_said([good, other]) == [good]


def test_step_numbers_of_a_row_are_looked_for_whole() -> None:
    rows = row("RUN001", "at step 8, at step 13", "rows; the trainer's steps are 80 and 120")
    at = [said(f"Failed at step {n}", check="RUN001 run-failed") for n in (8, 80, 13)]
    assert rows.still_said(at) == [at[0], at[2]]


def test_a_row_that_asks_for_a_critical_finding_is_mended_by_one_only() -> None:
    nan = row("OPT001", "only a warning", "the gradient is NaN")
    assert nan.still_said([said("grad_norm is NaN", check="OPT001 not-finite")])
    grave = said("grad_norm is NaN", Level.CRITICAL, "OPT001 not-finite")
    assert not nan.still_said([grave])


def test_a_warning_turned_into_an_aside_counts_as_mended() -> None:
    clean = row("DAT001, DAT003", "warning: the history is sampled")
    note = "The history is sampled"
    assert clean.still_said([said(note, check="DAT001 history-sampled")])
    assert not clean.still_said([said(note, Level.INFO, "DAT001 history-sampled")])


# ── consistency ──────────────────────────────────────────────────────────────────────────────────


def finding(rule: str, message: str, *metrics: str, severity: Severity = Severity.INFO) -> Finding:
    proofs = tuple(Evidence(metric) for metric in metrics)
    return Finding(rule, "name", severity, 1.0, message, evidence=proofs)


IMPROVED = finding(
    "OPT007", "Improved: a/loss from 2 to 1 (still improving); b from 3 to 1", "a/loss", "b"
)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (finding("GEN001", "a/loss rises: overfitting", "a/loss"), {"it overfits"}),
        (finding("GEN001", "val rises while b falls: overfitting", "val", "b"), set()),
        (
            finding("OPT003", "a/loss has been flat since step 2", "a/loss"),
            {"it is still improving"},
        ),
        (finding("OPT003", "b has been flat since step 2", "b"), set()),
        (finding("OPT006", "b does not fall", "b"), {"it never learned"}),
        (finding("OPT001", "b is NaN", "b", severity=Severity.CRITICAL), {"its values are lost"}),
        (finding("OPT001", "b is NaN once", "b", severity=Severity.WARNING), set()),
    ],
)
def test_findings_of_one_metric_that_exclude_each_other_are_found(
    other: Finding, found: set[str]
) -> None:
    assert {c.against for c in contradictions([IMPROVED, other])} == found
    assert {c.against for c in contradictions([other, IMPROVED])} == found


@pytest.mark.parametrize(
    ("role", "found"), [("accuracy.eval", 1), ("loss.train", 0), ("reward", 0)]
)
def test_one_evaluation_metric_is_not_flat_while_another_still_improves(
    role: str, found: int
) -> None:
    flat = Finding("OPT003", "", Severity.INFO, 1.0, "", evidence=(Evidence("v", "loss.eval"),))
    message = "Improved: w from 1 to 2 (still improving)"
    better = Finding("OPT007", "", Severity.GOOD, 1.0, message, evidence=(Evidence("w", role),))
    assert len(contradictions([flat, better])) == found


def test_a_verdict_without_a_problem_may_not_stand_beside_a_critical_finding() -> None:
    grave = finding("OPT001", "loss is NaN", "loss", severity=Severity.CRITICAL)
    assert praised("Finished after 3 s; no problem found.", [grave, IMPROVED]) == [grave]
    assert not praised("Finished after 3 s, but loss is not finite.", [grave])


def test_a_healthy_run_is_consistent() -> None:
    steps = range(400)
    run = run_of({"loss": [2.0 + 3.0 / (1 + s / 30) + 0.01 * math.sin(7.0 * s) for s in steps]})
    assert contradictions(postrun.diagnose(run)) == []
