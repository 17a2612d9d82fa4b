"""Runs judged for a gate, alone or beside known good ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from postrun.diagnosis import diagnosis
from postrun.engine import analyze_all
from postrun.job import Options, Result, failure
from postrun.model import FAILURES, RunRef, Severity
from postrun.report.gate import Checked, Gate

if TYPE_CHECKING:
    from postrun.studies.baseline import Baseline


def check(
    refs: list[RunRef],
    options: Options,
    limit: Severity,
    baseline: Sequence[RunRef] = (),
    errors: Sequence[str] = (),
    advance: Callable[[int], None] = lambda rows: None,
) -> Gate:
    """Judge runs; nothing is written.

    Args:
        refs: The runs.
        options: Which rules run, and what is masked.
        limit: The gate fails on findings that are at least this severe. At info, rules in preview run only if
            they are selected, since they fail no gate otherwise.
        baseline: Known good runs, repetitions of each other. What they have as well does not fail the gate.
        errors: Messages of targets that could not be found, for the result.
        advance: Called with the rows of each run that was read.
    """
    said = list(errors)
    if limit <= Severity.INFO:
        options = replace(options, selection=options.selection.without_previews())
    known = _read(baseline, options, said)
    results = []
    for result in analyze_all(refs, replace(options, out=None, analysis=False, baseline=known)):
        results.append(_checked(result) if not result.error else result)
        advance(result.rows)
    said += [r.error for r in results if isinstance(r, Result)]
    runs = [r for r in results if isinstance(r, Checked)]
    return Gate(runs, limit, known.names if known is not None else (), tuple(said))


def _read(refs: Sequence[RunRef], options: Options, errors: list[str]) -> Baseline | None:
    """Return the baseline, None without any run in it."""
    if not refs:
        return None
    from postrun.studies.baseline import Baseline

    runs = []
    for ref in refs:
        try:
            told = diagnosis(ref.load(), options.privacy, options.selection)
        except FAILURES as error:  # one run must not stop the others
            errors.append(f"baseline: {failure(ref, error)}")
        else:
            runs.append((told.view, told.findings))
    return Baseline.of(runs) if runs else None


def _checked(result: Result) -> Checked:
    checked = Checked(
        id=result.id,
        name=result.name,
        path=result.path,
        state=result.state.words,
        verdict=result.verdict,
        completeness=result.completeness,
        findings=result.findings,
        coverage=result.coverage,
    )
    if (held := result.held) is None:
        return checked
    return replace(checked, worse=held.worse, known=held.known, not_compared=held.not_compared)
