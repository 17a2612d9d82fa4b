"""Masking changes no answer: what looks like a secret is compared as it is, and shown masked."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.gather import gather
from postrun.incremental.into_store import pull_into
from postrun.model.study import Study
from postrun.privacy import Masker, Privacy
from postrun.records.project import Project
from postrun.sources import resolve
from postrun.store import Store
from postrun.studies.failures import failures_study
from postrun.studies.groups import group_runs, settings
from postrun.studies.parameters import parameters
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests import logs

_GENERATOR = random.Random(5)


def _letters(count: int) -> str:
    return "".join(_GENERATOR.choice(string.ascii_letters + string.digits) for _ in range(count))


#: A setting's name, and what makes a value that looks like a secret of it.
KINDS: dict[str, Callable[[], str]] = {
    "dataset": lambda: f"https://trainer:{_letters(12)}@data.example.org/set.tar",
    "weights": lambda: f"s3://models/base?X-Amz-Signature={_letters(40)}",
    "author": lambda: f"gh{'p'}_{_letters(36)}",
    "data_token": lambda: _letters(32),
    "api_key": lambda: f"key {_letters(20)}",
    "judge.client": lambda: f"sk{'-'}{_letters(48)}",
    "nested.password": lambda: _letters(14),
    "commands": lambda: f"python x.py --password {_letters(14)} --lr 0.1",
}


def _config(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return dict(value)


def write(folder: Path, name: str, config: dict[str, Any], level: float, code: int = 0) -> None:
    start = 1_700_000_000 + 3600 * len(list(folder.glob("wandb/*")))
    rows = [
        logs.history(
            {"val/loss": level + 1 / (i + 1), "_timestamp": start + i, "_runtime": float(i)}, step=i
        )
        for i in range(40)
    ]
    console = "ok\n" if not code else 'Traceback (most recent call last):\nKeyError: "x"\n'
    record = logs.run_record(name, start=start, config=config, project="demo")
    logs.run_folder(folder, name, [record, *rows, logs.output(console), logs.exit_record(code)])


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, list[str], Path]:
    """Eight runs, four with one value that looks like a secret, four with another; the second four fail."""
    name = request.param
    values = [KINDS[name](), KINDS[name]()]
    for i in range(8):
        which = i // 4
        config = {**_config(name, values[which]), "seed": i, "lr": 0.1}
        write(tmp_path, f"run{i}", config, level=float(which), code=which)
    return name, values, tmp_path / "wandb"


def project_of(*targets: Path | str) -> Project:
    refs = [ref for target in targets for ref in resolve(target)]
    project, errors = gather(refs, Privacy(), 1)
    assert not errors
    return project


def told(study: Study) -> str:
    charts = [chart.data for section in study.sections for chart in section.charts]
    return json.dumps([study.as_dict(), charts], default=str)


def raw(value: str) -> str:
    """The random part of a made value."""
    return max("".join(c if c.isalnum() else " " for c in value).split(), key=len)


def no_secret(text: str, values: Iterable[str]) -> bool:
    return not any(raw(value) in text for value in values)


def test_groups_are_those_of_the_values(pair: tuple[str, list[str], Path]) -> None:
    name, values, folder = pair
    project = project_of(folder)
    grouping = group_runs(project, [name])
    assert sorted(len(g.members) for g in grouping.groups) == [4, 4]
    assert len({g.label for g in grouping.groups}) == 2
    shown = {str(g.settings[name]) for g in grouping.groups}
    assert len(shown) == 2 and all("[masked: " in text for text in shown)
    assert name in settings(project.records)
    study = compare_study(score(project, "val/loss"), grouping)
    assert study["groups"].height == 2 and no_secret(told(study), values)


def test_sweep_progress_and_failures_tell_two_values_apart(
    pair: tuple[str, list[str], Path],
) -> None:
    name, values, folder = pair
    project = project_of(folder)
    (found,) = [p for p in parameters(project.records)[0] if p.key == name]
    assert len(found.levels) == 2
    scores = score(project, "val/loss")
    studies = [sweep_study(scores, [], 0), progress_study(scores), failures_study(project)]
    assert all(no_secret(told(study), values) for study in studies)
    assert name in told(studies[0])
    assert name in told(studies[2])  # all runs with the second value fail


def test_a_store_answers_as_the_files_do(pair: tuple[str, list[str], Path], tmp_path: Path) -> None:
    name, values, folder = pair
    store = Store(str(tmp_path / "store"), write=True)
    assert {p.status for p in pull_into(store, resolve(folder), Privacy(), 1)} == {"new"}
    kept = project_of(store.root)
    assert sorted(len(g.members) for g in group_runs(kept, [name]).groups) == [4, 4]
    both = project_of(store.root, folder)  # equal values stay equal, wherever the runs lie
    assert sorted(len(g.members) for g in group_runs(both, [name]).groups) == [8, 8]
    assert no_secret(_everything(Path(store.root)), values)
    again = list(pull_into(Store(store.root, write=True), resolve(folder), Privacy(), 1))
    assert {p.status for p in again} == {"unchanged"}


def _everything(folder: Path) -> str:
    """All texts in a folder, file names among them."""
    parts = []
    for path in folder.rglob("*"):
        parts.append(str(path.relative_to(folder)))
        if path.suffix == ".parquet":
            parts.append(str(pl.read_parquet(path, hive_partitioning=False).to_dicts()))
        elif path.is_file():
            parts.append(path.read_text())
    return "\n".join(parts)


def test_two_stores_mask_alike_only_within_themselves(tmp_path: Path) -> None:
    write(tmp_path, "a", {"api_key": (value := _letters(24))}, 1.0)
    texts = []
    for name in ("one", "two"):
        store = Store(str(tmp_path / name), write=True)
        list(pull_into(store, resolve(tmp_path / "wandb"), Privacy(), 1))
        texts.append(project_of(store.root).records[0].config["api_key"])
    assert texts[0] != texts[1]  # who has one store learns nothing of another
    assert all(text.startswith("[masked: ") and value not in text for text in texts)


def test_masks_of_one_process_and_of_the_next_agree(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "cache"))
    value = {"api_key": _letters(24)}
    first = Masker(Privacy()).value(value)
    assert Masker(Privacy()).value(value) == first
    assert (tmp_path / "cache" / "mask.key").stat().st_mode & 0o077 == 0
    other = Masker(Privacy(salt=b"another")).value(value)
    assert other != first and other["api_key"][:9] == first["api_key"][:9]


def test_names_of_metrics_runs_and_files_are_masked_and_told_apart(tmp_path: Path) -> None:
    tokens = [f"gh{'p'}_{_letters(36)}" for _ in range(2)]
    for number, token in enumerate(tokens):
        row = {
            "val/loss": 1.0 + number,
            f"upload/{token}": 2.0,
            "_timestamp": 1.7e9,
            "_runtime": 0.0,
        }
        record = logs.run_record(token, display_name=f"run of {token}", project="demo")
        rows = [logs.history({**row, "val/loss": row["val/loss"] + i}, step=i) for i in range(20)]
        logs.run_folder(tmp_path, f"r{number}", [record, *rows, logs.exit_record(0)])
    folder = tmp_path / "wandb"
    project = project_of(folder)
    masked = [name for r in project.records for name in r.metrics if name.startswith("upload/")]
    assert len(set(masked)) == 2
    assert project.curve(0, masked[0]) is not None
    results = postrun.analyze(folder, tmp_path / "out", plots=False)
    assert len({result.folder for result in results}) == 2
    store = Store(str(tmp_path / "store"), write=True)
    list(pull_into(store, resolve(folder), Privacy(), 1))
    for place in (tmp_path / "out", tmp_path / "store"):
        assert no_secret(_everything(place), tokens)
    for arguments in (["list", str(folder)], ["list", str(folder), "--json"]):
        shown = CliRunner().invoke(cli, arguments)
        assert shown.exit_code == 0 and no_secret(shown.output, tokens), shown.output
        assert "[masked" in shown.output
    kept = CliRunner().invoke(cli, ["list", str(folder), "--json", "--no-mask"])
    assert tokens[0] in kept.output


def test_runs_of_a_store_are_found_by_what_was_masked(tmp_path: Path) -> None:
    secret, other = _letters(24), _letters(24)
    for name, value in (("a", secret), ("b", other)):
        write(tmp_path, name, {"api_key": value}, 1.0)
    store = Store(str(tmp_path / "store"), write=True)
    list(pull_into(store, resolve(tmp_path / "wandb"), Privacy(), 1))
    assert [r.id for r in postrun.runs(store.root, config=[f"api_key={secret}"])] == ["a"]
    assert [r.id for r in postrun.runs(store.root, config=[f"api_key!={secret}"])] == ["b"]


def test_a_store_that_was_not_masked_is_masked_where_it_is_shown(tmp_path: Path) -> None:
    secret = _letters(24)
    for name in ("a", "b", "c", "d"):
        write(tmp_path, name, {"api_key": secret, "lr": len(name)}, 1.0)
    store = Store(str(tmp_path / "store"), write=True)
    list(pull_into(store, resolve(tmp_path / "wandb"), Privacy(mask=False), 1))
    assert secret in _everything(tmp_path / "store")
    project, _ = gather(resolve(store.root), Privacy(), 1)
    assert all(r.config["api_key"].startswith("[masked: ") for r in project.records)
    asked = [
        "query",
        "--store",
        store.root,
        "--json",
        'select id, config, "config.api_key" from runs',
    ]
    shown = CliRunner().invoke(cli, asked)
    assert shown.exit_code == 0 and secret not in shown.output and "[masked: " in shown.output
    assert secret in CliRunner().invoke(cli, [*asked, "--no-mask"]).output


def test_errors_do_not_repeat_a_secret(tmp_path: Path) -> None:
    token = f"gh{'p'}_{_letters(36)}"
    shown = CliRunner().invoke(cli, ["analyze", str(tmp_path / token)])
    assert shown.exit_code == 3 and token not in shown.output and "[masked: " in shown.output
