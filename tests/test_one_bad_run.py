"""One bad run never stops the others: whatever it is, the good ones are listed, read and compared."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import postrun
from postrun.engine import analyze_all, compare_all
from postrun.gather import gather
from postrun.job import Options
from postrun.model import Run, RunRef
from postrun.privacy import Privacy
from tests import logs

GOOD = ("good1", "good2", "good3")


def folder_of(root: Path, run_id: str) -> Path:
    """Write an intact run folder."""
    values = [{"loss": 1 / (i + 1), "_step": i} for i in range(20)]
    records = [logs.run_record(run_id), *logs.rows(values), logs.exit_record()]
    return logs.run_folder(root, run_id, records)


def nested_files(root: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    logs.files(folder_of(root, "nested"), summary=deep, metadata=deep, config=deep)


def exported_nested(root: Path) -> None:
    out = root / "wandb" / "out"
    out.mkdir(parents=True)
    (out / "r1_history.csv").write_text("_step,loss\n0,1.0\n1,0.5\n")
    for name in ("full_analysis.json", "detailed_analysis.json", "r1_summary.json"):
        (out / name).write_text('{"a":' * 3000 + "1" + "}" * 3000)


def broken_page_export(root: Path) -> None:
    (root / "wandb").mkdir(exist_ok=True)
    for number, data in enumerate(
        (b"", b"\0\0\0", b"Name,State,ID\n" + b"\xff" * 9, b'"Step","a - loss\n1')
    ):
        (root / "wandb" / f"wandb_export_{number}.csv").write_bytes(data)


def no_log(root: Path) -> None:
    folder = root / "wandb" / "run-20240101_000001-nolog"
    logs.files(folder, summary="{}")
    (folder / "run-nolog.wandb").write_bytes(b"not a log at all")


BAD = (nested_files, exported_nested, broken_page_export, no_log)


@pytest.fixture(params=BAD, ids=lambda make: make.__name__)
def refs(request: pytest.FixtureRequest, tmp_path: Path) -> list[RunRef]:
    for run_id in GOOD:
        folder_of(tmp_path, run_id)
    request.param(tmp_path)
    return [*postrun.runs(tmp_path / "wandb"), *exports(tmp_path / "wandb")]


def exports(folder: Path) -> list[RunRef]:
    """Return the exports below a folder in which run folders hide them."""
    from postrun.sources.exported.source import Exported

    return list(Exported().find(str(folder)))


def test_all_runs_are_listed(refs: list[RunRef]) -> None:
    shown = {ref.id: (ref.name, ref.state.value, ref.ended) for ref in refs}
    assert set(GOOD) < set(shown)


def test_the_others_are_analyzed_compared_and_gathered(refs: list[RunRef]) -> None:
    results = {r.id: r for r in analyze_all(refs, Options(out=None), workers=1)}
    assert all(not results[name].error and results[name].rows == 20 for name in GOOD)
    assert not [r.error for r in results.values() if "internal error" in r.error]
    comparison, _, errors = compare_all(refs, True, Privacy(), workers=1)
    assert set(GOOD) <= {view.run.id for view in comparison.views}
    project, problems = gather(refs, Privacy(), workers=1)
    assert set(GOOD) <= {record.id for record in project.records}
    assert not [p for p in (*errors, *problems) if "internal error" in p]


def panics(ref: RunRef) -> Run:
    raise pl.exceptions.PanicException(f"{ref.id}: unwrap on a None value")


def aborts(ref: RunRef) -> Run:
    os.abort()


@pytest.mark.parametrize(("load", "workers"), [(panics, 1), (panics, 2), (aborts, 2)])
def test_a_panic_or_an_abort_costs_its_run_alone(
    tmp_path: Path, load: Callable[[RunRef], Run], workers: int
) -> None:
    for run_id in (*GOOD, "bad"):
        folder_of(tmp_path, run_id)
    refs = postrun.runs(tmp_path / "wandb")
    for ref in refs:
        if ref.id == "bad":
            object.__setattr__(ref, "loader", partial(load, ref))
    results = {r.id: r for r in analyze_all(refs * 2, Options(out=None, together=False), workers)}
    assert all(results[name].rows == 20 for name in GOOD)
    assert results["bad"].error
