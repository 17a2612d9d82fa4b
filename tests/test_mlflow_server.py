"""MLflow's tracking server by its REST API, against a stand-in that answers as a real one does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from postrun.model import State, TargetError
from postrun.sources import resolve

START = 1_772_323_200_000
POINTS = 7
PAGE = 5
INFO = {
    "run_id": "aaa", "run_name": "fox", "experiment_id": "1", "status": "FINISHED", "start_time": START,
    "end_time": START + 60_000,
}  # fmt: skip
DATA = {
    "metrics": [{"key": "loss", "value": 1.0, "timestamp": START, "step": 6}],
    "params": [{"key": "lr", "value": "0.1"}],
    "tags": [{"key": "mlflow.source.name", "value": "train.py"}],
}
RUN = {"info": INFO, "data": DATA}


class Answers(BaseHTTPRequestHandler):
    """Answers with one experiment and one run, whose values come in two pages."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("experiments/search"):
            self.answer({"experiments": [{"experiment_id": "1", "name": "animals"}]})
        else:
            self.answer({"runs": [RUN]})

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "runs/get" in self.path:
            self.answer({"run": RUN}) if asked["run_id"] == ["aaa"] else self.send_error(404)
            return
        first = int(asked.get("page_token", ["0"])[0])
        values = [
            {
                "key": "loss",
                "value": "NaN" if i == 3 else 2 / (i + 1),
                "timestamp": START + i * 1000,
                "step": i,
            }
            for i in range(first, min(first + PAGE, POINTS))
        ]
        more = {"next_page_token": str(first + PAGE)} if first + PAGE < POINTS else {}
        self.answer({"metrics": values} | more)

    def answer(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the class's own name
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "target", ["mlflow:{}", "{}/#/experiments/1", "{}/#/experiments/1/runs/aaa"]
)
def test_runs_of_a_server(server: str, target: str) -> None:
    (ref,) = resolve(target.format(server))
    assert (ref.id, ref.name, ref.project, ref.state) == ("aaa", "fox", "animals", State.FINISHED)
    run = ref.load()
    assert run.history["_step"].to_list() == list(range(POINTS))
    assert run.completeness.nonfinite == 1
    assert (run.config, run.runtime, run.environment) == ({"lr": 0.1}, 60, {"program": "train.py"})


def test_a_server_that_does_not_answer_or_lacks_the_run(server: str) -> None:
    with pytest.raises(TargetError, match="the MLflow server answers 404"):
        resolve(f"{server}/#/experiments/1/runs/bbb")
    with pytest.raises(TargetError, match="no answer of an MLflow server"):
        resolve("mlflow:http://127.0.0.1:9")
