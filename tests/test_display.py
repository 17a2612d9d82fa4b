"""What a notebook shows."""

from __future__ import annotations

import postrun
from tests.conftest import SAMPLE
from tests.test_report_html import HOSTILE, hostile_run


def test_a_run_a_finding_and_a_comparison_show_themselves() -> None:
    run = postrun.load(SAMPLE)
    assert "sample01" in run._repr_html_() and run.completeness.sentence() in run._repr_html_()
    (worst, *_) = postrun.diagnose(run)
    html = worst._repr_html_()
    assert worst.severity.label in html and worst.rule in html and "What to do" in html
    assert worst.evidence[0].metric in html
    both = postrun.Comparison.of([run, run])
    assert "2 runs" in both._repr_html_() and "reward/mean" in both._repr_html_()


def test_texts_of_a_run_are_escaped() -> None:
    run = hostile_run()
    comparison = postrun.Comparison.of([run, postrun.load(SAMPLE)])
    for html in (
        run._repr_html_(),
        comparison._repr_html_(),
        *(f._repr_html_() for f in postrun.diagnose(run)),
    ):
        assert "<img" not in html and "<script" not in html
    assert HOSTILE.split(" ")[0].replace("<", "&lt;") in run._repr_html_()


def test_a_comparison_as_data() -> None:
    run = postrun.load(SAMPLE)
    found = postrun.diagnose(run)
    table = postrun.Comparison.of([run, run], [found, found]).runs
    assert table["run"].is_unique().all() and table["warning"].to_list() == [2, 2]
    assert table["rows"][0] == run.history.height
