"""The example notebook, executed by a real kernel."""

from __future__ import annotations

import re

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


@pytest.mark.slow
def test_the_example_notebook_runs_and_shows_charts() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "keep the notebook without outputs"
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(book, timeout=300, resources=resources).execute()
    shown = {
        cell.source.splitlines()[-1]: output
        for cell in book.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    }
    pages = {line: out.data.get("text/html", "") for line, out in shown.items()}
    for line in ("run", "findings", "project", "study"):
        assert "<svg" in pages[line] or line == "study", line
        assert "<table>" in pages[line], line
    assert "2 warnings, 1 info, 2 good" in pages["run"]
    assert "2 warnings, 1 info, 2 good" in pages["findings"]
    assert "data:image/png;base64," in pages["postrun.plot(run, out)"]
    assert "1 runs" not in pages["project"] and "1 run" in pages["project"]
    assert "0 critical findings, 2 warnings" in pages['postrun.open_store(f"{out}/store")']
    lists = [out.data["text/plain"] for out in shown.values() if "text/html" not in out.data]
    assert any("('warning', 'RL001'" in text for text in lists)
    streams = [
        out.text
        for cell in book.cells
        for out in cell.get("outputs", [])
        if out.output_type == "stream"
    ]
    assert not streams
    assert not re.search(
        r"<script|https?://", "".join(pages.values()).replace("http://www.w3.org", "")
    )
