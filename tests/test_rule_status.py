"""Rules in preview: they run, are marked, and count only if the user selects them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules import Rule, Selection, diagnose, find_rule, rules
from postrun.rules.base import PREVIEW, STABLE
from postrun.rules.registry import as_rule
from tests.conftest import ROOT, SAMPLE
from tests.curves import make_run
from tests.printed import results_of
from tests.test_plugins import broken_package, run_with

RUN = make_run({"loss": [3.0, 2.0, 1.0]})


class Trial(Rule):
    """It finds what it is told to find.

    ## What it does
    Nothing else.
    """

    code, name, status = "XYZ001", "trial", PREVIEW
    severity = Severity.CRITICAL

    def check(self, view: RunView) -> Iterator[Finding]:
        """Find one thing, which is not made by the rule's own `finding`."""
        yield Finding(self.code, self.name, self.severity, 0.9, "loss fell")


class Praise(Trial):
    """It praises."""

    severity = Severity.GOOD


@pytest.mark.parametrize(
    ("selection", "severity"),
    [
        (Selection(), "info"),
        (Selection(select=("ALL",)), "info"),
        (Selection(select=("XYZ",)), "info"),
        (Selection(severity={"XYZ": "warning"}), "info"),
        (Selection(select=("ALL", "XYZ001")), "critical"),
        (Selection(select=("trial",)), "critical"),
        (Selection(select=("ALL", "preview")), "critical"),
        (Selection(severity={"XYZ001": "warning"}), "warning"),
        (Selection(select=("ALL", "XYZ001"), severity={"XYZ": "warning"}), "warning"),
    ],
)
def test_a_preview_counts_only_if_it_is_meant(selection: Selection, severity: str) -> None:
    (finding,) = diagnose(RUN, selection, [Trial()])
    assert (finding.severity.label, finding.message) == (severity, "loss fell (preview)")
    assert finding.as_dict()["preview"] is True


def test_praise_in_preview_stays_praise() -> None:
    (finding,) = diagnose(RUN, None, [Praise()])
    assert finding.severity is Severity.GOOD and finding.preview


def test_a_preview_that_fails_is_told_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trial, "check", lambda self, view: 1 / 0)
    (finding,) = diagnose(RUN, None, [Trial()])
    assert (finding.rule, finding.severity, finding.preview) == (
        "RUN000", Severity.WARNING, False,
    )  # fmt: skip
    assert "preview" not in finding.as_dict()


@pytest.mark.parametrize("code", [rule.code for rule in rules() if rule.status == PREVIEW])
def test_previews_run_by_default_and_can_be_left_out(code: str) -> None:
    def active(select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> set[str]:
        return {rule.code for rule in Selection(select, ignore).active()}

    assert (
        code in active() and code in active(select=("ALL",)) and code in active(select=("PREVIEW",))
    )
    assert code not in active(ignore=("PREVIEW",))
    assert code in active(select=("ALL", code), ignore=("PREVIEW",))
    assert {find_rule(other).status for other in active(select=("PREVIEW",))} == {PREVIEW}
    assert code not in {r.code for r in Selection().without_previews().active()}
    assert code in {r.code for r in Selection(select=("ALL", code)).without_previews().active()}


PLUG_IN = """
from postrun import Finding, Rule, Severity
class Thing(Rule):
    '''A plug-in's rule.'''
    code, name = "XYZ001", "trial"
    {more}
    def check(self, view):
        yield self.finding(Severity.WARNING, 0.9, "the loss is odd")
"""


@pytest.mark.slow
def test_a_plug_in_in_preview_fails_no_gate_unless_selected(tmp_path: Path) -> None:
    code = PLUG_IN.format(more="since, status = '2.0', 'preview'")
    folder = broken_package(tmp_path / "p", "postrun.rules", code)
    (tmp_path / "a.csv").write_text("_step,loss\n" + "".join(f"{i},{9 - i}\n" for i in range(9)))
    history = tmp_path / "a.csv"

    def check(*arguments: object, exits: int) -> list[dict[str, object]]:
        done = run_with(folder, "check", history, "--json", *arguments, code=exits)
        found: list[dict[str, object]] = results_of(done.stdout)["runs"][0]["findings"]
        return [f for f in found if f["rule"] == "XYZ001"]

    for asked in ([], ["--select", "XYZ"]):
        (finding,) = check(*asked, exits=0)
        assert (finding["severity"], finding["preview"]) == ("info", True)
    assert not check("--select", "XYZ", "--fail-on", "info", exits=0)
    for asked in (["--select", "XYZ001"], ["--select", "XYZ001", "--fail-on", "info"]):
        (finding,) = check(*asked, exits=1)
        assert finding["severity"] == "warning"
    assert (
        "the loss is odd (preview)"
        in run_with(
            folder,
            "check",
            history,
            "--fail-on",
            "critical",
            "--select",
            "XYZ001",
            "--format",
            "github",
        ).stdout
    )
    assert re.search(r"XYZ001 +trial +2\.0, preview", run_with(folder, "rules").stdout)
    assert "Preview, since 2.0." in run_with(folder, "explain", "XYZ001").stdout


@pytest.mark.slow
def test_a_plug_in_that_names_neither_works(tmp_path: Path) -> None:
    folder = broken_package(tmp_path / "p", "postrun.rules", PLUG_IN.format(more=""))
    listed = results_of(run_with(folder, "rules", "--json").stdout)["rules"]
    (rule,) = [rule for rule in listed if rule["code"] == "XYZ001"]
    assert (rule["since"], rule["status"]) == ("", STABLE)
    run_with(folder, "check", SAMPLE, "--select", "XYZ", code=1)
    explained = results_of(run_with(folder, "explain", "XYZ001", "--json").stdout)
    assert (explained["since"], explained["documentation"]) == ("", "A plug-in's rule.")


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match=r"trial\.status is 'beta', not 'stable' or 'preview'"):
        as_rule("trial", type("Odd", (Trial,), {"status": "beta"}))


def test_every_rule_names_a_version_of_the_changelog() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    major, minor, _ = postrun.__version__.split(".")
    known = {*released, postrun.__version__, f"{major}.{int(minor) + 1}.0"}
    assert {
        rule.first_version() for rule in rules() if rule.__module__.startswith("postrun.")
    } <= known


def test_the_page_on_stability_names_the_previews() -> None:
    text = (ROOT / "docs" / "stability.md").read_text("utf-8")
    named = set(re.findall(r"^\| \[(\w+)\]\(rules\.md#", text, re.M))
    assert named == {rule.code for rule in rules() if rule.status == PREVIEW}
    kept = json.loads((ROOT / "src/postrun/catalogue.json").read_text("utf-8"))["rules"]
    assert {rule["code"] for rule in kept if rule["status"] == PREVIEW} == named
