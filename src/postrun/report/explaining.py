"""What a rule's documentation and a metric's name say, as Markdown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from postrun.metrics import MetricInfo, RunView, packs, roles
from postrun.metrics.declared import with_declared
from postrun.metrics.grammar import JUDGED, read
from postrun.metrics.grammar.lexicon import lexicon
from postrun.metrics.readings import candidates
from postrun.model import Identity, MetricDefinition, Run
from postrun.rules import Rule, rules


def rule_page(rule: type[Rule]) -> str:
    """Return a rule's documentation and thresholds."""
    limits = "".join(f"\n- `{name}` = {value:g}" for name, value in rule.thresholds.items())
    tail = f"\n\n## Thresholds\n{limits}" if limits else ""
    return f"# {rule.code} {rule.name}\n\n{rule.documentation()}{tail}"


def metric_page(
    key: str, found: Sequence[MetricInfo], view: RunView | None, target: str = ""
) -> str:
    """Return what a metric's name means: the reading that is taken, then the others."""
    if not found:
        return "\n".join(
            [
                f"# {key}\n\nNot understood: {_reason(key, view)}.{_near(key)} The metric is "
                f"exported and plotted, and no rule judges it. If you know what it is, say so: "
                f"`--metric-role '{key}=ROLE'`.",
                *_near_rule(key),
            ]
        )
    lines = [f"# {key}", "", *_paragraphs(found[0])]
    if view is not None and key not in view.run.history.columns:
        lines += [
            "",
            f"{target} logged no such metric: only its name and the framework were asked.",
        ]
    if len(found) > 1:
        lines += ["", "It could also be:", "", *(f"- {_words(info)}" for info in found[1:])]
    if view is None:
        lines += _near_rule(key)
    return "\n".join(lines)


def _near(key: str) -> str:
    """Return " Did you mean train/loss?" if a name with one word spelt otherwise is understood, or ""."""
    known = sorted((word for word in lexicon().words if len(word) > 2), key=lambda w: (len(w), w))
    for word in re.findall(r"[A-Za-z]{3,}", key):
        near = difflib.get_close_matches(word.lower(), known, 3, 0.75)
        for other in sorted(near, key=len):  # "loss" before "losses"
            meant = key.replace(word, other)
            if any(info.quantity and info.confidence >= JUDGED for info in read(meant)):
                return f" Did you mean {meant}?"
    return ""


def _near_rule(key: str) -> list[str]:
    """Return the lines that name the rule whose name is nearly this, if there is one."""
    near = difflib.get_close_matches(key.lower(), [rule.name for rule in rules()], 1, 0.8)
    return ["", f"A rule is called {near[0]}: `postrun explain {near[0]}`."] if near else []


def _reason(key: str, view: RunView | None) -> str:
    """Return why a metric is not understood: what its values say, if a run has it, else its name."""
    taken = view.metrics.get(key) if view is not None else None
    if taken is not None and taken.why:
        return taken.why
    return "no word of the name is a quantity that postrun knows"


def readings_of(
    key: str, view: RunView | None = None, told: Sequence[MetricDefinition] = ()
) -> list[MetricInfo]:
    """Return the readings of a name, the likeliest first; by all packs if no run says which apply.

    `told` is what the user declares, if there is no run that holds it already.
    """
    if view is not None:
        taken = view.metrics.get(key)
        found = candidates(view.run, key, view.packs)
        if taken is not None and taken.understood:  # as its run's other metrics show it
            found = [
                taken,
                *(i for i in found if (i.quantity, i.split) != (taken.quantity, taken.split)),
            ]
        return found
    run = with_declared(Run(Identity("")), list(told))
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


def reading_dict(info: MetricInfo) -> dict[str, Any]:
    """Return a reading as plain data."""
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
