"""Adapters of the tools that are asked about the same trainings."""

from __future__ import annotations

from benchmarks.faults.tools.base import Tool, installed
from benchmarks.faults.tools.losslint_tool import Losslint
from benchmarks.faults.tools.postrun_tool import PostrunTool
from benchmarks.faults.tools.rldoctor_tool import Rldoctor
from benchmarks.faults.tools.runmedic_tool import Runmedic
from benchmarks.faults.tools.sk_autod_tool import SkAutod
from benchmarks.faults.tools.training_doctor_tool import TrainingDoctor
from benchmarks.faults.tools.trainproof_tool import Trainproof
from benchmarks.faults.tools.trainspotter_tool import Trainspotter

TOOLS: tuple[Tool, ...] = (
    PostrunTool(),
    TrainingDoctor(),
    SkAutod(),
    Runmedic(),
    Trainproof(),
    Losslint(),
    Trainspotter(),
    Rldoctor(),
)
__all__ = ["TOOLS", "Tool", "installed"]
