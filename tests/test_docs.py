"""The documentation: generated pages are what the code gives, and every public name is described."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import postrun
from postrun.metrics import packs
from postrun.rules import rules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    "page", ["api.md", pytest.param("glossary.md", marks=pytest.mark.slow), "schema.json"]
)
def test_generated_pages_are_up_to_date(page: str) -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / f"make_{Path(page).stem}.py"), "--print"],
        capture_output=True,
        encoding="utf-8",
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (DOCS / page).read_text(encoding="utf-8"), "run `make docs`"


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        ({"a": 1, "b": 1, "new": 1}, r"no meaning of \['new'\]"),
        ({"b": 1}, r"no such columns: \['a'\]"),
        ({"a": 1}, r"\[common\]: no column uses \['b'\]"),
    ],
)
def test_columns_and_their_meanings_fit_in_the_glossary(
    kinds: dict[str, int], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(DOCS)
    check = importlib.import_module("make_glossary")._check
    meanings = {"common": {"b": "B."}, "cost": {"runs": {"a": "A."}}}
    check(meanings, {("cost", "runs"): {"a": 1, "b": 1}})
    with pytest.raises(LookupError, match=problem):
        check(meanings, {("cost", "runs"): kinds})


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    read = {line.rpartition(".")[2] for line in lines if line.startswith("::: ")}
    written = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    assert read | written == set(postrun.__all__) == set(postrun._HOME)
    for name in read:
        assert (getattr(postrun, name).__doc__ or "").strip(), f"postrun.{name} has no docstring"
    for name in written:
        assert lines[lines.index(f"### {name}") + 2].strip(), f"postrun.{name} has no docstring"


def test_counts_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) \[rules\]\(docs/rules\.md\)", text) == [str(len(list(rules())))]
    assert re.findall(r"(\d+) packs know", text) == [str(len(list(packs())))]


def test_the_readme_is_short_and_its_pages_are_on_the_site() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 65
    named = set(re.findall(r"\]\(docs/([\w/]+\.md)", text))
    starts = {f"start/{path.name}" for path in (DOCS / "start").glob("*.md")}
    assert starts | {"commands.md", "speed.md", "diagnosis.md", "index.md"} <= named


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/]+\.md", str(settings["nav"])))
    pages = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    assert pages == named


@pytest.mark.slow
def test_outputs_in_pages_are_what_the_code_prints() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "make_outputs.py"), "--check"],
        capture_output=True,
        encoding="utf-8",
        env=_environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    fetched = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="?(https?:[^"\s>]+)')
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not fetched.findall(text), page.name
        cells = re.findall(r"<td\b.*?</td>", text, re.S)
        assert not [cell for cell in cells if r"\|" in cell], page.name
    assert (tmp_path / "site" / "schema.json").read_bytes() == (DOCS / "schema.json").read_bytes()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
