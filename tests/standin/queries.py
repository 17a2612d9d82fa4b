"""Answers to GraphQL operations, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from tests.standin.state import ServerArtifact, ServerRun

if TYPE_CHECKING:
    from tests.standin.server import StandIn

Variables = dict[str, Any]
Answer = dict[str, Any] | None
Handler = Callable[["StandIn", Variables, str], Answer]
HANDLERS: dict[str, Handler] = {}
#: Rows of history that one request answers at most.
MOST_ROWS = 10_000


def answers(*names: str) -> Callable[[Handler], Handler]:
    """Registers an answer for operations of these names."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def in_run(server: StandIn, v: Variables, make: Callable[[ServerRun], Any]) -> Answer:
    """An answer within `project { run }`; null where there is no such project or run."""
    entity, project = v.get("entity"), v.get("project")
    name = v.get("name") or v.get("run") or v.get("runName")
    if (entity, project) not in server.projects:
        return {"project": None}
    run = server.projects[entity, project].get(str(name))
    base = {"internalId": "1", "id": "1", "name": project}
    return {"project": {**base, "run": None if run is None else make(run)}}


def user(server: StandIn) -> dict[str, Any]:
    teams = {
        "edges": [{"node": {"name": name}} for name in sorted({e for e, _ in server.projects})]
    }
    return {
        "__typename": "User", "id": "u1", "flags": "{}", "entity": server.entity, "username": "me",
        "email": "me@example.org", "admin": False, "name": "me", "deletedAt": None,
        "apiKeys": {"edges": []}, "teams": teams,
    }  # fmt: skip


@answers("Viewer", "GetViewer", "GetDefaultEntity")
def viewer(server: StandIn, v: Variables, query: str) -> Answer:
    return {"viewer": user(server)}


@answers("ServerFeaturesQuery", "ServerInfo")
def features(server: StandIn, v: Variables, query: str) -> Answer:
    return {"serverInfo": {"features": [], "cliVersionInfo": {}, "latestLocalVersionInfo": None}}


@answers("GetProjects", "Projects")
def projects(server: StandIn, v: Variables, query: str) -> Answer:
    nodes = [
        {
            "__typename": "Project", "id": p, "name": p, "entityName": e,
            "createdAt": server.form.time(datetime(2026, 1, 1, tzinfo=UTC)), "isBenchmark": False,
            "user": user(server),
        }
        for e, p in sorted(server.projects) if e == v.get("entity")
    ]  # fmt: skip
    if not nodes:
        return {"models": None}
    edges = [{"node": node, "cursor": node["name"]} for node in nodes]
    return {"models": {"edges": edges, "pageInfo": {"endCursor": None, "hasNextPage": False}}}


@answers("Run", "RunHistoryKeys", "RunState")
def run(server: StandIn, v: Variables, query: str) -> Answer:
    return in_run(server, v, lambda found: found.node(server.form))


@answers("Runs")
def runs(server: StandIn, v: Variables, query: str) -> Answer:
    found = server.projects.get((v["entity"], v["project"]))
    if found is None:
        return {"project": None}
    wanted = json.loads(v.get("filters") or "{}")
    chosen = [r for r in found.values() if matches(r, wanted)]
    chosen = ordered(chosen, v.get("order") or "+created_at")
    start = int(v.get("cursor") or 0)
    page = chosen[start : start + int(v.get("perPage") or 50)]
    lazy = "summaryMetrics" not in query
    edges = []
    for i, found_run in enumerate(page):
        node = found_run.node(server.form)
        if lazy:
            for heavy in ("config", "summaryMetrics", "systemMetrics", "historyKeys"):
                node.pop(heavy, None)
        edges.append({"node": node, "cursor": str(start + i + 1)})
    end = start + len(page)
    return {
        "project": {
            "internalId": "1", "runCount": len(chosen), "readOnly": False,
            "runs": {"edges": edges, "pageInfo": {"endCursor": str(end), "hasNextPage": end < len(chosen)}},
        }
    }  # fmt: skip


