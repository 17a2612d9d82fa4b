"""Which libraries a run had imported and which integrations of the SDK it used, by the SDK's telemetry.

The SDK keeps both as numbers of its protobuf schema: as fields in the log's telemetry records, as lists under
`_wandb.t` in the config. A test compares the numbers with the SDK's own descriptors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Fields of `Imports`: libraries that train, or that trainers are built on.
IMPORTS: dict[int, str] = {
    1: "torch", 2: "keras", 3: "tensorflow", 4: "fastai", 5: "sklearn", 6: "xgboost", 7: "catboost",
    8: "lightgbm", 9: "pytorch_lightning", 10: "ignite", 11: "transformers", 12: "jax", 14: "allennlp",
    18: "catalyst", 30: "ray", 31: "simpletransformers", 32: "skorch", 33: "spacy", 34: "flash",
    37: "mmcv", 38: "mmdet", 43: "detectron2", 45: "flax", 48: "monai", 60: "mmseg", 63: "timm",
    64: "fairseq", 66: "composer", 70: "colossalai", 71: "accelerate", 75: "sentence_transformers",
    77: "torch_geometric", 82: "mmengine", 83: "diffusers", 84: "trl", 85: "trlx", 98: "peft",
    103: "lightning_fabric", 106: "lightning",
}  # fmt: skip
#: Fields of `Feature`: integrations that a framework's run uses, and how the run was written.
FEATURES: dict[int, str] = {
    8: "keras", 22: "sb3", 25: "lightgbm_wandb_callback", 26: "lightgbm_log_summary",
    27: "catboost_wandb_callback", 30: "estimator_hook", 31: "xgboost_wandb_callback",
    32: "xgboost_old_wandb_callback", 35: "tensorboard_sync", 38: "keras_metrics_logger",
    47: "ultralytics_yolov8", 59: "diffusers_autolog", 60: "lightning_fabric_logger", 67: "shared_mode",
}  # fmt: skip
_IMPORTS_INIT, _IMPORTS_FINISH, _FEATURES = 1, 2, 3


def from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decoded TelemetryRecord with `imports` and `features` as sorted lists of names."""
    own = {k: v for k, v in record.items() if not k.startswith(("imports_", "feature"))}
    imports = {**record.get("imports_init", {}), **record.get("imports_finish", {})}
    return own | _lists(imports, record.get("feature", {}))


def from_config(internal: Mapping[str, Any]) -> dict[str, Any]:
    """Return `imports` and `features` that the SDK's part of the config tells, {} if it tells none."""
    told = internal.get("t")
    if not isinstance(told, Mapping):
        return {}
    imports = _named(told, _IMPORTS_INIT, IMPORTS) + _named(told, _IMPORTS_FINISH, IMPORTS)
    return _lists(dict.fromkeys(imports), dict.fromkeys(_named(told, _FEATURES, FEATURES)))


def merged(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the telemetry of two records of one run: lists united, else the later value."""
    lists = _lists(
        dict.fromkeys([*known.get("imports", ()), *more.get("imports", ())]),
        dict.fromkeys([*known.get("features", ()), *more.get("features", ())]),
    )
    return {**known, **more, **lists}


def _lists(imports: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, Any]:
    found = {"imports": sorted(imports), "features": sorted(features)}
    return {name: names for name, names in found.items() if names}


def _named(told: Mapping[Any, Any], part: int, names: Mapping[int, str]) -> list[str]:
    """Return the names of the numbers of one part; YAML has the part as a number, JSON as text."""
    numbers = told.get(part, told.get(str(part)))
    listed = numbers if isinstance(numbers, list) else []
    return [names[n] for n in listed if isinstance(n, int) and n in names]
