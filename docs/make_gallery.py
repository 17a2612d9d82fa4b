"""Write docs/gallery.md and its charts: the sample run's findings, as postrun draws them."""

from __future__ import annotations

from pathlib import Path

import postrun
from postrun.report.markdown import escape
from postrun.report.plots import draw_finding
from postrun.rules import rules

DOCS = Path(__file__).parent
SAMPLE = DOCS.parent / "examples" / "sample_run"

HEAD = """# Gallery of findings

Made by `make docs` from the bundled sample run, a real small policy-gradient training. Its sampler keeps an
int8 copy of the weights that overflows, and one of its reward terms is dead. Each entry is what postrun says,
the chart that it draws and what to do.

"""


def entry(view: postrun.RunView, finding: postrun.Finding, folder: Path) -> str:
    """Return one finding's part of the page, and draw its chart into `folder`."""
    name = {rule.code: rule.name for rule in rules()}[finding.rule]
    title = f"{finding.rule} {name}"
    lines = [f"## {title}", "", f"**{finding.severity.label}**: {escape(finding.message)}", ""]
    drawn = draw_finding(view, finding, folder / finding.rule.lower())
    if drawn:
        alt = f"The metrics of {finding.rule} over the run"
        lines += [f"![{alt}](images/gallery/{drawn[0].name})", ""]
    if finding.remedy:
        lines += [f"What to do: {escape(finding.remedy)}", ""]
    link = f"rules.md#{finding.rule.lower()}-{name}"
    return "\n".join([*lines, f"[The rule]({link}), with its thresholds and sources.", ""])


def main() -> None:
    """Write the page and its charts."""
    view = postrun.RunView(postrun.load(SAMPLE))
    folder = DOCS / "images" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    entries = [entry(view, finding, folder) for finding in postrun.diagnose(view)]
    (DOCS / "gallery.md").write_text(HEAD + "\n".join(entries), encoding="utf-8")


if __name__ == "__main__":
    main()
