"""How a training ended, by all evidence at once; rules, headline and project-wide commands say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Artifact, Finding, Run, Severity, State
from postrun.records.ending import ending
from postrun.records.finals import finals
from postrun.report.overview import facts
from postrun.report.story import verdict
from postrun.studies.comparison import Comparison
from postrun.training.end_words import headline
from postrun.training.ending import how_it_ended

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
    assert finding.message.startswith(
        "Stopped by the user at step 500 of 1,000 (50%) after 10 min, about 10 min before its planned end"
    )
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
    assert headline(RunView(made)) == "Finished training (no exit record) after 10 min"


# -------------------------------------------------------------------------------------- killed
def test_killed_without_a_trace() -> None:
    made = run("step 500")
    finding = told(made)
    assert finding.message == (
        "Killed at step 500 of 1,000 (50%) after 10 min, about 10 min before its planned end: no exit record, "
        "and the console shows no error"
    )
    assert finding.severity is postrun.Severity.CRITICAL and ending(RunView(made)).kind == "killed"
    assert verdict(RunView(made), [finding]) == (
        "Killed (no exit record) at step 500 of 1,000 (50%) after 10 min."
    )


def test_an_exit_code_without_a_cause_is_a_failure_not_a_kill() -> None:
    made = run("step 500", state=State.FAILED, exit_code=3)
    assert ending(RunView(made)).words == "failed" and ending(RunView(made)).failed
    assert headline(RunView(made)).startswith("Failed (exit code 3)")


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
    assert told(run(completeness=done)).message.endswith("the last 3 rows are missing from the log")


def test_a_summary_far_ahead_means_an_incomplete_log() -> None:
    made = run(completeness=replace(run().completeness, reported_last_step=900))
    assert told(made).message.startswith("The log is incomplete: it ends at step 49")
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
    made = run("Epoch 17/200", rows=0, completeness=gone, state=State.UNKNOWN)
    assert "the console was kept and ends in epoch 17 of 200" in told(made).message


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
    assert "probably by early stopping (early_stopping_patience = 3)" in told(made).message


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


# ----------------------------------------------------------------------- further evidence, clause by clause
def frames(*functions: str) -> tuple[str, ...]:
    """A traceback through these functions, without its exception."""
    lines = [TRACE[0]]
    for function in functions:
        lines += [f'  File "/home/me/train.py", line 7, in {function}', f"    {function}(model)"]
    return tuple(lines)


LIGHTNING = "x.py:54: Detected KeyboardInterrupt, attempting graceful shutdown ..."


def test_ctrl_c_that_a_trainer_caught_under_exit_code_0() -> None:
    made = run(LIGHTNING, "Testing: done", state=State.FINISHED, code=0)
    assert told(made).message.startswith("Stopped by the user at step 500 of 1,000 (50%)")
    assert headline(RunView(made)) == "Stopped by the user after 10 min"
    twice = run(LIGHTNING, "fit again", LIGHTNING, state=State.CRASHED)
    assert "the trainer caught Ctrl-C 2 times" in told(twice).message


def test_a_training_that_was_done_in_spite_of_ctrl_c() -> None:
    made = run(LIGHTNING, "fit again", rows=100, state=State.FINISHED, code=0)
    assert told(made).message == "Completed all 1,000 planned steps"


def test_ctrl_c_without_any_metric_gives_no_advice_on_curves() -> None:
    made = run(*CTRL_C, rows=0, state=State.FAILED, code=255)
    assert (
        told(made).remedy
        == "The stop itself says nothing about the training: see the other findings."
    )


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        (("main", "save_model"), "saving the model failed"),
        (("main", "evaluate"), "the evaluation failed"),
        (("main", "push_to_hub"), "the upload failed"),
        (("main", "plot"), "the process failed"),
    ],
)
def test_what_failed_after_the_training(functions: tuple[str, ...], words: str) -> None:
    lines = (*frames(*functions), "OSError: [Errno 2] No such file or directory: 'out'")
    made = run(*lines, rows=100, state=State.FAILED, code=1)
    finding = told(made)
    assert finding.message.startswith(
        f"Training finished all 1,000 steps, then {words} (exit code 1)"
    )
    saving = words.startswith("saving")
    assert finding.severity is (postrun.Severity.CRITICAL if saving else postrun.Severity.WARNING)
    assert headline(RunView(made)) == "Finished training, then failed (exit code 1) after 10 min"


def console(*lines: tuple[str, str]) -> pl.DataFrame:
    """Console lines of given streams."""
    streams, texts = zip(*lines, strict=True)
    return pl.DataFrame({"stream": streams, "line": texts}).select(
        pl.lit(None, pl.Float64).alias("timestamp"),
        "stream",
        "line",
        pl.lit(None, pl.String).alias("styled"),
    )


def test_the_last_line_on_stderr_explains_an_exit_without_traceback() -> None:
    lines = console(
        ("stderr", "config.yaml has no data path"),
        ("stderr", " 50%|█████     | 5/10 [00:10<00:10,  1.00s/it]"),
        ("stdout", "step 500"),
        ("stderr", "wandb: Synced 5 files"),
    )
    made = run(state=State.FAILED, code=3, console=lines)
    assert told(made).message.endswith(
        'no traceback, the last message is "config.yaml has no data path"'
    )


@pytest.mark.parametrize(
    ("line", "swallowed"),
    [
        ("2026-01-01 10:00:00 ERROR trainer: batch 7 is empty", True),
        ("ValueError: batch 7 is empty", True),
        ("Training failed, cleaning up", True),
        ("test error 0.31", False),
        ("wandb: ERROR Error while calling W&B API", False),
        ("0 errors", False),
    ],
)
def test_an_error_that_was_logged_and_swallowed(line: str, swallowed: bool) -> None:
    made = run("step 500", line, "bye", state=State.FINISHED, code=0)
    found = postrun.diagnose(made, select=["RUN003", "RUN008"])
    assert [f.rule for f in found] == (["RUN008"] if swallowed else ["RUN003"])
    assert (ending(RunView(made)).kind == "error") is swallowed
    done = run("step 500", line, rows=100, state=State.FINISHED, code=0)
    assert postrun.diagnose(done, select=["RUN008"]) == []


def test_an_optimizer_that_does_not_fit_is_told_in_the_sentence() -> None:
    lines = (
        *TRACE, '  File "/x/torch/optim/adamw.py", line 175, in _init_group',
        '    state["exp_avg_sq"] = torch.zeros_like(p)',
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 64.00 MiB.",
    )  # fmt: skip
    message = told(run(*lines, rows=0, state=State.FAILED, code=1)).message
    assert "the GPU ran out of memory while the optimizer allocated its state" in message


def gpu(memory: list[float], busy: float = 90.0) -> pl.DataFrame:
    """Samples of one GPU, every 15 s."""
    t = 15.0 * np.arange(len(memory))
    return pl.DataFrame(
        {"_timestamp": 1.7e9 + t, "_runtime": t, "gpu.0.memoryAllocated": memory,
         "gpu.0.gpu": [busy] * len(memory)}
    )  # fmt: skip


OOM = (*TRACE, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 18.00 MiB.")


@pytest.mark.parametrize(
    ("memory", "crept"),
    [
        ([1, 20, 40, 40, 44, 44, 50, 50, 57, 57, 63, 63], True),
        ([1, 20, 40, 40, 40, 40, 40, 90, 90, 90, 90, 90], False),  # one leap
        ([1, 20, 60, 60, 61, 60, 61, 60, 61, 60, 61, 60], False),
    ],
)
def test_memory_that_crept_up(memory: list[float], crept: bool) -> None:
    made = run(*OOM, state=State.FAILED, code=1, system=gpu(memory))
    assert ("GPU memory had crept up from 40% to 63%" in told(made).message) is crept


def test_a_gpu_that_was_full_before_the_training_began() -> None:
    made = run("starting", rows=0, system=gpu([99.4] * 5, busy=3.0))
    assert (
        "GPU memory was 99.4% full from the first sample on and the GPU 3% busy"
        in told(made).message
    )
    assert "GPU memory" not in told(run("x", rows=0, system=gpu([99.4] * 5, busy=95.0))).message


def test_missing_rows_are_counted_by_the_steps_between_rows() -> None:
    sparse = run().history.with_columns(_step=pl.int_range(pl.len()) * 100)
    done = replace(run().completeness, last_step=4900, reported_last_step=5100)
    made = run(completeness=done, history=sparse)
    assert how_it_ended(RunView(made)).unflushed == 2


@pytest.mark.parametrize(("size", "kind"), [(30_000, "killed"), (500_000, "incomplete-log")])
def test_a_log_is_a_copy_if_more_is_missing_than_one_block(size: int, kind: str) -> None:
    done = replace(run().completeness, reported_last_step=300, missing_bytes=size)
    assert how_it_ended(RunView(run(completeness=done))).kind == kind


def test_the_position_of_a_killed_run_is_that_of_its_summary() -> None:
    frame = pl.DataFrame({"_step": range(6), "acc": np.linspace(0.1, 0.5, 6)})
    made = Run.from_frame(frame, config={"num_rounds": 150}, state=State.CRASHED)
    made.completeness.reported_last_step = 7
    assert told(made).message.startswith("Killed at step 7 (8 of 150 rounds, 5%)")


def test_a_process_that_idled_after_its_training() -> None:
    history = run(rows=100).history.with_columns(
        _timestamp=pl.Series(1.7e9 + np.arange(100.0)), _runtime=pl.Series(np.arange(100.0))
    )
    made = run(rows=100, history=history, system=cpu(0, 0, seconds=2800))
    assert told(made).message.endswith("; it had lived on for 45 min without logging")


def test_a_traceback_beside_an_empty_log() -> None:
    empty = replace(run(rows=0).completeness, no_history="the log file is empty")
    made = run(*TRACE, "ValueError: bad", rows=0, state=State.FAILED, completeness=empty)
    assert told(made).message.endswith("; the log file is empty, so no metric was recorded")


def test_what_a_run_without_rows_printed_last_is_told() -> None:
    assert told(run("Downloading: 40%", rows=0)).message.endswith(
        'the console shows no error; the console ends with "Downloading: 40%"'
    )
    assert told(run(rows=0)).message.endswith("no exit record, and no console was kept")


@pytest.mark.parametrize("program", ["<python with no main file>", "work/train.ipynb"])
def test_a_notebook_may_have_been_stopped(program: str) -> None:
    """A cell that is stopped leaves no exit, as a killed process does."""
    found = told(run("step 500", environment={"program": program}))
    assert found.message.endswith(
        "a notebook leaves none if a cell is stopped or its kernel closed"
    )
    assert found.severity is Severity.WARNING
    script = told(run("step 500", environment={"program": "train.py"}))
    assert script.severity is Severity.CRITICAL and "notebook" not in script.message


def test_exit_codes_are_never_called_missing() -> None:
    for code in (1, 3, 137, 143, 255):
        made = run("step", state=State.FAILED, code=code)
        assert "no exit record" not in told(made).message + headline(RunView(made))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (run(*CTRL_C, state=State.FAILED, code=255), "stopped by the user"),
        (run("step 500"), "killed (no exit record)"),
        (run(*TRACE, "ValueError: bad", state=State.FAILED, code=1), "failed (exit code 1)"),
        (run(completeness=replace(run().completeness, reported_last_step=900)), "incomplete log"),
        (run(rows=100, state=State.FINISHED, code=0), "finished"),
    ],
)
def test_one_word_for_one_thing(made: Run, words: str) -> None:
    view = RunView(made)
    assert headline(view).lower().startswith(words)
    assert dict(facts(view))["state"] == words
    assert Comparison.of([made, made]).runs["state"].to_list() == [words, words]


# ------------------------------------------------------------------------------------ the best checkpoint
def evaluated(config: dict[str, Any]) -> RunView:
    """A run whose evaluation after the training is of the best checkpoint, which was loaded again."""
    loss = [1.0, 0.6, 0.8, 0.9, None, 0.6]
    end = [None, None, None, None, 60.0, None]
    frame = pl.DataFrame(
        {"_step": range(6), "train/global_step": [10, 20, 30, 40, 45, 45], "eval/loss": loss,
         "train/train_runtime": end}
    )  # fmt: skip
    return RunView(Run.from_frame(frame, config=config, state=State.FINISHED))


def test_an_evaluation_of_the_reloaded_best_checkpoint_is_not_the_last() -> None:
    view = evaluated({"load_best_model_at_end": True})
    assert view.series("eval/loss").y.tolist() == [1.0, 0.6, 0.8, 0.9]
    assert finals([view], ["eval/loss"])["final"].to_list() == [0.9]
    plain = evaluated({"load_best_model_at_end": False})
    assert len(plain.series("eval/loss")) == 5
