"""The reports that `analyze` writes for each run, and those that other packages add.

A format is a function of `Material` and a folder that writes files there and returns their paths. Another
package offers one in the entry point group `postrun.reports`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from postrun.model import Finding, PostrunError
from postrun.report.files import write_text
from postrun.semantics import RunView


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made from: a run as it may be shown, its findings and its plots.

    `masked` says what was kept out of both; "" for nothing.
    """

    view: RunView
    findings: list[Finding]
    plots: list[Path]
    masked: str = ""


Format = Callable[[Material, Path], list[Path]]


def html(material: Material, folder: Path) -> list[Path]:
    """`report.html`."""
    from postrun.report.html.run_page import write_report

    path = folder / "report.html"
    write_report(path, material.view, material.findings, material.masked)
    return [path]


def markdown(material: Material, folder: Path) -> list[Path]:
    """`report.md`."""
    from postrun.report.markdown import render

    path = folder / "report.md"
    write_text(path, render(material.view, material.findings, material.plots, material.masked))
    return [path]


@cache
def formats() -> dict[str, Format]:
    """All formats by name: postrun's own first."""
    found: dict[str, Format] = {"html": html, "markdown": markdown}
    for entry in entry_points(group="postrun.reports"):
        found.setdefault(entry.name, entry.load())
    return found


def write_reports(material: Material, folder: Path) -> list[Path]:
    """Write every format; the files.

    Raises:
        PostrunError: A format failed; those before it are written.
    """
    written: list[Path] = []
    for name, write in formats().items():
        try:
            written += write(material, folder)
        except (PostrunError, OSError):
            raise
        except Exception as error:
            raise PostrunError(f"report format {name}: {type(error).__name__}: {error}") from error
    return written
