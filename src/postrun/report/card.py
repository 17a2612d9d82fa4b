"""`postrun card`: a Hugging Face model card, from what a run shows and nothing else.

The metadata are made by huggingface_hub's own classes (the `card` extra). What a run does not tell is
left out; what a user adds by hand outside the marked section is never touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postrun.metrics import RunView, Series, roles
from postrun.model import Finding, PostrunError, Severity
from postrun.model.text import inert, number, position
from postrun.privacy.anonymous import without_paths
from postrun.records.finals import central_metrics, final
from postrun.report.files import write_text
from postrun.report.markdown import escape
from postrun.report.overview import reached
from postrun.report.section import END, begin, with_section
from postrun.report.story import verdict
from postrun.rules.coverage import coverage
from postrun.training.cost import CO2_PER_KWH, cost_of

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

BEGIN = begin("postrun card")
#: A repository on the Hub: "organisation/name".
_HUB_ID = re.compile(r"^[\w][\w.-]{0,95}/[\w][\w.-]{0,95}$")
#: Roles whose last level is a result that a card may state, best first.
_RESULTS = (
    "accuracy.eval", "score.eval", "reward.eval", "loss.eval", "perplexity.eval",
    "accuracy.preference", "reward", "accuracy.train", "loss.train",
)  # fmt: skip
_SETTINGS = (
    ("learning rate", "lr"), ("schedule", "scheduler"), ("warm-up", "warmup"),
    ("optimizer", "optimizer"), ("weight decay", "weight_decay"),
    ("gradient clipping", "max_grad_norm"), ("batch size", "batch_size"),
    ("gradient accumulation", "gradient_accumulation"), ("sequence length", "sequence_length"),
    ("steps (planned)", "max_steps"), ("epochs (planned)", "epochs"), ("precision", "precision"),
    ("discount", "gamma"), ("completion length (most)", "max_completion"), ("seed", "seed"),
)  # fmt: skip
#: Frameworks whose models generate text, by the name of their pack.
_TEXT = (
    "prime-rl",
    "trl-sft",
    "trl-grpo",
    "trl-kto",
    "trl-online",
    "trl-ppo",
    "trl-preference",
    "openrlhf",
    "axolotl",
    "torchtune",
    "nanogpt",
)
#: The Hub's name of the library that saves the model, by the name of the pack that recognised the framework.
_LIBRARIES = {
    "hf-trainer": "transformers",
    "trl-": "transformers",
    "stable-baselines3": "stable-baselines3",
    "ultralytics": "ultralytics",
    "timm": "timm",
    "keras": "keras",
}
#: An absolute path, or one that begins in the home or the working folder: no name that others can use.
_LOCAL = re.compile(r"^(?:[~./\\]|[A-Za-z]:[\\/]|file:)")
#: Families of rules that speak of the machine's use, which limits no model.
_NO_LIMITS = ("PERF",)
#: What only people know, outside of the marked section.
_STUBS = """## Intended use

[More information needed: what the model is for, and what it is not for.]

## How to use

