"""Beyond one machine: a real Dask scheduler, real workers, and a stand-in for S3."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import ROOT, own_environment
from tests.printed import results_of
from tests.test_store import write

BUCKET = "s3://lab/store"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """A server that speaks S3, and the environment in which it is found."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    yield environment
    server.stop()


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An empty bucket, and the environment for it, which is this process' own as well."""
    import boto3

    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3["AWS_ENDPOINT_URL"], region_name="us-east-1")
    client.create_bucket(Bucket="lab")
    yield s3
    for item in client.list_objects_v2(Bucket="lab").get("Contents", []):
        client.delete_object(Bucket="lab", Key=item["Key"])
    client.delete_bucket(Bucket="lab")


class Dask:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str], first: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.environment = own_environment() | environment | {"PYTHONPATH": str(first)}
        self.folder = folder
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
        )
        self.workers: list[subprocess.Popen[bytes]] = []

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"dask-{words[0]}.log").open("ab")
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env=self.environment, cwd=self.folder, stdout=log, stderr=log,
        )  # fmt: skip

    def add_worker(self) -> subprocess.Popen[bytes]:
        worker = self._start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--local-directory", str(self.folder), "--host", "127.0.0.1",
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def wait(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def dask(
    folder: Path, workers: int, environment: dict[str, str] | None = None, first: Path = ROOT
) -> Iterator[Dask]:
    """A cluster; `first` is where its processes look for modules first."""
    found = Dask(folder, environment or {}, first)
    try:
        for _ in range(workers):
            found.add_worker()
        if workers:
            found.wait(workers)
        yield found
    finally:
        found.stop()


def postrun(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "postrun", *map(str, words)],
        env=own_environment() | environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def runs_of(root: str | Path, environment: dict[str, str]) -> pl.DataFrame:
    done = postrun(
        "query", "select id, rows, state, findings from runs order by id", "--store", root, "--json",
        **environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return pl.DataFrame(results_of(done.stdout)["rows"])


@pytest.mark.slow
def test_a_cluster_and_an_object_store(tmp_path: Path, bucket: dict[str, str]) -> None:
    for number in range(12):
        write(tmp_path, f"r{number:02d}", rows=30, code=int(number % 4 == 0))
    logs, local = tmp_path / "wandb", tmp_path / "local"
    with dask(tmp_path, 2, bucket) as cluster:
        done = postrun(
            "pull", logs, "--store", BUCKET, "--cluster", cluster.address, "--json", **bucket
        )
        assert done.returncode == 0, done.stderr
        assert [r["status"] for r in results_of(done.stdout)["runs"]] == ["new"] * 12
        again = postrun(
            "pull", logs, "--store", BUCKET, "--cluster", cluster.address, "--json", **bucket
        )
        assert {r["status"] for r in results_of(again.stdout)["runs"]} == {"unchanged"}
        # The runs in the store as targets, read by the workers from S3.
        out = tmp_path / "out"
        seen = postrun(
            "analyze", f"{BUCKET}?failed=true", "--cluster", cluster.address, "--out", out,
            "--no-plots", "--no-report", "--json", **bucket,
        )  # fmt: skip
        assert seen.returncode == 0, seen.stderr
        assert (
            len(results_of(seen.stdout)["runs"]) == 3
            and (out / "r00" / "full_analysis.json").is_file()
        )
    assert postrun("pull", logs, "--store", local).returncode == 0
    assert runs_of(BUCKET, bucket).equals(
        runs_of(local, {})
    )  # what a cluster does is what one machine does
    look = postrun("store", "verify", BUCKET, **bucket)
    assert look.returncode == 0 and "all files are as they were written" in look.stdout
    metric = ["--metric", "val/loss"]
    for command, *options in (
        ["failures"],
        ["compare", *metric, "--by", "state"],
        ["progress", *metric],
    ):
        there = postrun(command, BUCKET, *options, "--json", **bucket)
        here = postrun(command, local, *options, "--json")
        assert there.returncode == here.returncode == 0, there.stderr
        assert results_of(there.stdout)["studies"] == results_of(here.stdout)["studies"]


@pytest.mark.slow
def test_a_store_in_an_object_store_as_a_library(tmp_path: Path, bucket: dict[str, str]) -> None:
    import postrun as library
    from postrun.store import Store
    from postrun.store.maintenance import compact, prune, verify
    from tests.test_store import pull

    for name in ("a", "b"):
        write(tmp_path / name, name, rows=12, project="p q/é")
        pull(tmp_path / name / "wandb", BUCKET)
    store = library.open_store(BUCKET)
    assert isinstance(store, Store)
    assert store.history(["loss"]).select("run", "loss").collect().height == 24
    assert set(store.history(["loss"]).collect()["project"]) == {"p q/é"}
    assert compact(store.storage) == (2, 1)
    assert prune(store.storage, older=0).files == 6
    assert verify(store.storage).sound and store.runs.collect().height == 2
    assert [r.id for r in library.runs(f"{BUCKET}?rows>3")] == ["b", "a"]
    run = library.load(f"{BUCKET}/_")
    assert run.history.height == 12
    store.storage.delete(next(i.name for i in store.storage.listed("history")))
    found = verify(store.storage)
    assert not found.sound and "missing" in found.problems[0]


def _slow(folder: Path, count: int) -> None:
    """Logs that take a worker a noticeable time each."""
    for number in range(count):
        write(folder, f"r{number:02d}", rows=3000)


@pytest.mark.slow
@pytest.mark.parametrize("moments", [[3], [2, 8]], ids=["one-killed", "two-killed"])
def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    tmp_path: Path, bucket: dict[str, str], moments: list[int]
) -> None:
    """Workers are killed when so many runs' files are written."""
    _slow(tmp_path, 24)
    with dask(tmp_path, 2, bucket) as cluster:
        child = subprocess.Popen(
            [sys.executable, "-m", "postrun", "pull", str(tmp_path / "wandb"), "--store", BUCKET,
             "--cluster", cluster.address, "--json"],
            env=own_environment() | bucket, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for victim, moment in zip(list(cluster.workers), moments, strict=False):
            _wait_for_files(bucket, moment)
            assert child.poll() is None, "the pull was over before a worker was killed"
            os.kill(victim.pid, signal.SIGKILL)
            cluster.add_worker()
        out, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors
    assert [r["status"] for r in results_of(out)["runs"]] == ["new"] * 24
    runs = runs_of(BUCKET, bucket)
    assert runs["id"].to_list() == [f"r{n:02d}" for n in range(24)]
    assert runs["rows"].to_list() == [3000] * 24
    look = results_of(postrun("store", "verify", BUCKET, "--json", **bucket).stdout)
    assert not look["problems"] and look["unnamed"] == 0 and look["runs"] == 24


def _wait_for_files(environment: dict[str, str], count: int) -> None:
    """Wait until so many runs' files are in the store: the workers are at it."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="us-east-1"
    )
    deadline = time.monotonic() + 60
    while client.list_objects_v2(Bucket="lab", Prefix="store/history").get("KeyCount", 0) < count:
        assert time.monotonic() < deadline, "no run was written"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_scheduler_that_vanishes(tmp_path: Path) -> None:
    _slow(tmp_path, 40)
    store = tmp_path / "store"
    with dask(tmp_path, 1) as cluster:
        child = subprocess.Popen(
            [sys.executable, "-m", "postrun", "pull", str(tmp_path / "wandb"), "--store", str(store),
             "--cluster", cluster.address, "--json"],
            env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while len(list(store.glob("history/**/*.parquet"))) < 4:
            assert time.monotonic() < deadline, "no run was written"
            time.sleep(0.05)
        cluster.scheduler.kill()
        _, errors = child.communicate(timeout=120)
    assert child.returncode == 3
    assert errors.strip().splitlines() == [errors.strip()]  # one message, nothing of Dask's own
    assert "the scheduler is gone. What is done is kept" in errors
    assert postrun("store", "verify", store).returncode == 0
    kept = runs_of(store, {}).height
    assert 3 <= kept < 40
    rest = postrun("pull", tmp_path / "wandb", "--store", store, "--json")
    found = [r["status"] for r in results_of(rest.stdout)["runs"]]
    assert found.count("unchanged") == kept and found.count("new") == 40 - kept


@pytest.mark.slow
def test_no_scheduler_there(tmp_path: Path) -> None:
    write(tmp_path, "a")
    done = postrun(
        "pull", tmp_path / "wandb", "--store", tmp_path / "s", "--cluster", "tcp://127.0.0.1:9"
    )
    assert done.returncode == 3 and "no Dask scheduler answers" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_workers_with_other_rules_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postrun.execution.cluster import ClusterError, connected

    with dask(tmp_path, 1) as cluster:
        monkeypatch.setattr("postrun.execution.cluster.features_version", lambda: "mine")
        with (
            pytest.raises(ClusterError, match="1 of 1 workers have another postrun"),
            connected(cluster.address),
        ):
            pass


@pytest.mark.slow
def test_a_cluster_without_postrun_is_told(tmp_path: Path) -> None:
    """Its processes have Dask, and a module of postrun's name that is not postrun."""
    (tmp_path / "postrun").mkdir()
    (tmp_path / "postrun" / "__init__.py").write_text("")
    write(tmp_path, "a")
    with dask(tmp_path, 1, first=tmp_path) as cluster:
        done = postrun(
            "pull", tmp_path / "wandb", "--store", tmp_path / "s", "--cluster", cluster.address
        )
    assert done.returncode == 3 and "Install the same version there" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_worker_that_does_not_see_the_store_writes_nothing(tmp_path: Path) -> None:
    """A store on a disk that a worker does not share: its files would go to the worker's own disk."""
    from postrun.incremental.into_store import store_job
    from postrun.privacy import Privacy
    from postrun.sources import resolve

    write(tmp_path, "a")
    (ref,) = resolve(tmp_path / "wandb")
    elsewhere = tmp_path / "elsewhere"
    entered = store_job(ref, ("origin", "1"), str(elsewhere), Privacy(), "rules")
    assert entered.rows is None and "does not see the store. Put it on a disk" in str(entered.stop)
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials for it were found. Set AWS"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "it cannot be reached"),
    ],
)  # fmt: skip
def test_an_object_store_that_is_not_to_be_had(
    tmp_path: Path, bucket: dict[str, str], change: dict[str, str], message: str
) -> None:
    write(tmp_path, "a")
    environment: dict[str, Any] = {k: v for k, v in (bucket | change).items() if v}
    for name in change:
        os.environ.pop(name, None)
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    begin = time.monotonic()
    for words in (["pull", tmp_path / "wandb", "--store", BUCKET], ["list", BUCKET]):
        done = postrun(*words, **environment)
        assert done.returncode == 3 and message in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert time.monotonic() - begin < 90


def test_a_bucket_that_is_not_there(tmp_path: Path, bucket: dict[str, str]) -> None:
    write(tmp_path, "a")
    done = postrun("pull", tmp_path / "wandb", "--store", "s3://nobucket/x", **bucket)
    assert done.returncode == 3 and "there is no such bucket" in done.stderr, done.stderr
