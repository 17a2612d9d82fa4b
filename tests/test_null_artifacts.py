"""One artifact with a null field, as some servers answer, costs itself and not all artifacts of the run."""

from __future__ import annotations

from typing import Any

import pytest

from postrun.sources.wandb_api.answers import null_lists, repaired

NODE: dict[str, Any] = {
    "id": "QXJ0",
    "artifactSequence": {"name": "weights"},
    "artifactType": {"name": "model"},
    "digest": "d1",
    "size": 5,
    "state": "COMMITTED",
    "tags": [],
}


def page(*nodes: dict[str, Any]) -> dict[str, Any]:
    edges = [{"node": dict(node)} for node in nodes]
    return {"project": {"run": {"outputArtifacts": {"edges": edges, "pageInfo": None}}}}


@pytest.mark.parametrize("name", ["id", "artifactSequence", "artifactType"])
def test_an_artifact_without_its_name_or_type_is_left_out_and_said(name: str) -> None:
    with null_lists() as told:
        answer = repaired(page(NODE, NODE | {name: None}), "query")
    edges = answer["project"]["run"]["outputArtifacts"]["edges"]
    assert [edge["node"] for edge in edges] == [NODE]
    assert told == ["all of its artifacts"]


@pytest.mark.parametrize(
    ("name", "value"), [("size", 0), ("digest", ""), ("tags", []), ("state", "COMMITTED")]
)
def test_an_artifact_without_another_field_is_kept(name: str, value: object) -> None:
    with null_lists() as told:
        answer = repaired(page(NODE | {name: None}), "query")
    (edge,) = answer["project"]["run"]["outputArtifacts"]["edges"]
    assert edge["node"] == NODE | {name: value}
    assert not told
