"""Whether the server gave all rows of a run."""

from __future__ import annotations

from postrun.model import Completeness, Run, State
from postrun.sources.wandb_api.history import History


def completeness(
    run: Run, history: History, claimed: int | None, reported: int | None, sample: int
) -> Completeness:
    """Return what of a run's history the server gave: `claimed` rows and the step that it has `reported`.

    `sample` is the number of rows that were asked for, 0 for all.
    """
    rows = run.history.height
    steps = run.history["_step"]
    first, last = steps.min(), steps.max()
    out = Completeness(
        source="wandb_api",
        rows=rows,
        first_step=first if isinstance(first, int) else None,
        last_step=last if isinstance(last, int) else None,
        reported_last_step=reported,
        nonfinite=history.nonfinite,
        media=dict(history.media),
        notes=list(history.notes),
    )
    if sample and claimed is not None and claimed > rows:
        out.sampled = True
        out.notes.append(f"sampled as asked: {rows:,} of {claimed:,} rows")
    elif claimed is not None and claimed > rows:
        out.truncated = True
        out.notes.append(f"the server reports {claimed:,} rows and gave {rows:,}")
    elif claimed is None and (reported is None or (out.last_step or 0) < reported):
        out.unsure = "the server does not tell how many there are"
    if not rows and claimed:
        out.no_history = f"the server counts {claimed:,} rows and gave none"
    elif not rows and claimed is None and any(not key.startswith("_") for key in run.summary):
        out.no_history = "the server gave no rows, though the summary holds values"
    if run.state is State.RUNNING:
        out.notes.append("the run is still going on: these are the rows so far")
    return out
