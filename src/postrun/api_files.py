"""The library's functions that write figures and model cards."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postrun.api import Rules, Target, chosen, read_run
from postrun.metrics import RunView
from postrun.model import Run, UsageError
from postrun.model.text import did_you_mean
from postrun.privacy import Privacy

if TYPE_CHECKING:
    import polars as pl

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


class Figures(list[Path]):
    """The files of a run's figures, in reading order; a notebook shows the dashboard."""

    def _repr_html_(self) -> str:
        shown = [p for p in self if p.stem == "dashboard" and p.suffix in _TYPES] or [
            p for p in self if p.suffix in _TYPES
        ]
        if not shown:
            return f"<p>{len(self)} files</p>"
        data = base64.b64encode(shown[0].read_bytes()).decode("ascii")
        return (
            f'<img style="max-width:100%;max-height:640px" alt="{shown[0].stem}" '
            f'src="data:{_TYPES[shown[0].suffix]};base64,{data}">'
        )


def plot(
    run: Run | RunView | Target | pl.DataFrame = "wandb",
    out: Target = "wandb_analysis",
    *,
    formats: str | Iterable[str] = "png",
    select: Rules = (),
    ignore: Rules = (),
    mask: bool = True,
) -> Figures:
    """Draw a run's figures, as `postrun plot`: one per group of roles, a dashboard, and the two of `analyze`.

    Args:
        run: A run, a view of one, a Polars frame with one row per step, or a target whose newest run is taken.
        out: Folder for the files: `OUT/ID/plots/NAME.FORMAT`.
        formats: "png", "svg" or "pdf", or several of them.
        select: Rules whose findings are marked on the curves, as in `diagnose`.
        ignore: Rules to leave out.
        mask: Keep keys, tokens and passwords out of the figures.

    Returns:
        The files, which a notebook shows as a picture; empty if the run has no metric to draw.

    Raises:
        TargetError: The target is not there, or cannot be read.
        UsageError: A format or rule does not exist.
    """
    from postrun.diagnosis import diagnosis
    from postrun.report.drawing import FORMATS
    from postrun.report.files import safe_name
    from postrun.report.plots import draw_all

    kinds = [formats] if isinstance(formats, str) else list(formats)
    for kind in kinds:
        if kind not in FORMATS:
            near = did_you_mean(kind, FORMATS)
            raise UsageError(f"no format is called {kind!r}.{near} Formats: {', '.join(FORMATS)}.")
    told = diagnosis(read_run(run), Privacy(mask), chosen(select, ignore))
    folder = Path(out) / safe_name(told.run.id) / "plots"
    return Figures(draw_all(told.view, told.findings, folder, kinds))


def card(
    run: Run | RunView | Target | Sequence[Run] = "wandb",
    out: Target = "README.md",
    *,
    model_name: str = "",
    base_model: str = "",
    datasets: Sequence[str] = (),
    license: str = "",  # noqa: A002 - the field's name on the Hub
    task: str = "",
    plots: bool = True,
    select: Rules = (),
    ignore: Rules = (),
    mask: bool = True,
) -> Path:
    """Write a Hugging Face model card, as `postrun card`; of an existing card only postrun's section changes.

    Args:
        run: A run, a view of one, a target whose newest run is taken, or several runs of one training.
        out: File of the card.
        model_name: Name of the model; the run's if empty.
        base_model: Base model, as named on the Hub ("organisation/name").
        datasets: Training data, as named on the Hub.
        license: Licence of the model, as named on the Hub.
        task: Task, as named on the Hub ("text-generation").
        plots: Draw the curves into a folder called plots beside the card.
        select: Rules whose findings are told, as in `diagnose`.
        ignore: Rules to leave out.
        mask: Keep keys, tokens and passwords out of the card.

    Returns:
        The file.

    Raises:
        TargetError: The target is not there, or cannot be read.
        UsageError: A rule does not exist.
        PostrunError: huggingface_hub is not installed (`postrun[card]`), or the file cannot be written.
    """
    from postrun.diagnosis import diagnosis
    from postrun.report.card import CardOptions, write_card
    from postrun.report.plots import draw_dashboard
    from postrun.training import join

    whole: Any = run
    if isinstance(run, Sequence) and not isinstance(run, str):
        whole = join(list(run))
    told = diagnosis(read_run(whole), Privacy(mask), chosen(select, ignore))
    path = Path(out)
    drawn = []
    if plots:
        drawn = draw_dashboard(told.view, told.findings, path.parent / "plots" / "dashboard")
    added = CardOptions(model_name, base_model, tuple(datasets), license, task)
    write_card(path, told.view, told.findings, drawn, added, "postrun.card(...)", told.masked)
    return path
