"""What an object store is asked: requests by kind, for bringing runs in and for asking of them.

python -m benchmarks.store.requests [RUNS]

Against moto's stand-in for S3, on real runs of `benchmarks.many.project`; counts, not times.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from benchmarks.many.project import write_project

OUT = Path(__file__).parents[1] / "out"
ROOT = "s3://lab/store"


class Count(logging.Handler):
    """Counts what the stand-in's log tells."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().replace('"', " ").split()
        method = next((w.split("m")[-1] for w in words if w.split("m")[-1] in _METHODS), "")
        listing = "list-type" in record.getMessage()
        self.seen["LIST" if listing else method] += 1


_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")


def main(count: int) -> None:
    folder = write_project(count, 200, 20, OUT / f"few_{count}")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logger, counter = logging.getLogger("werkzeug"), Count()
    logger.handlers, logger.propagate = [counter], False
    logger.setLevel(logging.INFO)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1",
    }  # fmt: skip
    boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).create_bucket(Bucket="lab")
    import postrun
    from postrun.store import Store

    def counted(name: str, job: Callable[[], Any]) -> None:
        counter.seen.clear()
        job()
        told = ", ".join(f"{n} {kind}" for kind, n in sorted(counter.seen.items()))
        print(f"| {name} | {told} | {counter.seen.total() / count:.1f} |", flush=True)

    print(f"{count} runs\n\n| | requests | per run |\n|---|---|---:|")
    counted("bring in", lambda: postrun.pull(folder, ROOT, workers=1))
    counted("again: nothing is new", lambda: postrun.pull(folder, ROOT, workers=1))
    counted("list", lambda: postrun.runs(ROOT))
    counted("finals of a metric", lambda: Store(ROOT).metrics.select("final").collect())
    counted("one metric's curves", lambda: Store(ROOT).history(["eval/loss"]).collect())
    counted("failures", lambda: postrun.failures(ROOT))
    server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
