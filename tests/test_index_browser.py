"""`index.html` in a real browser: sorting, filtering, the curves, a shared address, and hostile names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.report.browser import browser, chromium

from postrun.model import Severity
from postrun.report.index.page import write_index
from postrun.report.index.workspace import Entry, workspace
from tests.reader import Reader
from tests.test_index import HOSTILE, finding, made

if chromium() is None and not os.environ.get("POSTRUN_NEED_BROWSER"):
    pytest.skip("no Chromium on this machine (apt install chromium)", allow_module_level=True)

RATES = (0.001, 0.01, 0.1)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("index_pages")
    runs = [
        made(i, *([finding()] if i % 3 == 2 else []), config={"lr": RATES[i % 3], "opt": "adam"[: 4 - i % 2]})
        for i in range(30)
    ]  # fmt: skip
    write_index(
        out / "index.html", workspace([Entry(r, f"{r.record.id}/report.html") for r in runs])
    )
    attacks = [
        made(i, finding(text=HOSTILE, severity=Severity.WARNING), name=f"{HOSTILE}{i}", group=HOSTILE,
             tags=[HOSTILE], config={HOSTILE: f"{HOSTILE}{i % 2}"})
        for i in range(4)
    ]  # fmt: skip
    write_index(out / "hostile.html", workspace([Entry(r) for r in attacks], errors=[HOSTILE]))
    many = [made(i, config={"lr": RATES[i % 3]}) for i in range(1000)]
    write_index(out / "many.html", workspace([Entry(r) for r in many]))
    return out


def rows(page: Any) -> list[str]:
    found: list[str] = page.locator("#runs tbody tr td:first-child").all_inner_texts()
    return found


def settle(page: Any) -> None:
    page.wait_for_timeout(250)


@pytest.mark.slow
def test_filter_sort_and_address(chrome: Any, folder: Path) -> None:
    reader = Reader(chrome, folder / "index.html")
    page = reader.page
    assert len(rows(page)) == 30 and page.locator("#curves path").count() == 30
    page.fill("#query", "lr>0.005 finding!=OPT002")
    settle(page)
    assert page.inner_text("#found") == "10 of 30" and page.locator("#curves path").count() == 10
    page.get_by_role("button", name="val/loss").click()
    levels = [float(t) for t in page.locator("#runs tbody td:nth-child(2)").all_inner_texts()]
    assert levels == sorted(levels)
    page.get_by_role("button", name="val/loss").click()
    shown = rows(page)
    again = Reader(chrome, folder / "index.html")
    again.page.goto(page.url)
    again.page.reload()
    settle(again.page)
    assert (
        rows(again.page) == shown and again.page.input_value("#query") == "lr>0.005 finding!=OPT002"
    )
    page.click("#reset")
    assert len(rows(page)) == 30
    page.get_by_role("button", name="Show these 10 runs").click()
    assert page.inner_text("#found") == "10 of 30 with this finding"
    assert not reader.complaints and len(reader.requests) == 1


@pytest.mark.slow
def test_colours_and_hovering(chrome: Any, folder: Path) -> None:
    reader = Reader(chrome, folder / "index.html")
    page = reader.page
    page.select_option("#colour", "lr")
    assert page.locator("#curves .keys span").all_inner_texts() == ["lr=0.001", "lr=0.01", "lr=0.1"]
    strokes = page.evaluate(
        "[...new Set([...document.querySelectorAll('#curves path')].map(p => p.getAttribute('stroke')))]"
    )
    assert len(strokes) == 3
    box = page.locator("#curves svg").bounding_box()
    page.mouse.move(box["x"] + 62, box["y"] + 30)
    told = page.inner_text("#curves .told")
    assert (
        "val" not in told and told.startswith("run ") and "at step" in told and "null" not in told
    )
    assert (
        page.locator("#curves path.hot").count() == 1 and page.locator("#runs tr.hot").count() == 1
    )


def test_hostile_names_stay_inert(chrome: Any, folder: Path) -> None:
    reader = Reader(chrome, folder / "hostile.html")
    page = reader.page
    page.fill("#query", "onerror")
    settle(page)
    assert len(rows(page)) == 4 and page.locator("img").count() == 0
    page.select_option("#colour", index=1)
    assert not reader.complaints and len(reader.requests) == 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(
    chrome: Any, folder: Path, width: int, scheme: str
) -> None:
    for name in ("index", "hostile"):
        reader = Reader(chrome, folder / f"{name}.html", color_scheme=scheme)
        reader.page.set_viewport_size({"width": width, "height": 900})
        settle(reader.page)
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_a_thousand_runs_open_at_once(chrome: Any, folder: Path) -> None:
    page = Reader(chrome, folder / "many.html").page
    assert len(rows(page)) == 150 and page.locator("#curves path").count() == 1000
    page.get_by_role("button", name="Show more (850 left)").click()
    assert len(rows(page)) == 450


@pytest.mark.slow
def test_without_scripts(chrome: Any, folder: Path) -> None:
    page = Reader(chrome, folder / "index.html", java_script_enabled=False).page
    text = page.inner_text("body")
    assert "The training loss rose and did not come back" in text and "run 29" in text
