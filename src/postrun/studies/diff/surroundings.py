"""What differs around two trainings: command line, packages, commit, data and machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

from postrun.metrics import RunView
from postrun.model import Run
from postrun.studies.diff.changes import Change, Weight
from postrun.studies.groups import is_choice, is_seed
from postrun.training.cost import cost_of

#: Packages that decide what a training computes.
_FRAMEWORKS = re.compile(
    r"(?i)^(torch\w*|tensorflow\w*|keras\w*|jax\w*|flax|optax|transformers|accelerate|deepspeed|trl|peft|datasets|"
    r"tokenizers|(pytorch[_-])?lightning|flash[_-]attn|xformers|triton|vllm|sglang|numpy|scipy|scikit-learn|apex|"
    r"bitsandbytes|megatron\w*|nemo\w*|timm|diffusers|gym(nasium)?|stable[_-]baselines3|xgboost|lightgbm|catboost|"
    r"ultralytics|verl|openrlhf|prime[_-]rl|unsloth\w*|liger[_-]kernel|nvidia-(cudnn|cublas|nccl|cuda-runtime)\S*)$"
)


def packages(run: Run) -> dict[str, str]:
    """Return a run's packages: name in lower case to version, or to the place it came from."""
    found = {}
    for line in run.requirements:
        name, mark, version = re.match(r"\s*([^=@<>~! ]*)\s*(==|@|[<>~!]=?)?\s*(.*)", line).groups()  # type: ignore[union-attr]
        if name:
            key = re.sub(r"[-_.]+", "-", name).lower()
            found[key] = (
                version.strip() if mark in ("==", "@") else f"{mark or ''}{version}".strip()
            )
    return found


def package_changes(first: Run, second: Run) -> list[Change]:
    """Return packages whose versions differ, if both runs list any."""
    a, b = packages(first), packages(second)
    if not a or not b:
        return []
    out = []
    for name in sorted({*a, *b}):
        before, after = a.get(name), b.get(name)
        if before == after:
            continue
        weight = Weight.FRAMEWORK if _FRAMEWORKS.match(name) else Weight.PACKAGE
        how = "added" if before is None else "removed" if after is None else "changed"
        gone = "not installed"
        out.append(
            Change(
                "package",
                name,
                gone if before is None else before,
                gone if after is None else after,
                weight,
                how,
            )
        )
    return out


def arguments(run: Run) -> dict[str, str]:
    """Return a command's arguments: flags to their values, and what stands alone by its place.

    `--lr 0.1`, `--lr=0.1` and `lr=0.1` (Hydra) are one; a flag that is repeated keeps all values.
    """
    given = run.environment.get("args")
    words = [str(w) for w in given] if isinstance(given, list) else []
    found: dict[str, str] = {}
    plain, at = 0, 0
    while at < len(words):
        word = words[at]
        at += 1
        flag, equals, value = word.partition("=")
        if word.startswith("-") and not _is_number(word):
            if not equals:
                values = []
                while at < len(words) and (not words[at].startswith("-") or _is_number(words[at])):
                    values.append(words[at])
                    at += 1
                value = " ".join(values)
        elif not equals:
            plain += 1
            flag, value = f"argument {plain}", word
        key = flag.lstrip("-") if flag.startswith("-") else flag
        found[key] = f"{found[key]} {value}" if key in found else value
    return found


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"-\d+(\.\d*)?([eE][-+]?\d+)?", word))


def command_changes(
    first: Run, second: Run, told: Sequence[str], values: Collection[tuple[str, str]] = ()
) -> tuple[list[Change], list[str]]:
    """Return what differs in program and arguments; and the flags that say what a setting says, or name a run.

    `told` are the settings that are known to differ: flags of these names are not told again, nor are arguments
    without a name that changed by the same `values` (before, after).
    """
    out: list[Change] = []
    folded: list[str] = []
    programs = [_program(run) for run in (first, second)]
    if all(programs) and programs[0] != programs[1]:
        out.append(Change("command", "program", programs[0], programs[1], Weight.CODE))
    a, b = arguments(first), arguments(second)
    names = {_plain(key) for key in told} | {_plain(re.split(r"[./]", key)[-1]) for key in told}
    for key in [*a, *(k for k in b if k not in a)]:
        if a.get(key) == b.get(key):
            continue
        unnamed = key.startswith("argument ") and (a.get(key), b.get(key)) in values
        if unnamed or _plain(key) in names or (not is_choice(key) and not is_seed(key)):
            folded.append(key)
            continue
        before, after = ("not given" if c.get(key) is None else c[key] or "given" for c in (a, b))
        weight = Weight.SEED if is_seed(key) else Weight.SETTING
        out.append(Change("command", key, before, after, weight))
    return out, folded


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _program(run: Run) -> str:
    about = run.environment
    named = about.get("codePath") or about.get("program") or ""
    return str(named) if about.get("codePath") else PurePosixPath(str(named)).name


