"""A W&B Report of one run: its findings as text, and panels at their evidence.

The classes of `wandb-workspaces` describe the Report. They are never asked to save or to look up anything: for
that they connect by themselves to whatever server the environment or a folder names. Their requests are sent
through the connection that was checked (`trust.py`).
"""

from __future__ import annotations

import hashlib
from typing import Any

from postrun.model import UsageError
from postrun.publishing.content import Content
from postrun.sources.wandb_api.address import Address

#: Stands for the run's id where the package would parse it as part of an expression.
_PLACE = "RUN"


def fingerprint(said: Content) -> str:
    """Return what tells two Reports of different content apart."""
    return hashlib.sha256(repr((said.title, said.body, said.panels)).encode()).hexdigest()[:16]


def exists(api: Any, report: str) -> bool:
    """Return whether the server has a Report of this id."""
    found = _send(api, _package().gql.view_report, {"reportId": report})
    return bool(found.get("view"))


def save(api: Any, address: Address, run: str, said: Content, report: str | None) -> str:
    """Write the Report, over the one of the id `report` if that is given; return its id."""
    package = _package()
    names = {"entityName": address.entity, "projectName": address.project}
    project = _send(api, package.gql.projectInternalId, names).get("project") or {}
    place = package.internal.Project(
        entity_name=address.entity, name=address.project, id=project.get("internalId")
    )
    answer = _send(
        api,
        package.gql.upsert_view,
        {
            **names,
            "id": report,
            "name": package.internal._generate_name(),
            "displayName": said.title,
            "description": said.verdict,
            "type": "runs",
            "spec": _spec(package, address, run, said, place),
        },
    )
    return str(answer["upsertView"]["view"]["id"])


def delete(api: Any, report: str) -> None:
    """Delete the Report of this id."""
    answer = _send(api, _package().gql.delete_view, {"id": report, "deleteDrafts": True})
    if not (answer.get("deleteView") or {}).get("success"):
        raise RuntimeError("the server did not delete the report")


def _spec(package: Any, address: Address, run: str, said: Content, place: Any) -> str:
    """Return the Report as its server keeps it: JSON."""
    panels = [
        package.LinePlot(
            title=panel.title,
            x=panel.axis,
            y=list(panel.metrics),
            range_x=panel.window or (None, None),
        )
        for panel in said.panels
    ]
    blocks = [package.MarkdownBlock(text=said.body)]
    if panels:
        # Without entity and project it does not look up the project.
        runs = package.Runset(name="Run", filters=f"Metric('ID') == '{_PLACE}'")
        blocks.append(package.PanelGrid(runsets=[runs], panels=panels))
    model = package.Report(
        project=address.project, entity=address.entity, title=said.title, blocks=blocks
    )._to_model()
    for block in model.spec.blocks:
        if isinstance(block, package.internal.PanelGrid):
            for found in block.metadata.run_sets:
                found.project = place
                for condition in found.filters["filters"]:
                    condition["value"] = run
    return str(model.spec.model_dump_json(by_alias=True, exclude_none=True))


def _package() -> Any:
    """Return the module of Reports.

    Raises:
        UsageError: It is not installed.
    """
    try:
        from wandb_workspaces.reports.v2 import interface
    except ImportError as error:
        raise UsageError(
            "W&B Reports need the package wandb-workspaces: pip install 'postrun[reports]'"
        ) from error
    return interface


def _send(api: Any, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    return dict(api._service_api.execute_graphql(query, variables))
