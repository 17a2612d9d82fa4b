"""What is written: the contract's files, byte-stable, safe, exact, and never half there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import postrun
from postrun.job import Options, analyze_run
from postrun.model import PostrunError
from postrun.report.export import spreadsheet_safe
from postrun.report.files import json_text, safe_name, write_json
from postrun.report.markdown import escape
from postrun.store.atomic import write_atomically
from tests import logs
from tests.conftest import SAMPLE

FILES = {
    "sample01_summary.json",
    "sample01_config.json",
    "sample01_history.csv",
    "sample01_history.parquet",
    "sample01_console.log",
    "full_analysis.json",
    "detailed_analysis.json",
    "report.html",
    "report.md",
    "plots/training_metrics.png",
    "plots/performance_metrics.png",
}


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_contract_files_are_byte_stable(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for out in (first, second, second):  # the second is written over: nothing is left behind
        postrun.analyze(SAMPLE, out)
    assert set(tree(first / "sample01")) == FILES
    assert tree(first) == tree(second)


def test_detailed_analysis(tmp_path: Path) -> None:
    postrun.analyze(SAMPLE, tmp_path, plots=False)
    data = json.loads((tmp_path / "sample01" / "detailed_analysis.json").read_text())
    assert data["schema_version"] == 1 and data["run_id"] == "sample01"
    assert set(data["completeness"]) >= {
        "source",
        "rows",
        "first_step",
        "last_step",
        "reported_last_step",
        "sampled",
        "truncated",
        "notes",
    }
    loss = data["analysis"]["loss"]["policy/loss"]
    assert set(loss) == {"initial", "final", "mean", "std", "min", "max", "trend"}
    assert data["analysis"]["reward"]["reward/mean"]["trend"] == "increasing"
    order = ["critical", "warning", "info", "good"]
    severities = [order.index(f["severity"]) for f in data["findings"]]
    assert severities == sorted(severities) and severities
    for finding in data["findings"]:
        assert set(finding) == {
            "rule",
            "name",
            "severity",
            "confidence",
            "message",
            "remedy",
            "evidence",
            "links",
            "symptoms",
        }
        for proof in finding["evidence"]:
            assert set(proof) - {"of"} == {
                "metric",
                "role",
                "step_from",
                "step_to",
                "before",
                "after",
                "effect",
                "n",
                "axis",
                "unit",
                "row_from",
                "row_to",
            }
    assert any("Duration" in sentence for sentence in data["insights"])


def test_full_analysis_keeps_the_seeds_keys(tmp_path: Path) -> None:
    postrun.analyze(SAMPLE, tmp_path, plots=False)
    data = json.loads((tmp_path / "sample01" / "full_analysis.json").read_text())
    assert set(data) >= {
        "run_id",
        "name",
        "state",
        "created_at",
        "url",
        "project",
        "entity",
        "summary",
        "config",
        "history_columns",
        "history_rows",
        "history_sample",
        "files",
        "tags",
    }
    assert data["history_rows"] == 480 and data["tags"] == ["sample", "policy-gradient"]


def test_json_is_strict() -> None:
    text = json_text({"b": float("nan"), "a": [float("inf"), -float("inf"), 10**40]})

    def refuse(value: str) -> Any:
        raise AssertionError(value)

    data = json.loads(text, parse_constant=refuse)
    assert data == {"a": ["Infinity", "-Infinity", 10**40], "b": "NaN"}


def test_csv_is_safe_for_spreadsheets() -> None:
    frame = pl.DataFrame({"=cmd": [1, 2], "t": ["=1+1", "fine"], "n": [-1.5, 2.0]})
    safe = spreadsheet_safe(frame)
    assert safe.columns == ["'=cmd", "t", "n"]
    assert safe["t"].to_list() == ["'=1+1", "fine"] and safe["n"].to_list() == [-1.5, 2.0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("..", "run"),
        ("a/b c", "a_b_c"),
        ("", "run"),
        ("x" * 500, "x" * 120),
    ],
)
def test_safe_names(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    evil = "../../../evil"
    names = [evil, "a\nb", "ünï/cödé", "C:\\x", "<img src=x onerror=alert(1)>", "$\\frac{$", "_x"]
    records = [
        logs.run_record(evil, display_name="<script>alert(1)</script>|`x`"),
        *(logs.history(dict.fromkeys(names, i * 1.5), step=i) for i in range(60)),
        logs.output("<b>\x1b]0;evil\x07 =1+1\n"),
        logs.exit_record(),
    ]
    path = logs.write(tmp_path / "in" / "run-evil.wandb", records)
    out = tmp_path / "deep" / "out"
    before = tree(tmp_path)
    (result,) = postrun.analyze(path, out)
    assert not result.error
    written = set(tree(tmp_path)) - set(before)
    assert written and all(name.startswith("deep/out/") for name in written)
    report = next(out.rglob("report.md")).read_text()
    assert "<script>" not in report and "<img" not in report


def test_markdown_escape() -> None:
    assert escape("a|b\n<c>") == r"a\|b &lt;c&gt;"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def fail(aside: Path) -> None:
        aside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(PostrunError, match="No space left"):
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_1500_metrics_and_a_single_step(tmp_path: Path) -> None:
    wide = [logs.history({f"m{i}": float(i) for i in range(1500)}, step=0), logs.exit_record()]
    path = logs.write(tmp_path / "run-w.wandb", [logs.run_record("w"), *wide])
    (result,) = postrun.analyze(path, tmp_path / "out")
    assert not result.error and result.rows == 1
    empty = logs.write(tmp_path / "run-e.wandb", [logs.run_record("e"), logs.exit_record()])
    (result,) = postrun.analyze(empty, tmp_path / "out")
    assert not result.error and [f.rule for f in result.findings] == ["RUN004"]


def test_same_ids_get_their_own_folders(tmp_path: Path) -> None:
    paths = []
    for place in ("a", "b"):
        records = [logs.run_record("same"), logs.history({"x": 1.0}), logs.exit_record()]
        paths.append(logs.write(tmp_path / place / "run-same.wandb", records))
    results = postrun.analyze(paths, tmp_path / "out", plots=False)
    assert len({r.folder for r in results}) == 2


def test_no_output_folder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = analyze_run(postrun.load(SAMPLE), "x", Options(out=None))
    assert result.findings and not list(tmp_path.iterdir())


def test_plots_are_pictures(tmp_path: Path) -> None:
    postrun.analyze(SAMPLE, tmp_path)
    for path in (tmp_path / "sample01" / "plots").iterdir():
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 20_000
