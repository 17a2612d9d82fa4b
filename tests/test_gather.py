"""Many runs read once: what is kept, what is read in part, and what is read anew."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import postrun
from postrun.gather import gather
from postrun.privacy import Privacy
from postrun.records.cache import Cache
from postrun.records.project import Project
from postrun.studies.failures import failures_study
from postrun.studies.groups import group_runs
from postrun.studies.scores import score
from postrun.studies.versus import compare_study
from tests import logs

TRACE = 'Traceback (most recent call last):\n  File "/h/t.py", line 3, in g\n    x\nKeyError: 1\n'


def write(
    folder: Path,
    name: str,
    *,
    bad: float | None = None,
    code: int | None = 0,
    console: str = "ok\n",
) -> None:
    rows = []
    for i in range(60):
        row: dict[str, Any] = {
            "train/loss": 1 / (i + 1),
            "_timestamp": 1.7e9 + i,
            "_runtime": float(i),
        }
        if i % 5 == 0:
            row["val/loss"] = 2 / (i + 1)
        if bad is not None and i >= 40:
            row["train/loss"] = bad
        rows.append(logs.history(row, step=i))
    end = [] if code is None else [logs.exit_record(code)]
    record = logs.run_record(name, config={"lr": len(name) / 10})
    logs.run_folder(folder, name, [record, *rows, logs.output(console), *end])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "a")
    write(tmp_path, "bb", bad=math.nan)
    write(tmp_path, "ccc", code=1, console=TRACE)
    write(tmp_path, "dddd", code=None)
    return tmp_path / "wandb"


def read(folder: Path, cache: Path, only: frozenset[str] | None = None) -> Project:
    refs = postrun.runs(folder)[::-1]
    project, errors = gather(refs, Privacy(), 1, Cache(cache), only=only)
    assert not errors
    return project


def test_a_part_says_what_the_whole_says(folder: Path, tmp_path: Path) -> None:
    whole = read(folder, tmp_path / "whole")
    part = read(folder, tmp_path / "part", frozenset({"val/loss"}))
    ends = read(folder, tmp_path / "ends", frozenset())
    kinds = [r.ending.kind for r in whole.records]
    assert kinds == ["finished", "nan", "error", "killed"]
    for other in (part, ends):
        assert [r.ending for r in other.records] == [r.ending for r in whole.records]
        assert [r.config for r in other.records] == [r.config for r in whole.records]
        assert [r.runtime for r in other.records] == [r.runtime for r in whole.records]
    only = [r.only for r in part.records]
    assert only == [
        ["val/loss"],
        None,
        ["val/loss"],
        ["val/loss"],
    ]  # what is not finite is read whole
    assert (
        failures_study(ends)
        .tables["causes"]
        .drop("median_step")
        .equals(failures_study(whole).tables["causes"].drop("median_step"))
    )

    def study(project: Project) -> dict[str, Any]:
        return compare_study(score(project, "val/loss"), group_runs(project, ["lr"])).as_dict()

    assert study(part) == study(whole)


def test_who_asks_for_more_gets_all(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = read(folder, cache, frozenset({"val/loss"}))
    assert list(first.records[0].metrics) == ["val/loss"]
    entries = len(list(cache.glob("??/*.json")))
    assert list(read(folder, cache, frozenset({"val/loss"})).records[0].metrics) == ["val/loss"]
    assert len(list(cache.glob("??/*.json"))) == entries
    more = read(folder, cache, frozenset({"train/loss"}))
    assert (
        set(more.records[0].metrics) == {"train/loss", "val/loss"} and more.records[0].only is None
    )
    assert (
        read(folder, cache, frozenset()).records[0].only is None
    )  # the whole is kept and is enough


def test_curves_are_the_histories_own_values(folder: Path, tmp_path: Path) -> None:
    project = read(folder, tmp_path / "cache")
    for ref, number in zip(postrun.runs(folder)[::-1], range(4), strict=True):
        history = ref.load().history.select("_step", "_runtime", "val/loss").drop_nulls()
        curve = project.curve(number, "val/loss")
        assert curve is not None
        assert curve.x.tolist() == history["_step"].to_list()
        assert curve.y.tolist() == history["val/loss"].to_list()
        assert curve.seconds.tolist() == history["_runtime"].to_list()
    assert project.curve(0, "no such metric") is None
    over_time = project.curve(0, "val/loss", "time")
    assert over_time is not None and over_time.x.tolist()[-1] == 55.0


def test_secrets_are_masked_before_anything_is_kept(tmp_path: Path) -> None:
    record = logs.run_record("s", config={"api_key": "hf_" + "a1B2" * 9, "lr": 1})
    rows = [logs.history({"loss": 1.0}, step=i) for i in range(3)]
    logs.run_folder(tmp_path, "s", [record, *rows, logs.exit_record()])
    project = read(tmp_path / "wandb", tmp_path / "cache")
    assert "masked" in project.records[0].config["api_key"]
    kept = b"".join(p.read_bytes() for p in (tmp_path / "cache").glob("??/*.json"))
    assert b"a1B2" not in kept and (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_the_cache_is_kept_below_its_limit(folder: Path, tmp_path: Path) -> None:
    project = read(folder, tmp_path / "cache")
    project.cache.prune(1)
    assert not list((tmp_path / "cache").glob("??/*"))


def test_the_library(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "cache"))
    project = postrun.project(folder, workers=1)
    assert postrun.compare(project, "val/loss", by="lr")["groups"].height == 4
    assert postrun.failures(project)["causes"].height == 3
    assert postrun.progress(project, "val/loss")["records"].height >= 1
    assert postrun.sweep(project, "val/loss", also=["hours"])["configurations"].height == 4
    assert "<table>" in postrun.failures(project)._repr_html_()
    with pytest.raises(postrun.TargetError):
        postrun.project(tmp_path / "nothing")


def test_runs_that_show_nothing_can_be_read_as_one(folder: Path) -> None:
    from postrun.engine import analyze_all
    from postrun.job import Options

    refs = postrun.runs(folder)[:2]
    apart = list(analyze_all(refs, Options(out=None), 1))
    named = list(analyze_all(refs, Options(out=None, as_one=True), 1))
    assert len(apart) == 2 and len(named) == 3
    assert named[-1].members == tuple(ref.id for ref in refs)


def test_a_full_disk_is_one_clear_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("postrun.records.cache.np.save", full)
    refs = postrun.runs(folder)
    project, errors = gather(refs, Privacy(), 1, Cache(tmp_path / "cache"))
    assert not project.records and len(errors) == len(refs)
    assert "No space left on device" in errors[0] and "POSTRUN_CACHE_DIR" in errors[0]
    assert not list((tmp_path / "cache").glob("??/*"))  # nothing half there


def test_all_cores_give_what_one_gives(folder: Path, tmp_path: Path) -> None:
    for i in range(8):
        write(folder.parent, f"e{i}")
    refs = postrun.runs(folder)
    one, _ = gather(refs, Privacy(), 1, None)
    two, _ = gather(refs, Privacy(), 2, None)  # a folder of its own, which workers must not delete
    assert [r.as_dict() for r in one.records] == [r.as_dict() for r in two.records]
    assert all(c is not None for c in two.curves("val/loss"))


@pytest.mark.slow
def test_a_script_needs_no_main_guard(folder: Path, tmp_path: Path) -> None:
    """Workers do not run the caller's script again, which would start workers in each of them."""
    for i in range(8):
        write(folder.parent, f"e{i}")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, postrun\n"
        "print('ran')\n"
        "print(len(postrun.project(sys.argv[1], cache=False)), __file__, __spec__)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines() == ["ran", f"12 {script} None"]


def test_what_other_rules_made_is_not_believed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new rule, pack or version of postrun makes other records: each run is read again."""
    cache = tmp_path / "cache"

    def entries() -> int:
        read(folder, cache)
        return sum(path.is_file() for path in cache.rglob("*"))

    first = entries()
    assert entries() == first
    monkeypatch.setattr("postrun.gather.features_version", lambda: "another")
    assert entries() == 2 * first
