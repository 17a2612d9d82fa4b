"""The command line as users and scripts meet it: output, exit codes, and no tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from postrun.cli.main import COMMANDS
from tests import logs
from tests.conftest import ROOT, SAMPLE
from tests.printed import envelope_of, results_of


def postrun(
    *arguments: object, cwd: Path | None = None, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command; its exit code must be `code`, and it never prints a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "postrun", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"COLUMNS": "100"} | environment,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback (most recent" not in done.stderr
    return done


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from postrun.cli.main import cli; "
        "cli.main(['--help'], standalone_mode=False); "
        "print([m for m in ('polars', 'numpy', 'matplotlib', 'rich', 'wandb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    text = postrun(command, "--help").stdout
    assert "Usage: " in text and len(text.splitlines()) > 5


@pytest.mark.slow
def test_analyze_beside_a_wandb_folder(tmp_path: Path) -> None:
    for stamp, name in (("20240101_000000", "old"), ("20240301_000000", "new")):
        logs.run_folder(
            tmp_path, name,
            [logs.run_record(name), logs.history({"loss": 1.0}, step=0), logs.exit_record()], stamp,
        )  # fmt: skip
    done = postrun("analyze", "--no-plots", cwd=tmp_path)
    assert "new" in done.stdout and "finished" in done.stdout
    assert [p.name for p in (tmp_path / "wandb_analysis").iterdir()] == ["new"]


@pytest.mark.slow
def test_what_a_newcomer_reads(tmp_path: Path) -> None:
    text = postrun("analyze", SAMPLE, "--out", tmp_path / "o").stdout
    for words in (
        "int8-sampler",
        "finished after",
        "complete: 480 rows",
        "RL001",
        "metrics/exact_reward",
        "do  ",
        "▁",
        "Report: ",
    ):
        assert words in text, words
    assert "confidence" not in text
    told = postrun("analyze", SAMPLE, "--out", tmp_path / "o", "--no-plots", "-v").stdout
    assert "→" in told and "confidence" in told and "trainer-inference-mismatch" in told
    assert "\x1b[" not in text  # plain when piped
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.slow
def test_json_is_all_there_is_on_stdout(tmp_path: Path) -> None:
    done = postrun("analyze", SAMPLE, "--json", "--out", tmp_path / "o", "--no-plots")
    data = envelope_of(done.stdout)
    assert data["command"] == "analyze" and data["errors"] == []
    assert data["results"]["runs"][0]["run_id"] == "sample01"
    assert done.stderr == ""
    assert results_of(postrun("list", SAMPLE, "--json").stdout)["runs"][0]["id"] == "sample01"
    assert {r["code"] for r in results_of(postrun("rules", "--json").stdout)["rules"]} >= {
        "OPT001",
        "RL001",
    }


@pytest.mark.slow
def test_quiet_says_only_what_matters(tmp_path: Path) -> None:
    lines = postrun("analyze", SAMPLE, "-q", "--out", tmp_path / "o", "--no-plots").stdout
    assert "RL001" in lines and "OPT007" not in lines


@pytest.mark.slow
def test_check_is_a_gate(tmp_path: Path) -> None:
    assert "RL001" in postrun("check", SAMPLE, code=1, cwd=tmp_path).stdout
    assert postrun("check", SAMPLE, "--fail-on", "critical", "--quiet", cwd=tmp_path).stdout == ""
    postrun("check", SAMPLE, "--select", "RUN", cwd=tmp_path)
    postrun("check", SAMPLE, "--ignore", "RL001,DAT004", cwd=tmp_path)
    data = results_of(postrun("check", SAMPLE, "--json", code=1, cwd=tmp_path).stdout)
    assert data["failed"] is True
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_settings_of_the_project_are_used(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.postrun]\nignore = ["RL001", "DAT"]\n')
    postrun("check", SAMPLE, cwd=tmp_path)
    settings.write_text("[tool.postrun.thresholds.OPT003]\nflat_share = 2.0\nearly_share = 0.0\n")
    postrun("check", SAMPLE, "--select", "OPT003", "--fail-on", "info", cwd=tmp_path)
    settings.write_text('[tool.postrun]\nselct = ["RL001"]\n')
    assert "selct" in postrun("check", SAMPLE, cwd=tmp_path, code=2).stderr


@pytest.mark.slow
def test_pull_exports_without_plots(tmp_path: Path) -> None:
    postrun("pull", SAMPLE, "--out", tmp_path / "o")
    names = {p.name for p in (tmp_path / "o" / "sample01").iterdir()}
    assert "sample01_history.parquet" in names and "plots" not in names and "report.md" not in names


@pytest.mark.slow
def test_compare(tmp_path: Path) -> None:
    for name, lr in (("a", 0.1), ("b", 0.2)):
        rows = [logs.history({"loss": 1 / (i + lr)}, step=i) for i in range(30)]
        record = logs.run_record(name, config={"lr": lr, "same": 1}, display_name="run")
        logs.run_folder(tmp_path, name, [record, *rows, logs.exit_record()])
    cache = str(tmp_path / "cache")
    arguments = ("compare", tmp_path / "wandb", "--metric", "loss", "--by", "lr", "--json")
    (study,) = results_of(postrun(*arguments, POSTRUN_CACHE_DIR=cache).stdout)["studies"]
    assert [row["key"] for row in study["tables"]["differences"]] == ["lr"]
    assert {row["run"] for row in study["tables"]["runs"]} == {"run (a)", "run (b)"}
    assert {row["group"] for row in study["tables"]["groups"]} == {"lr=0.1", "lr=0.2"}
    text = postrun("compare", tmp_path / "wandb", POSTRUN_CACHE_DIR=cache).stdout
    assert "0.2" in text and "other seeds" in text
    postrun("compare", SAMPLE, code=2, POSTRUN_CACHE_DIR=cache)


@pytest.mark.slow
def test_explain() -> None:
    assert "How it decides" in postrun("explain", "loss-diverged").stdout
    assert "lower is better" in postrun("explain", "val_loss").stdout
    assert "Did you mean" in postrun("explain", "OPT0001", code=2).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda p: [p / "missing"], 3, "no such file or folder"),
        (lambda p: ["someone/project/abc123"], 3, "W&B server"),
        (lambda p: [p], 3, "the folder is empty"),
        (lambda p: [_file(p, "x.wandb", b"SQLite format 3\0")], 3, "not a W&B run log"),
        (lambda p: [_file(p, "x.wandb", b"")], 3, "the log file is empty"),
        (lambda p: [_file(p, "notes.txt", b"hi")], 3, "not a run"),
        (lambda p: [_file(p, "x.csv", b"a,b\nx,y\n")], 3, "no column of numbers"),
        (lambda p: [SAMPLE, "--select", "NOPE"], 2, "no rule matches"),
        (lambda p: ["--nope"], 2, "No such option"),
    ],
)  # fmt: skip
def test_bad_input(tmp_path: Path, make, code: int, words: str) -> None:  # type: ignore[no-untyped-def]
    arguments = make(tmp_path)
    out = tmp_path / "out"
    error = postrun("analyze", *arguments, "--out", out, code=code, cwd=tmp_path).stderr
    assert words in " ".join(error.split())
    assert not out.exists()


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.slow
def test_no_target_and_nothing_here(tmp_path: Path) -> None:
    assert "no run here" in postrun("analyze", cwd=tmp_path, code=3).stderr


@pytest.mark.slow
def test_one_bad_target_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = _file(tmp_path, "bad.wandb", b"junk")
    done = postrun("analyze", bad, SAMPLE, "--out", tmp_path / "o", "--no-plots", code=3)
    assert "not a W&B run log" in done.stderr and "sample01" in done.stdout


@pytest.mark.slow
def test_many_runs_on_all_cores(tmp_path: Path) -> None:
    for i in range(9):
        rows = [logs.history({"loss": 1 / (j + 1)}, step=j) for j in range(40)]
        logs.run_folder(tmp_path, f"r{i}", [logs.run_record(f"r{i}"), *rows, logs.exit_record()],
                        f"2024010{i + 1}_000000")  # fmt: skip
    _file(tmp_path / "wandb", "broken.wandb", b"")
    done = postrun("analyze", tmp_path / "wandb", "--out", tmp_path / "o", "--workers", "2",
                   "--no-plots", code=3)  # fmt: skip
    assert {p.name for p in (tmp_path / "o").iterdir()} == {
        *(f"r{i}" for i in range(9)),
        "index.html",
    }
    order = [line.split()[0] for line in done.stdout.splitlines() if line[1:2].isdigit()]
    assert order[-9:] == [f"r{i}" for i in reversed(range(9))]
    assert "the log file is empty" in done.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes anywhere")
def test_unwritable_output(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "cannot be written" in postrun("analyze", SAMPLE, "--out", locked, code=3).stderr


@pytest.mark.slow
def test_output_folder_below_a_file(tmp_path: Path) -> None:
    blocker = _file(tmp_path, "file", b"")
    error = postrun("analyze", SAMPLE, "--out", blocker / "o", "--no-plots", code=3).stderr
    assert "cannot be written" in error and "--out" in error


@pytest.mark.slow
def test_hostile_names_do_not_command_the_terminal(tmp_path: Path) -> None:
    path = logs.write(
        tmp_path / "run-h.wandb",
        [
            logs.run_record("h", display_name="\x1b[2Jgone\x07[red]"),
            *(
                logs.history({"\x1b]0;t\x07loss": 1.0, "[bold]x[/bold]": 2.0}, step=i)
                for i in range(9)
            ),
            logs.exit_record(),
        ],
    )
    text = postrun("analyze", path, "--out", tmp_path / "o", "--no-plots").stdout
    assert "\x1b" not in text and "\x07" not in text and "[bold]x[/bold]" in text


@pytest.mark.slow
def test_scripts_of_the_seed(tmp_path: Path) -> None:
    def script(name: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, ROOT / "scripts" / name, *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert "sample01" in script("analyze_wandb_run.py", SAMPLE)
    folder = tmp_path / "wandb_analysis" / "sample01"
    assert (folder / "full_analysis.json").is_file()
    text = script("visualize_wandb_run.py", "--run-id", "sample01")
    assert (folder / "plots" / "training_metrics.png").is_file()
    assert (folder / "detailed_analysis.json").is_file() and "insights" in text.lower()


def _project(folder: Path) -> Path:
    """Eight runs of two optimizers with four seeds, one of which failed, and one broken log."""
    rng = np.random.default_rng(0)
    for number in range(8):
        name, lr = f"r{number}", (0.1, 0.2)[number % 2]
        rows = [
            logs.history(
                {"val_loss": lr * 10 + 1 / (i + 1) + 0.01 * rng.normal(), "_timestamp": 1.7e9 + i},
                step=i,
            )
            for i in range(40)
        ]
        record = logs.run_record(
            name,
            config={"lr": lr, "seed": number},
            display_name=f"run {number}",
            start=1_700_000_000 + number,
        )
        end = logs.output(
            "Traceback (most recent call last):\n"
            '  File "/h/t.py", line 3, in g\n    x\nKeyError: 1\n'
        )
        logs.run_folder(
            folder,
            name,
            [record, *rows, *([end] if number == 7 else []), logs.exit_record(int(number == 7))],
        )
    broken = folder / "wandb" / "run-20240101_000000-bad1" / "run-bad1.wandb"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not a log at all, but long enough to be read as one")
    return folder / "wandb"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["compare", "sweep", "failures", "progress"])
def test_commands_over_many_runs(tmp_path: Path, command: str) -> None:
    target, out = _project(tmp_path), tmp_path / "out"
    cache = str(tmp_path / "cache")
    done = postrun(
        command, target, "--json", code=3, POSTRUN_CACHE_DIR=cache
    )  # the broken log, told; the others read
    (error,) = envelope_of(done.stdout)["errors"]
    assert "run-bad1.wandb" in error
    (study,) = results_of(done.stdout)["studies"]
    assert study["kind"] == command and study["headline"] and study["tables"]
    (target / "run-20240101_000000-bad1" / "run-bad1.wandb").unlink()
    text = postrun(command, target, "--out", out, POSTRUN_CACHE_DIR=cache).stdout
    assert " ".join(study["headline"][0].split()[:3]) in text and str(out) in text
    names = {p.name for p in out.iterdir()}
    assert {f"{command}.md", f"{command}.json", f"{command}.html", f"{command}_runs.csv"} <= names
    assert (out / f"{command}.md").read_text().startswith("# ")
    again = results_of(postrun(command, target, "--json", POSTRUN_CACHE_DIR=cache).stdout)[
        "studies"
    ][0]
    fresh = results_of(
        postrun(command, target, "--json", "--no-cache", POSTRUN_CACHE_DIR=cache).stdout
    )["studies"][0]
    assert again == fresh and again["tables"] == study["tables"]


@pytest.mark.slow
def test_the_cache_notices_what_changed(tmp_path: Path) -> None:
    target, cache = _project(tmp_path), str(tmp_path / "cache")
    (target / "run-20240101_000000-bad1" / "run-bad1.wandb").unlink()
    postrun("compare", target, "--json", POSTRUN_CACHE_DIR=cache)
    entries = set((tmp_path / "cache").glob("??/*.json"))
    assert len(entries) == 8
    record = logs.run_record("r0", config={"lr": 0.1, "seed": 0}, display_name="run 0")
    rows = [logs.history({"val_loss": 0.001}, step=i) for i in range(40)]
    logs.run_folder(tmp_path, "r0", [record, *rows, logs.exit_record()])
    runs = results_of(postrun("compare", target, "--json", POSTRUN_CACHE_DIR=cache).stdout)[
        "studies"
    ][0]["tables"]["runs"]
    assert runs[0]["id"] == "r0" and runs[0]["level"] == 0.001
    for path in (tmp_path / "cache").glob("??/*.npy"):
        path.write_bytes(b"x" * 20)  # a cache that something else wrote to
    damaged = results_of(postrun("compare", target, "--json", POSTRUN_CACHE_DIR=cache).stdout)[
        "studies"
    ][0]["tables"]["runs"]
    assert damaged == runs


@pytest.mark.slow
def test_many_runs_wrong_usage(tmp_path: Path) -> None:
    target = _project(tmp_path)
    (target / "run-20240101_000000-bad1" / "run-bad1.wandb").unlink()
    cache = str(tmp_path / "cache")
    for arguments, words in (
        (["compare", target, "--by", "lrr"], "did you mean lr"),
        (["compare", target, "--metric", "val_los"], "Did you mean val_loss"),
        (["compare", target, "--by", "lr", "--baseline", "0.3"], "No group is called '0.3'"),
        (["compare", target, "--align", "tokens"], "No run counts tokens"),
        (["sweep", target, "--also", "speed"], "no run has a metric 'speed'"),
    ):
        assert words in postrun(*arguments, code=2, POSTRUN_CACHE_DIR=cache).stderr
    postrun("failures", tmp_path / "nowhere", code=3, POSTRUN_CACHE_DIR=cache)
    nobody = postrun("failures", target, "--tag", "nobody", code=3, POSTRUN_CACHE_DIR=cache)
    assert "no run fits these filters" in nobody.stderr


@pytest.mark.slow
def test_an_unwritable_cache_is_done_without(tmp_path: Path) -> None:
    target = _project(tmp_path)
    (target / "run-20240101_000000-bad1" / "run-bad1.wandb").unlink()
    (tmp_path / "file").write_text("in the way")
    done = postrun("compare", target, "--json", POSTRUN_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert len(results_of(done.stdout)["studies"][0]["tables"]["runs"]) == 8


@pytest.mark.slow
def test_the_page_shows_the_runs_that_the_filters_leave(tmp_path: Path) -> None:
    for name, group in (("aaaa", "g1"), ("bbbb", "g1"), ("cccc", "g2")):
        rows = [logs.history({"val_loss": 1 / (i + len(name))}, step=i) for i in range(20)]
        record = logs.run_record(name, config={"name_length": len(name)}, run_group=group)
        logs.run_folder(tmp_path, name, [record, *rows, logs.exit_record()])
    page = tmp_path / "page.html"
    arguments = ("compare", tmp_path / "wandb", "--group", "g1", "--html", page)
    postrun(*arguments, POSTRUN_CACHE_DIR=str(tmp_path / "cache"))
    text = page.read_text()
    assert "aaaa" in text and "bbbb" in text and "cccc" not in text
