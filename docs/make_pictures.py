"""Make the README's pictures from the bundled sample run: the terminal, the report, and plots.

The report's picture needs Chromium and playwright; without them it is left as it is.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console

import postrun
from postrun.report.html.run_page import write_report
from postrun.report.plots import draw
from postrun.report.terminal import print_run

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.report.browser import browser, chromium

IMAGES = Path(__file__).parent / "images"
SAMPLE = Path(__file__).parents[1] / "examples" / "sample_run"


def main() -> None:
    """Write docs/images/terminal.svg and the plots."""
    IMAGES.mkdir(exist_ok=True)
    view = postrun.RunView(postrun.load(SAMPLE))
    findings = postrun.diagnose(view)
    console = Console(
        record=True, width=104, force_terminal=True, file=io.StringIO(), highlight=False
    )
    print_run(view, findings, Path("wandb_analysis/sample01"), console)
    svg = console.export_svg(title="postrun analyze examples/sample_run", unique_id="postrun")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)  # no fonts from the network
    svg = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    (IMAGES / "terminal.svg").write_text(svg, encoding="utf-8")
    draw(view, findings, IMAGES)
    if chromium() is None:
        print("no Chromium: images/report.png is left as it is")
        return
    with tempfile.TemporaryDirectory() as folder, browser() as chrome:
        path = Path(folder) / "report.html"
        write_report(path, view, findings)
        page = chrome.new_page(viewport={"width": 1240, "height": 1120})
        page.goto(path.as_uri())
        page.wait_for_timeout(800)
        page.screenshot(path=IMAGES / "report.png")


if __name__ == "__main__":
    main()
