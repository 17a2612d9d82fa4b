"""What changed between two runs: each difference is planted, and what does not matter is folded."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import postrun
from postrun.cli.main import cli
from postrun.metrics import RunView
from postrun.model import Artifact, Identity, Run
from postrun.model.study import Study
from postrun.stats.curve.parting import part
from postrun.studies.diff.config import config_changes
from postrun.studies.diff.patches import by_file, compare_files, compare_patches
from postrun.studies.diff.repository import commits_between
from postrun.studies.diff.study import diff_study
from postrun.studies.diff.surroundings import arguments, packages
from tests.curves import Floats, decay, make_run, noise
from tests.logs import exit_record, files, rows, run_folder, run_record

PATCH = """diff --git a/train.py b/train.py
index 1111111..2222222 100644
--- a/train.py
+++ b/train.py
@@ -10,3 +10,3 @@ def main():
 x = 1
-loss = a + b
+loss = a + {0} * b
 y = 2
"""
METADATA: dict[str, Any] = {
    "os": "Linux-6.1", "python": "3.11.4", "program": "/home/x/train.py", "codePath": "train.py",
    "gpu": "NVIDIA A100", "gpu_count": 8, "cudaVersion": "12.1", "host": "node-1",
}  # fmt: skip


def view(config: dict[str, Any] | None = None, y: Any = None, **fields: Any) -> RunView:
    y = decay(200) if y is None else y
    return RunView(make_run({"val_loss": y}, config=config or {}, **fields))


def told(study: Study, table: str = "changes") -> dict[str, tuple[str, str]]:
    return {row["key"]: (row["first"], row["second"]) for row in study[table].to_dicts()}


def settings_of(a: dict[str, Any], b: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    changes, folded = config_changes(view(a), view(b))
    return {c.key: c.how for c in changes}, folded


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"lr": 1e-3}, {"lr": 3e-3}, {"lr": "changed"}),
        ({"x": 1}, {"x": 1.0}, {}),
        ({"x": 1}, {"x": True}, {"x": "changed"}),
        ({"x": 1}, {"x": "1"}, {"x": "type"}),
        ({"x": float("nan")}, {"x": float("nan")}, {}),
        ({"lr": 0.1}, {"optim": {"lr": 0.1}}, {"lr is now optim.lr": "moved"}),
        ({"lr": 0.1}, {"optim": {"lr": 0.2}}, {"lr is now optim.lr": "moved"}),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 1}, {"c": 3}]}}, {"a.b.1.c": "changed"}),
        ({"drop": 0.1}, {}, {"drop": "removed"}),
        ({}, {"layers": [1, 2]}, {"layers": "added"}),
        ({}, {}, {}),
    ],
)  # fmt: skip
def test_settings_are_typed_nested_and_moved(
    a: dict[str, Any], b: dict[str, Any], expected: dict[str, str]
) -> None:
    assert settings_of(a, b)[0] == expected


def test_names_places_and_times_are_folded() -> None:
    a = {"run_name": "a", "output_dir": "/x/1", "started": "2024-01-01T10:00:00", "file": "/home/a/cfg.yml",
         "hash": "0123456789abcdef0123", "lr": 0.1}  # fmt: skip
    b = {"run_name": "b", "output_dir": "/x/2", "started": "2024-02-01T11:00:00", "file": "/mnt/b/cfg.yml",
         "hash": "fedcba98765432100123", "lr": 0.2}  # fmt: skip
    changed, folded = settings_of(a, b)
    assert set(changed) == {"lr"}
    assert set(folded) == {"run_name", "output_dir", "started", "file", "hash"}


def test_the_likeliest_cause_comes_first() -> None:
    a = {"seed": 1, "lr": 0.1, "log_interval": 10, "dataset": "c4", "zeta": 1}
    b = {"seed": 2, "lr": 0.2, "log_interval": 20, "dataset": "pile", "zeta": 2}
    study = diff_study(view(a), view(b, decay(200) + 0.3))
    assert list(told(study)) == ["dataset", "lr", "zeta", "seed"]
    assert list(told(study, "aside")) == ["log_interval"]
    causes = next(s for s in study.headline if s.startswith("Likeliest"))
    assert causes.startswith("Likeliest causes: dataset c4 → pile; lr 0.1 → 0.2; zeta 1 → 2.")
    assert "The seed differs as well (seed 1 → 2)" in causes


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"lr": 0.2, "seed": 1}, "What differs: lr 0.1 → 0.2."),
        ({"lr": 0.1, "seed": 2}, "Only the seed differs (seed 1 → 2)."),
        ({"lr": 0.1, "seed": 1}, "Nothing differs in what both runs recorded."),
    ],
)
def test_runs_that_end_within_the_noise_have_no_cause(second: dict[str, Any], said: str) -> None:
    a, b = (decay(200) + 0.05 * noise(200, seed=i) for i in (1, 2))
    study = diff_study(view({"lr": 0.1, "seed": 1}, a), view(second, b))
    assert "within the noise of the curves" in study.headline[0]
    assert study.headline[1] == said


def test_only_a_seed_is_said_as_such() -> None:
    study = diff_study(
        view({"seed": 1, "lr": 0.1}, decay(200, seed=1)),
        view({"seed": 2, "lr": 0.1}, decay(200, 3.5, 1.5, seed=2)),
    )
    assert any(s.startswith("Only the seed differs (seed 1 → 2)") for s in study.headline)
    assert any(
        "from the first value on, as runs with different seeds do" in s for s in study.headline
    )


def test_command_packages_data_and_machine() -> None:
    def run(args: list[str], torch: str, data: str, gpu: str, commit: str) -> RunView:
        return view(
            {"lr": 0.1},
            environment={**METADATA, "args": args, "gpu": gpu},
            requirements=[f"torch=={torch}", "requests==1.0", "my_lib @ git+https://x/y@abc"],
            artifacts=[Artifact("train-set:v1", "dataset", "input", digest=data)],
            identity=Identity(
                "r", commit=commit, repository="https://github.com/a/b.git", host=gpu
            ),
        )

    study = diff_study(
        run(["--wd", "0.1", "--fast"], "2.1.0", "aaaa", "NVIDIA A100", "a" * 40),
        run(["--wd=0.2"], "2.2.0", "bbbb", "NVIDIA H100", "b" * 40),
    )
    found = told(study)
    assert found["wd"] == ("0.1", "0.2")
    assert found["fast"] == ("given", "not given")
    assert found["torch"] == ("2.1.0", "2.2.0")
    assert found["artifact train-set"] == ("v1 aaaa", "v1 bbbb")
    assert found["git commit"] == ("a" * 10, "b" * 10)
    assert found["GPU"] == ("NVIDIA A100", "NVIDIA H100")
    assert next(iter(found)) == "artifact train-set"
    assert told(study, "aside")["host"] == ("NVIDIA A100", "NVIDIA H100")


def test_arguments_that_set_a_setting_are_told_once() -> None:
    a, b = (
        view(
            {"lr": lr},
            environment={"args": [str(lr), "x.yml"]},
            artifacts=[Artifact("source-p-t.py", "code", digest=d)],
        )
        for lr, d in ((0.1, "aa"), (0.2, "bb"))
    )
    found = told(diff_study(a, b))
    assert set(found) == {"lr", "artifact source-p-t.py"}
    assert found["artifact source-p-t.py"] == ("aa", "bb")


def test_arguments_of_every_form() -> None:
    run = Run(
        Identity("r"),
        environment={"args": ["a.yml", "--lr", "-0.1", "--n=3", "x.y=2", "--on", "--l", "1", "2"]},
    )
    assert arguments(run) == {
        "argument 1": "a.yml",
        "lr": "-0.1",
        "n": "3",
        "x.y": "2",
        "on": "",
        "l": "1 2",
    }
    run.requirements = ["Torch_Vision==1", "a @ git+https://b", "c>=2", "", "junk"]
    assert packages(run) == {"torch-vision": "1", "a": "git+https://b", "c": ">=2", "junk": ""}


def test_patches_are_compared_by_what_they_change() -> None:
    moved = PATCH.replace("@@ -10,3 +10,3 @@", "@@ -99,3 +99,3 @@").replace("1111111", "3333333")
    assert compare_patches(PATCH.format(2), moved.format(2)) == []
    (change,) = compare_patches(PATCH.format(2), PATCH.format(3))
    assert (change.path, change.how, change.added, change.removed) == ("train.py", "changed", 1, 1)
    assert "-+loss = a + 2 * b" in change.lines and "++loss = a + 3 * b" in change.lines
    (alone,) = compare_patches("", PATCH.format(2))
    assert (alone.how, alone.added, alone.removed) == ("only in the second", 1, 1)
    assert by_file("nonsense\n") == {}
    (saved,) = compare_files({"code/a.py": "x = 1\n"}, {"code/a.py": "x = 2\n"})
    assert saved.lines[-2:] == ["-x = 1", "+x = 2"]


def written(root: Path, run_id: str, factor: int, secret: str, **config: Any) -> Path:
    """A run folder with a patch, saved code, packages and metadata."""
    y = decay(60, seed=factor)
    records = [run_record(run_id, config={"lr": 0.1, **config})]
    records += [*rows({"_step": i, "val_loss": float(v)} for i, v in enumerate(y)), exit_record()]
    folder = run_folder(root, run_id, records)
    files(folder, metadata=json.dumps(METADATA), requirements="torch==2.1.0\n")
    (folder / "files" / "diff.patch").write_text(PATCH.format(factor) + f"+api_key = '{secret}'\n")
    (folder / "files" / "code").mkdir()
    (folder / "files" / "code" / "net.py").write_text(f"width = {factor}\n")
    return folder


def test_code_of_two_run_folders_without_their_secrets(tmp_path: Path) -> None:
    secret = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567"
    a = written(tmp_path, "one", 2, secret, password="hunter2-hunter2")
    b = written(tmp_path, "two", 3, secret, password="hunter3-hunter3")
    done = CliRunner().invoke(cli, ["diff", str(a), str(b), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    shown = "".join(
        p.read_text() for p in (tmp_path / "out").iterdir() if p.suffix in (".md", ".json", ".html")
    )
    assert "loss = a + 3 * b" in shown and "width = 3" in shown
    for word in (secret, "hunter2-hunter2", "hunter3-hunter3"):
        assert word not in shown and word not in done.output
    study = postrun.diff(a, b)
    assert {"code/net.py", "train.py", "password"} <= set(told(study))


def test_links_out_of_a_run_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("private = 1\n")
    a, b = written(tmp_path, "one", 2, "x"), written(tmp_path, "two", 3, "x")
    (a / "files" / "code" / "leak.py").symlink_to(tmp_path / "outside.py")
    study = postrun.diff(a, b)
    assert "code/net.py" in told(study) and "code/leak.py" not in told(study)


def test_compare_tells_what_changed_between_two_runs(tmp_path: Path) -> None:
    a, b = written(tmp_path, "one", 2, "x", width=8), written(tmp_path, "two", 3, "x", width=16)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(
        cli, ["compare", str(a), str(b), "--metric", "val_loss", "--html", str(page), "--no-cache"]
    )
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "What changed: one → two" in text and "loss = a + 3 * b" in text


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_commits_between_two_runs_come_from_the_users_repository(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *words], capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    git("init", "-q")
    found = []
    for n in range(3):
        (tmp_path / "train.py").write_text(f"x = {n}\n")
        git("add", ".")
        git("commit", "-q", "-m", f"Set x to {n}")
        found.append(git("rev-parse", "HEAD"))
    lines = commits_between(found[0], found[2], tmp_path)
    assert [line.split(" ", 2)[2] for line in lines[:2]] == ["Set x to 2", "Set x to 1"]
    assert any("train.py" in line for line in lines)
    assert commits_between(found[0], "f" * 40, tmp_path) == []
    assert commits_between("--help", found[0], tmp_path) == []


def pair(
    shift: float, n: int = 300, at: float = 0.5, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    x = np.arange(float(n))
    y = decay(n, sigma=0)
    other = y + np.where(x >= at * n, shift, 0.0)
    return x, y + noise(n, 0.05, seed), other + noise(n, 0.05, seed + 1)


def test_curves_part_where_a_shift_is_planted() -> None:
    x, a, b = pair(0.3)
    found = part((x, a), (x, b))
    assert found is not None and found.at is not None
    assert abs(found.at - 150) <= 15
    assert found.difference == pytest.approx(-0.3, abs=0.1) and found.lasting


def test_equal_curves_seldom_part() -> None:
    parted = 0
    for seed in range(60):
        x, a, b = pair(0.0, n=[50, 100, 300][seed % 3], seed=2 * seed)
        found = part((x, a), (x, b))
        parted += found is not None and found.at is not None
    assert parted <= 3


def test_runs_that_repeat_each_other_tell_up_to_where() -> None:
    y = decay(100)
    other = y.copy()
    other[40:] += 0.5
    found = part((np.arange(100.0), y), (np.arange(100.0), other))
    assert found is not None and found.equal_to == 39 and found.at == pytest.approx(40, abs=4)
    same = part((np.arange(100.0), y), (np.arange(100.0), y))
    assert same is not None and same.at is None and same.equal_to == 99


def test_curves_that_are_logged_at_other_steps_are_compared() -> None:
    x = np.arange(300.0)
    y = decay(300, sigma=0.0)
    every = x[::3] + 0.5
    found = part((x, y + noise(300, 0.02)), (every, np.interp(every, x, y) + noise(100, 0.02, 1)))
    assert found is not None and found.shared == 100 and found.at is None
    assert part((x, y), (x + 1000, y)) is None


def test_one_name_with_two_meanings_is_not_compared() -> None:
    a = RunView(make_run({"loss": decay(50)}, metrics=[]))
    b = RunView(make_run({"loss": decay(50)}, metrics=[]))
    b.metrics["loss"] = type(b.metrics["loss"])(
        "loss", role="loss.policy", better="neither", pack="x"
    )
    study = diff_study(a, b)
    assert any("loss.train in one, loss.policy in the other" in c for c in study.caveats)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (view(), RunView(make_run({}, config={"lr": 1})), "share no metric"),
        (view(y=[1.0]), view(y=[1.0]), "No metric is shared with 8 values"),
        (view(y=[1.0]), view(), "too short to say"),
        (view(), view(), "Nothing differs in what both runs recorded"),
    ],
)
def test_runs_that_lack_something_are_compared_in_the_rest(
    a: RunView, b: RunView, sentence: str
) -> None:
    study = diff_study(a, b)
    assert any(sentence in s for s in study.headline), study.headline


def test_runs_of_different_programs_are_said_to_be() -> None:
    a = view({f"a{i}": i for i in range(10)})
    b = view({f"b{i}": i for i in range(10)})
    assert any("different programs" in s for s in diff_study(a, b).headline)


def test_different_units_of_steps_are_said() -> None:
    columns = {"epoch": np.arange(60.0), "val_loss": decay(60)}
    a = RunView(make_run(columns))
    b = view(y=decay(60))
    study = diff_study(a, b)
    if a.axis.unit != b.axis.unit:
        assert any("different units" in c for c in study.caveats)
    assert study["curves"].height == 1


def test_a_thousand_metrics_take_seconds_and_stay_calm() -> None:
    def many(seed: int) -> RunView:
        rng = np.random.default_rng(seed)
        return RunView(
            make_run({f"layer{i}/norm": 1 + 0.1 * rng.normal(size=30) for i in range(300)})
        )

    study = diff_study(many(1), many(2))
    parted = study["curves"]["parts_at"].drop_nulls().len()
    assert study["curves"].height == 300 and parted <= 3


def test_two_runs_are_needed(tmp_path: Path) -> None:
    folder = written(tmp_path, "one", 2, "x")
    done = CliRunner().invoke(cli, ["diff", str(folder)])
    assert "Name one run each: postrun diff A B" in str(done.exception)
    gone = CliRunner().invoke(cli, ["diff", str(folder), str(tmp_path / "gone")])
    assert gone.exit_code == 3


TRAIN = """import random, sys, wandb
run = wandb.init(mode="offline", project="p", config={"lr": float(sys.argv[1])})
for i in range(50):
    run.log({"val_loss": 1 / (1 + i * float(sys.argv[1])) + random.gauss(0, 0.01)})
