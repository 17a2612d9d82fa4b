"""The chart library that a report carries, read from the package that holds it.

uPlot (MIT licence) was chosen by measurement: docs/report.md. postrun holds no copy: the PyPI package
`youplot` carries the file that uPlot's own release has, which is checked here byte for byte, and none
of that package's code is run.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from postrun.model import PostrunError

_PACKAGE = "youplot"
#: SHA-256 of the files of uPlot 1.6.31 as published by its author (npm: uplot@1.6.31, dist/).
_FILES = {
    "uplot.iife.min.js": "2d27e8ad3d228164525ce213f9dc716f39b4e3aee0cc773fb3491c96cf4921a2",
    "uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@cache
def chart_library() -> tuple[str, str]:
    """uPlot's script and style sheet.

    Raises:
        PostrunError: The package is not installed, or its file is not uPlot's own.
    """
    script, style = (_read(name, digest) for name, digest in _FILES.items())
    return script, style


def _read(name: str, digest: str) -> str:
    try:
        path = distribution(_PACKAGE).locate_file(f"{_PACKAGE}/vendor/{name}")
        data = open(str(path), "rb").read()  # noqa: PTH123, SIM115 - locate_file gives no Path
    except (PackageNotFoundError, OSError) as error:
        raise PostrunError(
            f"the report's chart library is missing ({_PACKAGE}: {name}): "
            f"`pip install --force-reinstall {_PACKAGE}==1.0.0`, or use --no-report."
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise PostrunError(
            f"{path} is not uPlot 1.6.31 as its author published it: not put into a report. "
            f"`pip install --force-reinstall {_PACKAGE}==1.0.0`, or use --no-report."
        )
    return data.decode("utf-8")
