"""What the user says that metrics mean: settings, option, library; it comes before everything else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.metrics.declared import declared, digest, with_declared
from postrun.model import Run, UsageError
from tests.printed import results_of

ROWS = 60


def odd_run() -> Run:
    """A run whose names say nothing: a score that falls by half."""
    y = np.linspace(0.9, 0.1, ROWS) + 0.001 * np.random.default_rng(0).standard_normal(ROWS)
    frame = pl.DataFrame({"_step": np.arange(ROWS), "zorp": y, "zorp_b": y, "loss": y})
    return Run.from_frame(frame)


def csv(folder: Path) -> Path:
    path = folder / "odd.csv"
    odd_run().history.select("_step", "zorp", "zorp_b", "loss").write_csv(path)
    return path


def test_a_declared_role_comes_before_every_pack() -> None:
    run = with_declared(odd_run(), declared({"zorp*": "reward", "loss": "none"}))
    metrics = RunView(run).metrics
    assert (metrics["zorp"].role, metrics["zorp"].better) == ("reward", "higher")
    assert metrics["zorp_b"].role == "reward"
    assert metrics["loss"].role is None and metrics["loss"].understood
    assert "declared by the user (zorp* = reward)" in metrics["zorp"].why


def test_an_exact_name_comes_before_a_glob() -> None:
    told = declared(
        {"zorp*": "reward", "zorp_b": {"role": "score.eval", "better": "lower", "unit": "m"}}
    )
    info = RunView(with_declared(odd_run(), told)).metrics["zorp_b"]
    assert (info.role, info.better, info.unit, info.split) == ("score.eval", "lower", "m", "eval")


def test_without_a_declaration_nothing_is_known() -> None:
    assert RunView(odd_run()).metrics["zorp"].role is None


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"a": "rewrad"}, "Did you mean reward"),
        ({"a": {"better": "lower"}}, "give a role"),
        ({"a": {"role": "reward", "better": "up"}}, "lower, higher or neither"),
        ({"a": {"role": "reward", "colour": "red"}}, "give a role"),
        ({"a": 3}, "give a role"),
    ],
)
def test_a_wrong_declaration_is_refused(table: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        declared(table)  # type: ignore[arg-type]


def test_declarations_have_a_digest_of_their_own() -> None:
    one, other = declared({"a": "reward"}), declared({"a": "lr"})
    assert digest([]) == "" and digest(one) != digest(other) and digest(one) == digest(list(one))


def test_the_library_believes_the_user() -> None:
    codes = {f.rule for f in postrun.diagnose(odd_run(), roles={"zorp": "reward"})}
    assert "RL007" in codes
    assert "RL007" not in {f.rule for f in postrun.diagnose(odd_run())}


def test_analyze_and_project_believe_the_user(tmp_path: Path) -> None:
    path = csv(tmp_path)
    (result,) = postrun.analyze(path, None, roles={"zorp": "reward"})
    assert result.analysis["metrics"]["zorp"]["role"] == "reward"
    (record,) = postrun.project(path, cache=False, roles={"zorp": "reward"}).records
    assert record.metrics["zorp"].role == "reward"


def test_another_declaration_is_read_anew_despite_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "cache"))
    path = csv(tmp_path)
    for role in ("reward", "score.eval"):
        (record,) = postrun.project(path, roles={"zorp": role}).records
        assert record.metrics["zorp"].role == role
    (record,) = postrun.project(path).records
    assert record.metrics["zorp"].role is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.postrun.metrics]\nzorp = "reward"\n'),
        ("postrun.toml", '[metrics]\nzorp = { role = "reward" }\n'),
    ],
)
def test_settings_are_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    path = csv(tmp_path)
    (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["check", str(path), "--json"])
    assert "RL007" in {f["rule"] for f in results_of(done.stdout)["runs"][0]["findings"]}


def test_the_option_comes_before_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = csv(tmp_path)
    (tmp_path / "postrun.toml").write_text('[metrics]\nzorp = "reward"\n')
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["check", str(path), "--json", "--metric-role", "zorp=none"])
    assert "RL007" not in {f["rule"] for f in results_of(done.stdout)["runs"][0]["findings"]}


@pytest.mark.parametrize("given", ["zorp", "zorp=rewrad", "=reward"])
def test_a_wrong_option_is_a_usage_error(given: str) -> None:
    done = CliRunner().invoke(cli, ["check", "x", "--metric-role", given])
    assert isinstance(done.exception, UsageError) and "--metric-role" in str(done.exception)


def test_an_unknown_setting_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "postrun.toml").write_text("metrix = 1\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["check", str(csv(tmp_path))])
    assert isinstance(done.exception, UsageError)
    assert "postrun.toml" in str(done.exception) and "metrix" in str(done.exception)


def test_what_the_user_declares_is_not_exported_as_the_runs_own(tmp_path: Path) -> None:
    (result,) = postrun.analyze(
        csv(tmp_path), tmp_path / "out", plots=False, roles={"zorp": "reward"}
    )
    assert result.folder is not None
    full = json.loads((result.folder / "full_analysis.json").read_text())
    assert full["metric_definitions"] == []
