"""A pytest plug-in that runs the tests named in a file alone: -p benchmarks.mutants.only."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

#: The environment variable that names the file, a list of test ids in JSON, the first to run first.
ENVIRONMENT = "POSTRUN_ONLY_TESTS"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the named tests, in the order of their names in the file."""
    wanted = json.loads(Path(os.environ[ENVIRONMENT]).read_text(encoding="utf-8"))
    by_id = {item.nodeid: item for item in items}
    items[:] = [by_id[test] for test in wanted if test in by_id]
