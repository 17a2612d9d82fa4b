"""Watching from within a training: nothing is waited for, no fault of the watch reaches it."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import postrun
from postrun.model import State
from postrun.watch import callbacks, training
from postrun.watch.fed import FedRun
from postrun.watch.training import Watch, watching
from tests.test_notify import Hook, hook

__all__ = ["hook"]


def losses(rows: int = 400, breaks: int = 200) -> list[float]:
    y = 3 * np.exp(-np.arange(rows) / 60) + 0.5
    y[breaks:] += np.minimum(0.3 * np.arange(rows - breaks), 8)
    return [float(v) for v in y + 0.03 * np.random.default_rng(0).standard_normal(rows)]


def wait_for(what: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def test_rows_become_the_history_that_was_logged() -> None:
    fed = FedRun("r1", "name", {"lr": 0.1}, 100.0)
    fed.feed([(0, 100.0, {"loss": 1.0, "deep": {"x": 1}}), (0, 100.5, {"acc": 0.5})])
    assert fed.poll() and not fed.poll()
    first = fed.run()
    fed.feed([(None, 101.0, {"loss": math.nan, "word": "a"}), (7, 102.0, {"loss": 0.5})])
    fed.poll()
    run = fed.run()
    assert run.state is State.RUNNING and run.config == {"lr": 0.1} and run.name == "name"
    assert run.history["_step"].to_list() == [0, 1, 7]
    assert run.history["_runtime"].to_list() == [0.5, 1.0, 2.0]
    assert run.history["acc"].to_list() == [0.5, None, None]
    assert run.history["deep.x"].to_list() == [1, None, None]
    assert math.isnan(run.history["loss"][1]) and fed.not_finite == 1
    assert first.history.height == 1
    assert fed.run(gone=True).state is State.CRASHED
    fed.end(["ValueError: no"])
    assert fed.exited and fed.run().state is State.FAILED
    assert fed.run().console["line"].to_list() == ["ValueError: no"]


@pytest.mark.slow
def test_a_training_is_told_of_its_fault_and_asked_to_stop(hook: Hook) -> None:
    with watching(name="mine", stop_on="OPT001", webhook=hook.url, quiet=True) as watch:
        for step, loss in enumerate(losses(80)):
            watch.log({"train/loss": loss, "scalar": np.float32(1.5)}, step)
        watch.log({"train/loss": math.nan}, 80)
        wait_for(lambda: watch.stop_requested)
    assert [e["event"] for e in watch.alerts][-1] == "ended"
    told = [e["finding"]["rule"] for e in watch.alerts if e["event"] == "found"]
    assert told == ["OPT001"] and watch.alerts[-1]["name"] == "mine"
    assert [got["event"] for got in hook.got] == ["found", "ended"]


def test_an_error_ends_the_watch_with_its_words() -> None:
    with pytest.raises(ValueError, match="my own"), watching(quiet=True) as watch:
        for step, loss in enumerate(losses(60)):
            watch.log({"train/loss": loss}, step)
        raise ValueError("my own")
    assert "ValueError" in watch.alerts[-1]["message"], watch.alerts
    assert watch.alerts[-1]["message"].startswith("Failed")


def test_log_never_waits_for_a_process_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import time; time.sleep(60)"
    real = subprocess.Popen

    def hanging(command: list[str], **more: Any) -> Any:
        return real([sys.executable, "-c", script], **more)

    monkeypatch.setattr(subprocess, "Popen", hanging)
    monkeypatch.setattr(training, "_PATIENCE", 0.3)
    monkeypatch.setattr(training, "_WAITING", 1_000)
    watch = Watch(quiet=True)
    watch._rows = type(watch._rows)(maxlen=1_000)
    started = time.monotonic()
    for step in range(20_000):
        watch.log({"train/loss": 1.0, "text": "x" * 500}, step)
    assert time.monotonic() - started < 1
    watch.close()
    assert time.monotonic() - started < 5 and watch.dropped > 0
    assert watch._process is not None
    watch._process.kill()


@pytest.mark.slow
def test_a_process_that_dies_ends_the_watch_alone(capfd: pytest.CaptureFixture[str]) -> None:
    watch = Watch(quiet=True)
    assert watch._process is not None
    watch._process.kill()
    watch._process.wait()
    for step in range(200):
        watch.log({"train/loss": 1.0}, step)
    wait_for(lambda: watch._process is None)
    watch.log({"train/loss": 1.0}, 201)
    watch.close()
    assert "the watch ended" in capfd.readouterr().err


def test_a_watch_that_cannot_begin_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no process")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with watching() as watch:
        watch.log({"loss": 1.0})
    assert "not watched: OSError: no process" in capsys.readouterr().err


def test_odd_values_are_left_out() -> None:
    class Odd:
        def __float__(self) -> float:
            raise RuntimeError("never")

    plain = training._plain(
        {
            "a": 1,
            "b": np.float64(2.0),
            "c": np.array([3.0]),
            "many": np.zeros(5),
            "odd": Odd(),
            "d": {"e": True, "f": object()},
            "long": "x" * 10_000,
            7: 1.5,  # type: ignore[dict-item]
        }
    )
    assert plain == {"a": 1, "b": 2.0, "c": 3.0, "d": {"e": True}, "7": 1.5}
    deep: dict[str, Any] = {}
    deep["self"] = deep
    json.dumps(training._plain(deep))


class FakeRun:
    """A W&B run: `log` and `step` as the SDK has them."""

    def __init__(self) -> None:
        self.id, self.name, self.config, self.step = "r1", "sunny", {"lr": 0.1}, 0
        self.rows: list[dict[str, Any]] = []

    def log(
        self, data: dict[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        self.rows.append(data)
        self.step += commit is not False


def test_a_run_of_wandb_is_seen_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun()
    module = ModuleType("wandb")
    module.log = run.log  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    seen: list[tuple[Any, Any]] = []
    monkeypatch.setattr(Watch, "_start", lambda self: None)
    monkeypatch.setattr(Watch, "log", lambda self, values, step=None: seen.append((step, values)))
    with watching(run) as watch:
        assert watch._hello["name"] == "sunny" and watch._hello["config"] == {"lr": 0.1}
        run.log({"a": 1}, commit=False)
        run.log({"b": 2})
        module.log({"c": 3})
    run.log({"d": 4})
    assert seen == [(0, {"a": 1}), (0, {"b": 2}), (1, {"c": 3})]
    assert len(run.rows) == 4
    assert module.log == run.log


def test_a_training_that_dies_is_judged_as_such(tmp_path: Path) -> None:
    script = tmp_path / "die.py"
    script.write_text(
        "import os, time\nfrom postrun.watch.training import Watch\n"
        "watch = Watch('mine')\n"
        "for i in range(60): watch.log({'train/loss': 1 / (i + 1)}, i)\n"
        "time.sleep(1.5)\nos._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 9
    assert "Killed" in done.stderr, done.stderr


@pytest.mark.slow
def test_an_exception_of_the_training_is_told_without_a_with(tmp_path: Path) -> None:
    script = tmp_path / "raise.py"
    script.write_text(
        "from postrun.watch.training import Watch\nwatch = Watch('mine')\n"
        "for i in range(60): watch.log({'train/loss': 1 / (i + 1)}, i)\n"
        "raise RuntimeError('broken data')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "postrun" in done.stderr and "Failed" in done.stderr, done.stderr


def test_watching_imports_nothing_heavy() -> None:
    code = (
        "import sys, postrun; postrun.watching; "
        "print([m for m in ('numpy', 'polars', 'rich', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Told:
    """Stands for `Watch`: what it was told."""

    made: list[Told] = []

    def __init__(self, name: str = "", config: Any = None, **options: Any) -> None:
        self.name, self.config, self.options = name, dict(config or {}), options
        self.rows: list[tuple[Any, dict[str, Any]]] = []
        self.closed: list[Any] = []
        self.stop_requested = False
        Told.made.append(self)

    def log(self, values: Any, step: Any = None) -> None:
        self.rows.append((step, dict(values)))

    def close(self, error: Any = None) -> None:
        self.closed.append(error)


def made(monkeypatch: pytest.MonkeyPatch, name: str, place: str, base: str) -> Any:
    """Return a callback class on a stand-in for its framework's base class."""
    parts = place.split(".")
    for i in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:i]), ModuleType(".".join(parts[:i])))
    setattr(sys.modules[place], base, type(base, (), {}))
    Told.made.clear()
    monkeypatch.setattr(callbacks, "Watch", Told)
    callbacks.__dict__.pop(name, None)
    found = getattr(callbacks, name)
    callbacks.__dict__.pop(name, None)
    return found