[More information needed: code that loads the model and calls it.]
"""
_PACKAGES = re.compile(
    r"(?i)^(torch|transformers|trl|peft|accelerate|datasets|tokenizers|vllm|deepspeed|flash[-_]attn"
    r"|jax|flax|tensorflow|keras|lightning|pytorch[-_]lightning|timm|ultralytics|stable[-_]baselines3"
    r"|gymnasium|ray|xgboost|lightgbm|scikit[-_]learn|numpy|wandb|prime[-_]rl|verl|axolotl"
    r"|torchtune|unsloth)==\S+$"
)


@dataclass(frozen=True, slots=True)
class CardOptions:
    """What the user adds to what the run tells; empty where the run is to tell."""

    model_name: str = ""
    base_model: str = ""
    datasets: tuple[str, ...] = ()
    license: str = ""
    task: str = ""


def write_card(
    path: Path,
    view: RunView,
    findings: list[Finding],
    plots: list[Path],
    options: CardOptions,
    command: str,
    masked: str = "",
) -> str:
    """Write a model card to `path`, or its section into the one that is there; returns which.

    Raises:
        PostrunError: huggingface_hub is not installed, or the file cannot be written.
    """
    section = card_section(view, findings, plots, options, command, masked, path.parent)
    if path.is_file():
        before = path.read_text(encoding="utf-8")
        text, replaced = with_section(before, section)
        write_text(path, text if replaced else f"{text}\n")
        return "section updated" if replaced else "section added"
    title = escape(options.model_name or view.run.name)
    write_text(path, f"---\n{metadata(view, options)}\n---\n\n# {title}\n\n{_STUBS}\n{section}\n")
    return "card written"


def metadata(view: RunView, options: CardOptions) -> str:
    """The card's YAML, without its fences; only what the run or the user says."""
    try:
        from huggingface_hub import ModelCardData
    except ImportError as error:
        raise PostrunError(
            "model cards need huggingface_hub: `pip install 'postrun[card]'`."
        ) from error
    base, sets = base_model(view, options), datasets(view, options)
    results = eval_results(view, options)
    data = ModelCardData(
        base_model=base if _HUB_ID.match(base) else None,
        datasets=[d for d in sets if _HUB_ID.match(d)] or None,
        license=options.license or None,
        library_name=_library(view),
        pipeline_tag=task(view, options) or None,
        tags=_tags(view) or None,
        model_name=(options.model_name or view.run.name) if results else None,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def eval_results(view: RunView, options: CardOptions) -> list[EvalResult]:
    """The run's results: medians of the last 5% of each metric's values, as finals are.

    The Hub wants a task and a data set for each result: without either there are none, and the card's table
    alone shows the results.
    """
    from huggingface_hub import EvalResult

    sets, kind = datasets(view, options), task(view, options)
    if not sets or not kind:
        return []
    out = []
    for series in results(view):
        role = series.info.role or ""
        held_out = "eval" in role
        out.append(
            EvalResult(
                task_type=kind,
                dataset_type=sets[0],
                dataset_name=sets[0],
                dataset_split=None if held_out else "train",
                metric_type=role.split(".")[0],
                metric_name=series.key,
                metric_value=float(f"{final(series)[2]:.6g}"),
            )
        )
    return out


def results(view: RunView) -> list[Series]:
    """Metrics that are results: held-out ones, and where there are none, the trainer's own."""
    known = set(central_metrics(view))
    found = [
        s.finite
        for role in _RESULTS
        for s in view.by_role(role)
        if s.key in known and len(s.finite)
    ]
    held_out = [s for s in found if "eval" in (s.info.role or "")]
    return (held_out or found)[:12]


def task(view: RunView, options: CardOptions) -> str:
    """The Hub's name of the task, where the framework tells it; else ""."""
    if options.task:
        return options.task
    names = [pack.name for pack in view.packs]
    if any(name.startswith(_TEXT) for name in names):
        return "text-generation"
    if any(name.startswith(("stable", "cleanrl", "rllib")) for name in names):
        return "reinforcement-learning"
    return ""


def _library(view: RunView) -> str | None:
    names = [pack.name for pack in view.packs]
    found = (hub for start, hub in _LIBRARIES.items() for name in names if name.startswith(start))
    return next(found, None)


def _tags(view: RunView) -> list[str]:
    """Tags for which the run is evidence: what the Trainer tags its models with, and the tracker."""
    trained = _library(view) == "transformers"
    return [
        *(["generated_from_trainer"] if trained else []),
        *(["wandb"] if view.run.identity.url else []),
    ]


def base_model(view: RunView, options: CardOptions) -> str:
    """The model that the training began from; "" where it is not told."""
    return options.base_model or next(iter(_texts(view, "base_model")), "")


def datasets(view: RunView, options: CardOptions) -> list[str]:
    """The data sets that the config names."""
    return list(options.datasets) or _texts(view, "dataset")


def _texts(view: RunView, name: str) -> list[str]:
    found = view.setting(name)
    if found is None:
        return []
    values = found[1] if isinstance(found[1], list) else [found[1]]
    texts = [v.strip() for v in values if isinstance(v, str)]
    return [text for text in texts if text and not _LOCAL.match(text)][:8]


def card_section(
    view: RunView,
    findings: list[Finding],
    plots: list[Path],
    options: CardOptions,
    command: str,
    masked: str,
    folder: Path,
) -> str:
    """The marked section: what the training did, found out and cost."""
    run = view.run
    lines = [BEGIN, "", "## Training", "", f"{escape(verdict(view, findings))}", ""]
    lines += _table(_procedure(view, options))
    shown = results(view)
    if shown:
        lines += ["### Results", "", "| metric | role | first | final | best | at step |",
                  "|---|---|---:|---:|---:|---:|"]  # fmt: skip
        for s in shown:
            _, _, last, best, at = final(s)
            cells = f"{number(float(s.y[0]))} | {number(last)} | {number(best)} | {_step(at)}"
            lines.append(f"| {escape(s.key)} | {roles()[str(s.info.role)].title} | {cells} |")
        lines += ["", "Final: median of the last 5% of the values.", ""]
    if plots:
        lines += ["### Curves", ""]
        lines += [f"![{p.stem.replace('_', ' ')}]({_relative(p, folder)})" for p in plots]
        lines.append("")
    lines += ["### Limitations", ""]
    told = [(f, escape(without_paths(f.message))) for f in limitations(findings)]
    lines += [
        f"- **{f.severity.label}**: {message} ({f.rule}, confidence {f.confidence:.0%})"
        for f, message in told
    ] or [f"The training's record shows no limitation ({coverage(view).counted} understood)."]
    if not run.completeness.whole:
        lines.append(f"- The record is not complete: {escape(run.completeness.sentence())}.")
    lines += ["", "### Environment", ""]
    lines += _table(_environment(view))
    energy = energy_sentence(view)
    lines += [energy, ""] if energy else []
    program = without_paths(_program(view))
    command = without_paths(command)
    if program:
        lines += ["Trained with:", "", "```sh", program.replace("```", "'''"), "```", ""]
    lines += ["This section was made by:", "", "```sh", command.replace("```", "'''"), "```", ""]
    if masked:
        lines += [f"{escape(masked)}.", ""]
    return inert("\n".join([*lines, END]))


def limitations(findings: list[Finding]) -> list[Finding]:
    """Findings that a model's user must know: warnings and worse, but for the machine's use."""
    return [
        f for f in findings if f.severity >= Severity.WARNING and not f.rule.startswith(_NO_LIMITS)
    ]


def _step(at: float | None) -> str:
    return "–" if at is None else position(at)


def _table(rows: list[tuple[str, str]]) -> list[str]:
    kept = [f"| {label} | {escape(without_paths(text))} |" for label, text in rows if text]
    return ["| | |", "|---|---|", *kept, ""] if kept else []


def _procedure(view: RunView, options: CardOptions) -> list[tuple[str, str]]:
    run = view.run
    rows = [
        ("base model", base_model(view, options)),
        ("data", ", ".join(datasets(view, options))),
        ("framework", view.framework),
        (f"{view.axis.unit}s", reached(view)),
        ("duration", run.lasted),
        ("hardware", hardware(view)),
        ("run", run.identity.url or run.id),
        ("commit", run.identity.commit),
    ]
    for label, name in _SETTINGS:
        found = view.setting(name)
        if found is not None and isinstance(found[1], str | int | float) and found[1] != "":
            rows.append((label, f"{found[1]} ({found[0]})"))
    return rows


def hardware(view: RunView) -> str:
    """GPUs and CPUs as the run's metadata name them; of joined runs, each that names any."""
    runs = view.run.parts or [view.run]
    return "; ".join(dict.fromkeys(text for run in runs if (text := _machine(run.environment))))


def _machine(about: dict[str, Any]) -> str:
    gpu = about.get("gpu") or about.get("gpu_type")
    count, cpus = about.get("gpu_count"), about.get("cpu_count")
    parts = []
    if isinstance(gpu, str) and gpu:
        parts.append(f"{count} x {gpu}" if isinstance(count, int) and count > 1 else gpu)
    if isinstance(cpus, int) and cpus:
        parts.append(f"{cpus} CPU cores")
    return ", ".join(parts)


def energy_sentence(view: RunView) -> str:
    """The GPUs' energy with how it was measured, where their power was sampled; else ""."""
    spent = cost_of(view)
    if spent.kwh is None:
        return ""
    gpus = f"{spent.gpus} GPU{'s' if spent.gpus != 1 else ''}"
    part = "" if spent.sampled is None else f"; {100 * spent.sampled:.0f}% of the time was sampled"
    return (
        f"Energy: about {number(spent.kwh, 3)} kWh, {number(spent.kwh * CO2_PER_KWH, 3)} kg CO2 at "
        f"{CO2_PER_KWH} kg/kWh, the integral of the sampled power of {gpus} over time (trapezoid rule{part}); "
        "without CPU, memory, cooling and losses."
    )


def _environment(view: RunView) -> list[tuple[str, str]]:
    about = next((r.environment for r in (view.run, *view.run.parts) if r.environment), {})
    packages = [line for line in view.run.requirements if _PACKAGES.match(line)]
    return [
        ("Python", str(about.get("python") or "").removeprefix("CPython ")),
        ("system", str(about.get("os") or "")),
        ("CUDA", str(about.get("cudaVersion") or about.get("cuda_version") or "")),
        ("packages", ", ".join(packages)),
    ]


def _program(view: RunView) -> str:
    import shlex

    for run in (view.run, *view.run.parts):
        program = run.environment.get("program")
        if isinstance(program, str) and program:
            given = run.environment.get("args")
            words = [str(a) for a in given] if isinstance(given, list) else []
            text = " ".join(["python", program, *(shlex.quote(word) for word in words)])
            return "".join(c if c.isprintable() else "�" for c in text)
    return ""


def _relative(path: Path, folder: Path) -> str:
    from os.path import relpath
    from urllib.parse import quote

    return quote(Path(relpath(path, folder)).as_posix())
