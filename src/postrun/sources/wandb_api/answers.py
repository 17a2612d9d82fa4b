"""Answers of a W&B server, made safe for the SDK's own classes.

The SDK's models of answers allow almost every field of a run to be null, but its `Run` does not: a
run without a user, a state or a project id ends the whole listing with an error, and so does a
config that is no JSON object. Servers of other versions leave fields out as well. What is missing
is put in empty before the SDK sees it, and noted in the answer itself for completeness.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from postrun.model.times import parse_time

#: Names, in a run's attributes, what the server left out of it.
LEFT_OUT = "postrun:left_out"
#: Most characters of one answer. Parsed, they take several times as much memory. A page of 200 runs
#: with large configs and summaries has about 10 million.
LARGEST_ANSWER = 100_000_000
#: Fields that are JSON objects, or texts of such.
_OBJECTS = ("config", "summaryMetrics", "systemMetrics", "historyKeys")
#: Fields whose absence a reader should know of, and what they are in words. The others are
#: ordinarily null: a run need not have a group, notes or a sweep.
_TOLD = {
    "state": "its state",
    "config": "its config",
    "summaryMetrics": "its summary",
    "historyLineCount": "how many rows it has",
    "historyKeys": "its last step",
    "createdAt": "when it was created",
}
#: Lists of a run that may be null, and what they are in words; several names for artifacts.
_LISTS = {
    "files": "its files",
    "artifacts": "its artifacts",
    "outputArtifacts": "its artifacts",
    "inputArtifacts": "its artifacts",
    "artifact": "all of its artifacts",
    "logLines": "its console log",
    "events": "its system metrics",
}
#: What the SDK needs of an artifact, and what stands for it if it is null; an artifact is left
#: out if nothing can.
_NEEDED = ("id", "artifactSequence", "artifactType")
_FILLED = {
    "state": "COMMITTED", "digest": "", "size": 0, "fileCount": 0, "createdAt": "", "tags": [],
    "ttlDurationSeconds": 0, "ttlIsInherited": False,
}  # fmt: skip
_NULL_LISTS: ContextVar[list[str] | None] = ContextVar("null_lists", default=None)


class LargeAnswerError(Exception):
    """An answer that is larger than any run needs."""


def make_tolerant(api: Any) -> None:
    """Make an `wandb.Api` take answers with any optional field null or absent.

    The SDK sends each of its own GraphQL requests through one object, whose method is wrapped here.
    A version of the SDK without it is used as it is.
    """
    service = getattr(api, "_service_api", None)
    execute = getattr(service, "execute_graphql", None)
    if service is None or execute is None or getattr(execute, "tolerant", False):
        return

    def tolerant(
        query: Any, *arguments: Any, parse: Callable[[str], Any] = json.loads, **options: Any
    ) -> Any:
        answer = execute(query, *arguments, parse=partial(_parsed, parse), **options)
        return repaired(answer, str(query))

    tolerant.tolerant = True  # type: ignore[attr-defined]
    service.execute_graphql = tolerant


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    """Return an answer's data; LargeAnswerError if there is more of it than any run needs."""
    if len(text) > LARGEST_ANSWER:
        raise LargeAnswerError(
            f"the server's answer has {len(text) / 1e6:,.0f} MB, and postrun takes "
            f"{LARGEST_ANSWER / 1e6:,.0f} MB at most"
        )
    return parse(text)


def repaired(answer: Any, query: str) -> Any:
    """Return an answer in which each run can be read; `query` tells which fields were asked for."""
    project = answer.get("project") if isinstance(answer, dict) else None
    if not isinstance(project, dict):
        return answer
    run = project.get("run")
    if isinstance(run, dict):
        _repair_lists(run)
        if "name" in run and "id" in run:  # not an answer on its files or history alone
            _repair_run(run, query)
    runs = project.get("runs")
    if isinstance(runs, dict):
        edges = [e for e in runs.get("edges") or [] if isinstance(e, dict) and e.get("node")]
        runs["edges"] = edges
        for edge in edges:
            _repair_run(edge["node"], query)
    return answer