def field_of(run: ServerRun, name: str) -> Any:
    """A run's value under a name that filters and orders use."""
    if name.startswith("config."):
        value: Any = run.config
        for part in name.removeprefix("config.").split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value
    if name.startswith(("summary_metrics.", "summaryMetrics.")):
        return run.summary.get(name.split(".", 1)[1])
    known = {
        "state": run.state, "displayName": run.name or run.id, "display_name": run.name or run.id,
        "name": run.id, "group": run.group, "jobType": run.job_type, "sweep": run.sweep, "tags": run.tags,
        "createdAt": run.created.isoformat(), "created_at": run.created.isoformat(),
        "heartbeatAt": run.heartbeat.isoformat(), "heartbeat_at": run.heartbeat.isoformat(),
        "username": run.user, "host": run.host,
    }  # fmt: skip
    if name not in known:
        raise KeyError(f"the stand-in knows no field {name}")
    return known[name]


def matches(run: ServerRun, wanted: dict[str, Any]) -> bool:
    """MongoDB's operators, as the server takes them."""
    return all(_one(run, key, value) for key, value in wanted.items())


def _one(run: ServerRun, key: str, wanted: Any) -> bool:
    if key in ("$and", "$or"):
        results = [matches(run, part) for part in wanted]
        return all(results) if key == "$and" else any(results)
    have = field_of(run, key)
    tests = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    return all(_compare(have, sign, value) for sign, value in tests.items())


def _compare(have: Any, sign: str, value: Any) -> bool:
    several = have if isinstance(have, list) else [have]
    if sign in ("$gt", "$gte", "$lt", "$lte"):
        if have is None:
            return False
        return bool(
            {
                "$gt": have > value,
                "$gte": have >= value,
                "$lt": have < value,
                "$lte": have <= value,
            }[sign]
        )
    if sign == "$regex":
        return any(re.search(value, str(h)) for h in several)
    if sign in ("$in", "$nin"):
        return any(h in value for h in several) == (sign == "$in")
    if sign in ("$eq", "$ne"):
        return (value in several) == (sign == "$eq")
    raise KeyError(f"the stand-in knows no operator {sign}")


def ordered(runs: list[ServerRun], order: str) -> list[ServerRun]:
    """Runs by "+field" or "-field"; those without a value last."""
    name, down = order.lstrip("+-"), order.startswith("-")
    known = [r for r in runs if field_of(r, name) is not None]
    rest = [r for r in runs if field_of(r, name) is None]
    return sorted(known, key=lambda r: field_of(r, name), reverse=down) + rest


@answers("RunParquetHistory")
def parquet_history(server: StandIn, v: Variables, query: str) -> Answer:
    def make(run: ServerRun) -> Any:
        count = len(range(0, run.exported, run.per_export)) if server.exports else 0
        path = f"{run.entity}/{run.project}/{run.id}"
        urls = [
            f"{server.elsewhere or server.url}/exports/{path}/{i}.parquet" for i in range(count)
        ]
        live = [json.loads(r) for r in run.rows[run.exported if server.exports else 0 :]][:1000]
        return {"parquetHistory": {"parquetUrls": urls, "liveData": live}}

    return in_run(server, v, make)


