"""Cases of rules: every module here is read.

`FIRES` holds rule, severity, run, and the window in which the first evidence starts (None for any);
`SILENT` rule, what it must not take for a fault, and run.
"""

from __future__ import annotations

import importlib
import pkgutil

from postrun.model import Run, Severity

Fires = tuple[str, Severity, Run, tuple[float, float] | None]
Silent = tuple[str, str, Run]

FIRES: list[Fires] = []
SILENT: list[Silent] = []
for _found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    _cases = importlib.import_module(f"{__name__}.{_found.name}")
    FIRES += getattr(_cases, "FIRES", [])
    SILENT += getattr(_cases, "SILENT", [])
