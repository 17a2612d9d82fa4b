"""`postrun forecast`: what running or stopped runs would reach."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import finish, output_options
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import Quantity, privacy, privacy_options, role_option
from postrun.cli.targets import find, targets_argument
from postrun.model import UsageError
from postrun.studies.forecasts import forecast_study


@click.command(name="forecast")
@targets_argument
@click.option(
    "--metric", default="", help="Metric to continue (default: the one runs are judged by)."
)
@click.option(
    "--at",
    type=Quantity(),
    metavar="STEP",
    help="Step to forecast (default: the end of the plan, or twice the steps so far).",
)
@click.option(
    "--target",
    default="",
    metavar="METRIC=VALUE",
    help="Level to reach: tell when. The metric may be left out: --target 0.9.",
)
@output_options
@choice_options
@privacy_options
@role_option
def command(
    targets: tuple[str, ...],
    metric: str,
    at: float | None,
    target: str,
    **asked: Any,
) -> None:
    """Forecast the final value of runs, and when they reach a target (default: newest run)."""
    name, level = _target(target)
    if name and metric and name != metric:
        raise UsageError(f"--metric {metric} and --target {target} name two metrics: name one")
    from postrun.engine import compare_all

    refs, errors = find(targets, choice(asked))
    comparison, _, failed = compare_all(refs, False, privacy(asked), 1 if len(refs) == 1 else None)
    errors += failed
    studies = []
    if comparison.views:
        studies.append(forecast_study(comparison.views, name or metric, at, level))
    finish(studies, asked, errors)


def _target(text: str) -> tuple[str, float | None]:
    """Return the metric ("" if left out) and the level of `--target`."""
    if not text:
        return "", None
    name, _, value = text.rpartition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise UsageError(f"--target {text}: write METRIC=VALUE, as in val_loss=0.25") from None