def test_hugging_face(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = made(monkeypatch, "HuggingFaceCallback", "transformers", "TrainerCallback")
    callback = cls(stop_on="OPT001")
    args = SimpleNamespace(run_name="bert", to_dict=lambda: {"learning_rate": 1e-4})
    state = SimpleNamespace(is_world_process_zero=True, max_steps=100, global_step=0)
    control = SimpleNamespace(should_training_stop=False)
    callback.on_train_begin(args, state, control, model=None)
    state.global_step = 10
    callback.on_log(args, state, control, logs={"loss": 1.0, "eval_loss": 2.0, "epoch": 0.1})
    (told,) = Told.made
    assert told.name == "bert" and told.config == {"learning_rate": 1e-4, "max_steps": 100}
    assert told.options == {"stop_on": "OPT001"}
    assert told.rows == [(10, {"train/loss": 1.0, "eval/loss": 2.0, "train/epoch": 0.1})]
    assert not control.should_training_stop
    told.stop_requested = True
    assert callback.on_log(args, state, control, logs={"loss": 1.0}).should_training_stop
    callback.on_train_end(args, state, control)
    callback.on_train_end(args, state, control)
    assert told.closed == [None]
    other = cls()
    other.on_train_begin(args, SimpleNamespace(is_world_process_zero=False), control)
    other.on_log(args, state, control, logs={"loss": 1.0})
    assert len(Told.made) == 1


def test_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = made(monkeypatch, "LightningCallback", "lightning.pytorch", "Callback")
    callback = cls()
    trainer = SimpleNamespace(
        is_global_zero=True, max_epochs=3, max_steps=-1, global_step=10, log_every_n_steps=5,
        logged_metrics={"train_loss": 1.0}, callback_metrics={"val_loss": 2.0}, should_stop=False,
        sanity_checking=False,
    )  # fmt: skip
    callback.on_fit_start(trainer, SimpleNamespace(hparams={"lr": 0.1}))
    callback.on_train_batch_end(trainer, None, None, None, 0)
    trainer.global_step = 11
    callback.on_train_batch_end(trainer, None, None, None, 1)
    callback.on_validation_end(trainer, None)
    (told,) = Told.made
    assert told.config == {"lr": 0.1, "max_epochs": 3}
    assert told.rows == [(10, {"train_loss": 1.0}), (11, {"val_loss": 2.0})]
    told.stop_requested = True
    callback.on_train_batch_end(trainer, None, None, None, 2)
    assert trainer.should_stop
    error = RuntimeError("no")
    callback.on_exception(trainer, None, error)
    callback.on_fit_end(trainer, None)
    assert told.closed == [error]


def test_lightning_is_asked_for_metrics_as_often_as_that_costs_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cls = made(monkeypatch, "LightningCallback", "lightning.pytorch", "Callback")
    now = [0.0]
    monkeypatch.setattr(callbacks, "perf_counter", lambda: now[0])

    class Trainer(SimpleNamespace):
        @property
        def logged_metrics(self) -> dict[str, float]:
            now[0] += 150e-6
            return {"train_loss": 1.0}

    def rows(seconds: float) -> int:
        Told.made.clear()
        callback = cls()
        trainer = Trainer(global_step=0, log_every_n_steps=1)
        callback.on_fit_start(trainer, SimpleNamespace())
        for trainer.global_step in range(1, 101):
            now[0] += seconds
            callback.on_train_batch_end(trainer, None, None, None, 0)
        return len(Told.made[0].rows)

    assert rows(1.0) == 100  # all of them
    assert 10 <= rows(0.05) <= 20  # 150 us each 0.3 s


def test_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = made(monkeypatch, "KerasCallback", "keras.callbacks", "Callback")
    callback = cls()
    callback.model = SimpleNamespace(name="mlp", stop_training=False)
    callback.params = {"epochs": 2, "steps": 2}
    callback.on_train_begin()
    for batch in range(2):
        callback.on_train_batch_end(batch, {"loss": 1.0})
    callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    (told,) = Told.made
    assert told.name == "mlp" and told.config == {"epochs": 2, "steps": 2}
    assert told.rows[0] == (1, {"batch/loss": 1.0})
    assert told.rows[-1] == (2, {"epoch/loss": 1.0, "epoch/val_loss": 2.0, "epoch/epoch": 0})
    told.stop_requested = True
    callback.on_train_batch_end(0, {"loss": 1.0})
    assert callback.model.stop_training
    callback.on_train_end()
    assert told.closed == [None]


def test_stable_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "stable_baselines3.common.callbacks"
    cls = made(monkeypatch, "StableBaselines3Callback", place, "BaseCallback")
    callback = cls()
    callback.model = SimpleNamespace(_total_timesteps=1_000)
    callback.logger = SimpleNamespace(output_formats=[])
    callback._on_training_start()
    callback.logger.output_formats[0].write({"rollout/ep_rew_mean": 5.0}, {}, 2_048)
    (told,) = Told.made
    assert told.config["total_timesteps"] == 1_000
    assert told.rows == [(2_048, {"rollout/ep_rew_mean": 5.0})] and callback._on_step()
    told.stop_requested = True
    assert not callback._on_step()
    callback._on_training_end()
    assert told.closed == [None] and callback.logger.output_formats == []


def test_a_framework_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    callbacks.__dict__.pop("HuggingFaceCallback", None)
    with pytest.raises(ImportError, match="needs transformers"):
        postrun.HuggingFaceCallback  # noqa: B018 - made when it is asked for
    with pytest.raises(AttributeError):
        importlib.import_module("postrun.watch.callbacks").NoSuchCallback  # noqa: B018
