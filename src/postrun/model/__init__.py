"""Plain data types: what a run, its completeness and a finding are. No input or output here."""

from postrun.model.completeness import Completeness, Damage, Seam
from postrun.model.errors import FAILURES, PostrunError, TargetError, UsageError
from postrun.model.finding import Evidence, Finding, Severity, ranked
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
