"""Plug-ins that raise in every hook, or give what is no rule, finding, run or file: no run is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postrun.metrics import RunView
from postrun.metrics.packs_loader import as_pack
from postrun.model import Evidence, Finding, PostrunError, Severity, TargetError
from postrun.rules import Rule
from postrun.rules.diagnose import _run
from postrun.rules.registry import as_rule
from postrun.sources.guarded import guarded
from tests.conftest import SAMPLE
from tests.curves import make_run
from tests.printed import envelope_of, results_of
from tests.test_plugins import run_with

#: What is raised in every hook. "mute" is an error that cannot even be printed.
RAISED = {
    "error": "ValueError('planted')",
    "exit": "SystemExit(0)",
    "mute": "Mute()",
    "deep": "RecursionError('planted')",
    "panic": "__import__('polars').exceptions.PanicException('planted')",
    "postrun": "__import__('postrun').model.PostrunError('planted')",
}
BODY = """
import postrun
from pathlib import Path

class Mute(Exception):
    def __str__(self):
        raise KeyError("no words")

def no(*_, **__):
    raise {raised}

class Check(postrun.Rule):
    '''Raises.'''
    code, name = "BAD001", "bad-check"
    def check(self, view):
        no()

class Late(postrun.Rule):
    '''Raises after a finding.'''
    code, name = "BAD002", "bad-late"
    def check(self, view):
        yield self.finding(postrun.Severity.INFO, 0.5, "what the late rule found")
        no()

class Beside(postrun.Rule):
    '''Raises beside others.'''
    code, name, beside = "BAD003", "bad-beside", True
    def check_beside(self, view, found):
        no()

class Init(postrun.Rule):
    '''Raises when it is made.'''
    code, name = "BAD004", "bad-init"
    def __init__(self, overrides=None):
        no()

class Page(postrun.Rule):
    '''Raises when its page is asked for.'''
    code, name = "BAD005", "bad-page"
    @classmethod
    def documentation(cls):
        no()

class Claims:
    name = "claims"
    claims = find = no

class Named:
    @property
    def name(self):
        no()

class Find:
    name = "find"
    def claims(self, target):
        return target.endswith(".find")
    find = no

class Load:
    name = "load"
    def claims(self, target):
        return target.endswith(".load")
    def find(self, target):
        yield postrun.RunRef(id="odd", source="load", path=Path(target), loader=no, listing=no)

def no_pack():
    no()
