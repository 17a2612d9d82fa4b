"""Plain data types: what a run, its completeness and a finding are. No input or output here.

Names are loaded when they are first used: what needs texts or errors alone starts without Polars.
"""

from typing import TYPE_CHECKING

from postrun.model.lazily import attributes

if TYPE_CHECKING:
    from postrun.model.completeness import Completeness, Damage, Seam
    from postrun.model.errors import FAILURES, PostrunError, TargetError, UsageError
    from postrun.model.finding import Evidence, Finding, Findings, Severity, ranked
    from postrun.model.growing import Growing
    from postrun.model.run import (
        Alert,
        Artifact,
        Identity,
        Listing,
        MetricDefinition,
        Run,
        RunFile,
        RunRef,
        State,
        empty_console,
    )

__all__ = [
    "FAILURES",
    "Alert",
    "Artifact",
    "Completeness",
    "Damage",
    "Evidence",
    "Finding",
    "Findings",
    "Growing",
    "Identity",
    "Listing",
    "MetricDefinition",
    "PostrunError",
    "Run",
    "RunFile",
    "RunRef",
    "Seam",
    "Severity",
    "State",
    "TargetError",
    "UsageError",
    "empty_console",
    "ranked",
]

_HOMES = {
    "completeness": ("Completeness", "Damage", "Seam"),
    "errors": ("FAILURES", "PostrunError", "TargetError", "UsageError"),
    "finding": ("Evidence", "Finding", "Findings", "Severity", "ranked"),
    "growing": ("Growing",),
    "run": (
        "Alert", "Artifact", "Identity", "Listing", "MetricDefinition", "Run", "RunFile", "RunRef", "State",
        "empty_console",
    ),
}  # fmt: skip
__getattr__ = attributes(
    __name__, {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}
)
