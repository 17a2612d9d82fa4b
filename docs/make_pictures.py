"""Make the README's pictures from the bundled sample run: the terminal, and a plot."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

import postrun
from postrun.report.plots import draw
from postrun.report.terminal import print_run

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


if __name__ == "__main__":
    main()
