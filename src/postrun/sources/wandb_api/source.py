"""The source for targets on a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Listing, Run, RunRef, State
from postrun.model.times import parse_time
from postrun.sources.files import finite_numbers
from postrun.sources.lenient_json import object_of
from postrun.sources.wandb_api.address import Address, parse
from postrun.sources.wandb_api.options import RemoteOptions

_PAGE = 200


class WandbApi:
    """Runs that lie on a W&B server, read through its SDK."""

    name = "wandb_api"

    def __init__(self, options: RemoteOptions | None = None) -> None:
        self.options = options or RemoteOptions()

    def claims(self, target: str) -> bool:
        """Return whether a target is not on disk and names a project, a run or a page of a server."""
        return not Path(target).expanduser().exists() and parse(target) is not None

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the run, or the project's runs that the options choose, newest first."""
        # Only now: whoever reads runs on disk need not wait for ssl and http.
        from postrun.sources.wandb_api.connection import ServerError, asking, connect, patiently
        from postrun.sources.wandb_api.trust import UntrustedServerError

        address = parse(target)
        assert address is not None
        try:
            api = connect(address)
        except (ServerError, UntrustedServerError) as error:
            if address.base:
                raise
            asked = f"the W&B server {error.target}: " if error.target != str(address) else ""
            raise ServerError(  # it may as well be a path with a slip in it
                str(address),
                f"no such file or folder here, and {asked}{error.problem}",
                error.remedy,
            ) from error

        def listed() -> list[RunRef]:
            with asking(address, api):
                if address.run:
                    api.flush()  # the SDK keeps runs that it was asked for before
                    return [self._reference(address, api.run(str(address))._attrs)]
                return list(self._listed(api, address))

        yield from patiently(listed)

    def _listed(self, api: Any, address: Address) -> Iterator[RunRef]:
        options = self.options
        from postrun.sources.wandb_api.build import load_history
        from postrun.sources.wandb_api.connection import ServerError

        filters = options.filters()
        within = [{k: v} for k, v in (("sweep", address.sweep), ("group", address.group)) if v]
        if within:
            filters = {"$and": [*filters.get("$and", []), *within]}
        api.flush()  # the SDK keeps lists that it was asked for before
        found = api.runs(
            str(address),
            filters=filters,
            order=options.server_order(),
            per_page=_PAGE,
            lazy=not (options.history_only or options.summaries),
        )
        count = 0
        for theirs in found:
            own = Address(address.entity, address.project, theirs.id, base=address.base)
            ref = self._reference(own, theirs._attrs)
            if options.history_only:
                ref = replace(ref, loader=partial(load_history, own, theirs, options.sample))
            yield ref
            count += 1
            if count == options.limit:
                return
        if not count:
            some = " that the filters choose" if filters else ""
            raise ServerError(
                str(address), f"the project has no run{some}", "Look at `postrun list`."
            )

    def _reference(self, address: Address, attributes: dict[str, Any]) -> RunRef:
        # Only now: whoever reads runs on disk is not to wait for what reads servers.
        from postrun.sources.wandb_api.build import download_files, load_run

        moment = parse_time(attributes.get("createdAt"))
        return RunRef(
            id=address.run,
            source=self.name,
            path=Path(str(address)),
            loader=partial(load_run, address, self.options.sample),
            listing=partial(_listing, address, attributes),
            modified=moment.timestamp() if moment else 0.0,
            remote=True,
            filtered=True,
            version=_version(attributes, self.options.sample),
            continue_from=None if self.options.sample else partial(_continued, address),
            download=partial(download_files, address),
        )


def _listing(address: Address, attributes: dict[str, Any]) -> Listing:
    """Return what listing shows; values of metrics only if the summary came with the list."""
    summary = attributes.get("summaryMetrics") or {}
    return Listing(
        name=attributes.get("displayName") or "",
        project=f"{address.entity}/{address.project}",
        state=State.of(attributes.get("state")) or State.UNKNOWN,
        values=dict(finite_numbers(object_of(summary) if isinstance(summary, str) else summary)),
    )


def _continued(address: Address, known: pl.DataFrame) -> Run:
    from postrun.sources.wandb_api.build import load_run

    return load_run(address, known=known)


def _version(attributes: dict[str, Any], sample: int) -> str:
    """Return what changes when anything of a run changes that listing shows; a sample is another version.

    Returns "" if the server tells neither heartbeat nor number of rows: nothing shows then whether
    the run went on.
    """
    if attributes.get("heartbeatAt") is None and attributes.get("historyLineCount") is None:
        return ""
    names = (
        "state", "heartbeatAt", "historyLineCount", "displayName", "tags", "group", "jobType", "notes",
        "description", "sweepName",
    )  # fmt: skip
    return json.dumps([sample, *(attributes.get(name) for name in names)])
