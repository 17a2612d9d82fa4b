"""The tables of all studies with their columns, from studies of small projects made for the purpose.

A setting of a run is called SETTING here, a metric METRIC and a group GROUP, so that columns that are named
after one read as such. `columns()` fails if a table that the code can make is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl

from postrun.metrics import RunView
from postrun.model.ending import Ending
from postrun.model.study import Study
from postrun.stats import importance
from postrun.studies.cost import Rates, cost_study
from postrun.studies.diff.study import diff_study
from postrun.studies.failures import failures_study
from postrun.studies.forecasts import forecast_study
from postrun.studies.groups import group_runs
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests.curves import decay, make_run
from tests.projects import failed, flat, made_project

ROOT = Path(__file__).parents[1]
#: What a run of a study costs, so that no such column is empty.
_SPENT = {"gpu": "A100", "gpus": 2, "kwh": 1.0, "power_sampled": 1.0}
#: Columns that are named after another setting or metric.
_FREE = {"other": "SETTING", "WIDTH": "SETTING", "OTHER": "METRIC"}
#: A column that is named after a group.
_GROUP = re.compile(r"g\d+|.+=.+")

Tables = dict[tuple[str, str], dict[str, Any]]


def columns() -> Tables:
    """Return columns and types by kind of study and key of table; LookupError if one is missing."""
    found: Tables = {}
    for study in _studies():
        for key, table in study.tables.items():
            known = found.setdefault((study.kind, key), {})
            for column, kind in table.schema.items():
                name = "GROUP" if _GROUP.fullmatch(column) else _FREE.get(column, column)
                if known.get(name, pl.Null) == pl.Null:
                    known[name] = kind
    if missing := sections() - {key for _, key in found}:
        raise LookupError(f"no study of tests/study_tables.py has {', '.join(sorted(missing))}")
    for (study_kind, key), kinds in found.items():
        if empty := [name for name, dtype in kinds.items() if dtype == pl.Null]:
            raise LookupError(
                f"{study_kind}, {key}: no study of tests/study_tables.py fills {empty}"
            )
    return found


def sections() -> set[str]:
    """Return the key of every section with a table that the code of the studies makes."""
    keys: set[str] = set()
    for path in (ROOT / "src/postrun/studies").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Section"):
                continue
            if len(node.args) < 4 and not any(k.arg == "table" for k in node.keywords):
                continue  # text alone
            if isinstance(node.args[0], ast.Constant):
                keys.add(str(node.args[0].value))
            elif ast.unparse(node.args[0]) == "f'{name}s'":  # of costs, by what they are summed
                keys |= {"projects", "endings"}
            else:
                raise LookupError(f"{path.name}: which key is {ast.unparse(node.args[0])}?")
    return keys


def _studies() -> Iterator[Study]:
    yield from _comparisons()
    yield from _searches()
    yield _failures()
    yield from _progress()
    yield from _costs()
    short = RunView(make_run({"val_loss": decay(200)[:100]}, config={"max_steps": 200}))
    yield forecast_study([short], target=1.1)
    yield _differences()


def _comparisons() -> Iterator[Study]:
    """Two groups of three seeds at two rates each; and more groups than columns are made for."""
    runs = [
        {
            "config": {"SETTING": setting, "other": setting, "lr": rate, "seed": seed},
            "metrics": {"METRIC": flat(level + rate, noise=0.01, seed=seed)},
            "group": "GROUP",
            **_SPENT,
        }
        for setting, level in (
            ("a, a", 1.0),
            ("b, b", 2.0),
        )  # no names of groups: those become g1 and g2
        for rate in (0.1, 0.2)
        for seed in range(3)
    ]
    project = made_project(runs)
    scores = score(project, "METRIC")
    yield compare_study(scores, group_runs(project, ("SETTING", "other")))
    yield compare_study(scores, group_runs(project, ("group",)))
    yield compare_study(scores, group_runs(project, ("other",)), task="lr")
    many = [
        {"config": {"SETTING": i, "lr": i % 2}, "metrics": {"METRIC": flat(float(i))}}
        for i in range(8)
    ]
    project = made_project(many)
    yield compare_study(score(project, "METRIC"), group_runs(project, ("SETTING",)))


def _searches() -> Iterator[Study]:
    """A search over two settings, one run of which stopped early."""
    rng = np.random.default_rng(0)
    runs: list[dict[str, Any]] = []
    for i in range(16):
        setting, width = float(rng.uniform(0, 1)), int(rng.choice([64, 128, 256]))
        level = 1 + setting**2 + width / 1000 + 0.02 * rng.normal()
        values = [float(v) for v in level + decay(60, end=0.1, sigma=0.01, seed=i)]
        metrics = {"METRIC": values[:30] if i == 7 else values, "OTHER": flat(1 - setting)}
        config = {"SETTING": setting, "WIDTH": width, "seed": i}
        runs.append({"config": config, "metrics": metrics, "runtime": 3600.0, **_SPENT})
    project = made_project(runs)
    with mock.patch.multiple(importance, BOOTSTRAPS=2, PERMUTATIONS=2):  # no matter for the columns
        yield sweep_study(score(project, "METRIC"), [score(project, "OTHER")])


def _failures() -> Study:
    """Runs of which one value of a setting fails; some of them tell where."""
    runs: list[dict[str, Any]] = []
    for i in range(24):
        bad = i % 4 == 0
        end = failed("ValueError", "x is odd") if bad else Ending("finished")
        config = {"SETTING": "a" if bad else "b"}
        runs.append({"config": config, "ending": end, "metrics": {"METRIC": flat(1.0)}, **_SPENT})
    return failures_study(made_project(runs))


def _progress() -> Iterator[Study]:
    """A repeated configuration that ends with a regression; and records beside other settings."""
    levels = [1.0 + 0.01 * (i % 3) for i in range(20)] + [2.0]
    many = [
        {"config": {"SETTING": 1, "seed": i}, "metrics": {"METRIC": flat(level)}, **_SPENT}
        for i, level in enumerate(levels)
    ]
    yield progress_study(score(made_project(many), "METRIC"))
    few = [
        {"config": {"SETTING": i}, "metrics": {"METRIC": flat(3.0 - i, noise=0.01)}, **_SPENT}
        for i in range(3)
    ]
    yield progress_study(score(made_project(few), "METRIC"))


def _costs() -> Iterator[Study]:
    """Runs of two projects, with GPUs and without."""
    for spent in (_SPENT, {}):
        runs: list[dict[str, Any]] = [
            {
                **spent,
                "project": f"p{i % 2}",
                "runtime": 3600.0,
                "metrics": {"METRIC": flat(1.0 - i / 10)},
            }
            for i in range(3)
        ]
        runs.append({**spent, "project": "p0", "ending": failed("OSError", "disk full")})
        yield cost_study(made_project(runs), Rates(2.5, 0.1), "METRIC")


def _differences() -> Study:
    """Return two runs that differ in a setting, in how often they log, and in one metric."""
    made = [
        RunView(
            make_run(
                {"METRIC": decay(200, seed=1) + 0.3 * which},
                config={"SETTING": which, "log_interval": 10 + which},
            )
        )
        for which in (1, 2)
    ]
    return diff_study(*made)
