from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tracemalloc  # noqa: F401 - pytest imports it while memory is collected, which may happen within
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.standin import StandIn

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "examples" / "sample_run"
SHARED = ROOT.parent / "shared" / "data"

#: wandb-core keeps downloads in a cache of its own, which belongs to the tests here.
os.environ["WANDB_CACHE_DIR"] = tempfile.mkdtemp(prefix="postrun-tests-")
#: And so does postrun's own.
os.environ["POSTRUN_CACHE_DIR"] = tempfile.mkdtemp(prefix="postrun-tests-")

SdkRun = Callable[[str], Path]


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: a third of the tests' time they wait, for browsers and clocks."""
    return (os.cpu_count() or 1) + 1


def own_environment() -> dict[str, str]:
    """The environment for a child: a wandb-core that runs here must not be shared with it."""
    return {k: v for k, v in os.environ.items() if k != "WANDB_SERVICE"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in that the environment names as the server, with its key; it knew all that it was asked."""
    from tests.standin import StandIn
    from tests.standin.server import KEY

    for name in ("ENTITY", "PROJECT"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_SILENT", "true")
    with StandIn() as found:
        monkeypatch.setenv("WANDB_BASE_URL", found.url)
        yield found
        assert found.unknown == []


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> SdkRun:
    """Runs a script that logs with the real SDK in offline mode; returns its wandb folder."""

    def run(script: str) -> Path:
        folder = tmp_path_factory.mktemp("sdk")
        (folder / "script.py").write_text(script)
        environment = own_environment() | {
            "WANDB_MODE": "offline",
            "WANDB_DIR": str(folder),
            "WANDB_SILENT": "true",
            "WANDB_CONFIG_DIR": str(folder / "config"),
            "WANDB_CACHE_DIR": str(folder / "cache"),
        }
        subprocess.run(
            [sys.executable, "script.py"],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return folder / "wandb"

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real runs of strangers, where they lie beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data beside the project ({SHARED.name})")
    return SHARED


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """One browser for a module's tests."""
    from benchmarks.report.browser import browser

    with browser() as found:
        yield found