@answers("HistoryPage")
def history_page(server: StandIn, v: Variables, query: str) -> Answer:
    """Live rows in [minStep, maxStep); more than asked for, or than 10,000, are sampled.

    Rows that are in exports are not live any more: wandb-core puts both together.
    """

    def make(run: ServerRun) -> Any:
        low, high, most = int(v["minStep"]), int(v["maxStep"]), int(v["pageSize"])
        if most >= 2**31:
            raise ValueError(f"$pageSize is an Int of 32 bits, not {most}")
        most = min(most, MOST_ROWS)
        pairs = zip(run.rows, run.steps, strict=True)
        live = islice(pairs, run.exported if server.exports else 0, None)
        rows = [r for r, step in live if low <= step < high]
        if len(rows) > most:
            rows = [rows[i * len(rows) // most] for i in range(most)]
        return {"history": rows}

    return in_run(server, v, make)


@answers("SampledHistoryPage", "RunSampledHistory")
def sampled_history(server: StandIn, v: Variables, query: str) -> Answer:
    specs = [json.loads(s) for s in (v.get("specs") or [v["spec"]])]

    def make(run: ServerRun) -> Any:
        out = []
        for spec in specs:
            keys = spec["keys"]
            rows = [json.loads(r) for r in run.rows]
            low, high = spec.get("minStep", 0), spec.get("maxStep", float("inf"))
            rows = [
                {k: row[k] for k in keys} for row in rows
                if all(k in row for k in keys) and low <= row["_step"] < high
            ]  # fmt: skip
            most = int(spec.get("samples", 500))
            if len(rows) > most:
                rows = [rows[i * len(rows) // most] for i in range(most)]
            out.append(rows)
        return {"sampledHistory": out}

    return in_run(server, v, make)


@answers("RunFullHistory")
def full_history(server: StandIn, v: Variables, query: str) -> Answer:
    stream = "events" if "events(" in query else "history"

    def make(run: ServerRun) -> Any:
        rows = run.events if stream == "events" else run.rows
        most = int(v.get("samples") or 500)
        if len(rows) > most:
            rows = [rows[i * len(rows) // most] for i in range(most)]
        return {stream: rows}

    return in_run(server, v, make)


@answers("RunConsoleLogPage", "RunConsoleLogTail")
def console_page(server: StandIn, v: Variables, query: str) -> Answer:
    def make(run: ServerRun) -> Any:
        total = len(run.console)
        start = (
            int(v.get("after") or 0) if v.get("last") is None else max(0, total - int(v["last"]))
        )
        count = int(v.get("first") or v.get("last") or 1000)
        lines = run.console[start : start + count]
        edges = [
            {
                "node": {
                    "number": start + i,
                    "timestamp": when,
                    "level": level,
                    "label": "",
                    "line": text,
                }
            }
            for i, (when, level, text) in enumerate(lines)
        ]
        end = start + len(lines)
        page = {"endCursor": str(end), "hasNextPage": end < total}
        return {"logLineCount": total, "logLines": {"edges": edges, "pageInfo": page}}

    return in_run(server, v, make)


@answers("RunFiles")
def run_files(server: StandIn, v: Variables, query: str) -> Answer:
    def make(run: ServerRun) -> Any:
        names = v.get("fileNames") or []
        pattern = v.get("pattern")
        chosen = sorted(run.files)
        if names:
            chosen = [n for n in chosen if n in names]
        elif pattern:
            like = re.escape(pattern).replace("%", ".*").replace("_", ".")
            chosen = [n for n in chosen if re.fullmatch(like, n)]
        start = int(v.get("fileCursor") or 0)
        page = chosen[start : start + int(v.get("fileLimit") or 50)]
        base = f"{server.elsewhere or server.url}/storage/{run.entity}/{run.project}/{run.id}"
        edges = []
        for i, name in enumerate(page):
            node = {
                "id": f"file-{run.id}-{name}", "name": name, "url": f"{base}/{name}",
                "directUrl": f"{base}/{name}", "sizeBytes": str(len(run.files[name])),
                "mimetype": "text/plain", "updatedAt": server.form.time(run.heartbeat),
                "md5": "", "uploadUrl": None,
            }  # fmt: skip
            edges.append({"node": node, "cursor": str(start + i + 1)})
        end = start + len(page)
        info = {"endCursor": str(end), "hasNextPage": end < len(chosen)}
        return {"fileCount": len(run.files), "files": {"edges": edges, "pageInfo": info}}

    return in_run(server, v, make)


@answers("RunOutputArtifacts", "RunInputArtifacts")
def run_artifacts(server: StandIn, v: Variables, query: str) -> Answer:
    direction = "logged" if "outputArtifacts" in query else "used"

    def node(run: ServerRun, a: ServerArtifact) -> dict[str, Any]:
        project = {
            "id": "1",
            "internalId": "1",
            "name": run.project,
            "entity": {"name": run.entity},
        }
        collection = {"__typename": "ArtifactSequence", "name": a.name, "project": project}
        return {
            "__typename": "Artifact", "id": f"artifact-{a.name}-{a.version}", "artifactSequence": collection,
            "versionIndex": a.version, "artifactType": {"name": a.type}, "description": None,
            "metadata": "{}", "ttlDurationSeconds": -2, "ttlIsInherited": False, "tags": [],
            "historyStep": None, "state": a.state, "size": a.size, "digest": a.digest,
            "digestAlgorithm": "MANIFEST_MD5", "commitHash": "c", "fileCount": 1,
            "createdAt": server.form.time(run.created), "updatedAt": None,
            "aliases": [
                {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": collection}
                for alias in a.aliases
            ],
        }  # fmt: skip

    def make(run: ServerRun) -> Any:
        found = [a for kind, a in run.artifacts if kind == direction]
        edges = [{"node": node(run, a), "cursor": str(i)} for i, a in enumerate(found)]
        info = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"artifacts": {"totalCount": len(found), "pageInfo": info, "edges": edges}}

    return in_run(server, v, make)
