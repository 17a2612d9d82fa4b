"""Static figures: files that open, bytes that do not change, findings that are marked."""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import postrun
from postrun.report import plots
from postrun.report.drawing import COLOURS, FORMATS, Axis, Figure, Line, Mark, drawn, rendered
from postrun.report.pixels import png
from postrun.report.plots import draw, draw_dashboard, draw_groups
from postrun.report.ticks import linear_ticks, log_ticks
from tests.conftest import SAMPLE
from tests.curves import decay, make_run

KINDS = tuple(FORMATS)


@pytest.fixture(scope="module")
def sample() -> tuple[postrun.RunView, list[postrun.Finding]]:
    view = postrun.RunView(postrun.load(SAMPLE))
    return view, postrun.diagnose(view)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_gives_the_same_bytes(
    sample: tuple[postrun.RunView, list[postrun.Finding]], tmp_path: Path, kind: str
) -> None:
    first = draw_dashboard(*sample, tmp_path / "a", [kind])[0].read_bytes()
    assert draw_dashboard(*sample, tmp_path / "b", [kind])[0].read_bytes() == first


@pytest.mark.slow
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


def _pixels(data: bytes) -> NDArray[np.float64]:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def _share(pixels: NDArray[np.float64], colour: str) -> float:
    """Return which share of the pixels has about a colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(pixels - wanted).max(axis=2) < 40).mean())


def _figures() -> list[Figure]:
    """Figures of all that a panel may hold: noise, bands, marks, gaps, few points, a logarithmic axis."""
    rng, x = np.random.default_rng(5), np.arange(400.0)
    noisy = 2 + np.sin(x / 50) + rng.normal(0, 0.2, 400)
    smooth = (x, 2 + np.sin(x / 50))
    band = (x, smooth[1] - 0.5, smooth[1] + 0.5)
    gaps = np.where((x > 100) & (x < 180), np.nan, noisy)
    mark = Mark(120.0, "OPT001", "#b00020", True)
    bad = np.array([20.0, 200.0, 300.0])
    return [
        Figure(
            "Costs in $ and more $",
            [
                Axis("Loss", [Line("a", x, noisy, smooth=smooth, band=band)], marks=[mark]),
                Axis(
                    "Gaps",
                    [Line("b", x, gaps, bad=bad, bad_label="3 NaN")],
                    x_label="step",
                    outside=3,
                ),
                Axis("Few", [Line("c", x[:9], noisy[:9] * 1e-7, marker="o")]),
                Axis("Log", [Line("d", x, 10 ** (noisy * 2 - 3))], log=True),
                Axis(
                    "Two", [Line("e", x, noisy), Line("f", x * 1e5, noisy + 3)], limits=(0.0, 4.0)
                ),
            ],
        ),
        Figure(
            "", [Axis("Constant", [Line("g", x, np.zeros(400))]), Axis("Empty", [], legend=False)]
        ),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("dpi", [110, 150])
def test_pixels_and_matplotlib_draw_the_same_figure(number: int, dpi: int) -> None:
    """The same size, panels at the same places, and about as much of each colour."""
    figure = _figures()[number]
    ours, theirs = _pixels(png(figure, dpi)), _pixels(rendered(drawn(figure), "png", dpi))
    assert ours.shape == theirs.shape
    dark = [(p.sum(axis=2) < 200).mean(axis=axis) for p in (ours, theirs) for axis in (0, 1)]
    spines = [np.flatnonzero(shares > 0.5 * shares.max()) for shares in dark]
    for mine, its in zip(spines[:2], spines[2:], strict=True):
        assert abs(int(mine[0]) - int(its[0])) <= 2
        assert abs(int(mine[-1]) - int(its[-1])) <= 2
    for colour in (*COLOURS[:2], "#b00020"):
        share = _share(theirs, colour)
        assert _share(ours, colour) == pytest.approx(share, rel=0.4, abs=5e-4), colour


@pytest.mark.parametrize("number", [0, 1])
def test_the_same_figure_gives_the_same_pixels(number: int) -> None:
    assert png(_figures()[number]) == png(_figures()[number])


def test_plots_show_findings_and_need_no_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, findings = _told()
    for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    marked, bare = draw(view, findings, tmp_path / "a"), draw(view, [], tmp_path / "b")
    assert not [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]
    assert [p.name for p in marked] == ["training_metrics.png", "performance_metrics.png"]
    assert marked[0].read_bytes() != bare[0].read_bytes()


def test_matplotlib_draws_where_aggdraw_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, findings = _told()
    monkeypatch.delitem(sys.modules, "postrun.report.pixels", raising=False)
    monkeypatch.setitem(sys.modules, "aggdraw", None)
    figure = plots.figures(view, findings, tmp_path)[0][1]
    (path, _) = draw(view, findings, tmp_path)
    assert path.read_bytes() == rendered(drawn(figure), "png")


@pytest.mark.parametrize(
    ("low", "high", "labels", "factor"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], ""),
        (-0.3, 0.3, ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"], ""),
        (0.0, 2.6e6, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"], "1e6"),
        (9e-7, 1.1e-6, ["0.90", "0.95", "1.00", "1.05", "1.10"], "1e−6"),
        (4.99, 5.01, ["4.990", "4.995", "5.000", "5.005", "5.010"], ""),
    ],
)
def test_ticks_are_round(low: float, high: float, labels: list[str], factor: str) -> None:
    ticks = linear_ticks(low, high, 6)
    assert (ticks.labels[: len(labels)], ticks.factor) == (labels, factor)
    assert ((ticks.values >= low - 1e-12) & (ticks.values <= high + 1e-12)).all()


def test_ticks_of_a_logarithmic_axis() -> None:
    assert log_ticks(-3.2, 2.1, 7).labels == ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]
    assert log_ticks(-0.4, 1.2, 7).labels == ["0.5", "1", "2", "5", "10"]