run.finish()
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_code_that_the_sdk_saved(tmp_path: Path) -> None:
    import os
    import sys

    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], capture_output=True, check=True)

    git("init", "-q")
    git("remote", "add", "origin", "https://github.com/a/b.git")
    for n in (1, 2):
        (tmp_path / "train.py").write_text(TRAIN + f"# commit {n}\n")
        git("add", "train.py")
        git("commit", "-q", "-m", f"Commit {n}")
        (tmp_path / "train.py").write_text(TRAIN + f"# commit {n}\n# uncommitted {n}\n")
        environment = {**os.environ, "WANDB_SAVE_CODE": "true", "WANDB_SILENT": "true"}
        subprocess.run(
            [sys.executable, "train.py", str(n / 10)], cwd=tmp_path, env=environment, check=True
        )
    a, b = sorted((tmp_path / "wandb").glob("offline-run-*"))
    study = postrun.diff(a, b)
    found = told(study)
    assert {"lr", "git commit", "code/train.py"} <= set(found)
    code = next(s for s in study.sections if s.key == "code").text
    assert any(line.strip() == "+# uncommitted 2" for line in code)


def test_the_first_curve_to_part_is_told_in_a_whole_sentence() -> None:
    x = np.arange(400)
    runs = []
    for seed, sign in ((1, 0.0), (2, 1.0)):
        columns = {
            "train/loss": decay(400, seed=seed) + 0.6 * sign * (x > 250),
            "grad_norm": 1 + noise(400, 0.05, seed + 5) + 2 * sign * (x > 80),
        }
        runs.append(RunView(make_run(columns)))
    headline = " ".join(diff_study(*runs).headline)
    assert "train/loss parts from step 25" in headline
    assert "The first to part: grad_norm parts from step 8" in headline
