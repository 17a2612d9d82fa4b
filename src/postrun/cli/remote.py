"""Options that choose among the runs of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from postrun.cli.completion import complete_states
from postrun.cli.settings import Count
from postrun.sources import RemoteOptions

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--state",
        multiple=True,
        help="Only runs in this state. Repeat to allow several.",
        shell_complete=complete_states,
    ),
    click.option(
        "--tag", multiple=True, help="Only runs that have this tag. Repeat to require several."
    ),
    click.option("--group", default="", help="Only runs of this group."),
    click.option("--sweep", default="", help="Only runs of this sweep."),
    click.option(
        "--created-after",
        default="",
        metavar="DATE",
        help="Only runs created after this date (UTC).",
    ),
    click.option(
        "--config",
        multiple=True,
        metavar="CONDITION",
        help="Only runs whose config fits: lr>0.001, opt=adam, model~llama. Repeat to require several.",
    ),
    click.option(
        "--summary",
        multiple=True,
        metavar="CONDITION",
        help="Only runs whose summary fits: loss<2. Repeat to require several.",
    ),
    click.option(
        "--name",
        default="",
        metavar="REGEX",
        help="Only runs whose name matches this regular expression.",
    ),
    click.option(
        "--order",
        default="-created",
        show_default=True,
        help="Sort by created, heartbeat, config.KEY or summary.KEY; a leading - means descending.",
    ),
    click.option("--limit", type=Count(), help="Use at most this many runs."),
)


def choice_options(function: F) -> F:
    """Filters, order and limit; `choice` collects them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def sample_option(function: F) -> F:
    """`--sample`."""
    return click.option(
        "--sample",
        type=Count(),
        metavar="N",
        help="Read at most N rows of each run on a server; every output says so.",
    )(function)


def choice(options: dict[str, Any]) -> RemoteOptions:
    """What the options of `choice_options` and `sample_option` ask for."""
    known = RemoteOptions.__dataclass_fields__
    return RemoteOptions(**{k: v for k, v in options.items() if k in known and v is not None})
