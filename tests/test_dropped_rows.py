"""Rows that the SDK refused: its warnings in every wording and shape, and its own log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

import postrun
from postrun.model import Run
from postrun.model.run import empty_console
from postrun.sources.dropped import note_dropped, refused_in_console, refused_in_log
from tests import logs
from tests.conftest import SdkRun
from tests.curves import make_run
from tests.standin import StandIn
from tests.test_server import own_settings, run_of, server

__all__ = ["own_settings", "server"]  # fixtures

REST = (
    "Steps must be monotonically increasing, so this data will be ignored. "
    "See https://wandb.me/define-metric to log data out of order."
)
CORE = f"Tried to log to step 5 that is less than the current step 12. {REST}"
LEGACY = "Step must only increase in log calls.  Step 5 < 12; dropping {'val/AP50': 0.308}."
SERVICE = (
    "(User provided step: 5 is less than current step: 12. "
    "Dropping entry: {'acc': 0.0, '_timestamp': 1707370410.1504738})."
)
WORDINGS = [
    CORE,
    LEGACY,
    SERVICE,
    "steps must be monotonically increasing, received history record for a step (5) that is less "
    "than the current step (12) this data will be ignored. if you need to log data out of order, "
    "please see: https://wandb.me/define-metric",
    "Adding to old History rows isn't currently supported.  Step 5 < 12; dropping {'loss': 1}.",
]
LOG = '{{"time":"2026-01-02T03:04:05Z","level":"WARN","msg":"{}","step":{},"current":{}}}\n'


def core(step: int, current: int) -> str:
    return f"wandb: WARNING Tried to log to step {step} that is less than the current step {current}. {REST}"


def console(lines: Iterable[str], stream: str = "stderr") -> pl.DataFrame:
    found = list(lines)
    columns = {"timestamp": [None] * len(found), "stream": [stream] * len(found), "line": found}
    return pl.DataFrame({**columns, "styled": [None] * len(found)}, schema=empty_console().schema)


def count(*lines: str) -> Counter[tuple[int, int]]:
    printed, reported = refused_in_console(console(lines))
    return printed + reported


def noted(frame: pl.DataFrame, *folders: Path) -> Run:
    run = make_run({"loss": [1.0, 0.5]})
    run.console = frame
    note_dropped(run, folders)
    return run


@pytest.mark.parametrize("text", WORDINGS)
@pytest.mark.parametrize(
    "before",
    [
        "wandb: WARNING ",
        "wandb: ",
        "",
        "\x1b[34m\x1b[1mwandb\x1b[0m: \x1b[33mWARNING\x1b[0m ",
        "[33mWARNING[0m ",
        "[rank0]: wandb: WARNING ",
        "(TaskRunner pid=42, ip=10.0.0.1) wandb: WARNING ",
        "3: wandb: WARNING ",
        "  6%|#####     | 10/170 [04:52<1:06:16, 24.86s/itwandb: WARNING ",
        " 12%|##| 7/60 [00:43<?, ?batch/s, loss=0.1]  wandb: WARNING ",
        "2026-01-02 03:04:05,678 - WARNING - ",
        "2026-01-02 03:04:05 stderr wandb: WARNING ",
    ],
)
def test_each_wording_behind_each_prefix(text: str, before: str) -> None:
    assert count("loss 0.5", before + text, "loss 0.4") == {(5, 12): 1}


@pytest.mark.parametrize("text", WORDINGS)
@pytest.mark.parametrize("width", [11, 20, 37, 60, 80])
def test_wrapped_lines(text: str, width: int) -> None:
    """A terminal cuts anywhere, and the spaces at the cut are lost."""
    start = min(
        text.find(word) for word in ("step (", "step:", "Step 5", "to step") if word in text
    )
    cut = start + 20  # the first words stay together
    rest = text[cut:]
    lines = [
        text[:cut].rstrip(),
        *(rest[i : i + width].rstrip() for i in range(0, len(rest), width)),
    ]
    assert count("wandb: WARNING " + lines[0], *lines[1:], "loss 0.4") == {(5, 12): 1}


def test_lines_wrapped_by_a_logging_handler() -> None:
    assert count(
        "[03:04:05] WARNING  Tried to log to step 5 that is less",
        "                    than the current step 12. Steps must be",
        "[03:04:06] WARNING  Tried to log to step 6 that is less",
        "                    than the current step 12. Steps must be",
    ) == {(5, 12): 1, (6, 12): 1}


@pytest.mark.parametrize(
    "line",
    [
        f"Note that the SDK prints: {CORE}",
        f"I have seen wandb: WARNING {CORE} before",
        f"print('wandb: WARNING {CORE}')",
        f'"{CORE}"',
        f"# {CORE}",
        "Tried to log to step 5 that is less than the current step",
        "wandb: WARNING Step only supports monotonically increasing values, use define_metric",
        "Step must only increase in log calls, says the manual",
        "Step 5 < 12; dropping {}",
    ],
)
def test_what_only_quotes_a_warning(line: str) -> None:
    assert not count(line, "loss 0.4")


def test_a_warning_on_both_streams_counts_once() -> None:
    lines = [core(5, 12), core(6, 12), core(6, 12)]
    both = pl.concat([console(lines), console(lines[:2], "stdout")])
    assert refused_in_console(both)[1] == {(5, 12): 1, (6, 12): 2}


def test_numbers_of_any_form() -> None:
    assert count(
        "wandb: WARNING Step must only increase in log calls.  Step 3.0 < 7; dropping {}"
    ) == {(3, 7): 1}
    assert count(core(0, 8073), core(-1, 8073)) == {(0, 8073): 1, (-1, 8073): 1}
    assert count(f"{core(5, 12)}{core(6, 12)}") == {(5, 12): 1, (6, 12): 1}


def test_nothing_without_a_warning() -> None:
    run = noted(console(["step 1", "loss 0.5"]))
    assert run.completeness.dropped == 0 and not run.completeness.notes
    assert run.completeness.sentence() == "complete: 2 rows, _step 0 to 1"
    assert noted(empty_console()).completeness.whole


def test_what_the_service_reports_is_a_lower_limit() -> None:
    run = noted(console(core(i, 100 + i // 30) for i in range(20, 55)))
    done = run.completeness
    assert (done.dropped, done.dropped_more) == (35, True)
    assert (done.dropped_steps, done.dropped_at) == ([20, 54], [100, 101])
    assert not done.whole
    assert done.sentence() == "INCOMPLETE: 2 rows, _step 0 to 1; the SDK dropped at least 35 rows"
    assert done.notes == [
        "the SDK dropped at least 35 rows of steps 20 to 54 because the run was already at "
        "steps 100 to 101"
    ]
    assert done.as_dict()["dropped_rows"] == 35 and done.as_dict()["dropped_steps"] == [20, 54]


def test_what_the_process_prints_itself_is_exact() -> None:
    done = noted(console(["wandb: WARNING " + LEGACY] * 3)).completeness
    assert (done.dropped, done.dropped_more) == (3, False)


@pytest.mark.parametrize(
    "message",
    [
        "handler: ignoring partial history record",
        "handlePartialHistorySync: ignoring history record",
    ],
)
def test_the_sdks_own_log_is_exact(tmp_path: Path, message: str) -> None:
    log = tmp_path / "logs" / "debug-internal.log"
    log.parent.mkdir()
    other = '{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"stream: starting","id":"a"}\n'
    log.write_text(other + "".join(LOG.format(message, i, 99) for i in range(50, 85)) + other)
    done = noted(console([core(50, 99), core(51, 99)]), tmp_path).completeness
    assert (done.dropped, done.dropped_more) == (35, False)
    assert (done.dropped_steps, done.dropped_at) == ([50, 84], [99, 99])
    assert noted(empty_console(), tmp_path).completeness.dropped == 35
    later = noted(console([core(90, 99)]), tmp_path).completeness  # of a part whose log is lost
    assert (later.dropped, later.dropped_more) == (36, True)


def test_the_log_of_the_python_service(tmp_path: Path) -> None:
    path = tmp_path / "debug-internal.log"
    path.write_text(
        "2023-07-18 09:17:59,760 WARNING HandlerThread:40897 [handler.py:handle():553] "
        "Step 583600 < 607500. Dropping entry: {'epoch': 208}.\n"
    )
    assert refused_in_log(path) == {(583600, 607500): 1}
    path.write_text("")
    assert not refused_in_log(path) and not refused_in_log(tmp_path / "none")


def test_run_folder_export_and_store_agree(tmp_path: Path) -> None:
    rows = [logs.history({"_step": i, "loss": 1 / (i + 1)}) for i in range(5)]
    warnings = [logs.output(core(1, 4) + "\n", "stderr") for _ in range(1)]
    folder = logs.run_folder(
        tmp_path, "a1", [logs.run_record("a1"), *rows, *warnings, logs.exit_record()]
    )
    internal = folder / "logs" / "debug-internal.log"
    internal.parent.mkdir()
    internal.write_text(
        "".join(LOG.format("ignoring partial history record", i, 4) for i in range(3))
    )
    run = postrun.load(folder)
    assert run.completeness.dropped == 3
    (result,) = postrun.analyze(folder, tmp_path / "out", plots=False, report=False)
    assert result.folder is not None
    written = json.loads((result.folder / "detailed_analysis.json").read_text())["completeness"]
    assert (written["dropped_rows"], written["dropped_at"]) == (3, [4, 4])
    again = postrun.load(result.folder).completeness
    for name in ("dropped", "dropped_more", "dropped_steps", "dropped_at"):
        assert getattr(again, name) == getattr(run.completeness, name), name
    assert [note for note in again.notes if "dropped" in note] == run.completeness.notes


@pytest.mark.slow
def test_a_servers_console(server: StandIn) -> None:
    theirs = run_of(10)
    theirs.console = [("2026-01-02T03:04:05.000000", "error", core(i, 9)) for i in range(4)]
    server.add(theirs)
    done = postrun.load("ent/p/r1").completeness
    assert (done.dropped, done.dropped_more, done.dropped_steps) == (4, True, [0, 3])


def test_what_the_rule_says() -> None:
    run = make_run({"loss": [1.0, 0.5]}, steps=[99, 199])
    run.console = console(core(i, 199) for i in range(50, 199))
    note_dropped(run)
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "DAT007"]
    assert finding.message == (
        "The SDK dropped at least 149 rows of steps 50 to 198 because the run was already at "
        "step 199, so their values are lost"
    )
    (proof,) = finding.evidence
    assert (proof.step_from, proof.step_to, proof.before, proof.after) == (50, 198, 199, 199)
    assert proof.n == 149 and proof.effect == pytest.approx(149 / 151)
    run.completeness.dropped, run.completeness.dropped_steps = 1, []
    run.completeness.dropped_more, run.completeness.dropped_at = False, []
    (finding,) = [f for f in postrun.diagnose(run) if f.rule == "DAT007"]
    assert finding.message == (
        "The SDK dropped 1 row because the run was already at a later step, so its values are lost"
    )


@pytest.mark.slow
def test_the_real_sdk(sdk: SdkRun) -> None:
    """All refused rows are counted, also those whose warnings come after the console is closed."""
    folder = sdk(
        """
import wandb
run = wandb.init(project="p")
for i in range(100):
    run.log({"loss": 1 / (i + 1)}, step=i)
for i in range(1000):
    run.log({"loss": 1.0, "other": 2.0}, step=50 + i % 40)
run.log({"first": 1}, step=99)
run.log({"second": 1}, step=99)
run.finish()
"""
    )
    run = postrun.load(folder)
    done = run.completeness
    assert (run.history.height, done.dropped, done.dropped_more) == (100, 1000, False)
    assert (done.dropped_steps, done.dropped_at) == ([50, 89], [99, 99])
    assert run.history["second"].drop_nulls().len() == 1
