"""`[tool.postrun]` in pyproject.toml, and the options that override it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from postrun.model import UsageError
from postrun.privacy import Privacy
from postrun.rules import Selection

F = TypeVar("F", bound=Callable[..., Any])
_KNOWN = {"select", "ignore", "thresholds", "severity"}


def read_settings(start: Path) -> tuple[dict[str, Any], Path | None]:
    """The nearest `[tool.postrun]` table from `start` upwards, and its file."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
            except (OSError, tomllib.TOMLDecodeError) as error:
                raise UsageError(f"{path}: not readable: {error}") from error
            if "postrun" in table:
                settings: dict[str, Any] = table["postrun"]
                unknown = set(settings) - _KNOWN
                if unknown:
                    raise UsageError(
                        f"{path}: [tool.postrun] does not know {', '.join(sorted(unknown))}; "
                        f"it knows {', '.join(sorted(_KNOWN))}"
                    )
                return settings, path
    return {}, None


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
    """`--select`, `--ignore`, `--threshold` and `--severity`; `asked_rules` reads them."""
    function = click.option(
        "--severity",
        multiple=True,
        metavar="RULE=LEVEL",
        help="Give a rule's findings another severity (again for more): RL001=info.",
    )(function)
    function = click.option(
        "--threshold",
        multiple=True,
        metavar="RULE.NAME=NUMBER",
        help="Override a rule's threshold (again for more): OPT003.flat_share=0.5.",
    )(function)
    function = click.option(
        "--ignore", default="", metavar="CODES", help="Rules to leave out, like --select."
    )(function)
    return click.option(
        "--select",
        default="",
        metavar="CODES",
        help="Rules to run: codes, prefixes or names, separated by commas.",
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
        help="Folder for the files; each run has its own folder there.",
    )(function)


def cluster_option(function: F) -> F:
    """`--cluster`."""
    return click.option(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster do it: tcp://scheduler:8786.",
    )(function)


def output_options(function: F) -> F:
    """`--out` and `--workers`."""
    function = click.option(
        "--workers", type=click.IntRange(min=1), help="Processes (default: all cores)."
    )(function)
    return out_option(function)
