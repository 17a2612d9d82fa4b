"""`postrun explain`: a rule's documentation, or a metric's meaning."""

from __future__ import annotations

import click

from postrun.cli.completion import complete_codes
from postrun.cli.envelope import json_option, print_results
from postrun.cli.settings import declarations, role_option
from postrun.cli.targets import find
from postrun.metrics import RunView
from postrun.model import UsageError
from postrun.model.lazily import pattern
from postrun.report.console import print_markdown
from postrun.report.explaining import metric_page, reading_dict, readings_of, rule_page
from postrun.rules import find_rule

_CODE = pattern(r"[A-Z]{2,5}\d{2,4}")


@click.command(name="explain")
@click.argument("what", metavar="CODE|NAME|METRIC", shell_complete=complete_codes)
@click.argument("target", required=False, type=click.Path())
@json_option
@role_option
def command(what: str, target: str | None, as_json: bool) -> None:
    """Explain a rule (OPT001, loss-diverged) or what a metric's name means (train/loss).

    With a TARGET, use the run's framework, values and define_metric as well.
    """
    if target is None and _explain_rule(what, as_json):
        return
    view = _view(target) if target is not None else None
    found = readings_of(what, view, declarations())
    if as_json:
        print_results({"metric": what, "readings": [reading_dict(info) for info in found]})
        return
    print_markdown(metric_page(what, found, view, target or ""))


def _explain_rule(what: str, as_json: bool) -> bool:
    """Print a rule's documentation; False if no rule is called so."""
    try:
        rule = find_rule(what)
    except UsageError:
        if _CODE.fullmatch(what):
            raise  # a code that does not exist, not a metric
        return False
    if as_json:
        print_results(
            {
                "code": rule.code,
                "name": rule.name,
                "documentation": rule.documentation(),
                "thresholds": rule.thresholds,
                "since": rule.first_version(),
                "status": rule.status,
            }
        )
        return True
    print_markdown(rule_page(rule))
    return True


def _view(target: str) -> RunView:
    """Return the first run of a target."""
    refs, errors = find((target,))
    if not refs:
        raise UsageError("; ".join(errors) or f"{target}: no run")
    return RunView(refs[0].load())