def commit_changes(first: Run, second: Run) -> list[Change]:
    """Return a commit or a repository that differs."""
    out = []
    a, b = first.identity, second.identity
    if a.commit and b.commit and a.commit != b.commit:
        out.append(Change("commit", "git commit", a.commit[:10], b.commit[:10], Weight.CODE))
    remotes = [
        re.sub(r"^(https?://|git@|ssh://git@)|(\.git)?/?$", "", w.repository).replace(":", "/")
        for w in (a, b)
    ]
    if all(remotes) and remotes[0] != remotes[1]:
        out.append(Change("commit", "git remote", a.repository, b.repository, Weight.CODE))
    return out


def data_changes(first: Run, second: Run) -> list[Change]:
    """Return artifacts that only one of two runs used, or in another version."""
    a, b = _inputs(first), _inputs(second)
    out = []
    for name in sorted({*a, *b}):
        before, after = a.get(name, "not used"), b.get(name, "not used")
        if before != after:
            how = "added" if name not in a else "removed" if name not in b else "changed"
            code = name.startswith("source-")
            weight = Weight.CODE if code else Weight.DATA
            out.append(Change("data", f"artifact {name}", before, after, weight, how))
    return out


def _inputs(run: Run) -> dict[str, str]:
    """Return the artifacts that a run used, and its code: name without version to version and digest."""
    found: dict[str, str] = {}
    for one in run.artifacts:
        if one.direction == "input" or one.type == "code":
            name, _, version = one.name.partition(":")
            mark = " ".join(p for p in (version, one.digest[:12]) if p) or "used"
            found[name] = f"{found[name]}, {mark}" if name in found else mark
    return found


def machine_changes(first: RunView, second: RunView) -> list[Change]:
    """Return what differs between the machines: GPUs first."""
    a, b = _machine(first), _machine(second)
    out = []
    for key, weight in _MACHINE.items():
        before, after = a.get(key, ""), b.get(key, "")
        if before and after and before != after:
            out.append(Change("machine", key, before, after, weight))
    return out


_MACHINE = {
    "GPUs in use": Weight.TRAINING, "GPU": Weight.MACHINE, "CUDA": Weight.MACHINE, "Python": Weight.MACHINE,
    "operating system": Weight.PACKAGE, "CPU cores": Weight.ASIDE, "memory (GB)": Weight.ASIDE,
    "wandb": Weight.ASIDE, "host": Weight.ASIDE, "user": Weight.ASIDE,
}  # fmt: skip


def _machine(view: RunView) -> dict[str, str]:
    about, who = view.run.environment, view.run.identity
    gpus = cost_of(view).gpus
    memory = about.get("memory")
    total = memory.get("total") if isinstance(memory, dict) else None
    size = float(total) if isinstance(total, int | float | str) and _floats(total) else 0.0
    found: dict[str, Any] = {
        "GPUs in use": gpus,
        "GPU": _gpu(about),
        "CUDA": about.get("cudaVersion") or about.get("cuda_version") or about.get("cuda"),
        "Python": str(about.get("python") or "").removeprefix("CPython "),
        "operating system": about.get("os"),
        "CPU cores": about.get("cpu_count"),
        "memory (GB)": f"{size if size < 1e6 else size / 2**30:.0f}" if size else "",
        "wandb": about.get("wandb") or about.get("cli_version"),
        "host": who.host,
        "user": about.get("username"),
    }
    return {key: str(value) for key, value in found.items() if value not in (None, "")}


def _floats(value: Any) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return False


def _gpu(about: dict[str, Any]) -> str:
    gpu = about.get("gpu") or about.get("gpu_type") or ""
    parts = re.sub(r"^\[|\]$", "", str(gpu)).split(",")  # older SDKs list one name per GPU
    names = dict.fromkeys(p.strip(" '\"") for p in parts)
    return ", ".join(n for n in names if n)