"""
ENTRIES = """
[postrun.rules]
check = bad_module:Check
late = bad_module:Late
beside = bad_module:Beside
init = bad_module:Init
page = bad_module:Page
[postrun.packs]
pack = bad_module:no_pack
[postrun.sources]
claims = bad_module:Claims
named = bad_module:Named
find = bad_module:Find
load = bad_module:Load
[postrun.reports]
report = bad_module:no
"""


def package(folder: Path, entries: str, code: str) -> Path:
    """A package with these entry points, as pip leaves it."""
    about = folder / "bad-2.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 2.0\n")
    (about / "entry_points.txt").write_text(entries)
    (folder / "bad_module.py").write_text(code)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", RAISED)
def test_a_package_that_raises_in_every_hook_loses_no_run(kind: str, tmp_path: Path) -> None:
    bad = package(tmp_path / "p", ENTRIES, BODY.replace("{raised}", RAISED[kind]))
    (tmp_path / "x.load").write_text("")
    done = run_with(
        bad, "analyze", SAMPLE, tmp_path / "x.load", "--out", tmp_path / "o", "--json", "--no-plots",
        code=3,
    )  # fmt: skip
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr + done.stdout
    (error,) = envelope_of(done.stdout)["errors"]
    assert "the source load failed" in error or "planted" in error
    run = next(r for r in results_of(done.stdout)["runs"] if not r.get("error"))
    found = [(f["rule"], f["message"]) for f in run["findings"]]
    assert len([1 for rule, message in found if rule == "RUN000" and "BAD00" in message]) == 3
    assert ("BAD002", "what the late rule found") in found
    assert {rule[:3] for rule, _ in found} > {"RUN", "BAD"}, "postrun's own rules were lost"
    names = {path.name for path in (tmp_path / "o").rglob("*") if path.is_file()}
    assert {"report.html", "report.md", "full_analysis.json"} <= names
    for name in ("init", "page", "pack", "named", "claims", "report"):
        assert done.stderr.count(f" {name} of bad 2.0 is left out") == 1, done.stderr


@pytest.mark.slow
def test_every_command_works_beside_such_a_package(tmp_path: Path) -> None:
    bad = package(tmp_path / "p", ENTRIES, BODY.replace("{raised}", RAISED["mute"]))
    for number in range(9):  # enough for worker processes
        shutil.copytree(SAMPLE / "wandb", tmp_path / "runs" / str(number))
    runs = tmp_path / "runs"
    (tmp_path / "x.load").write_text("")
    (tmp_path / "x.find").write_text("")
    assert "BAD001" in run_with(bad, "rules").stdout
    assert "bad-check" in run_with(bad, "explain", "BAD001").stdout
    run_with(bad, "explain", "train/loss")
    assert "odd" in run_with(bad, "list", tmp_path / "x.load").stdout
    assert "the source find failed" in run_with(bad, "list", tmp_path / "x.find", code=3).stderr
    listed = results_of(run_with(bad, "plugins", "--json", code=1).stdout)["plugins"]
    assert {p["name"] for p in listed if p["problem"]} == {"init", "page", "pack", "named"}
    out = ("--out", tmp_path / "o", "--workers", "2", "--no-plots")
    done = run_with(bad, "analyze", runs, *out, "--json")
    assert len(results_of(done.stdout)["runs"]) == 9
    assert "report of bad 2.0 is left out: Mute" in done.stderr, (
        "a worker's plug-in fails in silence"
    )
    run_with(bad, "pull", runs, "--store", tmp_path / "kept")
    run_with(bad, "check", runs, "--select", "DAT", "--fail-on", "critical")


def _with(part: Any, **fields: Any) -> Any:
    """Return a finding or evidence with fields of types that no type checker would let through."""
    return replace(part, **fields)


ODD_FINDINGS: dict[str, Callable[[Finding], Any]] = {
    "none": lambda f: None,
    "text": lambda f: "a finding",
    "dictionary": lambda f: f.as_dict(),
    "message": lambda f: _with(f, message=None),
    "remedy": lambda f: _with(f, remedy=3),
    "severity": lambda f: _with(f, severity="warning"),
    "level": lambda f: _with(f, severity=2),
    "confidence": lambda f: _with(f, confidence="sure"),
    "nan": lambda f: _with(f, confidence=float("nan")),
    "percent": lambda f: _with(f, confidence=95),
    "evidence": lambda f: _with(f, evidence=Evidence("loss")),
    "list": lambda f: _with(f, evidence=[Evidence("loss")]),
    "proofs": lambda f: _with(f, evidence=("loss",)),
    "metric": lambda f: _with(f, evidence=(_with(Evidence("loss"), metric=None),)),
    "number": lambda f: _with(f, evidence=(_with(Evidence("loss"), before="3"),)),
    "step": lambda f: _with(f, evidence=(Evidence("loss", step_from=float("inf"), step_to=1),)),
    "links": lambda f: _with(f, links="https://example.org"),
    "symptoms": lambda f: _with(f, symptoms=(_with(f, message=b"bytes"),)),
}  # fmt: skip


class Odd(Rule):
    """Gives what it was told to."""

    code, name = "ODD001", "odd"
    given: Callable[[Finding], Any]

    def check(self, view: RunView) -> Iterator[Finding]:
        good = self.finding(
            Severity.INFO, 0.5, "a good one", evidence=[_with(Evidence("loss"), n=np.int64(3))]
        )
        yield good
        yield type(self).given(good)


@pytest.mark.parametrize("kind", ODD_FINDINGS)
def test_what_is_no_finding_costs_its_rule_only(kind: str) -> None:
    Odd.given = staticmethod(ODD_FINDINGS[kind])
    good, failed = _run(Odd(), RunView(make_run({"loss": np.linspace(3, 1, 60)})))
    assert good.message == "a good one" and failed.rule == "RUN000"
    assert "ODD001" in failed.message
    json.dumps(failed.as_dict())


def test_a_rule_without_an_end_is_stopped() -> None:
    class Endless(Odd):
        def check(self, view: RunView) -> Iterator[Finding]:
            while True:
                yield self.finding(Severity.INFO, 0.5, "and again")

    found = _run(Endless(), RunView(make_run({"loss": np.linspace(3, 1, 60)})))
    assert len(found) == 1_001 and "more than 1,000 findings" in found[-1].message


def test_a_rule_that_returns_nothing() -> None:
    class Nothing(Odd):
        def check(self, view: RunView) -> Any:
            return None

    (failed,) = _run(Nothing(), RunView(make_run({"loss": np.linspace(3, 1, 60)})))
    assert failed.rule == "RUN000"


@pytest.mark.parametrize(
    "attributes",
    [{"code": 3}, {"name": None}, {"needs": "loss.train"}, {"needs": (1,)}, {"symptom_of": ["OPT001"]},
     {"thresholds": 3}, {"thresholds": {"a": "b"}}, {"scope": None}, {"beside": "no"}],
)  # fmt: skip
def test_a_rule_with_odd_attributes_is_none(attributes: dict[str, Any]) -> None:
    made = type("Made", (Rule,), {"code": "X001", "name": "x"} | attributes)
    with pytest.raises(TypeError):
        as_rule("made", made)
    plain = type("Plain", (Rule,), {"code": "X001", "name": "x"})
    assert as_rule("plain", plain) is plain and isinstance(plain.summary(), str)


@pytest.mark.parametrize(
    "text",
    ["name = 3", "", "name = 'a'\nrecognise = 3", "name = 'a'\n[recognise]\nkeys = 'loss'",
     "name = 'a'\n[[metric]]\npattern = '('\nrole = 'loss.train'", "name = 'a'\nmetric = 3",
     "name = 'a'\n[[metric]]\npattern = 'x'\nrole = 'loss.train'\nunit = 3",
     "name = 'a'\nrank = 'first'", "name = 'a'\n[parts]\ntrainer = 'x'", "name = 'a'\nstep_unit = 1"],
)  # fmt: skip
def test_an_odd_pack_is_none(text: str) -> None:
    with pytest.raises(PostrunError, match="metric pack mine"):
        as_pack("mine", lambda: text)


def test_what_a_source_gives_is_checked() -> None:
    from postrun.model import Run, RunRef

    def source(**fields: Any) -> Any:
        class Made:
            name = "made"

            def claims(self, target: str) -> bool:
                return True

            def find(self, target: str) -> Iterator[Any]:
                about = {
                    "id": "a",
                    "source": "made",
                    "path": Path("p"),
                    "loader": fields.get("gives"),
                }
                yield "a run" if fields.get("text") else RunRef(**about | fields.get("ref", {}))

        return guarded("made", Made)

    for wrong in (
        {"text": True},
        {"ref": {"id": 3}},
        {"ref": {"path": "p"}},
        {"ref": {"modified": None}},
    ):
        with pytest.raises(TargetError, match="the source made failed: TypeError"):
            list(source(**wrong).find("x"))
    for result in (None, "a run", {"history": 1}):
        (ref,) = source(gives=lambda result=result: result).find("x")
        with pytest.raises(TargetError, match="not a Run"):
            ref.load()
    (ref,) = source(gives=lambda: Run(make_run({"loss": [1.0]}).identity, history=None)).find("x")  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="no Polars frame"):
        ref.load()
