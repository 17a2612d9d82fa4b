"""The model card: valid by the Hub's own classes, true to the run, and a good neighbour."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard import metadata_load

import postrun
from postrun.cli.main import main
from postrun.model import Identity, PostrunError
from postrun.report.card import (
    BEGIN,
    CardOptions,
    energy_sentence,
    eval_results,
    limitations,
    metadata,
    write_card,
)
from postrun.report.section import END
from tests.conftest import SAMPLE
from tests.curves import decay, make_run, noise
from tests.test_report_html import HOSTILE, hostile_run


def tuned_run() -> postrun.Run:
    """A fine-tuning as the Hugging Face Trainer logs it."""
    steps = np.arange(200)
    return make_run(
        {
            "train/loss": decay(200),
            "train/learning_rate": np.full(200, 1e-5),
            "train/grad_norm": noise(200, 0.1) + 1,
            "train/global_step": np.arange(200),
            "train/epoch": np.arange(200) / 100,
            "eval/loss": [float(v) if i % 20 == 0 else None for i, v in enumerate(decay(200, seed=1))],
            "eval/accuracy": [0.5 + i / 500 if i % 20 == 0 else None for i in steps.tolist()],
        },
        identity=Identity("abc123", name="tuned", url="https://wandb.ai/e/p/runs/abc123", commit="1f" * 20),
        config={"_name_or_path": "org/base-model", "dataset_name": "org/data", "learning_rate": 1e-5,
                "per_device_train_batch_size": 8, "max_steps": 200, "seed": 3},
        environment={"program": "train.py", "args": ["--name", "two words"], "gpu": "NVIDIA H100",
                     "gpu_count": 8, "cpu_count": 64, "python": "CPython 3.11.7", "os": "Linux"},
        requirements=["torch==2.9.0", "transformers==4.57.0", "left-pad==1.0"],
    )  # fmt: skip


def card(path: Path, run: postrun.Run, options: CardOptions | None = None, masked: str = "") -> str:
    view = postrun.RunView(run)
    findings = postrun.diagnose(view)
    return write_card(path, view, findings, [], options or CardOptions(), "postrun card x", masked)


def test_metadata_are_valid_and_say_what_the_run_says(tmp_path: Path) -> None:
    run = tuned_run()
    path = tmp_path / "README.md"
    assert (
        card(path, run, CardOptions(license="apache-2.0", task="text-classification"))
        == "card written"
    )
    loaded = ModelCard.load(path)
    data = loaded.data
    assert data.base_model == "org/base-model" and data.datasets == ["org/data"]
    assert data.license == "apache-2.0" and data.pipeline_tag == "text-classification"
    assert data.library_name == "transformers"
    assert data.eval_results is not None
    results = {r.metric_name: r for r in data.eval_results}
    assert set(results) == {"eval/loss", "eval/accuracy"}  # held-out results only
    accuracy = results["eval/accuracy"]
    assert accuracy.metric_value == pytest.approx(0.86) and accuracy.metric_type == "accuracy"
    assert accuracy.dataset_type == "org/data" and accuracy.task_type == "text-classification"
    assert "# tuned" in loaded.text
    for text in ("8 x NVIDIA H100, 64 CPU cores", "torch==2.9.0", "transformers==4.57.0",
                 "python train.py --name 'two words'", "postrun card x", "1e-05 (learning\\_rate)",
                 "8 (per\\_device\\_train\\_batch\\_size)", "### Limitations"):  # fmt: skip
        assert text in loaded.content, text
    assert "left-pad" not in loaded.content
    assert metadata_load(path) == data.to_dict()


def test_findings_are_limitations(tmp_path: Path) -> None:
    run = postrun.load(SAMPLE)
    card(tmp_path / "README.md", run)
    text = (tmp_path / "README.md").read_text()
    for finding in postrun.diagnose(run):
        grave = finding.severity >= postrun.Severity.WARNING
        assert (finding.rule in text) == grave, finding.rule


def test_use_of_the_machine_limits_no_model() -> None:
    findings = postrun.diagnose(postrun.load(SAMPLE))
    slow = replace(findings[0], rule="PERF001", severity=postrun.Severity.CRITICAL)
    kept = limitations([slow, *findings])
    assert [f.rule for f in kept] == ["RL001", "DAT004"]


def test_no_path_of_the_machine_is_published(tmp_path: Path) -> None:
    run = tuned_run()
    run.environment.update(
        program="/home/maria/work/train.py",
        args=["--data=/mnt/nas/maria/set", r"C:\Users\maria\x.txt"],
    )
    run.config.update(_name_or_path="/home/maria/models/base", dataset_name="~/sets/own")
    view = postrun.RunView(run)
    options, command = CardOptions(), "postrun card /home/maria/runs/wandb --out README.md"
    write_card(tmp_path / "README.md", view, [], [], options, command)
    text = (tmp_path / "README.md").read_text()
    assert "maria" not in text and "nas" not in text and "sets/own" not in text
    assert "python train.py --data=set" in text and "postrun card wandb --out README.md" in text
    assert "https://wandb.ai/e/p/runs/abc123" in text
    assert "base_model" not in text and "base model" not in text and "datasets:" not in text


def test_tags_and_library_need_evidence() -> None:
    installed = make_run({"loss": decay(100)}, requirements=["transformers==4.57.0"])
    text = metadata(postrun.RunView(installed), CardOptions())
    assert "library_name" not in text and "tags" not in text
    trained = metadata(postrun.RunView(tuned_run()), CardOptions())
    assert "library_name: transformers" in trained and "- generated_from_trainer" in trained


def test_people_fill_in_what_only_they_know(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    card(path, tuned_run())
    text = path.read_text()
    own = text[: text.index(BEGIN)]
    assert "## Intended use" in own and "## How to use" in own
    path.write_text(text.replace("[More information needed: what", "Summaries of texts. [What"))
    assert card(path, tuned_run()) == "section updated"
    assert "Summaries of texts." in path.read_text()


def test_steps_are_exact(tmp_path: Path) -> None:
    steps = 1_234_567 + 7 * np.arange(300)
    run = make_run({"_step": steps, "eval/accuracy": 0.5 + np.arange(300) / 1000})
    card(tmp_path / "README.md", run)
    text = (tmp_path / "README.md").read_text()
    assert f"1,234,567 to {steps[-1]:,}" in text and f"| {steps[-1]:,} |" in text


def test_an_existing_card_keeps_everything_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    own = "---\nlicense: mit\nx: [1]\n---\n\n# Mine\n\nWords \\1 of mine.\n"
    path.write_text(own)
    assert card(path, tuned_run()) == "section added"
    once = path.read_text()
    assert once.startswith(own.rstrip()) and once.count(BEGIN) == 1
    path.write_text(once + "\nMore of mine.\n")
    assert card(path, tuned_run(), masked="2 values masked") == "section updated"
    twice = path.read_text()
    assert twice.count(BEGIN) == twice.count(END) == 1
    assert twice.startswith(own.rstrip()) and twice.endswith("\nMore of mine.\n")
    assert "2 values masked" in twice


def test_what_a_run_does_not_tell_is_left_out() -> None:
    run = make_run({"loss": decay(100)}, config={"model": "./local/path", "data": "/mnt/x"})
    view = postrun.RunView(run)
    text = metadata(view, CardOptions())
    assert "base_model" not in text and "datasets" not in text and "license" not in text
    assert eval_results(view, CardOptions()) == [] and "model-index" not in text
    (result,) = eval_results(view, CardOptions(datasets=("org/x",), task="text-generation"))
    assert result.metric_name == "loss" and result.dataset_split == "train"
    assert energy_sentence(view) == ""


def test_energy_is_the_integral_of_power() -> None:
    seconds = np.arange(0, 3601, 15.0)
    system = pl.DataFrame({
        "_timestamp": seconds + 1.7e9, "_runtime": seconds,
        "gpu.0.powerWatts": np.full(len(seconds), 300.0), "gpu.1.powerWatts": np.full(len(seconds), 200.0),
        "gpu.0.memory": np.full(len(seconds), 50.0), "gpu.1.memory": np.full(len(seconds), 50.0),
    })  # fmt: skip
    sentence = energy_sentence(postrun.RunView(make_run({"loss": decay(100)}, system=system)))
    assert "about 0.5 kWh" in sentence and "2 GPUs" in sentence and "trapezoid" in sentence


def test_hostile_texts_do_not_break_out(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    card(path, hostile_run())
    text = path.read_text()
    body = text.split("---\n", 2)[2]
    body = re.sub(r"```.*?```", "", body, flags=re.S)  # code is shown as it is
    assert "<img" not in body and "<script" not in body and "&lt;img" in body
    view = postrun.RunView(hostile_run())
    options = CardOptions(datasets=("org/x",), task="other")
    path.write_text(f"---\n{metadata(view, options)}\n---\n")
    assert ModelCard.load(path).data.model_name == HOSTILE


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model" / "README.md"
    arguments = [
        "card",
        str(SAMPLE),
        "--out",
        str(out),
        "--base-model",
        "org/x",
        "--dataset",
        "org/y",
    ]
    monkeypatch.setattr(sys, "argv", ["postrun", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert "card written" in capsys.readouterr().out
    data = ModelCard.load(out).data
    assert data.base_model == "org/x" and data.datasets == ["org/y"]
    assert "![dashboard](plots/dashboard.png)" in out.read_text()
    assert (out.parent / "plots" / "dashboard.png").read_bytes().startswith(b"\x89PNG")
    assert f"postrun card {SAMPLE.name}" in out.read_text()


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PostrunError, match=r"postrun\[card\]"):
        metadata(postrun.RunView(tuned_run()), CardOptions())
