"""`postrun cost`: GPU hours, energy, CO2 and money."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import finish, goal_option, many_options, needed, read_project
from postrun.cli.settings import Quantity
from postrun.cli.targets import targets_argument
from postrun.studies.cost import Rates, cost_study
from postrun.training.cost import CO2_PER_KWH


@click.command(name="cost")
@targets_argument
@click.option(
    "--price-per-gpu-hour",
    type=Quantity(),
    metavar="PRICE",
    help="Price of a GPU hour, in your currency.",
)
@click.option(
    "--co2-per-kwh",
    type=Quantity(),
    default=CO2_PER_KWH,
    show_default=True,
    metavar="KG",
    help="Kilograms of CO2 per kilowatt hour of your grid.",
)
@click.option("--metric", default="", help="Metric whose gain is paid for (default: the main one).")
@goal_option
@many_options
def command(
    targets: tuple[str, ...],
    price_per_gpu_hour: float | None,
    co2_per_kwh: float,
    metric: str,
    goal: str | None,
    **asked: Any,
) -> None:
    """Show what runs cost: GPU hours, energy, CO2, money (default: ./wandb)."""
    project, _, errors = read_project(targets, asked, needed((metric,)))
    rates = Rates(price_per_gpu_hour, co2_per_kwh)
    finish([cost_study(project, rates, metric, goal or "")], asked, errors)
