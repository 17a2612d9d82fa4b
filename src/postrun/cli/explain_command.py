"""`postrun explain`: a rule's documentation, or a metric's meaning."""

from __future__ import annotations

from typing import Any

import click

from postrun.metrics import packs, roles
from postrun.model import UsageError
from postrun.report.files import json_text
from postrun.report.terminal import print_markdown
from postrun.rules import find_rule, rules


@click.command(name="explain")
@click.argument("what", metavar="CODE|NAME|METRIC")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def command(what: str, as_json: bool) -> None:
    """Explain a rule (OPT001, loss-diverged) or what a metric's name means (train/loss)."""
    meanings = _meanings(what)
    try:
        rule = find_rule(what)
    except UsageError as error:
        if not meanings:
            raise UsageError(
                f"{error} Nor does any metric pack know a metric of that name: it is exported and "
                "plotted, and no rule judges it."
            ) from None
        if as_json:
            click.echo(json_text({"metric": what, "meanings": meanings}))
        else:
            print_markdown("\n".join([f"# {what}", "", *(_item(m) for m in meanings)]))
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


def _item(meaning: dict[str, Any]) -> str:
    """One meaning as a list item."""
    unit = f", in {meaning['unit']}" if meaning["unit"] else ""
    better = (
        "no better direction"
        if meaning["better"] == "neither"
        else f"{meaning['better']} is better"
    )
    stat = f", its {meaning['statistic']}" if meaning["statistic"] else ""
    rules_ = f" Looked at by {', '.join(meaning['rules'])}." if meaning["rules"] else ""
    note = f" {meaning['note']}" if meaning["note"] else ""
    return (
        f"- {meaning['pack']}: {meaning['title']}{stat} (role `{meaning['role']}`{unit}; {better})."
        f"{note}{rules_}"
    )


def _meanings(key: str) -> list[dict[str, Any]]:
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
                    "rules": [r.code for r in rules() if role.name in r.needs],
                }
            )
    return found
