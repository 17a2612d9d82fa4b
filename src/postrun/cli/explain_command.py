"""`postrun explain`: a rule's documentation, or a metric's meaning."""

from __future__ import annotations

import click

from postrun.model import UsageError
from postrun.report.files import json_text
from postrun.report.terminal import print_markdown
from postrun.rules import find_rule
from postrun.semantics import packs, roles


@click.command(name="explain")
@click.argument("what", metavar="CODE|NAME|METRIC")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def command(what: str, as_json: bool) -> None:
    """Explain a rule (OPT001, loss-diverged) or what a metric's name means (train/loss)."""
    meanings = _meanings(what)
    try:
        rule = find_rule(what)
    except UsageError:
        if not meanings:
            raise
        if as_json:
            click.echo(json_text({"metric": what, "meanings": meanings}))
            return
        lines = [f"# {what}", ""]
        for meaning in meanings:
            unit = f", in {meaning['unit']}" if meaning["unit"] else ""
            better = {"neither": "no better direction"}.get(
                meaning["better"], f"{meaning['better']} is better"
            )
            lines.append(
                f"- {meaning['pack']}: {meaning['title']} (role `{meaning['role']}`{unit}; "
                f"{better}) {meaning['note']}"
            )
        print_markdown("\n".join(lines))
        return
    if as_json:
        click.echo(
            json_text(
                {
                    "code": rule.code,
                    "name": rule.name,
                    "documentation": rule.documentation(),
                    "thresholds": rule.thresholds,
                }
            )
        )
        return
    limits = "".join(f"\n- `{name}` = {value:g}" for name, value in rule.thresholds.items())
    tail = f"\n\n## Thresholds\n{limits}" if limits else ""
    print_markdown(f"# {rule.code} {rule.name}\n\n{rule.documentation()}{tail}")


def _meanings(key: str) -> list[dict[str, str]]:
    found = []
    for pack in packs():
        info = pack.describe(key)
        if info is not None and info.role is not None:
            role = roles()[info.role]
            found.append(
                {
                    "pack": pack.title,
                    "role": role.name,
                    "title": role.title,
                    "unit": info.unit,
                    "better": info.better,
                    "statistic": info.stat,
                    "note": role.note,
                }
            )
    return found
