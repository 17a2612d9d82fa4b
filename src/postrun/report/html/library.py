"""The chart library that a report carries: uPlot (MIT licence), chosen by measurement (docs/report.md)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

#: uPlot's files as its author published them; `vendor/uplot/README.md` says where they are from.
_FILES = ("uPlot.iife.min.js", "uPlot.min.css")


@cache
def chart_library() -> tuple[str, str]:
    """Return uPlot's script and style sheet."""
    folder = files("postrun.report.html").joinpath("vendor", "uplot")
    script, style = (folder.joinpath(name).read_text(encoding="utf-8") for name in _FILES)
    return script, style
