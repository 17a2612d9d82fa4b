"""Files of others that postrun carries are as their authors published them, with their licences."""

from __future__ import annotations

import hashlib
import tomllib

from postrun.report.html.library import chart_library
from tests.conftest import ROOT

UPLOT = ROOT / "src" / "postrun" / "report" / "html" / "vendor" / "uplot"
#: SHA-256 of uPlot 1.6.31 as on npm (`npm pack uplot@1.6.31`), dist/ and LICENSE.
HASHES = {
    "uPlot.iife.min.js": "2d27e8ad3d228164525ce213f9dc716f39b4e3aee0cc773fb3491c96cf4921a2",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}


def test_uplot_is_its_authors_own() -> None:
    found = {name: hashlib.sha256((UPLOT / name).read_bytes()).hexdigest() for name in HASHES}
    assert found == HASHES
    assert {path.name for path in UPLOT.iterdir()} == {*HASHES, "README.md"}


def test_a_report_gets_these_files_and_their_licence_is_named() -> None:
    script, style = chart_library()
    assert script == (UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8")
    assert style == (UPLOT / "uPlot.min.css").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "MIT" in project["license"].split(" AND ")
    assert UPLOT.relative_to(ROOT).joinpath("LICENSE").as_posix() in project["license-files"]
