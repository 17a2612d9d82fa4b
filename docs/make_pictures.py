"""Make the pictures of the docs: the bundled sample run in the terminal, the report and plots, and a watch.

The watch follows `examples/watched_run/train.py`, a real training that is started here and takes half a minute.

The report's picture needs Chromium and playwright; without them it is left as it is.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

import postrun
from postrun.report.html.run_page import write_report
from postrun.report.plots import draw
from postrun.report.terminal import print_run
from postrun.watch.event import Kind
from postrun.watch.screen import Lines, page
from postrun.watch.watched import Terms
from postrun.watch.watcher import Watcher

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.report.browser import browser, chromium

IMAGES = Path(__file__).parent / "images"
EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = EXAMPLES / "sample_run"


def main() -> None:
    """Write docs/images/terminal.svg and the plots."""
    IMAGES.mkdir(exist_ok=True)
    view = postrun.RunView(postrun.load(SAMPLE))
    findings = postrun.diagnose(view)
    console = Console(
        record=True, width=104, force_terminal=True, file=io.StringIO(), highlight=False
    )
    print_run(view, findings, Path("wandb_analysis/sample01"), console)
    save(console, "postrun analyze examples/sample_run", "terminal.svg")
    watch()
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


def save(console: Console, title: str, name: str) -> None:
    """Write what a console recorded as SVG."""
    svg = console.export_svg(title=title, unique_id="postrun")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)  # no fonts from the network
    svg = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    (IMAGES / name).write_text(svg, encoding="utf-8")


def watch() -> None:
    """Write docs/images/watch.svg: a training that breaks, and what its watch tells, with the page once."""
    console = Console(
        record=True, width=104, force_terminal=True, file=io.StringIO(), highlight=False
    )
    lines, shown = Lines(console), False
    with tempfile.TemporaryDirectory() as folder:
        script = EXAMPLES / "watched_run" / "train.py"
        with subprocess.Popen([sys.executable, "-W", "ignore", str(script), folder]):
            watcher = Watcher([f"{folder}/wandb"], Terms(), idle=20.0)
            for event in watcher.events():
                if event is not None:
                    lines.show(event)
                if event is not None and event.kind is Kind.FOUND and not shown:
                    shown = True
                    for part in page(list(watcher.runs.values()), console.width):
                        console.print(part)
    save(console, "postrun watch wandb", "watch.svg")


if __name__ == "__main__":
    main()
