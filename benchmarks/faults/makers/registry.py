"""Which trainings there are: each fault beside the healthy training of the same function."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Maker:
    """One training.

    Attributes:
        name: Name of its folder.
        module: Module in `benchmarks.faults.makers` whose `function` trains it.
        needs: Package that the training imports; the case is left out if it is missing.
        fault: Name of the fault's kind in kinds.toml, "" if nothing is wrong.
        beside: The healthy training that differs only in the fault, "" for healthy ones.
        changes: Arguments of `function` by which it differs from the healthy one.
        exits: Exit code of the process.
        curve: False if the fault shows only in the console or in how the run ended.
    """

    name: str
    module: str
    function: str
    needs: str
    fault: str = ""
    beside: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    exits: int = 0
    curve: bool = True

    @property
    def available(self) -> bool:
        """True if the framework is installed."""
        return importlib.util.find_spec(self.needs) is not None


def _family(
    module: str, function: str, needs: str, healthy: str, *faults: tuple[Any, ...], **base: Any
) -> list[Maker]:
    """Return a healthy training and its faults: (name, kind, changes[, exit code[, curve]])."""
    out = [Maker(healthy, module, function, needs, changes=base)]
    for name, kind, changes, *rest in faults:
        code = rest[0] if rest else 0
        curve = rest[1] if len(rest) > 1 else True
        whole = {**base, **changes}
        out.append(Maker(name, module, function, needs, kind, healthy, whole, code, curve))
    return out


_ALL = [
    *_family("hf", "classify", "transformers", "hf_classify",
        ("hf_rate_high", "rate-too-high", {"rate": 1.0}),
        ("hf_rate_low", "no-learning", {"rate": 1e-8}),
        ("hf_rate_zero", "no-learning", {"rate": 0.0}),
        ("hf_labels_shuffled", "memorising-noise", {"labels": "shuffled", "examples": 96}),
        ("hf_leak", "leak", {"labels": "leaked"}),
        ("hf_data_spike", "spike", {"corrupt": (90, 96)}),
        ("hf_not_finite", "not-finite", {"poison": 70}),
        ("hf_out_of_memory", "out-of-memory", {"fail": "memory"}, 1, False),
        ("hf_ctrl_c", "stopped-by-user", {"fail": "interrupt"}, -2, False),
        ("hf_no_evaluation", "no-evaluation", {"evaluate": False}),
    ),
    *_family("hf", "language", "transformers", "hf_language",
        ("hf_overfit", "overfitting", {"sequences": 24, "width": 128, "rate": 2e-3}),
        ("hf_memorise", "memorising",
            {"sequences": 320, "width": 128, "rate": 4e-3, "steps": 300, "evaluate": False}),
    ),
    Maker("hf_early_stop", "hf", "language", "transformers", changes={"stop_early": True, "rate": 2e-2}),
    *_family("resumed", "train", "transformers", "hf_resumed",
        ("hf_resumed_rate", "rate-jump", {"factor": 20.0}),
    ),
    *_family("lit", "classify", "lightning", "lit_classify",
        ("lit_rate_low", "no-learning", {"rate": 1e-9}),
        ("lit_dead_relu", "dead-relu", {"bias": -30.0}),
        ("lit_schedule_early", "schedule-ends-early", {"decay": 0.05}),
        ("lit_memory_leak", "host-memory", {"leak": 400_000}),
    ),
    *_family("lit", "autoencode", "lightning", "lit_vae",
        ("lit_vae_collapse", "posterior-collapse", {"beta": 60.0}),
    ),
    *_family("keras_fit", "classify", "keras", "keras_classify",
        ("keras_overfit", "overfitting", {"flip": 0.4, "examples": 300, "epochs": 60}),
        ("keras_relu_output", "wrong-activation", {"output": "relu"}),
        ("keras_rate_high", "rate-too-high", {"rate": 10.0}),
    ),
    Maker("keras_early_stop", "keras_fit", "classify", "keras", changes={"stop_early": True, "epochs": 200}),
    *_family("boosting", "xgb", "xgboost", "xgb_healthy",
        ("xgb_overfit", "overfitting", {"depth": 12, "rows": 300, "flip": 0.3, "eta": 0.3}),
    ),
    *_family("boosting", "lgb", "lightgbm", "lgb_healthy",
        ("lgb_overfit", "overfitting", {"leaves": 127, "rows": 300, "flip": 0.3, "eta": 0.3, "smallest": 1}),
    ),
    *_family("plain", "recurrent", "torch", "rnn_healthy",
        ("rnn_explodes", "gradients-explode", {"clip": 0.0}),
        ("rnn_step_back", "steps-back", {"back_at": 150}),
    ),
    *_family("plain", "adversarial", "torch", "gan_healthy",
        ("gan_discriminator_wins", "discriminator-wins", {"d_rate": 2e-2, "g_rate": 1e-5}),
    ),
    *_family("policies", "ppo", "stable_baselines3", "sb3_ppo",
        ("sb3_ppo_rate_zero", "policy-still", {"rate": 1e-9}),
    ),
    *_family("preference", "grpo", "trl", "trl_grpo",
        ("trl_grpo_constant", "constant-reward", {"reward": "constant"}),
        ("trl_grpo_collapse", "entropy-collapse", {"rate": 3e-2}),
    ),
    Maker("trl_sft", "preference", "sft", "trl"),
]  # fmt: skip
MAKERS = {maker.name: maker for maker in _ALL}
