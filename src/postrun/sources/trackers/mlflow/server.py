"""MLflow tracking servers, by their REST API."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postrun.model import Listing, RunRef, State, TargetError

if TYPE_CHECKING:
    from postrun.model import Run

#: "mlflow:http://host:5000", or an address of the server's pages; a path loses a slash of "http://".
_TARGET = re.compile(
    r"(?:mlflow[:+])?(?P<scheme>https?):/+(?P<host>[^#?]+?)/?"
    r"(?:#/experiments/(?P<experiment>\d+)(?:/runs/(?P<run>\w+))?.*)?"
)
_API = "/api/2.0/mlflow/"
_TIMEOUT = 60
#: What the server returns at once.
_RUNS, _VALUES = 1000, 25_000


class MlflowServer:
    """Runs on a tracking server: all, those of an experiment, or one."""

    name = "mlflow"

    def claims(self, target: str) -> bool:
        """Return whether a target begins with "mlflow:" or is the address of a page of a server."""
        named = target.startswith(("mlflow:", "mlflow+")) or "#/experiments/" in target
        return named and _TARGET.fullmatch(target) is not None

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the runs, newest first.

        Raises:
            TargetError: The server does not answer, refuses, or has no such run.
        """
        match = _TARGET.fullmatch(target)
        assert match is not None
        server = _Server(f"{match['scheme']}://{match['host']}")
        names = server.experiments()
        if match["run"]:
            runs = [server.ask("runs/get", {"run_id": match["run"]})["run"]]
        else:
            runs = server.runs([match["experiment"]] if match["experiment"] else list(names))
        refs = [_reference(server, run, names) for run in runs]
        yield from sorted(refs, key=lambda ref: (ref.modified, ref.id), reverse=True)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server's address. Its user, password or token come from MLflow's own environment variables."""

    base: str

    def ask(self, call: str, values: dict[str, Any], post: bool = False) -> dict[str, Any]:
        """Return the server's answer to a call.

        Raises:
            TargetError: It does not answer, or with an error.
        """
        from urllib.error import HTTPError, URLError
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        url, data = f"{self.base}{_API}{call}", None
        if post:
            data = json.dumps(values).encode()
        else:
            url = f"{url}?{urlencode(values)}"
        request = Request(url, data, {"Content-Type": "application/json", **_authorization()})
        try:
            with urlopen(request, timeout=_TIMEOUT) as answer:
                found = json.load(answer)
        except HTTPError as error:
            remedy = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
            needed = remedy if error.code in (401, 403) else "Check the address."
            raise TargetError(
                self.base, f"the MLflow server answers {error.code}: {error.reason}", needed
            ) from None
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise TargetError(
                self.base, f"no answer of an MLflow server: {reason}", "Is it running?"
            ) from None
        return found if isinstance(found, dict) else {}

    def pages(
        self, call: str, key: str, values: dict[str, Any], post: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of an answer."""
        token = ""
        while True:
            found = self.ask(call, values | ({"page_token": token} if token else {}), post)
            yield from found.get(key) or []
            token = found.get("next_page_token") or ""
            if not token:
                return

    def experiments(self) -> dict[str, str]:
        """Return the names of the experiments by their ids."""
        found = self.pages("experiments/search", "experiments", {"max_results": _RUNS}, post=True)
        return {str(e["experiment_id"]): str(e.get("name") or "") for e in found}

    def runs(self, experiments: list[str]) -> list[dict[str, Any]]:
        """Return the runs of experiments, without their histories."""
        wanted = {"experiment_ids": experiments, "max_results": _RUNS}
        return list(self.pages("runs/search", "runs", wanted, post=True))


def _authorization() -> dict[str, str]:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{n}") for n in ("USERNAME", "PASSWORD"))
    if user and password:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _reference(server: _Server, run: dict[str, Any], names: dict[str, str]) -> RunRef:
    from postrun.sources.trackers.mlflow.building import STATES, seconds_of

    about = run["info"]
    experiment = names.get(str(about.get("experiment_id")), "")
    run_id = str(about["run_id"])
    state = STATES.get(str(about.get("status")), State.UNKNOWN)
    return RunRef(
        id=run_id,
        source="mlflow",
        path=Path(f"{server.base}/{run_id}"),
        loader=partial(_load, server, run, experiment),
        listing=partial(Listing, str(about.get("run_name") or ""), experiment, state),
        modified=seconds_of(about.get("start_time")) or 0.0,
        remote=True,
        version=f"{about.get('end_time')} {about.get('status')}" if about.get("end_time") else "",
    )


def _load(server: _Server, run: dict[str, Any], experiment: str) -> Run:
    import numpy as np

    from postrun.sources.trackers.mlflow.building import mlflow_run

    about, data = run["info"], run.get("data") or {}
    names: list[str] = []
    rows: list[tuple[float, int, float]] = []
    for metric in data.get("metrics") or []:
        key = str(metric["key"])
        asked = {"run_id": about["run_id"], "metric_key": key, "max_results": _VALUES}
        for value in server.pages("metrics/get-history", "metrics", asked):
            names.append(key)
            rows.append(
                (float(value["timestamp"]), int(value.get("step") or 0), float(value["value"]))
            )
    order = sorted(range(len(rows)), key=lambda i: rows[i][0])
    values = (
        [names[i] for i in order],
        np.array([rows[i][1] for i in order], np.int64),
        np.array([rows[i][0] for i in order], np.float64),
        np.array([rows[i][2] for i in order], np.float64),
    )
    pairs = {
        kind: {str(p["key"]): str(p["value"]) for p in data.get(kind) or []}
        for kind in ("params", "tags")
    }
    own = about | {"name": about.get("run_name"), "experiment": experiment}
    path = Path(f"{server.base}/{about['run_id']}")
    return mlflow_run(
        "mlflow", str(about["run_id"]), path, own, values, pairs["params"], pairs["tags"]
    )
