"""What the SDK's telemetry says of libraries: in the log, in config.yaml, on the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from wandb.proto import wandb_internal_pb2 as pb
from wandb.proto import wandb_telemetry_pb2 as telemetry_pb

from postrun.model import Run
from postrun.sources import telemetry
from postrun.sources.registry import resolve
from tests import logs


def record(*imports: str, features: tuple[str, ...] = (), at_end: bool = False) -> pb.Record:
    """A telemetry record of a process that had imported some libraries."""
    told = pb.Record()
    target = told.telemetry.imports_finish if at_end else told.telemetry.imports_init
    for name in imports:
        setattr(target, name, True)
    for name in features:
        setattr(told.telemetry.feature, name, True)
    return told


def load(folder: Path) -> Run:
    (ref,) = resolve(folder)
    return ref.load()


@pytest.mark.parametrize(
    ("names", "message"),
    [(telemetry.IMPORTS, telemetry_pb.Imports), (telemetry.FEATURES, telemetry_pb.Feature)],
)
def test_numbers_are_the_sdks(names: dict[int, str], message: type[pb.Record]) -> None:
    fields = message.DESCRIPTOR.fields_by_number
    assert {number: fields[number].name for number in names} == names


def test_records_of_a_log_are_united(tmp_path: Path) -> None:
    folder = tmp_path / "run-20240101_000000-abcdefgh"
    records = [
        logs.run_record("abcdefgh"),
        record("torch", "transformers"),
        record("torch", "trl", features=("sb3", "shared_mode"), at_end=True),
        *logs.rows([{"_step": 0, "loss": 1.0}]),
    ]
    logs.write(folder / "run-abcdefgh.wandb", records)
    run = load(folder)
    assert run.telemetry["imports"] == ["torch", "transformers", "trl"]
    assert run.telemetry["features"] == ["sb3", "shared_mode"]


def test_the_config_tells_it_where_the_log_does_not(tmp_path: Path) -> None:
    folder = logs.files(
        tmp_path / "run-20240101_000000-abcdefgh",
        config="_wandb:\n  value:\n    t:\n      1: [1, 84, 9999]\n      2: [1, 11]\n      3: [38]\n",
        summary='{"loss": 1.0}',
    )
    run = load(folder)
    assert run.telemetry == {
        "imports": ["torch", "transformers", "trl"],
        "features": ["keras_metrics_logger"],
    }


@pytest.mark.parametrize(
    ("internal", "told"),
    [
        ({"t": {"1": [45, 12]}}, {"imports": ["flax", "jax"]}),  # JSON of a server: keys are text
        ({"t": {"3": [31]}}, {"features": ["xgboost_wandb_callback"]}),
        ({}, {}),
        ({"t": None}, {}),
        ({"t": [1, 2]}, {}),
        ({"t": {"1": "torch", "2": [[1]], "3": [None]}}, {}),
    ],
)
def test_odd_forms_of_the_config(internal: dict[str, object], told: dict[str, list[str]]) -> None:
    assert telemetry.from_config(internal) == told


def test_merged_keeps_what_either_record_says() -> None:
    known = {"imports": ["torch"], "cli_version": "0.1"}
    more = {"imports": ["jax"], "cli_version": "0.2", "features": ["keras"]}
    assert telemetry.merged(known, more) == {
        "imports": ["jax", "torch"],
        "cli_version": "0.2",
        "features": ["keras"],
    }
