"""The reports that `analyze` writes for each run, and those that other packages add.

A format is a function of `ReportInputs` and a folder that writes files there and returns their paths. Another
package offers one in the entry point group `postrun.reports`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from postrun.metrics import RunView
from postrun.model import Finding
from postrun.plugins import RAISED, load_plugins, plugin_failed
from postrun.privacy import Privacy
from postrun.report.files import write_text


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a report is made from: a run as it may be shown, its findings and its plots.

    `masked` says what was kept out of both; "" for nothing. `privacy` says what is kept out of files that a
    format reads itself.
    """

    view: RunView
    findings: list[Finding]
    plots: list[Path]
    masked: str = ""
    privacy: Privacy = field(default_factory=Privacy)


Format = Callable[[ReportInputs, Path], list[Path]]


def html(inputs: ReportInputs, folder: Path) -> list[Path]:
    """`report.html`."""
    from postrun.report.html.run_page import write_report

    path = folder / "report.html"
    write_report(path, inputs.view, inputs.findings, inputs.masked, privacy=inputs.privacy)
    return [path]


def markdown(inputs: ReportInputs, folder: Path) -> list[Path]:
    """`report.md`."""
    from postrun.report.markdown import render

    path = folder / "report.md"
    write_text(path, render(inputs.view, inputs.findings, inputs.plots, inputs.masked))
    return [path]


_OWN: dict[str, Format] = {"html": html, "markdown": markdown}


@cache
def formats() -> dict[str, Format]:
    """All formats by name: postrun's own first."""
    found = dict(_OWN)
    for name, write in load_plugins("postrun.reports", as_format):
        found.setdefault(name, write)
    return found


def as_format(name: str, value: Any) -> tuple[str, Format]:
    """Return the report format that a plug-in gives; TypeError if it is none."""
    if not callable(value):
        raise TypeError(f"{name} is no function")
    return name, value


def write_reports(inputs: ReportInputs, folder: Path) -> list[Path]:
    """Write every format and return the files.

    A format of another package that fails is left out with a PluginWarning.
    """
    written: list[Path] = []
    for name, write in formats().items():
        if write in _OWN.values():
            written += write(inputs, folder)
            continue
        try:
            written += [Path(path) for path in write(inputs, folder)]
        except RAISED as error:
            plugin_failed("postrun.reports", name, error)
    return written
