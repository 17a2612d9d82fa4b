"""What is released: one version everywhere, workflows that hold together, a wheel of the package alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import postrun

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text("utf-8"))
    return loaded


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def test_one_version_everywhere() -> None:
    assert project()["version"] == postrun.__version__


def test_the_tested_pythons_are_the_named_ones() -> None:
    tested = workflow("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    named = [c.rpartition(" ")[2] for c in project()["classifiers"] if c.startswith(prefix)]
    assert tested == named
    assert project()["requires-python"] == f">={tested[0]}"


def test_only_publishing_may_prove_who_it_is() -> None:
    for path in WORKFLOWS:
        loaded = workflow(path.name)
        assert loaded["permissions"] == {"contents": "read"}, path.name
        for name, job in loaded["jobs"].items():
            if "permissions" in job:
                assert (path.name, name) == ("release.yml", "publish")
                assert set(job["needs"]) == {"package", "tag"}


def test_make_targets_in_workflows_exist() -> None:
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text("utf-8").splitlines()}
    used = [
        step["run"].split()[1]
        for path in WORKFLOWS
        for job in workflow(path.name)["jobs"].values()
        for step in job.get("steps", ())
        if step.get("run", "").startswith("make ")
    ]
    assert used and set(used) <= targets


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone(tmp_path: Path) -> None:
    assert importlib.util.find_spec("hatchling") is not None
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0] for n in names} == {
        "postrun",
        f"postrun-{postrun.__version__}.dist-info",
    }
    assert not [n for n in names if n.endswith((".wandb", ".csv", ".parquet")) or "/tests/" in n]
    assert "postrun/py.typed" in names
    assert wheel.stat().st_size < 3_000_000


@pytest.mark.slow
def test_the_sdist_holds_what_git_holds(tmp_path: Path) -> None:
    known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8")
    if known.returncode:
        pytest.skip("no git checkout")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - set(known.stdout.splitlines()) == {"PKG-INFO"}
