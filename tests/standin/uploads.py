"""What `wandb sync` sends: the run itself, its streams, files and artifacts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.standin.queries import Answer, Variables, answers
from tests.standin.state import ServerArtifact, ServerRun, strict

if TYPE_CHECKING:
    from tests.standin.server import StandIn


@answers("UpsertBucket")
def upsert(server: StandIn, v: Variables, query: str) -> Answer:
    if v.get("id"):
        return _changed(server, v)
    entity, project = v.get("entity") or server.entity, v.get("project") or "uncategorized"
    runs = server.projects.setdefault((entity, project), {})
    inserted = v["name"] not in runs
    run = runs.setdefault(v["name"], ServerRun(entity, project, v["name"], state="running"))
    fields = {
        "displayName": "name", "groupName": "group", "notes": "notes", "commit": "commit", "host": "host",
        "jobType": "job_type", "sweep": "sweep", "tags": "tags",
    }  # fmt: skip
    for theirs, ours in fields.items():
        if v.get(theirs) is not None:
            setattr(run, ours, v[theirs])
    if v.get("config"):
        run.config = json.loads(v["config"])
    if v.get("summaryMetrics"):
        run.summary = json.loads(v["summaryMetrics"])
    if inserted:
        run.created = datetime.now(UTC)
    bucket = run.node(server.form) | {
        "project": {"id": "1", "name": project, "entity": {"id": "1", "name": entity}}
    }
    return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}


def _changed(server: StandIn, v: Variables) -> Answer:
    """What `Run.update` and `HTTPSummary.update` of the public API send: a run by its storage id."""
    runs = (run for found in server.projects.values() for run in found.values())
    run = next(run for run in runs if run.node()["id"] == v["id"])
    fields = {
        "notes": "notes", "tags": "tags", "display_name": "name", "groupName": "group", "jobType": "job_type",
    }  # fmt: skip
    for theirs, ours in fields.items():
        if v.get(theirs) is not None:
            setattr(run, ours, v[theirs])
    for theirs, ours in (("config", "config"), ("summaryMetrics", "summary")):
        if v.get(theirs) is not None:
            setattr(run, ours, json.loads(v[theirs]))
    return {"upsertBucket": {"bucket": run.node(server.form), "inserted": False}}


@answers("NotifyScriptableRunAlert")
def alert(server: StandIn, v: Variables, query: str) -> Answer:
    run = server.projects[v["entityName"], v["projectName"]][v["runName"]]
    if v["severity"] not in ("INFO", "WARN", "ERROR"):
        raise ValueError(f"AlertSeverity has no {v['severity']}")
    run.alerts.append({name: v[name] for name in ("title", "text", "severity")})
    return {"notifyScriptableRunAlert": {"success": True}}


@answers("ProjectInternalId")
def project_id(server: StandIn, v: Variables, query: str) -> Answer:
    there = (v["entityName"], v["projectName"]) in server.projects
    return {"project": {"id": "1", "internalId": "41"} if there else None}


@answers("upsertView")
def upsert_view(server: StandIn, v: Variables, query: str) -> Answer:
    """A Report is a view of type "runs", whose spec is JSON in a string."""
    report = v.get("id") or f"Vmlldzo{len(server.reports) + 1}"
    if v.get("id") and report not in server.reports:
        raise ValueError(f"no view {report}")
    json.loads(v["spec"])
    inserted = report not in server.reports
    server.reports[report] = {name: v[name] for name in v if name != "id"}
    view = {**_view(report, v), "type": v["type"]}
    return {"upsertView": {"view": view, "inserted": inserted}}


@answers("SpecificReport")
def view_report(server: StandIn, v: Variables, query: str) -> Answer:
    found = server.reports.get(v["reportId"])
    return {"view": found and _view(v["reportId"], found)}


def _view(report: str, found: Variables) -> Variables:
    project = {"id": "1", "name": found["projectName"], "entityName": found["entityName"]}
    same = {name: found[name] for name in ("name", "displayName", "description", "spec")}
    return {"id": report, "project": project, "updatedAt": None, "createdAt": None, **same}


@answers("deleteView")
def delete_view(server: StandIn, v: Variables, query: str) -> Answer:
    found = server.reports.pop(v["id"], None)
    return {"deleteView": {"success": found is not None, "pendingDrafts": [], "__typename": "X"}}


@answers("CreateRunFiles")
def create_files(server: StandIn, v: Variables, query: str) -> Answer:
    base = f"{server.url}/storage/{v['entity']}/{v['project']}/{v['run']}"
    files = [{"name": name, "uploadUrl": f"{base}/{name}"} for name in v["files"]]
    return {"createRunFiles": {"runID": v["run"], "uploadHeaders": [], "files": files}}


@answers("MarkRunFilesUploaded")
def mark_uploaded(server: StandIn, v: Variables, query: str) -> Answer:
    return {"markRunFilesUploaded": {"success": True}}


@answers("CreateArtifact")
def create_artifact(server: StandIn, v: Variables, query: str) -> Answer:
    given = v["input"]
    run = server.projects[given["entityName"], given["projectName"]][given["runName"]]
    name = given["artifactCollectionName"]
    version = sum(a.name == name for _, a in run.artifacts)
    made = ServerArtifact(
        name, given["artifactTypeName"], version,
        [a["alias"] for a in given["aliases"] or []], digest=given["digest"],
    )  # fmt: skip
    run.artifacts.append(("logged", made))
    artifact = {
        "id": f"artifact-{name}-{version}",
        "state": "PENDING",
        "artifactSequence": {"latestArtifact": None},
    }
    return {"createArtifact": {"artifact": artifact}}


@answers("CreateArtifactManifest")
def create_manifest(server: StandIn, v: Variables, query: str) -> Answer:
    file = {
        "id": "m",
        "name": v["name"],
        "uploadUrl": f"{server.url}/discard/manifest",
        "uploadHeaders": [],
    }
    return {"createArtifactManifest": {"artifactManifest": {"id": "m1", "file": file}}}


@answers("UpdateArtifactManifest")
def update_manifest(server: StandIn, v: Variables, query: str) -> Answer:
    file = {
        "id": "m",
        "name": "m",
        "uploadUrl": f"{server.url}/discard/manifest",
        "uploadHeaders": [],
    }
    return {"updateArtifactManifest": {"artifactManifest": {"id": "m1", "file": file}}}


@answers("CreateArtifactFiles")
def create_artifact_files(server: StandIn, v: Variables, query: str) -> Answer:
    nodes = [
        {
            "id": str(i), "name": f["name"], "displayName": f["name"], "storagePath": f"artifacts/{f['name']}",
            "uploadUrl": f"{server.url}/discard/{i}", "uploadHeaders": [], "uploadMultipartUrls": None,
            "artifact": {"id": f["artifactID"]},
        }
        for i, f in enumerate(v["input"]["artifactFiles"])
    ]  # fmt: skip
    return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}


@answers("CommitArtifact")
def commit_artifact(server: StandIn, v: Variables, query: str) -> Answer:
    return {"commitArtifact": {"artifact": {"id": v["artifactID"], "digest": "d"}}}


def file_stream(
    server: StandIn, entity: str, project: str, run_id: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Lines of history, events, summary and output; and the end of the run."""
    run = server.projects[entity, project][run_id]
    for name, part in (body.get("files") or {}).items():
        offset, lines = part.get("offset", 0), part.get("content", [])
        if name == "wandb-history.jsonl":
            run.rows[offset : offset + len(lines)] = map(strict, lines)
        elif name == "wandb-events.jsonl":
            run.events[offset : offset + len(lines)] = map(strict, lines)
        elif name == "wandb-summary.json":
            run.summary = json.loads(lines[-1])
        elif name == "output.log":
            for i, line in enumerate(lines):
                _console_line(run, offset + i, line)
    if body.get("complete"):
        code = body.get("exitcode")
        run.state = "finished" if code == 0 else "failed"
    run.heartbeat = datetime.now(UTC)
    return {"exitcode": None, "limits": {}}


def _console_line(run: ServerRun, number: int, line: str) -> None:
    """ "2026-01-02T03:04:05.123456 text", with "ERROR " first where it was stderr's."""
    level = "info"
    if line.startswith("ERROR "):
        level, line = "error", line.removeprefix("ERROR ")
    when, _, text = line.partition(" ")
    while len(run.console) <= number:
        run.console.append(("", "info", ""))
    run.console[number] = (when, level, text)
