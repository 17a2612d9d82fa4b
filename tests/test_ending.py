"""How a training ended, by all evidence at once; rules, headline and project-wide commands say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Artifact, Finding, Run, State
from postrun.records.ending import ending
from postrun.report.overview import verdict
from postrun.training.ending import headline, how_it_ended

TRACE = (
    "Traceback (most recent call last):",
    '  File "/home/me/train.py", line 61, in main',
    "    step()",
)
CTRL_C = (*TRACE, "KeyboardInterrupt")
CHAIN = "During handling of the above exception, another exception occurred:"
CAUSE = "The above exception was the direct cause of the following exception:"


def run(
    *lines: str,
    state: State = State.CRASHED,
    code: int | None = None,
    rows: int = 50,
    **fields: Any,
) -> Run:
    frame = pl.DataFrame(
        {
            "_step": range(rows),
            "train/loss": np.linspace(2, 1, rows),
            "global_step": 10 * np.arange(1, rows + 1),
        }
    )
    made = Run.from_frame(frame, config={"max_steps": 1000}, state=state, console=lines)
    return replace(made, **{"exit_code": code, "runtime": 600.0, **fields})


def told(made: Run) -> Finding:
    """The finding on the end of a run."""
    (finding,) = postrun.diagnose(made, select=["RUN001", "RUN002", "RUN003"])
    return finding


def cpu(idle_from: float, idle_to: float, seconds: int = 600) -> pl.DataFrame:
    """CPU of a process, sampled every 10 s: busy, but for a stretch."""
    t = np.arange(0.0, seconds, 10)
    busy = np.where((t >= idle_from) & (t < idle_to), 0.0, 97.0)
    return pl.DataFrame({"_timestamp": 1.7e9 + t, "_runtime": t, "cpu": busy})


# -------------------------------------------------------------------------------------- stopped
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (run(*CTRL_C, state=State.FAILED, code=255), "KeyboardInterrupt at train.py:61 in main"),
        (run(*CTRL_C, state=State.FINISHED, code=0), "although its exit code is 0"),
        (run("step", state=State.FAILED, code=255), "what W&B records for Ctrl-C"),
        (run("x.py:54: Detected KeyboardInterrupt, attempting graceful shutdown"), "caught Ctrl-C"),
        (run(*CTRL_C), "KeyboardInterrupt at train.py:61 in main"),
    ],
)  # fmt: skip
def test_stopped_by_the_user(made: Run, words: str) -> None:
    finding, view = told(made), RunView(made)
    assert finding.message.startswith("Stopped by the user at step 500 of 1,000 (50%) after 10 min")
    assert words in finding.message and finding.severity is postrun.Severity.INFO
    assert headline(view) == "Stopped by the user after 10 min"
    assert ending(view).kind == "stopped" and not ending(view).failed


def test_an_error_with_exit_code_255_is_a_failure() -> None:
    made = run(*TRACE, "ValueError: bad", state=State.FAILED, code=255)
    assert told(made).message.startswith("Failed (exit code 255) at step 500 of 1,000 (50%)")


# ------------------------------------------------------------------- the training was done before
def test_saving_failed_after_the_training() -> None:
    lines = (
        *TRACE, '  File "/x/trainer.py", line 2, in save_model', "    torch.save(state, path)",
        "RuntimeError: PytorchStreamWriter failed writing file data/1: file write failed",
    )  # fmt: skip
    made = run(*lines, state=State.FAILED, code=1, rows=100)
    finding = told(made)
    assert finding.message.startswith(
        "Training finished all 1,000 steps, then saving the model failed"
    )
    assert "disk" in finding.message and finding.severity is postrun.Severity.CRITICAL


def test_a_process_that_never_reported_its_exit() -> None:
    made = run("done", rows=100)
    finding = told(made)
    assert (
        finding.message
        == "Training finished all 1,000 steps, but the process never reported its exit"
    )
    assert finding.severity is postrun.Severity.INFO
    assert ending(RunView(made)).kind == "finished"
    assert headline(RunView(made)) == "Finished after 10 min (no exit record)"


# -------------------------------------------------------------------------------------- killed
def test_killed_without_a_trace() -> None:
    made = run("step 500")
    finding = told(made)
    assert finding.message == (
        "Killed at step 500 of 1,000 (50%) after 10 min: no exit record, and the console shows no error"
    )
    assert finding.severity is postrun.Severity.CRITICAL and ending(RunView(made)).kind == "killed"
    assert verdict(RunView(made), [finding]).startswith(
        "Killed after 10 min (no exit record), with critical"
    )


def test_a_process_that_stood_still() -> None:
    made = run("step 500", system=cpu(300, 600))
    assert "the process had stood still for 5 min (CPU at 0%)" in told(made).message
    assert ending(RunView(made)).kind == "suspended"


def test_a_process_that_stood_still_and_went_on() -> None:
    made = run("step 500", system=cpu(200, 500))
    assert "the process stood still for 5 min" in told(made).message
    assert "went on for a while" in told(made).message


@pytest.mark.parametrize("system", [cpu(590, 600), cpu(0, 0), cpu(0, 600)])
def test_a_short_pause_or_a_cpu_that_is_never_busy_says_nothing(system: pl.DataFrame) -> None:
    assert "stood still" not in told(run("step 500", system=system)).message


def test_a_summary_that_is_a_few_rows_ahead_is_unflushed() -> None:
    done = replace(run().completeness, reported_last_step=52)
    assert told(run(completeness=done)).message.endswith(
        "the last 3 rows were not written to the log"
    )


def test_a_summary_far_ahead_means_an_incomplete_log() -> None:
    made = run(completeness=replace(run().completeness, reported_last_step=900))
    assert told(made).message.startswith("The log is incomplete: it ends at row 49")
    assert ending(RunView(made)).kind == "incomplete-log"


def test_nothing_was_recorded() -> None:
    empty = replace(run(rows=0).completeness, no_history="the log file is empty")
    made = run("Loading weights", rows=0, completeness=empty)
    told_ = told(made).message
    assert (
        told_
        == 'Killed before anything was recorded: the log file is empty; the console ends with "Loading weights"'
    )


def test_only_the_console_was_kept() -> None:
    gone = replace(run(rows=0).completeness, no_history="the log file (run-ID.wandb) is missing")
    made = run("Epoch 17/200 loss 0.1", rows=0, completeness=gone, state=State.UNKNOWN)
    assert "it came to epoch 17 of 200" in told(made).message


# --------------------------------------------------------------------------------------- chains
@pytest.mark.parametrize(
    ("lines", "exception"),
    [
        ((*TRACE, "OSError: disk", "", CAUSE, "", *TRACE, "RuntimeError: save failed"), "in main: disk"),
        ((*TRACE, "RuntimeError: first", "", CHAIN, "", *TRACE, "TypeError: second"), "RuntimeError"),
        ((*TRACE, "RuntimeError: first", "", CHAIN, "", *TRACE), "RuntimeError"),  # the last one is cut
        ((*TRACE, "KeyError: 'x'", "", CHAIN, "", *TRACE, "ValueError: real"), "in main: real"),  # a lookup
        ((*TRACE, "ValueError: real", "retrying", *TRACE, "TypeError: later"), "in main: later"),  # no chain
        (
            (*TRACE, "ValueError: real", ">>> obs", TRACE[0], '  File "<stdin>", line 1, in <module>',
             "NameError: name 'obs' is not defined"),
            "in main: real",
        ),
        ((*TRACE, "ImportError:", "    libGL.so not found", "    HINT: install it"), "libGL.so not found"),
    ],
)  # fmt: skip
def test_the_cause_of_a_chain(lines: tuple[str, ...], exception: str) -> None:
    code = None if lines[-1] == TRACE[-1] else 1
    assert exception in told(run(*lines, state=State.FAILED, code=code)).message


@pytest.mark.parametrize(
    ("frame", "asked", "remedy"),
    [
        ("/x/torch/optim/adamw.py", "64.00 MiB", "A smaller batch will not help"),
        ("/x/model.py", "31.07 GiB", "One allocation asked for 31.07 GiB"),
        ("/x/model.py", "18.00 MiB", "Lower the batch size"),
    ],
)
def test_what_helps_against_a_full_gpu(frame: str, asked: str, remedy: str) -> None:
    error = (
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {asked}. "
        "GPU 0 has a total capacity of 93.12 GiB"
    )
    made = run(
        *TRACE, f'  File "{frame}", line 3, in f', "    g()", error, state=State.FAILED, code=1
    )
    assert remedy in told(made).remedy


# ---------------------------------------------------------------------------------------- plans
def test_a_run_that_ended_early_as_configured() -> None:
    made = run(state=State.FINISHED, code=0)
    made.config["early_stopping_patience"] = 3
    assert told(made).severity is postrun.Severity.GOOD
    assert "as early stopping may: early_stopping_patience = 3" in told(made).message


def test_an_early_end_without_any_evaluation_is_a_warning() -> None:
    assert told(run(state=State.FINISHED, code=0)).severity is postrun.Severity.WARNING
    watched = run(state=State.FINISHED, code=0)
    held_out = watched.history.with_columns(pl.col("train/loss").alias("eval/loss"))
    assert told(replace(watched, history=held_out)).severity is postrun.Severity.INFO


@pytest.mark.parametrize(
    ("job", "artifacts", "accused"),
    [
        ("train", [], True),
        ("dataset-upload", [], False),
        ("preprocess", [], False),
        ("", [Artifact("data", "dataset", "output")], False),
        ("", [Artifact("source-me-train.py", "code", "output")], True),
    ],
)
def test_jobs_that_log_nothing_by_design(
    job: str, artifacts: list[Artifact], accused: bool
) -> None:
    made = run(rows=0, state=State.FINISHED, code=0, artifacts=artifacts)
    made.identity.job_type = job
    assert bool(postrun.diagnose(made, select=["RUN004"])) is accused


def test_the_ending_is_decided_once() -> None:
    view = RunView(run("step"))
    assert how_it_ended(view) is how_it_ended(view)


def test_an_early_end_after_evaluations_that_got_no_better_is_what_early_stopping_does() -> None:
    evaluated = np.r_[np.linspace(1, 0.4, 15), 0.41, 0.405, 0.42, 0.43]
    frame = pl.DataFrame({"epoch": range(19), "val_loss": evaluated})
    made = Run.from_frame(frame, config={"epochs": 100}, state=State.FINISHED)
    finding = told(made)
    assert finding.severity is postrun.Severity.GOOD
    assert finding.message.endswith("val_loss was best at epoch 14, 4 evaluations before")
    falling = frame.with_columns(val_loss=pl.Series(np.linspace(1, 0.4, 19)))
    assert (
        "nothing shows why"
        in told(Run.from_frame(falling, config={"epochs": 100}, state=State.FINISHED)).message
    )
