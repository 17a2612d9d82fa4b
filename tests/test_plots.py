"""Static figures: files that open, bytes that do not change, findings that are marked."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import postrun
from postrun.report.drawer import Drawer
from postrun.report.drawing import FORMATS, drawn
from postrun.report.plots import draw, draw_dashboard, draw_groups
from tests.conftest import SAMPLE
from tests.curves import decay, make_run

KINDS = tuple(FORMATS)


@pytest.fixture(scope="module")
def sample() -> tuple[postrun.RunView, list[postrun.Finding]]:
    view = postrun.RunView(postrun.load(SAMPLE))
    return view, postrun.diagnose(view)


def test_one_figure_per_group_in_every_format(
    sample: tuple[postrun.RunView, list[postrun.Finding]], tmp_path: Path
) -> None:
    files = draw_groups(*sample, tmp_path, KINDS)
    names = {path.stem for path in files}
    assert {"loss", "reward", "entropy", "kl_divergence", "optimization"} <= names
    assert len(files) == len(names) * len(KINDS)
    for path in files:
        data = path.read_bytes()
        start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[path.suffix[1:]]
        assert data.startswith(start), path.name
        if path.suffix == ".svg":
            ElementTree.fromstring(data)
            assert not re.search(rb'href="http', data)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_gives_the_same_bytes(
    sample: tuple[postrun.RunView, list[postrun.Finding]], tmp_path: Path, kind: str
) -> None:
    first = draw_dashboard(*sample, tmp_path / "a", [kind])[0].read_bytes()
    assert draw_dashboard(*sample, tmp_path / "b", [kind])[0].read_bytes() == first


def test_findings_are_marked(
    sample: tuple[postrun.RunView, list[postrun.Finding]], tmp_path: Path
) -> None:
    import matplotlib as mpl

    view, findings = sample
    with mpl.rc_context({"svg.fonttype": "none"}):  # text as text
        files = draw_groups(view, findings, tmp_path / "with", ["svg"])
        bare = draw_groups(view, [], tmp_path / "without", ["svg"])
    marked = "".join(path.read_text() for path in files)
    assert findings[0].rule in marked
    assert findings[0].rule not in "".join(path.read_text() for path in bare)


def test_the_dashboard_shows_what_findings_are_about(tmp_path: Path) -> None:
    import matplotlib as mpl

    columns = {
        f"train/{name}": decay(100) for name in ("loss", "learning_rate", "grad_norm", "entropy")
    }
    run = make_run(
        columns | {"reward/mean": decay(100), "eval/loss": decay(100), "eval/accuracy": decay(100)}
    )
    view = postrun.RunView(run)
    with mpl.rc_context({"svg.fonttype": "none"}):
        (path,) = draw_dashboard(view, [], tmp_path / "d", ["svg"])
    assert "test" in path.read_text()  # the run's name
    assert draw_dashboard(postrun.RunView(make_run()), [], tmp_path / "none") == []


def test_figures_that_a_run_does_not_have_are_removed(tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / f"performance_metrics.{kind}").write_text("old")
    view = postrun.RunView(make_run({"loss": decay(50)}))
    (path,) = draw(view, [], tmp_path)
    assert path.name == "training_metrics.png"
    assert [p.name for p in tmp_path.iterdir()] == ["training_metrics.png"]


def test_a_finding_on_a_metric_with_a_blank_is_marked() -> None:
    """Names are what they are: "val loss" is one metric, not two."""
    from postrun.report import plots

    onset = np.maximum(0.0, np.arange(200) - 80) / 200
    run = make_run(
        {"train loss": decay(200, 3, 0.5), "val loss": decay(200, 3, 1.0, 0.002) + 3 * onset}
    )
    view = postrun.RunView(run)
    (finding,) = [f for f in postrun.diagnose(view) if f.rule == "GEN001"]
    assert finding.evidence[0].metrics == ("val loss",)
    cells = [cell for name in plots.FIGURES for cell in plots._cells(view, name)]
    figure = drawn(plots.figure_of("a", cells, [finding]))
    assert any("GEN001" in text.get_text() for axis in figure.axes for text in axis.texts)


def _told() -> tuple[postrun.RunView, list[postrun.Finding]]:
    onset = np.maximum(0.0, np.arange(200) - 80) / 200
    values = {"loss": decay(200), "eval/loss": decay(200, 3, 1.0, 0.002) + 3 * onset}
    view = postrun.RunView(make_run(values | {"perf/throughput": decay(200)}))
    return view, postrun.diagnose(view)


def test_a_process_beside_this_one_draws_the_same_figures(tmp_path: Path) -> None:
    view, findings = _told()
    with Drawer() as drawer:
        paths = drawer.draw(view, findings, tmp_path / "beside")
        assert drawer._process is not None
    assert drawer._process.returncode == 0  # it did draw them: none is left to this process
    here = draw(view, findings, tmp_path / "here")
    assert len(here) == 2
    assert [p.name for p in paths] == [p.name for p in here]
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in here]


@pytest.mark.parametrize("fault", ["killed", "no Python"])
def test_what_that_process_does_not_draw_is_drawn_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    view, findings = _told()
    if fault == "no Python":
        monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    with Drawer() as drawer:
        if drawer._process is not None:
            drawer._process.kill()
            drawer._process.wait()
        paths = drawer.draw(view, findings, tmp_path / "beside")
    here = draw(view, findings, tmp_path / "here")
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in here]


@pytest.mark.parametrize(
    ("ended", "there"),
    [(SystemExit(3), True), (BrokenPipeError(), True), (KeyboardInterrupt(), False)],
)
def test_plots_are_written_unless_the_user_stops(
    tmp_path: Path, ended: BaseException, there: bool
) -> None:
    view, findings = _told()
    with pytest.raises(type(ended)), Drawer() as drawer:
        (path, *_) = drawer.draw(view, findings, tmp_path)
        raise ended
    assert path.exists() == there
    assert drawer._process is not None and drawer._process.poll() is not None
