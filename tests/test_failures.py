"""Failures of many runs: causes that are one, what goes with them, what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import postrun
from postrun.model.ending import Ending
from postrun.records.ending import template
from postrun.studies.clusters import alike, clusters, merged
from postrun.studies.failures import associations, failures_study
from tests import logs
from tests.projects import failed, made_project

TRACE = """Traceback (most recent call last):
  File "/home/me/{file}", line {line}, in {where}
    step()
{error}
"""


def test_templates_keep_words_and_lose_values() -> None:
    a = template("Expected 3 tensors at 0x7f3a, got 17 from /data/a/b.pt (1.5e-3)")
    b = template("Expected 12 tensors at 0x11, got 2 from /scratch/c.pt (2.0)")
    assert a == b == "Expected <n> tensors at <hex>, got <n> from <path> (<n>)"


def test_messages_that_differ_in_a_word_are_one() -> None:
    a, b = "key lm_head not found in the state", "key embed not found in the state"
    assert alike(a, b) and merged(a, b) == "key <*> not found in the state"
    assert not alike("shape mismatch", "key not found") and not alike("a b c", "x y z")


def test_clusters_by_exception_place_and_message() -> None:
    ends = [
        failed("ValueError", "got 3"), failed("ValueError", "got 4"),
        failed("ValueError", "got 4", where="data.py in load"), failed("KeyError", "'x'"),
        failed("OutOfMemoryError", "CUDA out of memory", kind="gpu-out-of-memory"),
        failed("RuntimeError", "CUDA out of memory", where="b.py in f", kind="gpu-out-of-memory"),
        Ending("stopped", "KeyboardInterrupt"), Ending("finished"), Ending("incomplete-log"),
    ]  # fmt: skip
    found = clusters(made_project([{"ending": e} for e in ends]).records)
    assert [(c.title, c.members) for c in found] == [
        ("ValueError at train.py in main: got <n>", [0, 1]),
        ("the GPU ran out of memory", [4, 5]),
        ("ValueError at data.py in load: got <n>", [2]),
        ("KeyError at train.py in main: 'x'", [3]),
    ]


def _write(
    folder: Path, name: str, console: str, code: int | None, rows: list[Any], **more: Any
) -> None:
    records = [logs.run_record(name, **more), *rows, logs.output(console)]
    logs.run_folder(folder, name, [*records, *([] if code is None else [logs.exit_record(code)])])


def test_logs_end_to_end(tmp_path: Path) -> None:
    rows = [
        logs.history({"train/loss": 1 / (i + 1), "_timestamp": 1.7e9 + i}, step=i)
        for i in range(30)
    ]
    nan = [logs.history({"train/loss": float("nan")}, step=i) for i in range(30, 60)]
    for i in range(3):
        error = f"ValueError: expected {i + 2} columns, got {i}"
        trace = TRACE.format(file="data.py", line=40 + i, where="load", error=error)
        _write(tmp_path, f"v{i}", trace, 1, rows)
    oom = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB."
    _write(tmp_path, "oom", TRACE.format(file="m.py", line=1, where="f", error=oom), 1, rows)
    _write(tmp_path, "stopped", "Traceback (most recent call last):\n"
           '  File "/home/me/t.py", line 3, in g\n    x\nKeyboardInterrupt\n', 255, rows)  # fmt: skip
    _write(tmp_path, "lost", "fine\n", 0, [*rows, *nan])
    _write(tmp_path, "good", "fine\n", 0, rows)
    _write(tmp_path, "gone", "fine\n", None, rows)
    found = postrun.failures(tmp_path / "wandb")
    causes = {r["failure"]: r["runs"] for r in found["causes"].to_dicts()}
    assert causes == {
        "ValueError at data.py in load: expected <n> columns, got <n>": 3,
        "the GPU ran out of memory": 1,
        "train/loss became NaN or infinite": 1,
        "it was killed (no exit record, or by a signal)": 1,
    }
    endings = dict(found["endings"].select("ending", "runs").iter_rows())
    assert endings == {
        "failed (an exception)": 3, "GPU out of memory": 1, "stopped by the user": 1,
        "failed (NaN or infinite loss)": 1, "finished": 1, "killed (no exit record)": 1,
    }  # fmt: skip
    assert found.headline[0].startswith(
        "6 of the 8 runs whose end is known failed (75%, 95% interval 41% to 93%). Together they cost "
    )
    exemplar = next(s for s in found.sections if s.key == "exemplars")
    assert any("ValueError: expected" in line for line in exemplar.text)


def _random_project(rng: np.random.Generator, n: int = 60) -> list[dict[str, Any]]:
    return [
        {
            "config": {
                "lr": float(rng.choice([1e-4, 1e-3, 1e-2])),
                "opt": str(rng.choice(["adam", "sgd"])),
                "width": int(rng.integers(1, 1000)),
                "norm": str(rng.choice(["a", "b", "c", "d"])),
                "bias": bool(rng.integers(2)),
            },
            "host": str(rng.choice(["h1", "h2", "h3"])),
            "ending": failed("ValueError", "x") if rng.random() < 0.3 else Ending("finished"),
        }
        for _ in range(n)
    ]


@pytest.mark.slow
def test_chance_shows_a_link_in_one_project_of_twenty_at_most() -> None:
    """Type I error over 400 projects in which nothing goes with anything: at most 5% (and its noise)."""
    rng = np.random.default_rng(8)
    told = 0
    for _ in range(400):
        project = made_project(_random_project(rng))
        links = associations(project, clusters(project.records), list(range(60)))
        assert len(links) >= 10
        told += any(k.adjusted <= 0.05 for k in links)
    assert told <= 400 * 0.05 + 2 * (400 * 0.05 * 0.95) ** 0.5


def test_a_planted_link_is_found_and_told() -> None:
    rng = np.random.default_rng(9)
    runs = _random_project(rng)
    for run in runs:
        bad = run["config"]["lr"] == 1e-2
        run["ending"] = (
            failed("FloatingPointError", "inf")
            if bad and rng.random() < 0.9
            else Ending("finished")
        )
    found = failures_study(made_project(runs))
    top = found["links"].to_dicts()[0]
    assert (top["setting"], top["value"], top["holds"]) == ("lr", "0.01", True)
    assert any(
        line.startswith("lr = 0.01: ") and "after correction" in line for line in found.headline
    )


def test_settings_that_split_runs_alike_are_one_test() -> None:
    rng = np.random.default_rng(1)
    runs = _random_project(rng)
    for run in runs:
        a = run["config"]["opt"] == "adam"
        run["requirements"] = {f"p{i}": "1" if a else "2" for i in range(40)}
        run["ending"] = failed("E", "x") if a and rng.random() < 0.6 else Ending("finished")
    found = failures_study(made_project(runs))
    top = found["links"].to_dicts()[0]
    assert top["value"] == "adam (and 40 settings alike)" and top["holds"]


def test_numbers_with_many_values_are_tested_by_rank() -> None:
    rng = np.random.default_rng(2)
    runs = _random_project(rng)
    for run in runs:
        run["ending"] = failed("E", "x") if run["config"]["width"] > 700 else Ending("finished")
    top = failures_study(made_project(runs))["links"].to_dicts()[0]
    assert (top["setting"], top["value"]) == ("width", "higher")


def test_hours_days_and_no_failure() -> None:
    day = 86_400.0
    runs = [
        {"runtime": 7200.0, "gpus": 4, "started": 1.7e9 + day * (i // 2),
         "ending": failed("E", "x") if i % 2 else Ending("finished")}
        for i in range(10)
    ]  # fmt: skip
    found = failures_study(made_project(runs))
    assert found["causes"]["gpu_hours"].to_list() == [40.0]
    assert (
        found["rate"]["runs"].to_list() == [2] * 5 and found["rate"]["failed"].to_list() == [1] * 5
    )
    assert "10.0 h (40 GPU hours)" in found.headline[0]
    fine = failures_study(made_project([{} for _ in range(20)]))
    assert fine.headline == [
        "None of the 20 runs whose end is known failed: a failure rate of up to 16% is compatible with that."
    ]


def test_causes_of_real_consoles(shared: Path) -> None:
    found = postrun.failures(shared / "runs")
    causes = [r["failure"] for r in found["causes"].to_dicts()]
    for words in (
        "UnboundLocalError at train_toy_transformer.py in run_toy_transformer_config",
        "the GPU ran out of memory",
        "AttributeError at train.py in run_experiment: module 'utils' has no attribute",
        "RuntimeError at adapters.py in run_get_batch: Attempted to set the storage of a tensor",
    ):
        assert any(cause.startswith(words) for cause in causes), words
    endings = dict(found["endings"].select("ending", "runs").iter_rows())
    # More than twenty logs are incomplete copies; the files beside them show how the runs ended.
    assert (
        endings["finished"] >= 25
        and endings["stopped by the user"] >= 12
        and "incomplete log" not in endings
    )


@pytest.mark.parametrize("kind", ["finished", "running", "stopped", "incomplete-log", "unknown"])
def test_endings_that_are_no_failures(kind: str) -> None:
    assert not Ending(kind).failed