def _repair_run(node: dict[str, Any], query: str) -> None:
    """Give each field of a run a value that the SDK takes, and note which were missing."""
    missing = [name for name in _TOLD if name in query and node.get(name) is None]
    if parse_time(node.get("createdAt")) is None and "createdAt" not in missing:
        missing.append("createdAt")
    for name in _OBJECTS:
        if name in node and _object(node[name]) is None:
            missing += [name] if name in _TOLD and name not in missing else []
            node[name] = "{}" if name != "historyKeys" else None
    if not isinstance(node.get("user"), dict):
        node.pop("user", None)
    try:
        int(node["projectId"])
    except (KeyError, TypeError, ValueError):
        node.pop("projectId", None)
    node["state"] = node.get("state") or ""
    if "tags" in node:
        node["tags"] = [tag for tag in node["tags"] or [] if isinstance(tag, str)]
    node[LEFT_OUT] = missing


def _repair_lists(run: dict[str, Any]) -> None:
    """Make lists of what are null in answers on a run's files, artifacts, rows and log lines."""
    for name in ("files", "artifacts", "outputArtifacts", "inputArtifacts", "logLines"):
        if name in run:
            run[name] = _repaired_list(name, run[name])
    for name in ("history", "events"):
        if name in run:
            if run[name] is None:
                _note_null(name)
            run[name] = [line for line in run[name] or [] if isinstance(line, str)]


def _repaired_list(name: str, part: Any) -> dict[str, Any]:
    """Return a page of a list without nodes that are null, or files that have no name."""
    part = part if isinstance(part, dict) else {}
    if part.get("edges") is None:
        _note_null(name)
    edges = [e for e in part.get("edges") or [] if isinstance(e, dict) and e.get("node")]
    if name == "files":
        edges = [e for e in edges if isinstance(e["node"].get("name"), str)]
        for edge in edges:
            size = edge["node"].get("sizeBytes")
            edge["node"]["sizeBytes"] = size if str(size).isdigit() else None
    if name.lower().endswith("artifacts"):
        edges = _repaired_artifacts(edges)
    ended = {"endCursor": None, "hasNextPage": False}
    return {
        "totalCount": len(edges),
        **part,
        "pageInfo": part.get("pageInfo") or ended,
        "edges": edges,
    }


def _repaired_artifacts(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the artifacts of a page that the SDK can take: one with a null field costs itself."""
    kept = [e for e in edges if all(e["node"].get(name, "") is not None for name in _NEEDED)]
    for edge in kept:
        node = edge["node"]
        node |= {name: value for name, value in _FILLED.items() if node.get(name, "") is None}
    if len(kept) < len(edges):
        _note_null("artifact")
    return kept


@contextmanager
def null_lists() -> Iterator[list[str]]:
    """Collect, in words, the lists that servers answer as null to requests of this thread."""
    found: list[str] = []
    token = _NULL_LISTS.set(found)
    try:
        yield found
    finally:
        _NULL_LISTS.reset(token)


def _note_null(name: str) -> None:
    found, words = _NULL_LISTS.get(), _LISTS.get(name)
    if found is not None and words and words not in found:
        found.append(words)


def _object(value: Any) -> dict[str, Any] | None:
    """Return a JSON object given as such or as text; None if it is none."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value, strict=False)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def left_out(attributes: Mapping[str, Any], lists: list[str]) -> str:
    """Return a sentence on what the server left out of a run, "" if nothing that matters.

    `lists` are those that `null_lists` collected.
    """
    names = [_TOLD[name] for name in attributes.get(LEFT_OUT) or [] if name in _TOLD] + lists
    if not names:
        return ""
    words = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"the server does not tell {words}"


def last_step(attributes: Mapping[str, Any]) -> int | None:
    """Return the last step that the server reports of a run, None if it reports none."""
    keys = _object(attributes.get("historyKeys"))
    step = keys.get("lastStep") if keys else None
    whole = isinstance(step, int | float) and not isinstance(step, bool) and step >= 0
    return int(step) if whole else None  # type: ignore[arg-type]


def row_count(attributes: Mapping[str, Any]) -> int | None:
    """Return how many rows the server counts in a run's history, None if it does not tell.

    A count of 0 beside a last step is a count that the server does not keep.
    """
    count = attributes.get("historyLineCount")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return None
    return None if count == 0 and last_step(attributes) is not None else count
