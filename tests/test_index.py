"""Many runs: their table in a terminal, equal findings folded, and `index.html`."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from wandb.proto import wandb_internal_pb2 as pb

from postrun.job import Options, run_job
from postrun.model import Finding, Severity
from postrun.model.ending import Ending
from postrun.records.record import Metrics, RunRecord
from postrun.report.columns import Column, fitting
from postrun.report.index.folds import folds
from postrun.report.index.glance import Glance, Levels
from postrun.report.index.page import index_page, write_index
from postrun.report.index.shared import shared_setting
from postrun.report.index.terminal import Shown, print_workspace
from postrun.report.index.workspace import Entry, Workspace, workspace
from postrun.sources import resolve
from tests import logs
from tests.pages import page_data
from tests.printed import results_of
from tests.test_cli import postrun

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[2J'\"{{7*7}}"


def project_folder(folder: Path, count: int = 8) -> Path:
    """Runs of two learning rates, of which the larger one diverges; the last one fails."""
    rng = np.random.default_rng(0)
    for number in range(count):
        lr = (0.1, 4.0)[number % 2]
        rows = []
        for i in range(60):
            loss = 2.0 / (1 + 0.1 * i) if lr < 1 else 2.0 * 1.2**i
            values = {"train/loss": loss + 0.01 * rng.normal(), "lr": lr}
            if i % 10 == 9:
                values["val/accuracy"] = 0.9 - 0.5 / (i + 1) if lr < 1 else 0.1
            rows.append(
                logs.history(values | {"_runtime": float(i), "_timestamp": 1.7e9 + i}, step=i)
            )
        end = logs.output(
            'Traceback (most recent call last):\n  File "/h/t.py", line 3, in g\n    x\nKeyError: 1\n'
        )
        record = logs.run_record(
            f"r{number}", 1_700_000_000 + number, config={"lr": lr, "seed": number}, project="grid"
        )
        last = number == count - 1
        tail = [*([end] if last else []), logs.exit_record(int(last))]
        logs.run_folder(
            folder, f"r{number}", [record, *rows, *tail], f"202401{number + 1:02d}_000000"
        )
    return folder / "wandb"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    target = project_folder(tmp_path_factory.mktemp("index"))
    options = Options(out=None, glance=True)
    results = [run_job(ref, ref.id, options) for ref in resolve(target)]
    return workspace([Entry(r.glance, f"{r.id}/report.html") for r in results if r.glance])


def made(number: int, *findings: Finding, **fields: Any) -> Glance:
    """A run with findings and one metric."""
    curve = np.linspace(1, 0.1 + number % 7 / 10, 48)
    facts = {
        "role": "loss.eval", "better": "lower", "unit": "", "central": True, "n": 48, "bad": 0,
        "first_step": 0.0, "last_step": 470.0, "final": float(curve[-1]), "low": 0.1, "high": 1.0,
        "best": float(curve.min()), "best_step": 470.0,
    }  # fmt: skip
    record = RunRecord(
        f"id{number}", fields.pop("name", f"run {number}"), state="finished", runtime=60.0 + number,
        last_step=470.0, started=1.7e9 + number, metrics=Metrics({"val/loss": facts}),
        ending=fields.pop("ending", Ending("finished")), **fields,
    )  # fmt: skip
    curves = {"val/loss": Levels(np.arange(48.0) * 10, curve)}
    return Glance(record, fields.get("state", "finished"), list(findings), curves)


def labels(glances: list[Glance]) -> list[str]:
    return [one.record.name for one in glances]


def finding(
    rule: str = "OPT002", severity: Severity = Severity.CRITICAL, text: str = "It rose"
) -> Finding:
    return Finding(rule, "loss-diverged", severity, 0.9, text, "Lower the learning rate.")


def printed(space: Workspace, width: int, **shown: Any) -> str:
    out = io.StringIO()
    print_workspace(space, Shown(**shown), Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_worst_runs_come_first(space: Workspace) -> None:
    severities = [max((f.severity for f in g.findings), default=0) for g in space.glances]
    assert severities == sorted(severities, reverse=True)
    assert severities[0] is Severity.CRITICAL
    assert space.judge == "val/accuracy" and space.metric == "val/accuracy"


def test_what_is_said_of_all(space: Workspace) -> None:
    assert (
        space.verdict[0]
        == "lr=0.1 ends with the highest val/accuracy: 0.8917, the median of 4 runs."
    )
    assert "of 8 runs have critical findings" in space.verdict[1]
    assert space.counted == "7 finished, 1 failed" and space.period == "2023-11-14"


def test_equal_findings_name_what_their_runs_share() -> None:
    lrs = [0.1] * 12 + [4.0] * 4
    glances = [
        made(i, *([finding()] if lr > 1 else []), config={"lr": lr, "seed": i})
        for i, lr in enumerate(lrs)
    ]
    (fold,) = folds(glances, labels(glances), {"lr": lrs})
    assert (
        fold.who == "4 of 16 runs" and fold.what == "The training loss rose and did not come back"
    )
    assert fold.shared is not None
    assert fold.shared.words == "all have lr=4, and no other run has"
    assert fold.example == "It rose"


@pytest.mark.parametrize(
    ("inside", "values", "words"),
    [
        ([0, 1, 2, 3], [4.0] * 4 + [0.1] * 12, "all have lr=4, and no other run has"),
        ([0, 1, 2, 3], [4.0] * 5 + [0.1] * 25, "all have lr=4, as 1 other run has"),
        ([0, 1, 2, 3], [2, 3, 4, 5] + [0.1] * 12, "all have lr ≥ 2, and no other run has"),
        ([0, 1, 2, 3], [0.1, 0.2, 0.1, 0.2] + [4] * 12, "all have lr ≤ 0.2, and no other run has"),
    ],
)  # fmt: skip
def test_settings_that_are_shared(inside: list[int], values: list[float], words: str) -> None:
    found = shared_setting(inside, {"lr": values})
    assert found is not None and found.words == words


def test_what_chance_could_do_is_not_told() -> None:
    assert shared_setting([0, 1], {"lr": [1, 1, 2, 2, 2, 2]}) is None  # 1 of 15 pairs
    assert shared_setting([0], {"lr": [1] + [2] * 50}) is None
    assert shared_setting([0, 1, 2], {}) is None
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(400):
        varying = {f"k{i}": rng.integers(0, 4, 40).tolist() for i in range(10)}
        told += shared_setting(rng.choice(40, 6, replace=False).tolist(), varying) is not None
    assert told <= 12  # of random runs, 1%


def test_a_rules_notes_are_not_folded_with_its_warnings() -> None:
    glances = [
        made(0, finding()), made(1, finding(severity=Severity.WARNING)),
        made(2, finding(severity=Severity.INFO)), made(3, finding(severity=Severity.GOOD)),
    ]  # fmt: skip
    assert [(f.finding.severity.label, len(f.runs)) for f in folds(glances, labels(glances), {})] == [
        ("critical", 2), ("info", 1), ("good", 1),
    ]  # fmt: skip


def test_failures_are_told_by_their_errors() -> None:
    def ending(name: str) -> Ending:
        return Ending("error", exception=name)

    failed = finding("RUN001", text="Failed")
    glances = [
        made(i, failed, ending=ending(("KeyError", "MemoryError")[i == 2])) for i in range(3)
    ]
    (fold,) = folds(glances, labels(glances), {})
    assert fold.who == "3 of 3 runs" and fold.what == "KeyError (2), MemoryError (1)"
    (fold,) = folds(glances[:1], ["first"], {})
    assert (fold.who, fold.what, fold.example) == ("first", "Failed", "")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_numbers_stay_at_every_width(space: Workspace, width: int) -> None:
    text = printed(space, width, page="out/index.html", hints=["postrun failures wandb"])
    assert max(map(len, text.splitlines())) <= width
    for words in (
        "val/accuracy",
        "0.8917",
        "r0",
        "Overview: out/index.html",
        "Next: postrun failures",
    ):
        assert words in text, words
    assert ("columns not shown at this width" in text) == (width == 60)
    assert ("▁" in text) == (width > 60)


def test_columns_that_do_not_fit_are_named() -> None:
    from rich.text import Text

    columns = [
        Column(name, [Text("x" * size)], rank=rank)
        for name, size, rank in (("run", 10, 0), ("note", 30, 3), ("curve", 12, 5), ("loss", 6, 0))
    ]
    kept, dropped = fitting(columns, 50)
    assert [c.name for c in kept] == ["run", "note", "loss"] and dropped == ["curve"]
    kept, dropped = fitting(columns, 5)
    assert [c.name for c in kept] == ["run", "loss"] and dropped == ["note", "curve"]


def test_long_names_stay_different() -> None:
    from rich.text import Text

    names = [f"mlp-with-a-long-stem-of-a-name-lr0.003-bs128-seed{i}" for i in range(3)]
    column = Column("run", [Text(name) for name in names], most=24)
    shown = [cell.plain for cell in column.shown]
    assert len(set(shown)) == 3 and max(map(len, shown)) <= 24
    ends = Column("run", [Text(f"{i}{'x' * 60}{i % 2}" [1:]) for i in range(4)], most=24)  # fmt: skip
    assert max(cell.cell_len for cell in ends.shown) <= 24


def test_a_name_is_cut_before_a_number_is_left_out() -> None:
    from rich.text import Text

    columns = [
        Column("run", [Text("abcdefgh")]),
        Column("name", [Text("n" * 30)], rank=2, least=16),
        Column("loss", [Text("0.1234")], rank=1, right=True),
        Column("state", [Text("finished")], rank=3),
    ]
    kept, dropped = fitting(columns, 40)
    assert [c.name for c in kept] == ["run", "name", "loss"] and dropped == ["state"]
    assert kept[1].width == 22


def test_the_best_run_is_told_among_which() -> None:
    cut = [made(i, ending=Ending("incomplete-log")) for i in (1, 2)]
    ended = [made(3), made(4)]
    (told, *_) = workspace([Entry(one) for one in [*cut, *ended]]).verdict
    assert told == (
        "run 3 ends with the lowest val/loss of the 2 runs that ended well with a complete history: 0.4."
    )
    (told, *_) = workspace([Entry(one) for one in ended]).verdict
    assert told == "run 3 ends with the lowest val/loss: 0.4."
    assert "ends with" not in " ".join(workspace([Entry(o) for o in [*cut, ended[0]]]).verdict)


def test_a_single_run_that_beats_all_repeated_ones_is_told_as_one() -> None:
    def run(number: int, lr: float) -> Entry:
        return Entry(made(number, config={"lr": lr, "seed": number}))

    repeated = [run(2, 0.1), run(3, 0.1), run(5, 0.3), run(6, 0.3)]  # 0.3, 0.4; 0.6, 0.7
    (told, then, *_) = workspace([*repeated, run(1, 1.0)]).verdict
    assert told == "run 1 ends with the lowest val/loss: 0.2, in one run."
    assert then == (
        "Of the settings that ran twice or more, lr=0.1 is best: 0.35, the median of 2 runs."
    )
    (told, *_) = workspace(
        [*repeated, run(9, 1.0)]
    ).verdict  # 0.3, as the best of the repeated ones
    assert told == "lr=0.1 ends with the lowest val/loss: 0.35, the median of 2 runs."


def test_the_curves_of_the_best_runs_are_inside_the_chart() -> None:
    runs = [made(i) for i in range(12)]
    for one in runs:
        levels = one.curves["val/loss"]
        one.curves["val/loss"] = Levels(levels.x, np.full(48, 0.7))
    runs[0].curves["val/loss"] = Levels(levels.x, np.linspace(0.7, 0.1, 48))
    runs[1].curves["val/loss"] = Levels(levels.x, np.linspace(0.7, 1e6, 48))
    data, _ = page_data(index_page(workspace([Entry(one) for one in runs]), {}))
    assert data["metrics"][0]["low"] == pytest.approx(0.1) and data["metrics"][0]["high"] < 1e5


def test_rows_beyond_twenty_are_counted() -> None:
    space = workspace([Entry(made(i)) for i in range(50)])
    assert "... 30 more runs (-v shows all)" in printed(space, 100)
    text = printed(space, 100, everything=True)
    assert "more runs" not in text and "run 49" in text


def test_the_page_holds_every_run_and_its_curve(space: Workspace) -> None:
    data, _ = page_data(index_page(space, {"Why runs failed": "failures.html"}))
    assert [r["n"] for r in data["runs"]] == space.labels
    assert {r["u"] for r in data["runs"]} == {f"r{i}/report.html" for i in range(8)}
    assert data["settings"] == ["lr"] and data["metrics"][0]["key"] == "val/accuracy"
    first = data["runs"][-1]["m"][0]
    facts = space.facts(7, "val/accuracy")
    assert facts is not None and first[0] == pytest.approx(facts.final, rel=1e-5)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
    codes = [digits.index(a) * 64 + digits.index(b) for a, b in re.findall("(.)(.)", first[5])]
    low, high = data["metrics"][0]["low"], data["metrics"][0]["high"]
    levels = low + np.array(codes) / 4095 * (high - low)
    assert np.abs(levels - space.glances[-1].curves["val/accuracy"].y).max() < (high - low) / 4000


def test_the_same_runs_give_the_same_page(space: Workspace) -> None:
    assert index_page(space, {}) == index_page(space, {})


def test_hostile_names_stay_text() -> None:
    glances = [
        made(i, finding(text=HOSTILE), name=HOSTILE, group=HOSTILE, tags=[HOSTILE],
             config={HOSTILE: HOSTILE if i else i, "lr": i})
        for i in range(3)
    ]  # fmt: skip
    page = index_page(workspace([Entry(g) for g in glances], errors=[HOSTILE]), {})
    assert "<img" not in page and page.count("</script>") == 3
    assert "\x1b" not in printed(workspace([Entry(g) for g in glances]), 100)


def test_a_thousand_runs_fit_one_file(tmp_path: Path) -> None:
    glances = [made(i, config={f"k{j}": i % (j + 2) for j in range(20)}) for i in range(1000)]
    write_index(tmp_path / "index.html", workspace([Entry(g) for g in glances]))
    assert (tmp_path / "index.html").stat().st_size < 1_500_000


@pytest.mark.slow
def test_analyze_of_many_runs_writes_the_overview(tmp_path: Path) -> None:
    target = project_folder(tmp_path)
    done = postrun("analyze", target, "--out", tmp_path / "o", "--no-plots", "--json")
    data = results_of(done.stdout)
    assert data["index"] == str(tmp_path / "o" / "index.html") and len(data["runs"]) == 8
    page = (tmp_path / "o" / "index.html").read_text()
    assert 'href="failures.html"' in page and (tmp_path / "o" / "failures.html").is_file()
    opened = postrun("open", "--out", tmp_path / "o", BROWSER="echo %s")
    assert "index.html" in opened.stdout
    assert (
        "r3/report.html" in postrun("open", "r3", "--out", tmp_path / "o", BROWSER="echo %s").stdout
    )
    near = postrun("open", "r33", "--out", tmp_path / "o", code=3).stderr
    assert "Did you mean r3" in near


@pytest.mark.slow
def test_a_bare_analyze_offers_both(tmp_path: Path) -> None:
    project_folder(tmp_path, 3)
    done = postrun("analyze", "--no-plots", "--no-report", cwd=tmp_path)
    assert "This is the newest of 3 runs in ./wandb. For all: postrun analyze wandb" in done.stdout
    assert [p.name for p in (tmp_path / "wandb_analysis").iterdir()] == ["r2"]
    alone = postrun("analyze", "--state", "finished", "--no-report", "--no-plots", cwd=tmp_path)
    assert "r1" in alone.stdout  # the newest that did not fail


@pytest.mark.slow
def test_list_tells_steps_duration_and_the_key_metric(tmp_path: Path) -> None:
    target = project_folder(tmp_path, 3)
    text = postrun("list", target, COLUMNS="80").stdout
    assert "val/accuracy" not in text  # no summary was written into these logs
    summary = pb.Record()
    for key, value in (("val/accuracy", 0.75), ("_step", 59), ("_runtime", 5400.0)):
        item = summary.summary.update.add()
        item.key, item.value_json = key, json.dumps(value)
    rows = [logs.history({"val/accuracy": 0.75}, step=i) for i in range(3)]
    logs.run_folder(tmp_path, "s", [logs.run_record("s"), *rows, summary, logs.exit_record()])
    row = next(
        r for r in postrun("list", target, COLUMNS="80").stdout.splitlines() if r[:2] == "s "
    )
    assert row.split()[:6] == ["s", "finished", "59", "1.5", "h", "0.75"]
    narrow = postrun("list", target, COLUMNS="60").stdout
    assert "0.75" in narrow and "columns not shown at this width" in narrow
    assert (
        "Did you mean val/accuracy?"
        in postrun("list", target, "--metric", "val/acc", code=2).stderr
    )
