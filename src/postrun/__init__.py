"""postrun: what happened in your Weights & Biases training runs.

    import postrun

    run = postrun.load("wandb/run-20260101_120000-abcd1234")
    run.history                      # Polars frame, one row per logged step
    for finding in postrun.diagnose(run):
        print(finding.severity.label, finding.message)

Names are loaded when they are first used, so that importing postrun costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postrun.api import (
        analyze,
        check,
        diagnose,
        load,
        load_all,
        project,
        pull,
        query,
        runs,
    )
    from postrun.api_files import Figures, card, plot
    from postrun.api_outlook import cost, diff, forecast
    from postrun.api_publish import publish
    from postrun.api_studies import compare, failures, progress, sweep
    from postrun.job import Result
    from postrun.metrics import RunView
    from postrun.model import (
        Completeness,
        Evidence,
        Finding,
        Findings,
        Identity,
        PostrunError,
        Run,
        RunRef,
        Severity,
        State,
        TargetError,
        UsageError,
    )
    from postrun.model.study import Study
    from postrun.publishing import Published
    from postrun.records.finals import config_differences, finals
    from postrun.records.project import Project
    from postrun.report.gate import Gate
    from postrun.rules import Rule, Selection
    from postrun.sources import RemoteOptions
    from postrun.stats.smoothing import time_weighted_ema
    from postrun.store import Store, open_store
    from postrun.store.storage import StoreError
    from postrun.studies import Comparison
    from postrun.training import join
    from postrun.training.outlook import Forecast
    from postrun.watch.callbacks import (
        HuggingFaceCallback,
        KerasCallback,
        LightningCallback,
        StableBaselines3Callback,
    )
    from postrun.watch.training import watching

__version__ = "0.1.0"

_HOME = {
    "analyze": "postrun.api",
    "card": "postrun.api_files",
    "plot": "postrun.api_files",
    "Figures": "postrun.api_files",
    "cost": "postrun.api_outlook",
    "check": "postrun.api",
    "diagnose": "postrun.api",
    "diff": "postrun.api_outlook",
    "forecast": "postrun.api_outlook",
    "compare": "postrun.api_studies",
    "failures": "postrun.api_studies",
    "publish": "postrun.api_publish",
    "pull": "postrun.api",
    "progress": "postrun.api_studies",
    "query": "postrun.api",
    "project": "postrun.api",
    "sweep": "postrun.api_studies",
    "load": "postrun.api",
    "load_all": "postrun.api",
    "runs": "postrun.api",
    "Comparison": "postrun.studies",
    "config_differences": "postrun.records.finals",
    "finals": "postrun.records.finals",
    "Project": "postrun.records.project",
    "Published": "postrun.publishing",
    "Study": "postrun.model.study",
    "Completeness": "postrun.model",
    "Evidence": "postrun.model",
    "Finding": "postrun.model",
    "Findings": "postrun.model",
    "Identity": "postrun.model",
    "PostrunError": "postrun.model",
    "Run": "postrun.model",
    "RunRef": "postrun.model",
    "Severity": "postrun.model",
    "State": "postrun.model",
    "TargetError": "postrun.model",
    "UsageError": "postrun.model",
    "Forecast": "postrun.training.outlook",
    "Gate": "postrun.report.gate",
    "Result": "postrun.job",
    "Store": "postrun.store",
    "StoreError": "postrun.store.storage",
    "Rule": "postrun.rules",
    "Selection": "postrun.rules",
    "RunView": "postrun.metrics",
    "join": "postrun.training",
    "RemoteOptions": "postrun.sources",
    "open_store": "postrun.store",
    "time_weighted_ema": "postrun.stats.smoothing",
    "watching": "postrun.watch.training",
    "HuggingFaceCallback": "postrun.watch.callbacks",
    "KerasCallback": "postrun.watch.callbacks",
    "LightningCallback": "postrun.watch.callbacks",
    "StableBaselines3Callback": "postrun.watch.callbacks",
}

__all__ = [
    "Comparison",
    "Completeness",
    "Evidence",
    "Figures",
    "Finding",
    "Findings",
    "Forecast",
    "Gate",
    "HuggingFaceCallback",
    "Identity",
    "KerasCallback",
    "LightningCallback",
    "PostrunError",
    "Project",
    "Published",
    "RemoteOptions",
    "Result",
    "Rule",
    "Run",
    "RunRef",
    "RunView",
    "Selection",
    "Severity",
    "StableBaselines3Callback",
    "State",
    "Store",
    "StoreError",
    "Study",
    "TargetError",
    "UsageError",
    "analyze",
    "card",
    "check",
    "compare",
    "config_differences",
    "cost",
    "diagnose",
    "diff",
    "failures",
    "finals",
    "forecast",
    "join",
    "load",
    "load_all",
    "open_store",
    "plot",
    "progress",
    "project",
    "publish",
    "pull",
    "query",
    "runs",
    "sweep",
    "time_weighted_ema",
    "watching",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'postrun' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
