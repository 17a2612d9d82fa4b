"""Links in a run's folder: those that lead out of it are not followed, and said; all others work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import postrun
from postrun.model import Run, TargetError
from postrun.sources import resolve
from tests import logs

SECRET = "nobody is to read this"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Files that lie elsewhere on the machine."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "text").write_text(SECRET)
    (folder / "json").write_text(json.dumps({"secret": SECRET, "loss": 7.0}))
    (folder / "yaml").write_text(f"secret:\n  value: {SECRET}\n")
    (folder / "jsonl").write_text(json.dumps({"_step": 0, "loss": 1.0, "secret": SECRET}) + "\n")
    return folder


def made(root: Path, name: str = "r1") -> Path:
    records = [logs.run_record(name), *logs.rows([{"_step": i, "loss": 1.0} for i in range(20)])]
    folder = logs.run_folder(root, name, [*records, logs.exit_record()])
    (folder / "files").mkdir()
    return folder


def held(run: Run) -> str:
    """Return all that was read of a run, as text."""
    return str([run.config, run.summary, run.requirements, run.environment, run.texts,
                run.console["line"].to_list(), run.history.columns])  # fmt: skip


LINKED = {
    "output.log": "text",
    "config.yaml": "yaml",
    "wandb-summary.json": "json",
    "wandb-metadata.json": "json",
    "requirements.txt": "text",
}


@pytest.mark.parametrize("name", LINKED)
def test_a_file_that_is_a_link_out_of_the_folder(name: str, outside: Path, tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder / "files" / name).symlink_to(outside / LINKED[name])
    run = postrun.load(folder)
    assert SECRET not in held(run) and run.history.height == 20
    note = f"{name} is a link out of the run's folder and was not followed"
    assert note in run.completeness.notes
    (ref,) = resolve(folder)
    assert ref.listing().values.get("loss") != 7.0


def test_files_that_is_a_link_out_of_the_folder(outside: Path, tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder / "files").rmdir()
    (outside / "output.log").write_text(SECRET)
    (folder / "files").symlink_to(outside)
    run = postrun.load(folder)
    assert SECRET not in held(run) and "output.log is a link" in str(run.completeness.notes)


def test_history_of_old_sdks_behind_a_link(outside: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "run-20200101_000000-old"
    folder.mkdir(parents=True)
    (folder / "wandb-history.jsonl").symlink_to(outside / "jsonl")
    (folder / "wandb-metadata.json").write_text('{"exitcode": 0}')
    assert SECRET not in held(postrun.load(folder))


@pytest.mark.parametrize(
    "ending", ["_summary.json", "_config.json", "_console.log", "_history.csv"]
)
def test_an_export_with_a_link(ending: str, outside: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported" / "e1"
    folder.mkdir(parents=True)
    (outside / "csv").write_text("_step,loss,secret\n0,1.0,2.0\n")
    for name, text in (("_summary.json", "{}"), ("_history.csv", "_step,loss\n0,1.0\n1,2.0\n")):
        if name != ending:
            (folder / f"e1{name}").write_text(text)
    kind = {"_console.log": "text", "_history.csv": "csv"}.get(ending, "json")
    (folder / f"e1{ending}").symlink_to(outside / kind)
    run = postrun.load(folder)
    assert SECRET not in held(run) and "secret" not in run.history.columns
    assert f"e1{ending} is a link" in str(run.completeness.notes)


def test_a_log_that_is_a_link_is_read_only_if_it_is_named(outside: Path, tmp_path: Path) -> None:
    folder, own = made(tmp_path), made(tmp_path, "r2")
    log = folder / "run-r1.wandb"
    log.rename(outside / "elsewhere.wandb")
    log.symlink_to(outside / "elsewhere.wandb")
    found = {ref.id: ref for ref in resolve(folder.parent)}
    assert set(found) == {"r1", "r2"} and found["r2"].load().history.height == 20
    assert found["r1"].listing().name == ""
    with pytest.raises(TargetError, match=r"link out of the run's folder.*name it: .*r1\.wandb"):
        found["r1"].load()
    assert postrun.load(log).history.height == 20
    assert own.name.endswith("r2")


def test_links_that_people_make_work(tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder / "logs").mkdir()
    (folder / "logs" / "printed").write_text("within the folder\n")
    (folder / "files" / "output.log").symlink_to("../logs/printed")
    runs = folder.parent
    (runs / "latest-run").symlink_to(folder.name)
    scratch = tmp_path / "scratch"
    moved = made(scratch, "r2")
    (runs / "run-20240102_000000-r2").symlink_to(moved)  # a run that was moved to a larger disk
    collected = tmp_path / "collected"
    collected.mkdir()
    (collected / "mine.wandb").symlink_to(folder / "run-r1.wandb")
    assert sorted(ref.id for ref in resolve(runs)) == ["r1", "r2"]
    assert [postrun.load(runs / "latest-run").id] == ["r1"]
    assert postrun.load(folder).console["line"].to_list() == ["within the folder"]
    for ref in (*resolve(runs), *resolve(collected), *resolve(collected / "mine.wandb")):
        assert ref.load().history.height == 20


def test_a_file_without_permission_costs_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path)
    for name in ("output.log", "requirements.txt", "wandb-summary.json"):
        (folder / "files" / name).write_text("{}")
    original = Path.read_bytes

    def guarded(path: Path) -> bytes:
        if path.parent.name == "files":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    run = postrun.load(folder)
    assert run.history.height == 20
    told = " ".join(run.completeness.notes)
    for name in ("output.log", "requirements.txt", "wandb-summary.json"):
        assert f"{name} is not readable" in told
