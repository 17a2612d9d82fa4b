"""`--json` of all commands: the option, and the one place that prints what it asks for.

A command that fails prints the envelope as well: with its errors, and null for results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import click

from postrun.cli.output import print_json

F = TypeVar("F", bound=Callable[..., Any])
#: Keys of the context: whether JSON was printed, and the errors that were told.
_PRINTED, _ERRORS = "postrun.printed", "postrun.errors"
#: Commands whose output is a line of JSON for each event; errors come in a last line.
_LINES = ("watch",)


def json_option(function: F) -> F:
    """`--json`; the command gets it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")(
        function
    )


def print_results(results: Mapping[str, Any], errors: Iterable[object] = ()) -> None:
    """Print the results of the current command, in the envelope."""
    context = click.get_current_context()
    _print(context, _command(context), results, errors)


def keep_errors(errors: Sequence[str]) -> None:
    """Remember the errors that a command ends with, in case it has printed no JSON yet."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_ERRORS] = list(errors)


def asks_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON, however wrong the rest of it is."""
    own = list(arguments)
    own = own[: own.index("--")] if "--" in own else own
    pairs = pairwise(own)
    return bool({"--json", "--brief", "--format=json"} & set(own)) or ("--format", "json") in pairs


def print_failure(context: click.Context, arguments: Sequence[str], messages: list[str]) -> None:
    """Print the envelope of a command that ended before it printed results.

    Args:
        context: The context of the group of all commands.
        arguments: The command line, from the command's name on.
        messages: What went wrong; none if the command has told its errors itself.
    """
    told = messages or context.meta.get(_ERRORS, [])
    name = arguments[0]
    if told and (name in _LINES or not context.meta.get(_PRINTED)):
        from postrun.cli.main import cli

        command = cli.get_command(context, name)
        if isinstance(command, click.Group) and arguments[1:2] and arguments[1] in command.commands:
            name, command = f"{name} {arguments[1]}", command.commands[arguments[1]]
        if command is not None and any(p.name == "as_json" for p in command.params):
            _print(context, name, None, told)


def _print(
    context: click.Context,
    command: str,
    results: Mapping[str, Any] | None,
    errors: Iterable[object],
) -> None:
    from postrun.report.envelope import envelope

    context.meta[_PRINTED] = True
    print_json(envelope(command, results, errors), lines=command in _LINES)


def _command(context: click.Context) -> str:
    """Return the name of a command, with that of its group."""
    names: list[str] = []
    at: click.Context | None = context
    while at is not None and at.parent is not None:
        names.insert(0, at.info_name or "")
        at = at.parent
    return " ".join(names) or context.info_name or ""  # a command that is called without its group
