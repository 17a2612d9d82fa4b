"""Low model FLOPs utilisation."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.perf.machine import busy
from postrun.stats.robust import median


class LowMfu(Rule):
    """Model FLOPs utilisation is very low.

    ## What it does
    Reports a median model FLOPs utilisation (MFU) below `low`.

    ## Why it matters
    Well-tuned transformer training reaches 30 to 55%; single digits mean that the accelerator waits, or
    that its kernels are far from its peak.

    ## How it decides
    Median of at least `min_rows` values, without the first ones (warm-up). Percent or fraction by the pack's
    unit, else by the greatest value (above 1 is percent). Not said if any samples show the GPU at least
    `busy` % busy: the value may then be measured against the peak of another accelerator. Small models and
    reinforcement learning with long generation cannot reach high values, hence `info`.

    ## What to do
    Larger micro-batches, sequence packing, compilation, overlapped communication; profile one step.

    ## Example
    "perf/mfu has a median of 2.7%: the GPU is busy only 24% of the time"

    ## References
    Chowdhery et al. 2022 (PaLM), appendix B: the definition of MFU and 46% for PaLM 540B.
    """

    code = "PERF002"
    name = "low-mfu"
    live = LATE
    needs = ("mfu",)
    thresholds = {"low": 10.0, "busy": 50.0, "min_rows": 10}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = view.first("mfu")
        if series is None or len(series.finite) < self.limits["min_rows"]:
            return
        y = series.finite.y[2:]
        percent = series.info.unit == "%" or y.max() > 1
        level = median(y) * (1 if percent else 100)
        at_work = busy(view)
        if 0 < level < self.limits["low"] and at_work < self.limits["busy"]:
            waits = f": the GPU is busy only {number(at_work, 2)}% of the time" if at_work else ""
            yield self.finding(
                Severity.INFO,
                0.8,
                f"{series.key} has a median of {number(level, 2)}%{waits}",
                "Profile one step. Larger micro-batches, sequence packing and compilation raise it most often.",
                [evidence(series.finite, before=None, after=level)],
            )
