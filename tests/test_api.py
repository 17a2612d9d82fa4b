"""The library in scripts and notebooks: what it takes, what it refuses, and what a notebook shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import postrun
from postrun.report.notebook import counted
from tests.conftest import SAMPLE
from tests.printed import results_of
from tests.test_index import project_folder
from tests.test_report_html import HOSTILE, hostile_run


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    return project_folder(tmp_path)


def test_diagnose_takes_a_run_a_path_or_a_frame() -> None:
    run = postrun.load(SAMPLE)
    found = postrun.diagnose(run)
    assert postrun.diagnose(SAMPLE) == found == postrun.diagnose(str(SAMPLE))
    loss = [2.0 / (1 + i) for i in range(60)] + [float("nan")] * 40
    codes = {f.rule for f in postrun.diagnose(pl.DataFrame({"train/loss": loss}))}
    assert "OPT001" in codes
    with pytest.raises(postrun.UsageError, match="a dict is no run"):
        postrun.diagnose({"train/loss": loss})  # type: ignore[arg-type]


def test_one_code_need_not_be_a_list() -> None:
    run = postrun.load(SAMPLE)
    one = postrun.diagnose(run, select="RL001")
    assert [f.rule for f in one] == ["RL001"] == [f.rule for f in postrun.diagnose(run, ["RL001"])]
    assert "RL001" not in {f.rule for f in postrun.diagnose(run, ignore="RL001")}
    assert postrun.check(SAMPLE, select="RUN").failed is False
    (result,) = postrun.analyze(SAMPLE, None, select="RL001")
    assert [f.rule for f in result.findings] == ["RL001"]


def test_unknown_keys_are_errors_that_name_near_ones(grid: Path) -> None:
    with pytest.raises(postrun.UsageError, match=r"no rule matches 'RL01x'.*RL01"):
        postrun.diagnose(SAMPLE, select="RL01x")
    with pytest.raises(postrun.UsageError, match=r"no option is called 'stat'. Did you mean state"):
        postrun.runs(SAMPLE, stat="failed")  # type: ignore[call-arg]
    study = postrun.failures(grid)
    with pytest.raises(postrun.UsageError, match=r"no table 'ending'. Did you mean endings"):
        study["ending"]
    with pytest.raises(postrun.UsageError, match=r"no format is called 'pgn'. Did you mean png"):
        postrun.plot(SAMPLE, formats="pgn")
    with pytest.raises(postrun.TargetError, match="no such file"):
        postrun.diagnose("missing")


@pytest.mark.slow
def test_plot_writes_what_the_command_writes(tmp_path: Path) -> None:
    drawn = postrun.plot(SAMPLE, tmp_path, formats="svg")
    names = {path.name for path in drawn}
    assert {"dashboard.svg", "training_metrics.svg", "reward.svg"} <= names
    assert all(path.is_file() and path.parent.name == "plots" for path in drawn)
    assert "data:image/svg+xml;base64," in drawn._repr_html_()
    empty = postrun.Run.from_frame(pl.DataFrame({"_step": [1, 2]}))
    assert postrun.plot(empty, tmp_path) == []


def test_card_writes_what_the_command_writes(tmp_path: Path) -> None:
    path = postrun.card(SAMPLE, tmp_path / "README.md", license="mit", model_name="speller")
    text = path.read_text()
    assert "license: mit" in text and "# speller" in text and "postrun.card" in text
    assert (tmp_path / "plots" / "dashboard.png").is_file()
    run = postrun.load(SAMPLE)
    postrun.card([run, run], path, plots=False)
    assert path.read_text().count("<!-- postrun card") == text.count("<!-- postrun card")


def test_counts_are_equal_everywhere(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from postrun.cli.main import cli

    found = postrun.diagnose(SAMPLE)
    said = counted(found)
    assert said == "2 warnings, 1 info, 2 good"
    assert said in found._repr_html_() and said in postrun.load(SAMPLE)._repr_html_()
    checked = CliRunner().invoke(cli, ["check", str(SAMPLE), "--json"])
    (run,) = results_of(checked.stdout)["runs"]
    codes = [f.rule for f in found]
    assert [f["rule"] for f in run["findings"]] == codes
    (result,) = postrun.analyze(SAMPLE, None)
    assert [f.rule for f in result.findings] == codes
    postrun.pull(SAMPLE, tmp_path / "kept")
    store = postrun.Store(str(tmp_path / "kept"))
    assert store.findings.collect()["rule"].to_list() == codes
    assert "0 critical findings, 2 warnings" in store._repr_html_()


def test_all_show_themselves_with_charts(grid: Path, tmp_path: Path) -> None:
    postrun.pull(grid, tmp_path / "kept")
    shown: dict[str, Any] = {
        "run": postrun.load(SAMPLE),
        "findings": postrun.diagnose(SAMPLE),
        "project": postrun.project(grid),
        "study": postrun.failures(grid),
        "store": postrun.Store(str(tmp_path / "kept")),
    }
    for name, value in shown.items():
        html = value._repr_html_()
        assert "<svg" in html and "<table>" in html, name
        assert len(html) < 40_000, name  # a notebook is kept in version control
        assert not re.search(r"<(?:script|link|img)|https?://", html), name
        assert html.count("<tr>") < 25, name
    assert "7 finished, 1 failed" in shown["project"]._repr_html_()


def test_what_is_not_within_a_screen_is_counted() -> None:
    found = postrun.diagnose(SAMPLE)
    many = postrun.Findings([*found] * 5, found.view)
    html = many._repr_html_()
    assert html.count("<tr>") == 6 and "and 19 more" in html
    assert "no finding" in postrun.Findings()._repr_html_()


def test_texts_in_a_notebook_are_escaped_and_masked() -> None:
    run = hostile_run()
    for html in (run._repr_html_(), postrun.diagnose(run)._repr_html_()):
        assert "<img" not in html and "<script" not in html and HOSTILE not in html
    run = postrun.load(SAMPLE)
    secret = "hf_" + "abcdEFGH1234ijklMNOP5678qrstUVWX"
    run.identity.tags.append(secret)
    assert secret not in run._repr_html_()
