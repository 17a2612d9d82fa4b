"""`postrun diff A B`: what changed between two runs."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import finish, output_options
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import privacy, privacy_options, role_option
from postrun.cli.targets import find_each
from postrun.engine import compare_all
from postrun.gather import comparable
from postrun.model import UsageError
from postrun.studies.diff.study import diff_study


@click.command(name="diff")
@click.argument("first", type=click.Path())
@click.argument("second", type=click.Path(), required=False)
@output_options
@choice_options
@privacy_options
@role_option
def command(first: str, second: str | None, **asked: Any) -> None:
    """Show what changed between two runs: settings, code, packages, data, machine, curves."""
    targets = (first,) if second is None else (first, second)
    refs, _, errors = find_each(targets, choice(asked))
    if len(refs) != 2:
        if len(refs) < 2 and errors:
            finish([], asked, errors)
        listed = ", ".join(r.id for r in refs[:6])
        found = f"{len(refs)} run{'s' if len(refs) > 1 else ''}: {listed}" if refs else "no run"
        verb = "hold" if len(targets) > 1 else "holds"
        raise UsageError(
            f"diff needs two runs, and {' and '.join(targets)} {verb} {found}. Name one run each: "
            "postrun diff A B"
        )
    own = comparable(privacy(asked), refs)
    comparison, _, failed = compare_all(refs, False, own, 1, code=True)
    studies = [diff_study(*comparison.views)] if len(comparison.views) == 2 else []
    finish(studies, asked, errors + failed)
