"""Logged images, tables and histograms in the report: shown if they are here, inert, and masked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import postrun
from postrun.metrics import RunView
from postrun.privacy import Privacy
from postrun.report.html.media import Media, histograms, media
from postrun.report.html.run_page import run_page
from tests.curves import decay, make_run
from tests.pages import page_data

#: A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SECRET = "sk-proj-" + "Ab1" * 16


def one(kind: str, **value: Any) -> list[str | None]:
    """A column of ten rows that logs an object in its last row."""
    return [*[None] * 9, json.dumps({"_type": kind, **value})]


def logged(folder: Path, files: dict[str, bytes], **columns: list[str | None]) -> postrun.Run:
    """A run that logged objects, with these files beside its log."""
    for name, data in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return make_run({"loss": decay(10), **columns}, path=folder / "run-x.wandb")


def shown(run: postrun.Run, privacy: Privacy | None = None) -> Media:
    return media(RunView(run), privacy or Privacy())


def test_images_are_in_the_page_as_data_with_their_step(tmp_path: Path) -> None:
    column = one("image-file", path="media/a.png", caption="a cat")
    run = logged(tmp_path, {"media/a.png": PNG}, samples=column)
    (group,) = shown(run).images
    (image,) = group["images"]
    assert (group["key"], image["where"], image["caption"]) == ("samples", "step 9", "a cat")
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == PNG
    html = run_page(RunView(run), [])
    assert "<img" not in html.split("<script")[0]
    assert page_data(html)[0]["images"][0]["key"] == "samples"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("../secret.png", PNG),
        ("/etc/hostname", PNG),
        ("media/a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("media/missing.png", None),
        (17, PNG),
    ],
)
def test_what_is_no_picture_of_the_run_is_left_out_and_said(
    tmp_path: Path, name: Any, data: bytes | None
) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    files = {"media/a.png": data} if data is not None and name == "media/a.png" else {"b.txt": b""}
    found = shown(logged(tmp_path, files, samples=one("image-file", path=name)))
    assert not found.images
    assert found.notes == [
        "samples: the files of the 1 logged image are not in the run's folder, or cannot be shown."
    ]


def test_files_that_are_not_here_are_said(tmp_path: Path) -> None:
    run = logged(tmp_path, {}, samples=one("image-file", path="media/a.png"))
    assert shown(run).notes == ["Images and tables were logged, but their files are not here."]


def test_only_the_last_images_of_many_are_shown(tmp_path: Path) -> None:
    names = [f"media/{k}.png" for k in range(30)]
    column = one("images/separated", filenames=names, captions=[f"c{k}" for k in range(30)])
    found = shown(logged(tmp_path, dict.fromkeys(names, PNG), grid=column))
    assert len(found.images[0]["images"]) == 12
    assert found.notes == ["grid: 12 of 30 logged images are shown, the last ones."]


def test_tables_are_masked_and_cut(tmp_path: Path) -> None:
    rows = [["<b>hi</b>", f"key {SECRET}", k / 7] for k in range(80)]
    content = json.dumps({"columns": ["prompt", "answer", "score"], "data": rows}).encode()
    run = logged(tmp_path, {"t.json": content}, answers=one("table-file", path="t.json"))
    (table,) = shown(run).tables
    assert (table["count"], len(table["rows"]), table["matrix"]) == (80, 50, None)
    assert SECRET not in json.dumps(table) and table["rows"][1][2] == "0.1429"
    assert SECRET in json.dumps(shown(run, Privacy(mask=False)).tables)
    html = run_page(RunView(run), [])
    assert "&lt;b&gt;hi&lt;/b&gt;" in html and SECRET not in html


def test_an_anonymised_report_has_no_media(tmp_path: Path) -> None:
    column = one("image-file", path="media/a.png")
    found = shown(logged(tmp_path, {"media/a.png": PNG}, samples=column), Privacy(anonymize=True))
    assert not found.images
    assert found.notes == ["Images and tables are left out of an anonymised report."]


def test_a_confusion_matrix_is_one(tmp_path: Path) -> None:
    rows = [["cat", "cat", 8], ["cat", "dog", 2], ["dog", "cat", 0], ["dog", "dog", 5]]
    content = {"columns": ["Actual", "Predicted", "nPredictions"], "data": rows}
    files = {"t.json": json.dumps(content).encode()}
    (table,) = shown(logged(tmp_path, files, conf=one("table-file", path="t.json"))).tables
    assert table["matrix"]["classes"] == ["cat", "dog"]
    assert table["matrix"]["rows"] == [("cat", [("8", 4), ("2", 1)]), ("dog", [("0", 0), ("5", 4)])]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"columns": 3}', b'{"columns": [], "data": {}}']
)
def test_a_table_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    run = logged(tmp_path, {"t.json": content}, answers=one("table-file", path="t.json"))
    assert shown(run).notes == ["The table answers could not be read."]


def test_histograms_are_a_median_and_a_band() -> None:
    values = np.random.default_rng(0).normal(0, 1, 4000)
    counts, edges = np.histogram(values, 64)
    text = json.dumps({"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()})
    packed = {"min": float(edges[0]), "size": float(edges[1] - edges[0]), "count": 64}
    other = json.dumps({"_type": "histogram", "values": counts.tolist(), "packedBins": packed})
    empty = json.dumps({"_type": "histogram", "values": [0], "bins": [0, 1]})
    run = make_run(
        {"loss": decay(10), "w": [text, other, empty, "no json", None, text, *[None] * 4]}
    )
    ((key, rows, quantiles),) = histograms(RunView(run))
    assert (key, rows) == ("w", [0, 1, 5])
    assert quantiles == pytest.approx(
        np.tile(np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), (3, 1)), abs=0.06
    )
    data, _ = page_data(run_page(RunView(run), []))
    (group,) = (g for g in data["byRole"] if g["title"] == "Distributions")
    assert group["charts"][0]["band"]["label"] == "5% to 95%"
