"""`[tool.postrun]` in pyproject.toml or a postrun.toml, and the options that override it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from postrun.cli.completion import complete_codes, complete_severities, complete_thresholds
from postrun.metrics.declared import declared
from postrun.model import MetricDefinition, UsageError
from postrun.privacy import Privacy
from postrun.report.budget import DEFAULT, LEAST, MOST
from postrun.rules import Selection

F = TypeVar("F", bound=Callable[..., Any])
_KNOWN = {"select", "ignore", "thresholds", "severity", "metrics"}
#: Key of the command's context that holds the declarations of `--metric-role`.
_DECLARED = "postrun.declared"


def read_settings(start: Path) -> tuple[dict[str, Any], Path | None]:
    """Return the nearest settings from `start` upwards, and their file.

    In each folder, `postrun.toml` comes before `[tool.postrun]` of pyproject.toml.

    Raises:
        UsageError: The file is no TOML, or holds a name that postrun does not know.
    """
    for folder in (start, *start.parents):
        for name in ("postrun.toml", "pyproject.toml"):
            settings = _table(folder / name)
            if settings is None:
                continue
            unknown = set(settings) - _KNOWN
            if unknown:
                raise UsageError(
                    f"{folder / name}: unknown settings {', '.join(sorted(unknown))}. "
                    f"Known ones: {', '.join(sorted(_KNOWN))}"
                )
            return settings, folder / name
    return {}, None


def _table(path: Path) -> dict[str, Any] | None:
    """Return the settings that a file holds; None if it is not there or holds none."""
    if not path.is_file():
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if path.name == "postrun.toml":
        return table
    found: dict[str, Any] | None = table.get("tool", {}).get("postrun")
    return found


def declarations() -> list[MetricDefinition]:
    """Return what the user declares about metrics: by `--metric-role`, then by the settings."""
    context = click.get_current_context(silent=True)
    given = context.meta.get(_DECLARED, []) if context else []
    settings, path = read_settings(Path.cwd())
    return [*given, *declared(settings.get("metrics", {}), f"{path}: metrics")]


def role_option(function: F) -> F:
    """`--metric-role`; `declarations` reads it."""

    def keep(context: click.Context, _: click.Parameter, texts: Sequence[str]) -> None:
        table = {}
        for text in texts:
            name, equals, role = text.rpartition("=")
            if not equals or not name:
                raise UsageError(
                    f"--metric-role {text}: write NAME=ROLE, as in Rewards/mean_episodes=reward"
                )
            table[name.strip()] = role.strip()
        context.meta[_DECLARED] = declared(table, "--metric-role")

    return click.option(
        "--metric-role",
        multiple=True,
        metavar="NAME=ROLE",
        expose_value=False,
        callback=keep,
        help="Say what a metric is (globs work): 'acc*=accuracy.eval'. Repeat to give several.",
    )(function)


class Count(click.IntRange):
    """A whole number from 1 up."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; a usage error says what to write."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a whole number from 1 up.", param, ctx)


class Quantity(click.FloatRange):
    """A number from a smallest one up."""

    name = "number"

    def __init__(self, least: float = 0) -> None:
        super().__init__(min=least)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; a usage error says what to write."""
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is not a number from {self.min:g} up.", param, ctx)


def selection(
    select: str, ignore: str, threshold: Sequence[str] = (), severity: Sequence[str] = ()
) -> Selection:
    """Rules by options, else by settings; UsageError where one is unknown."""
    settings, _ = read_settings(Path.cwd())
    limits = {rule: dict(values) for rule, values in settings.get("thresholds", {}).items()}
    for text in threshold:
        name, _, value = text.partition("=")
        rule, _, limit = name.partition(".")
        try:
            limits.setdefault(rule.strip(), {})[limit.strip()] = float(value)
        except ValueError:
            raise UsageError(
                f"--threshold {text}: write RULE.NAME=NUMBER, as in OPT003.flat_share=0.5"
            ) from None
    levels = dict(settings.get("severity", {}))
    for text in severity:
        rule, _, level = text.partition("=")
        levels[rule.strip()] = level.strip()
    chosen = Selection(
        select=_codes(select) or tuple(settings.get("select", ())),
        ignore=_codes(ignore) + tuple(settings.get("ignore", ())),
        thresholds=limits,
        severity=levels,
    )
    chosen.active()  # complain now, not after the first run was read
    return chosen


def asked_rules(options: Mapping[str, Any]) -> Selection:
    """What the options of `rule_options` ask for, on top of the settings."""
    return selection(*(options[name] for name in ("select", "ignore", "threshold", "severity")))


def _codes(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def rule_options(function: F) -> F:
    """`--select`, `--ignore`, `--threshold` and `--severity`, which `asked_rules` reads; `--metric-role`."""
    function = role_option(function)
    function = click.option(
        "--severity",
        multiple=True,
        shell_complete=complete_severities,
        metavar="RULE=LEVEL",
        help="Change the severity of a rule: RL001=info. Repeat to give several.",
    )(function)
    function = click.option(
        "--threshold",
        multiple=True,
        shell_complete=complete_thresholds,
        metavar="RULE.NAME=NUMBER",
        help="Override a threshold: OPT003.flat_share=0.5. Repeat to give several.",
    )(function)
    function = click.option(
        "--ignore",
        default="",
        metavar="CODES",
        shell_complete=complete_codes,
        help="Leave out these rules, given as for --select.",
    )(function)
    return click.option(
        "--select",
        shell_complete=complete_codes,
        default="",
        metavar="CODES",
        help="Run only these rules: codes, prefixes or names, separated by commas.",
    )(function)


def privacy_options(function: F) -> F:
    """`--no-mask` and `--anonymize`; `privacy` reads them."""
    function = click.option(
        "--anonymize",
        is_flag=True,
        help="Mask paths, e-mail addresses, host and user names as well.",
    )(function)
    return click.option(
        "--no-mask", is_flag=True, help="Write keys, tokens and passwords as they are."
    )(function)


def brief_options(function: F) -> F:
    """`--brief` and `--budget`."""
    function = click.option(
        "--budget",
        type=click.IntRange(LEAST, MOST),
        default=DEFAULT,
        show_default=True,
        metavar="TOKENS",
        help="Length of --brief.",
    )(function)
    return click.option(
        "--brief", is_flag=True, help="Print a short text for agents as JSON, nothing else."
    )(function)


def privacy(options: Mapping[str, Any]) -> Privacy:
    """What the options of `privacy_options` ask for."""
    return Privacy(mask=not options["no_mask"], anonymize=options["anonymize"])


def out_option(function: F) -> F:
    """`--out`, for commands that write one folder per run."""
    return click.option(
        "--out",
        default="wandb_analysis",
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder to write to; each run gets its own folder there.",
    )(function)


def cluster_option(function: F) -> F:
    """`--cluster`."""
    return click.option(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="Run on a Dask cluster, for example tcp://scheduler:8786.",
    )(function)


def output_options(function: F) -> F:
    """`--out` and `--workers`."""
    function = click.option(
        "--workers", type=Count(), help="Number of processes (default: all cores)."
    )(function)
    return out_option(function)
