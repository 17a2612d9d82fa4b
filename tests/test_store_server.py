"""From a server into a store: incremental, through kills, and by the workers of a cluster."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postrun.store import Store
from postrun.store.maintenance import verify
from tests.conftest import own_environment
from tests.printed import results_of
from tests.standin import StandIn
from tests.standin.server import KEY
from tests.test_cluster import dask
from tests.test_server import command, own_settings, project, server

__all__ = ["own_settings", "server"]  # fixtures


def statuses(*words: str) -> dict[str, str]:
    done = command("pull", *words, "--json")
    assert done.returncode == 0, done.stderr
    return {run["id"]: run["status"] for run in results_of(done.stdout)["runs"]}


def steps(root: Path, run: str) -> list[int]:
    found = Store(str(root)).history(["loss"]).collect()
    return sorted(found.filter(run=run)["_step"].to_list())


@pytest.mark.slow
def test_only_what_is_new_is_fetched(server: StandIn, tmp_path: Path) -> None:
    project(server, 5)
    running = server.projects["ent", "p"]["r02"]
    running.state = "running"
    root = tmp_path / "store"
    assert set(statuses("ent/p", "--store", str(root)).values()) == {"new"}
    asked = len(server.requests)
    assert set(statuses("ent/p", "--store", str(root)).values()) == {"unchanged"}
    assert {r.name for r in server.requests[asked:]} <= {"/", "Viewer", "GetDefaultEntity", "Runs"}
    for i in range(22, 40):
        running.log({"_step": i, "loss": 0.1, "_runtime": i / 2, "_timestamp": 1.7e9 + i})
    del server.projects["ent", "p"]["r04"]
    asked = len(server.requests)
    assert statuses("ent/p", "--store", str(root)) == {
        "r00": "unchanged", "r01": "unchanged", "r02": "updated", "r03": "unchanged", "r04": "deleted",
    }  # fmt: skip
    pages = [r.variables for r in server.requests[asked:] if r.name == "HistoryPage"]
    assert [p["minStep"] for p in pages] == [21]  # from the last known step on
    assert steps(root, "r02") == list(range(40)) and steps(root, "r04") == list(range(24))
    runs = Store(str(root)).runs.sort("id").collect()
    assert runs["gone"].to_list() == [False] * 4 + [True]
    assert set(runs["entity"]) == {"ent"} and set(runs["project"]) == {"p"}
    assert verify(Store(str(root)).storage).sound
    # Without the server, the store tells it all.
    offline = command("failures", f"{root}/ent/p", "--json", WANDB_BASE_URL="http://127.0.0.1:9")
    assert offline.returncode == 0, offline.stderr


@pytest.mark.slow
def test_a_pull_into_a_store_that_is_killed_goes_on(
    server: StandIn,
    tmp_path: Path,
) -> None:
    project(server, 10)
    server.latency = 0.03
    root = tmp_path / "store"
    for number in range(3):
        child = subprocess.Popen(
            [sys.executable, "-m", "postrun", "pull", "ent/p", "--store", str(root), "--workers", "2"],
            env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and child.poll() is None:
            if len(list(root.glob("history/**/*.parquet"))) > 2 * number + 1:
                break
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert verify(Store(str(root)).storage).sound
    assert len(statuses("ent/p", "--store", str(root))) == 10
    for i in range(10):
        assert steps(root, f"r{i:02}") == list(range(20 + i))


@pytest.mark.slow
def test_the_workers_of_a_cluster_fetch(server: StandIn, tmp_path: Path) -> None:
    project(server, 8)
    root, alone = tmp_path / "store", tmp_path / "alone"
    with dask(tmp_path, 2, {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY}) as cluster:
        asked = len(server.requests)
        told = statuses("ent/p", "--store", str(root), "--cluster", cluster.address)
        assert set(told.values()) == {"new"} and len(told) == 8
        assert len([r for r in server.requests[asked:] if r.name == "Run"]) >= 8
    statuses("ent/p", "--store", str(alone))
    here, there = (
        Store(str(storage)).runs.drop("written").sort("id").collect() for storage in (alone, root)
    )
    assert here.equals(there)
