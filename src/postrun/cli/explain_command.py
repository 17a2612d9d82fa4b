"""`postrun explain`: a rule's documentation, or a metric's meaning."""

from __future__ import annotations

import re
from typing import Any

import click

from postrun.cli.completion import complete_codes
from postrun.cli.output import print_json
from postrun.cli.settings import declarations, role_option
from postrun.cli.targets import find
from postrun.metrics import MetricInfo, RunView, packs, roles
from postrun.metrics.declared import with_declared
from postrun.metrics.grammar import JUDGED
from postrun.metrics.readings import candidates
from postrun.model import Identity, Run, UsageError
from postrun.report.terminal import print_markdown
from postrun.rules import find_rule, rules

_CODE = re.compile(r"[A-Z]{2,5}\d{2,4}")


@click.command(name="explain")
@click.argument("what", metavar="CODE|NAME|METRIC", shell_complete=complete_codes)
@click.argument("target", required=False, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@role_option
def command(what: str, target: str | None, as_json: bool) -> None:
    """Explain a rule (OPT001, loss-diverged) or what a metric's name means (train/loss).

    With a TARGET, use the run's framework, values and define_metric as well.
    """
    if target is None and _explain_rule(what, as_json):
        return
    view = _view(target) if target is not None else None
    found = readings_of(what, view)
    if as_json:
        print_json({"metric": what, "readings": [_as_dict(info) for info in found]})
        return
    if not found:
        print_markdown(
            f"# {what}\n\nNot understood: {_reason(what, view)}. The metric is "
            f"exported and plotted, and no rule judges it. If you know what it is, say so: "
            f"`--metric-role '{what}=ROLE'`."
        )
        return
    lines = [f"# {what}", "", *_paragraphs(found[0])]
    if view is not None and what not in view.run.history.columns:
        lines += [
            "",
            f"{target} logged no such metric: only its name and the framework were asked.",
        ]
    if len(found) > 1:
        lines += ["", "It could also be:", "", *(f"- {_words(info)}" for info in found[1:])]
    print_markdown("\n".join(lines))


def _explain_rule(what: str, as_json: bool) -> bool:
    """Print a rule's documentation; False if no rule is called so."""
    try:
        rule = find_rule(what)
    except UsageError:
        if _CODE.fullmatch(what):
            raise  # a code that does not exist, not a metric
        return False
    if as_json:
        print_json(
            {
                "code": rule.code,
                "name": rule.name,
                "documentation": rule.documentation(),
                "thresholds": rule.thresholds,
            }
        )
        return True
    limits = "".join(f"\n- `{name}` = {value:g}" for name, value in rule.thresholds.items())
    tail = f"\n\n## Thresholds\n{limits}" if limits else ""
    print_markdown(f"# {rule.code} {rule.name}\n\n{rule.documentation()}{tail}")
    return True


def _view(target: str) -> RunView:
    """Return the first run of a target."""
    refs, errors = find((target,))
    if not refs:
        raise UsageError("; ".join(errors) or f"{target}: no run")
    return RunView(refs[0].load())


def _reason(key: str, view: RunView | None) -> str:
    """Return why a metric is not understood: what its values say, if a run has it, else its name."""
    taken = view.metrics.get(key) if view is not None else None
    if taken is not None and taken.why:
        return taken.why
    return "no word of the name is a quantity that postrun knows"


def readings_of(key: str, view: RunView | None = None) -> list[MetricInfo]:
    """Return the readings of a name, the likeliest first; by all packs if no run says which apply."""
    if view is not None:
        taken = view.metrics.get(key)
        found = candidates(view.run, key, view.packs)
        if taken is not None and taken.understood:  # as its run's other metrics show it
            found = [
                taken,
                *(i for i in found if (i.quantity, i.split) != (taken.quantity, taken.split)),
            ]
        return found
    run = with_declared(Run(Identity("")), declarations())
    known = [pack.narrow() for pack in packs() if pack.stream == "history"]
    system = [info for pack in packs() if pack.stream == "system" and (info := pack.describe(key))]
    found = candidates(run, key, [])
    for pack in known:
        found += [i for i in candidates(run, key, [pack]) if i.pack == pack.name]
    for info in system:
        role = roles()[info.role or ""]
        why = f"the pack {info.pack} knows this name"
        found.append(
            MetricInfo(key, role.name, info.stat, role.unit, role.better, info.pack, quantity=role.title,
                       confidence=0.9, why=why)
        )  # fmt: skip
    return _merged(found)


def _merged(found: list[MetricInfo]) -> list[MetricInfo]:
    """Return distinct readings: the user's word, then what grammar says, then what only a pack says."""
    owners = [pack.name for pack in packs() if found and found[0].key in pack.keys]
    ranks = {"user": 0, "wandb-system": 1, "generic": 2}
    if len(owners) == 1:
        ranks[owners[0]] = 1  # nobody else gives a metric this name
    ordered = sorted(found, key=lambda info: (ranks.get(info.pack, 3), -info.confidence))
    if ordered and ordered[0].pack == "generic" and ordered[0].confidence < JUDGED:
        ordered.sort(key=lambda info: -info.confidence)
    distinct: dict[tuple[str, ...], MetricInfo] = {}
    for info in ordered:
        distinct.setdefault((info.quantity, info.split, info.stat, info.better), info)
    return list(distinct.values())


def _as_dict(info: MetricInfo) -> dict[str, Any]:
    return {
        "name": info.key,
        "quantity": info.quantity,
        "role": info.role,
        "split": info.split,
        "statistic": info.stat or "value",
        "direction": info.better,
        "unit": info.unit,
        "confidence": info.confidence,
        "why": info.why,
        "pack": info.pack,
        "rules": _rules(info),
    }


def _paragraphs(info: MetricInfo) -> list[str]:
    """Return what is told of the reading that is taken."""
    out = [f"{_words(info)}.", "", f"Why: {info.why}. Confidence {info.confidence:.0%}."]
    if info.role is None:
        return [*out, "", "No rule judges it."]
    role = roles()[info.role]
    note = f" {role.note}" if role.note else ""
    codes = _rules(info)
    judged = f" Judged by {', '.join(codes)}." if codes else " No rule asks for this role alone."
    return [*out, "", f"Role `{role.name}`: {role.title}.{note}{judged}"]


def _words(info: MetricInfo) -> str:
    """Return a reading in one line: the quantity, statistic, split, unit and direction."""
    split = {"train": " in training", "eval": " in evaluation", "test": " on test data"}.get(
        info.split, ""
    )
    stat = f" ({info.stat})" if info.stat else ""
    unit = f", in {info.unit}" if info.unit else ""
    better = "no better direction" if info.better == "neither" else f"{info.better} is better"
    return f"**{info.quantity}**{stat}{split}{unit}; {better}"


def _rules(info: MetricInfo) -> list[str]:
    return [rule.code for rule in rules() if info.role in rule.needs]
