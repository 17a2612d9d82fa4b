"""The pages of studies of many runs, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postrun.model.study import Study
from postrun.report.console import make_console
from postrun.report.html.figures.frame import ticks
from postrun.report.html.study_page import write_study_page
from postrun.report.studies.files import markdown, write_study
from postrun.report.studies.terminal import print_study
from postrun.studies.failures import failures_study
from postrun.studies.groups import group_runs
from postrun.studies.progress import progress_study
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study
from postrun.studies.versus import compare_study
from tests.projects import failed, made_project
from tests.reader import Reader
from tests.test_report_html import HOSTILE


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    """One of each kind, over runs whose every text is an attack."""
    rng = np.random.default_rng(0)
    runs: list[dict[str, Any]] = []
    for i in range(24):
        bad = i % 6 == 5
        runs.append(
            {
                "name": f"{HOSTILE} {i}",
                "config": {
                    "opt": f"{HOSTILE}{i % 2}",
                    "lr": 10.0 ** -(1 + i % 4),
                    HOSTILE: HOSTILE * (i % 2),
                },
                "metrics": {HOSTILE: list(2 + 0.1 * (i % 4) + 0.05 * rng.normal(size=60))},
                "ending": failed(HOSTILE, HOSTILE, HOSTILE)
                if bad
                else failed("", "", kind="finished"),
                "commit": f"{HOSTILE}{i // 12}",
                "requirements": {HOSTILE: str(i % 3)},
            }
        )
    project = made_project(runs)
    scores = score(project, HOSTILE)
    return [
        compare_study(scores, group_runs(project, ["opt"])),
        sweep_study(scores, [score(project, "hours")]),
        failures_study(project),
        progress_study(scores),
    ]


@pytest.fixture(
    scope="module", params=[0, 1, 2, 3], ids=["compare", "sweep", "failures", "progress"]
)
def opened(
    request: pytest.FixtureRequest,
    studies: list[Study],
    chrome: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reader]:
    path = tmp_path_factory.mktemp("study") / "study.html"
    write_study_page(path, studies[request.param])
    reader = Reader(chrome, path)
    yield reader
    assert not reader.complaints
    assert reader.requests == [path.as_uri()]
    reader.context.close()


@pytest.mark.slow
def test_an_attack_is_text(opened: Reader) -> None:
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.locator("img").count() == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 3
    assert HOSTILE in page.inner_text("body") or HOSTILE[:30] in page.inner_text("body")


@pytest.mark.slow
def test_tables_sort_numbers_and_texts(opened: Reader) -> None:
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    table = page.locator("table.sortable").first
    column = table.locator("th.n").first
    index = column.evaluate("(head) => head.cellIndex + 1")
    for _ in range(2):
        column.locator("button").click()
        texts = table.locator(f"tbody td:nth-child({index})").all_inner_texts()
        values = [float(t.replace(",", "")) for t in texts if t]
        down = column.get_attribute("aria-sort") == "descending"
        assert values == sorted(values, reverse=down)
        assert all(not t for t in texts[len(values) :])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(studies: list[Study], chrome: Any, tmp_path: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for study in studies:
        path = tmp_path / f"{study.kind}.html"
        write_study_page(path, study)
        context = chrome.new_context(bypass_csp=True, color_scheme=scheme)
        page = context.new_page()
        page.goto(path.as_uri())
        found = Axe().run(page).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"][:200]) for v in found]
        context.close()


@pytest.mark.slow
def test_charts_are_drawn(studies: list[Study], chrome: Any, tmp_path: Path) -> None:
    counts = {}
    for study in studies:
        path = tmp_path / f"{study.kind}.html"
        write_study_page(path, study)
        reader = Reader(chrome, path)
        counts[study.kind] = reader.page.locator("svg.figure:visible").count()
        for box in reader.page.locator("svg.figure:visible").all():
            size = box.bounding_box()
            assert size and size["width"] > 200 and size["height"] > 60
        reader.context.close()
    assert counts["compare"] >= 4 and counts["sweep"] >= 6
    assert counts["failures"] >= 1 and counts["progress"] >= 2


def test_markdown_csv_and_terminal_show_an_attack_as_text(
    studies: list[Study], tmp_path: Path
) -> None:
    for study in studies:
        text = markdown(study)
        outside = "".join(part for i, part in enumerate(text.split("```")) if i % 2 == 0)
        assert "<img" not in outside
        paths = write_study(study, tmp_path / study.kind)
        assert {p.suffix for p in paths} == {".md", ".json", ".csv"} and all(
            p.stat().st_size for p in paths
        )
        console = make_console(width=100, record=True)
        with console.capture() as shown:
            print_study(study, console=console)
        assert "\x1b]" not in shown.get() and len(shown.get()) > 500
        assert study._repr_html_().count("<img") == 0


@pytest.mark.slow
def test_ticks_are_round() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-3, 17, 4) == [0, 5, 10, 15] and ticks(2, 2) == [2]
