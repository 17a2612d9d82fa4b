"""`postrun`: the group of commands, each loaded when it is used."""

from __future__ import annotations

import difflib
import gc
import os
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from postrun import __version__
from postrun.cli.output import (
    CLOSED,
    INTERNAL,
    EndedBySignal,
    cannot_write,
    end_by_signals,
    finish,
    is_output_error,
    prepare_streams,
)

#: Command, and its line in the help: written here so that the help needs no command's imports.
COMMANDS = {
    "analyze": "Read, export, diagnose, plot and report runs: the main job.",
    "open": "Open a report, or the overview of many runs, in the browser.",
    "list": "List the runs behind a target, newest first.",
    "pull": "Export runs, or add them to a store. From a server, fetch only what is new.",
    "query": "Query a store in SQL: runs, metrics, findings, histories.",
    "store": "Look after a store: verify, compact, prune, refresh.",
    "compare": "Compare runs or groups of runs: which is better, and how sure that is.",
    "sweep": "Find the best hyper-parameters, what matters, and where to look next.",
    "failures": "Show why runs fail: the causes, and how often each occurs.",
    "progress": "Show the records of a metric over time, and what changed at each.",
    "diff": "Show what changed between two runs, the likeliest cause first.",
    "forecast": "Forecast the final value of a run, and when it reaches a target.",
    "cost": "Show what runs cost: GPU hours, energy, CO2, money.",
    "plot": "Draw figures for papers and slides: PNG, SVG, PDF.",
    "card": "Write a Hugging Face model card, or its section in an existing one.",
    "watch": "Follow trainings while they run, and tell new findings once.",
    "check": "Exit with 1 if a finding reaches a severity: a gate for scripts.",
    "publish": "Write findings back to runs on a W&B server: notes, tags, verdict, alert.",
    "mcp": "Answer agents over the Model Context Protocol.",
    "skill": "Show or install the file that tells agents how to use postrun.",
    "rules": "List the diagnosis rules.",
    "plugins": "List the plug-ins of other packages, and their errors.",
    "explain": "Show a rule's documentation, or what a metric's name means.",
}


#: Key of the context that holds the command line.
_ARGUMENTS = "postrun.arguments"


class LazyGroup(click.Group):
    """A group whose commands are imported when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, the main job first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"postrun.cli.{cmd_name}_command")
        if not gc.isenabled():
            # What was imported stays to the end: to look through it for cycles is a tenth of a small command.
            gc.freeze()
            gc.enable()
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; of one that does not exist, the error names near ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_no_command(args[0], args), ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments for `invoke`, as they were given."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Click would end with exit code 1, a gate's, if the output's reader left.

        A command that is asked for JSON and fails prints its errors as JSON as well.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise SystemExit(CLOSED) from None
        except (click.exceptions.Exit, click.exceptions.Abort):  # of --help, of Ctrl-C
            raise
        except (Exception, SystemExit) as error:
            _tell_json(ctx, error)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from their lines above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="A TARGET is a run-ID.wandb file, a run folder, a folder of run folders (./wandb), an "
    "exported folder, a CSV or Parquet history, a glob, a store (STORE[/entity/project][?state=failed]), or "
    "entity/project[/run] or a URL on a W&B server. "
    "Exit codes: 0 done, 1 gate failed, "
    "2 wrong usage, 3 a target could not be read, 4 an internal error or output that cannot be written.",
)
@click.version_option(__version__, prog_name="postrun")
def cli() -> None:
    """Tell what happened in Weights & Biases training runs, with evidence."""


def _tell_json(ctx: click.Context, error: Exception | SystemExit) -> None:
    """Print why a command failed as JSON, if it was asked for JSON and has printed none."""
    from postrun.cli.envelope import asks_json, print_failure

    given = ctx.meta[_ARGUMENTS]
    if not given or given[0] not in COMMANDS or not asks_json(given[1:]):
        return
    if isinstance(error, SystemExit):
        print_failure(ctx, given, [])
    elif isinstance(error, click.ClickException):
        print_failure(ctx, given, [error.format_message()])
    elif not (isinstance(error, OSError) and is_output_error(error)):
        print_failure(ctx, given, [_explained(error)[0]])


def _no_command(name: str, args: list[str]) -> str:
    """Say that a command does not exist, and what may be meant: a near one, or a target."""
    if os.path.exists(name) or name.count("/") in (1, 2):  # noqa: PTH110 - pathlib is slow to import
        return f"No command is called {name!r}. To analyze it: postrun analyze {' '.join(args)}"
    near = difflib.get_close_matches(name.lower(), COMMANDS, 2, 0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else " `postrun --help` lists all."
    return f"No command is called {name!r}.{hint}"


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    from postrun.report.console import show_warning

    show_warning(message)


def main() -> None:
    """Run a command; errors become one line on stderr and an exit code."""
    gc.disable()  # until the command is imported
    prepare_streams()
    end_by_signals()
    os.environ.setdefault("WANDB_SILENT", "true")  # the SDK's own lines are not part of any output
    # Nothing here multiplies large matrices, and the threads for it are a third of NumPy's start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.showwarning = _show_warning
    try:
        code = _run()
    except OSError as error:  # of the error message's own way out
        code = cannot_write(error)
    sys.exit(finish(code))


def _run() -> int:
    """Run the command of the command line; its exit code."""
    try:
        code = cli.main(prog_name="postrun", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except EndedBySignal as end:
        return end.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except click.exceptions.Abort:
        _complain("stopped by the user; finished results are kept")
        return 130
    except click.ClickException as error:
        error.show(sys.stderr)  # by itself Click writes UTF-8 to a terminal of another encoding
        return 2
    except OSError as error:
        return cannot_write(error) if is_output_error(error) else _failed(error)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    text, code = _explained(error)
    if code == INTERNAL and os.environ.get("POSTRUN_DEBUG"):
        traceback.print_exception(error)
    _complain(text)
    return code


def _explained(error: Exception) -> tuple[str, int]:
    """Return what went wrong, for the user, and the exit code."""
    # Imported only now: the data model loads Polars, which the help does not need.
    from postrun.model import PostrunError, UsageError
    from postrun.plugins import described

    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", 3
    if isinstance(error, PostrunError):
        return str(error), 2 if isinstance(error, UsageError) else 3
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error at {Path(last.filename).name}:{last.lineno}: {described(error).rstrip('.')}. "
        "This is a defect of postrun: please report it with the traceback that POSTRUN_DEBUG=1 shows."
    ), INTERNAL


def _complain(text: str) -> None:
    """Print an error message on stderr."""
    from postrun.report.console import complain

    complain(text)


if __name__ == "__main__":
    main()
