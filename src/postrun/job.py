"""The main job on one run: read, diagnose, export, plot, report."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postrun.diagnosis import diagnosis
from postrun.metrics import RunView
from postrun.model import FAILURES, Finding, PostrunError, Run, RunRef, State
from postrun.plugins import described
from postrun.privacy import Masker, Privacy
from postrun.report.files import safe_name
from postrun.report.story import verdict
from postrun.rules import Selection
from postrun.rules.coverage import Coverage, coverage
from postrun.training import join, signature
from postrun.training.joining import Signature

if TYPE_CHECKING:
    from postrun.report.index.glance import Glance
    from postrun.studies.baseline import Baseline, Held


@dataclass(frozen=True, slots=True)
class Options:
    """What `analyze` does with each run. `out` is None where nothing is to be written.

    `together`: runs that are parts of one training are read together as well; `as_one`: all of them are,
    whatever they show. `analysis`: each result holds its analysis. `glance`: each result holds its run in
    brief, for a table of many runs. `privacy`: what is kept out of everything that is written. `baseline`:
    known good runs that each run is held against.
    """

    out: Path | None = Path("wandb_analysis")
    plots: bool = True
    report: bool = True
    together: bool = True
    as_one: bool = False
    analysis: bool = True
    glance: bool = False
    privacy: Privacy = field(default_factory=Privacy)
    selection: Selection = field(default_factory=Selection)
    baseline: Baseline | None = None


@dataclass(slots=True)
class Result:
    """What became of one run: its findings and files, or the error that kept it from being read.

    `view` is only there when the job ran in this process. `members` are the ids of the runs that
    were read together, empty for a single run. `masked` says what was kept out of the files. `path` is where
    the run lies, masked; `held` what came of holding it against a baseline.
    """

    id: str
    name: str = ""
    state: State = State.UNKNOWN
    rows: int = 0
    completeness: str = ""
    verdict: str = ""
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    folder: Path | None = None
    files: list[Path] = field(default_factory=list)
    analysis: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    view: RunView | None = None
    signature: Signature | None = None
    members: tuple[str, ...] = ()
    masked: str = ""
    glance: Glance | None = None
    path: str = ""
    held: Held | None = None


def run_job(ref: RunRef, folder_name: str, options: Options) -> Result:
    """The main job on one reference; what goes wrong is in the result, not raised."""

    def read() -> Result:
        result = analyze_run(ref.load(), folder_name, options)
        result.path = Masker(options.privacy).text(str(ref.path))
        return result

    return _guarded(ref, read)


def experiment_job(refs: list[RunRef], folder_name: str, options: Options) -> Result:
    """The main job on the runs of one training, joined."""

    def read() -> Result:
        result = analyze_run(join([ref.load() for ref in refs]), folder_name, options)
        masker = Masker(options.privacy)
        result.members = tuple(masker.text(ref.id) for ref in refs)
        result.path = masker.text(str(refs[0].path))
        return result

    return _guarded(refs[0], read)


def _guarded(ref: RunRef, job: Callable[[], Result]) -> Result:
    try:
        return job()
    except FAILURES as error:  # a defect of ours must not stop the other runs
        return lost(ref, error)


def lost(ref: RunRef, error: BaseException) -> Result:
    """Return the result of a run that was not read."""
    masker = Masker(Privacy())
    return Result(masker.text(ref.id), name=masker.text(ref.name), error=failure(ref, error))


def failure(ref: RunRef, error: BaseException) -> str:
    """Return why a run was not read, for people, without the secrets that its path or the error may hold."""
    return Masker(Privacy()).text(_reason(ref, error))


def _reason(ref: RunRef, error: BaseException) -> str:
    if isinstance(error, PostrunError):
        return str(error)
    if isinstance(error, OSError):
        return f"{ref.path}: cannot be read: {error.strerror or error}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    told = described(error).rstrip(".")
    return f"{ref.path}: internal error{where}: {told}. Please report it."


def analyze_run(run: Run, folder_name: str, options: Options) -> Result:
    """The main job on a run that is read already."""
    view = RunView(run)
    parts_of = signature(view) if options.together and not view.parts else None
    told = diagnosis(view, options.privacy, options.selection)
    run, view, findings = told.run, told.view, told.findings
    result = Result(
        id=run.id,
        name=run.name,
        state=run.state,
        rows=run.completeness.rows,
        completeness=run.completeness.sentence(),
        verdict=verdict(view, findings),
        findings=findings,
        coverage=coverage(view),
        view=view,
        signature=parts_of,
        masked=told.masked,
        held=options.baseline.hold(view, findings, options.selection) if options.baseline else None,
    )
    # What only some of the commands do is imported when it is done.
    if options.glance:
        from postrun.report.index.glance import glance

        result.glance = glance(view, findings)
    if options.analysis or options.out is not None:
        from postrun.report.export import detailed_analysis

        result.analysis = detailed_analysis(view, findings)
    if options.out is not None:
        _write(result, view, options, options.out / folder_name)
    return result


def _write(result: Result, view: RunView, options: Options, folder: Path) -> None:
    """Write the files of a run into its folder, and note them in its result."""
    from postrun.report.export import export

    result.folder = folder
    result.files = export(view, result.analysis, folder)
    plots: list[Path] = []
    if options.plots:
        from postrun.report.plots import draw

        plots = draw(view, result.findings, folder / "plots")
        result.files += plots
    if options.report:
        from postrun.report.formats import ReportInputs, write_reports

        inputs = ReportInputs(view, result.findings, plots, result.masked, options.privacy)
        result.files += write_reports(inputs, folder)


def folder_names(refs: list[RunRef], privacy: Privacy | None = None) -> list[str]:
    """One folder name for each reference: its id, masked, numbered where several share one."""
    names: list[str] = []
    seen: dict[str, int] = {}
    masker = Masker(privacy or Privacy())
    for ref in refs:
        name = safe_name(masker.text(ref.id))
        seen[name.lower()] = count = seen.get(name.lower(), 0) + 1
        names.append(name if count == 1 else f"{name}-{count}")
    return names
