"""`postrun open`: the page of a run or of many runs, in the browser."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.pages import INDEX, show_page
from postrun.cli.settings import out_option
from postrun.model import TargetError

_REPORT = "report.html"


@click.command(name="open")
@click.argument("what", required=False, metavar="[RUN_ID|FOLDER|PAGE]", type=click.Path())
@out_option
@json_option
def command(what: str | None, out: Path, as_json: bool) -> None:
    """Open a report in the browser: the overview of all runs, or one run's.

    Without an argument, open the overview in OUT, or the only report there. `postrun analyze` writes both.
    """
    page = _page(what, out)
    opened = show_page(page, quiet=as_json)
    if as_json:
        print_results({"page": str(page), "opened": opened})


def _page(what: str | None, out: Path) -> Path:
    """Return the page that is meant.

    Raises:
        TargetError: There is none; with what to type next.
    """
    if what is None:
        return _overview(out)
    path = Path(what).expanduser()
    candidates = (path, path / INDEX, path / _REPORT, out / what / _REPORT, out / what)
    for page in candidates:
        if page.is_file() and page.suffix in (".html", ".htm"):
            return page
    near = difflib.get_close_matches(what, [p.parent.name for p in out.glob(f"*/{_REPORT}")], 3)
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise TargetError(
        what,
        f"no report of such a run in {out}",
        f"{hint}Write one: postrun analyze TARGET. Pass --out if it is in another folder.",
    )


def _overview(out: Path) -> Path:
    if (out / INDEX).is_file():
        return out / INDEX
    reports = sorted(out.glob(f"*/{_REPORT}"))
    if len(reports) == 1:
        return reports[0]
    if reports:
        names = ", ".join(p.parent.name for p in reports[:6])
        more = f" and {len(reports) - 6} more" if len(reports) > 6 else ""
        raise TargetError(
            out, f"no {INDEX}, but {len(reports)} reports", f"Name a run: {names}{more}."
        )
    raise TargetError(out, "no report is here", "Write one: postrun analyze TARGET.")
