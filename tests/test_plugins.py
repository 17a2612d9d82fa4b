"""What other packages add: the example as installed, and broken ones that cost themselves only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Finding, UsageError
from postrun.rules import Rule, diagnose
from postrun.rules.diagnose import _run
from tests.conftest import ROOT, SAMPLE, own_environment
from tests.curves import make_run
from tests.printed import results_of


def run_with(path: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process that has the packages in a folder installed."""
    where = filter(None, [os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "postrun", *map(str, arguments)],
        env=own_environment()
        | {"PYTHONPATH": os.pathsep.join([str(path), *where]), "COLUMNS": "200"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plug-in, installed into a folder."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--target", str(folder), str(ROOT / "examples" / "plugin")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder


@pytest.mark.slow
def test_the_example_is_listed(example: Path) -> None:
    listed = results_of(run_with(example, "plugins", "--json").stdout)["plugins"]
    assert {(p["group"], p["name"]) for p in listed} == {
        ("postrun.rules", "loss-above-target"),
        ("postrun.packs", "acme"),
        ("postrun.sources", "acme-text"),
        ("postrun.reports", "findings-csv"),
    }
    assert {p["package"] for p in listed} == {"postrun-example"}
    assert not any(p["problem"] for p in listed)
    assert "postrun-example 1.0" in run_with(example, "plugins").stdout


@pytest.mark.slow
def test_the_example_works(example: Path, tmp_path: Path) -> None:
    lines = ["# target_loss=0.1", *(f"{i} {1 / (i + 1) + 0.3}" for i in range(60))]
    (tmp_path / "first.acme").write_text("\n".join(lines))
    done = run_with(
        example, "analyze", tmp_path / "first.acme", "--out", tmp_path / "o", "--json", "--no-plots"
    )
    assert not done.stderr
    (result,) = results_of(done.stdout)["runs"]
    assert {f["rule"] for f in result["findings"]} >= {"ACME001", "OPT007"}
    assert "ACME001,warning," in (tmp_path / "o" / "first" / "findings.csv").read_text()
    assert "ACME001" in run_with(example, "rules").stdout
    assert "training loss" in run_with(example, "explain", "acme/objective").stdout


BROKEN = {
    "postrun.rules": "class Thing:\n    code = 'X001'\n",
    "postrun.packs": "def Thing():\n    return 'name = ['\n",
    "postrun.sources": "class Thing:\n    name = 'x'\n",
    "postrun.reports": "Thing = 3\n",
}


def broken_package(folder: Path, group: str, code: str) -> Path:
    """A package with one entry point, as pip leaves it."""
    about = folder / "broken-2.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 2.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\nthing = broken_module:Thing\n")
    (folder / "broken_module.py").write_text(code)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("code", ["own", "raise OSError('no such library')\n"])
@pytest.mark.parametrize("group", BROKEN)
def test_a_broken_plug_in_costs_itself_only(tmp_path: Path, group: str, code: str) -> None:
    folder = broken_package(tmp_path / "p", group, BROKEN[group] if code == "own" else code)
    done = run_with(
        folder, "analyze", SAMPLE, "--out", tmp_path / "o", "--no-plots", "--select", "RL001"
    )
    assert "RL001" in done.stdout and "Traceback" not in done.stderr
    assert done.stderr.count("postrun: warning: the ") == 1
    assert "thing of broken 2.0 is left out" in done.stderr
    listed = results_of(run_with(folder, "plugins", "--json", code=1).stdout)["plugins"]
    assert [(p["package"], bool(p["problem"])) for p in listed] == [("broken", True)]


SOURCES = {
    "claims": "def claims(self, t): raise KeyError(t)\n    def find(self, t): return iter(())\n",
    "find": "def claims(self, t): return t.endswith('.odd')\n    def find(self, t): raise KeyError(t)\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("method", SOURCES)
def test_a_source_that_raises(tmp_path: Path, method: str) -> None:
    code = f"class Thing:\n    name = 'x'\n    {SOURCES[method]}"
    folder = broken_package(tmp_path / "p", "postrun.sources", code)
    done = run_with(folder, "check", SAMPLE, "--select", "RUN", code=0)
    assert ("left out" in done.stderr) == (method == "claims") or not done.stderr
    if method == "find":
        (tmp_path / "a.odd").write_text("")
        done = run_with(folder, "list", tmp_path / "a.odd", code=3)
        assert "the source thing failed: KeyError" in done.stderr


@pytest.mark.slow
def test_sources_get_the_target_as_it_was_typed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom postrun import RunRef\n"
        "class Thing:\n    name = 'x'\n"
        "    def claims(self, t): return t.startswith('mlflow://') or t == 'team/project'\n"
        "    def find(self, t): yield RunRef(id=t, source='x', path=Path('p'), loader=None)\n"
    )
    folder = broken_package(tmp_path / "p", "postrun.sources", code)
    assert "mlflow://host/3" in run_with(folder, "list", "mlflow://host/3").stdout
    # Asked before the W&B server, which takes any "name/name".
    assert "team/project" in run_with(folder, "list", "team/project").stdout


class Raises(Rule):
    """Raises."""

    code, name = "XXX001", "raises"

    def check(self, view: RunView):  # type: ignore[no-untyped-def]
        raise RuntimeError("no")


def test_a_rule_that_raises_is_a_warning_and_no_clean_verdict() -> None:
    from postrun.report.story import verdict

    run = make_run({"loss": np.linspace(3, 1, 60)})
    (finding,) = _run(Raises(), RunView(run))
    assert (finding.rule, finding.severity) == ("RUN000", postrun.Severity.WARNING)
    assert finding.message.startswith(
        "Rule XXX001 (raises) could not be run on this run: RuntimeError"
    )
    assert verdict(RunView(run), [finding]) == "Finished after 10 min, but a rule could not be run."
    assert not [f for f in diagnose(run) if f.rule == "RUN000"]


def test_a_run_from_a_frame() -> None:
    values = np.where(np.arange(50) % 5 < 2, np.nan, np.linspace(3, 1, 50))
    run = postrun.Run.from_frame(
        pl.DataFrame({"loss": values}), id="a", config={"lr": 0.1}, console=["one", "two"]
    )
    assert run.history.columns == ["_step", "_runtime", "_timestamp", "loss"]
    assert run.history["_step"].to_list() == list(range(50)) and run.completeness.nonfinite == 20
    assert run.console["line"].to_list() == ["one", "two"]
    found: list[Finding] = postrun.diagnose(run)
    assert "OPT001" in {f.rule for f in found}
    frame = pl.DataFrame(
        {"_step": [10.0, 20.0, 30.0], "_runtime": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}
    )
    run = postrun.Run.from_frame(frame)
    assert run.history["_step"].to_list() == [10, 20, 30] and run.runtime == 3.0


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pl.DataFrame({"_step": ["a"], "loss": [1.0]}), "the column _step holds String"),
        (pl.DataFrame({"_runtime": ["a"], "loss": [1.0]}), "the column _runtime holds String"),
        (pl.DataFrame({"loss": [[1.0]], "x": [{"a": 1}]}), "the columns loss, x are nested"),
    ],
)
def test_a_frame_that_is_refused(frame: pl.DataFrame, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        postrun.Run.from_frame(frame)


def test_a_run_by_hand_without_steps_is_judged() -> None:
    from postrun.model import Identity, Run

    run = Run(Identity("hand"), history=pl.DataFrame({"loss": np.linspace(3, 1, 60)}))
    assert "OPT007" in {f.rule for f in postrun.diagnose(run)}
