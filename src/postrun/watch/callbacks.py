"""One-line callbacks for trainers: `Trainer(..., callbacks=[postrun.HuggingFaceCallback()])`.

Each class is made when it is first asked for, on top of its framework's own base class. They hand a
dictionary to `Watch`, which never waits and never raises; options are those of `Watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from time import perf_counter
from typing import Any

from postrun.watch.training import Watch

#: The names that Hugging Face's logs have without, and with a run logged to W&B.
_EVAL, _TEST = "eval_", "test_"


def _base(name: str, *places: str) -> Any:
    """Return a framework's base class, from the first module that can be imported.

    Raises:
        ImportError: The framework is not installed.
    """
    for place in places:
        with suppress(ImportError):
            return getattr(import_module(place), name)
    raise ImportError(f"this callback needs {places[0].partition('.')[0]}, which is not installed")


def _renamed(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return logs of Hugging Face's Trainer under the names that its W&B integration gives them."""
    out = {}
    for key, value in logs.items():
        if key.startswith(_EVAL):
            out[f"eval/{key.removeprefix(_EVAL)}"] = value
        elif key.startswith(_TEST):
            out[f"test/{key.removeprefix(_TEST)}"] = value
        else:
            out[key if key.startswith("train/") else f"train/{key}"] = value
    return out


def _settings(source: Any, **more: Any) -> dict[str, Any]:
    """Return settings as a dictionary, as far as they can be had."""
    found: dict[str, Any] = {}
    with suppress(Exception):
        found = dict(source.to_dict() if hasattr(source, "to_dict") else source)
    return {**found, **{k: v for k, v in more.items() if v is not None}}


class _Held:
    """The watch of one training, begun when it begins; all that fails is left out."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.watch: Watch | None = None

    def begin(self, name: str, config: Mapping[str, Any]) -> None:
        if self.watch is None:
            with suppress(Exception):
                self.watch = Watch(**{"name": name, "config": config, **self.options})

    def log(self, values: Mapping[str, Any], step: int | None) -> None:
        if self.watch is not None:
            self.watch.log(values, step)

    @property
    def stop(self) -> bool:
        return self.watch is not None and self.watch.stop_requested

    def end(self, error: BaseException | None = None) -> None:
        watch, self.watch = self.watch, None
        if watch is not None:
            watch.close(error)


class _Sparing:
    """Lets through what costs at most `share` of the time since it was last let through."""

    share = 0.0005

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Return whether enough time has passed."""
        return perf_counter() >= self._next

    def took(self, started: float) -> None:
        """Note what began at `started` and is done now."""
        now = perf_counter()
        self._next = now + (now - started) / self.share


def _hugging_face() -> type:
    base = _base("TrainerCallback", "transformers")

    class HuggingFaceCallback(base):  # type: ignore[misc, valid-type]
        """Watches a training of `transformers.Trainer`, and stops it at a finding of `stop_on`."""

        def __init__(self, **options: Any) -> None:
            super().__init__()
            self._held = _Held(options)

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Begin the watch, in the main process."""
            if getattr(state, "is_world_process_zero", True):
                steps = getattr(state, "max_steps", None)
                config = _settings(args, max_steps=steps)
                self._held.begin(str(getattr(args, "run_name", "") or ""), config)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> Any:
            """Hand over what was logged."""
            if logs:
                self._held.log(_renamed(logs), state.global_step)
            if self._held.stop:
                control.should_training_stop = True
            return control

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """End the watch."""
            self._held.end()

    return HuggingFaceCallback


def _lightning() -> type:
    base = _base("Callback", "lightning.pytorch", "pytorch_lightning")

    class LightningCallback(base):  # type: ignore[misc, valid-type]
        """Watches a training of Lightning's `Trainer`, and stops it at a finding of `stop_on`."""

        def __init__(self, **options: Any) -> None:
            super().__init__()
            self._held = _Held(options)
            self._sparing = _Sparing()

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            """Begin the watch, in the main process."""
            if getattr(trainer, "is_global_zero", True):
                config = _settings(getattr(pl_module, "hparams", {}))
                for name in ("max_epochs", "max_steps"):
                    value = getattr(trainer, name, None)
                    if isinstance(value, int) and value > 0:
                        config.setdefault(name, value)
                self._held.begin(type(pl_module).__name__, config)

        def on_train_batch_end(
            self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            """Hand over what was logged, as often as the trainer logs.

            Lightning computes all metrics anew when it is asked for them. Of steps so short that this would
            be felt, some are left out.
            """
            step = trainer.global_step
            every = max(1, getattr(trainer, "log_every_n_steps", 1) or 1)
            if step % every == 0 and self._sparing.due():
                started = perf_counter()
                self._held.log(dict(trainer.logged_metrics), step)
                self._sparing.took(started)
            if self._held.stop:
                trainer.should_stop = True

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            """Hand over the metrics of an evaluation."""
            if not getattr(trainer, "sanity_checking", False):
                self._held.log(dict(trainer.callback_metrics), trainer.global_step)

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """End the watch of a training that raised."""
            self._held.end(exception)

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            """End the watch."""
            self._held.end()

    return LightningCallback


def _keras() -> type:
    base = _base("Callback", "keras.callbacks")

    class KerasCallback(base):  # type: ignore[misc, valid-type]
        """Watches `Model.fit` of Keras, and stops it at a finding of `stop_on`."""

        def __init__(self, **options: Any) -> None:
            super().__init__()
            self._held = _Held(options)
            self._step = 0

        def on_train_begin(self, logs: Any = None) -> None:
            """Begin the watch."""
            params = dict(getattr(self, "params", None) or {})
            self._held.begin(str(getattr(self.model, "name", "") or ""), params)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Hand over the running means of the epoch so far."""
            self._step += 1
            if logs:
                self._held.log({f"batch/{k}": v for k, v in logs.items()}, self._step)
            if self._held.stop:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            """Hand over the metrics of an epoch, those of its evaluation among them."""
            if logs:
                values = {f"epoch/{k}": v for k, v in logs.items()}
                self._held.log({**values, "epoch/epoch": epoch}, self._step)

        def on_train_end(self, logs: Any = None) -> None:
            """End the watch."""
            self._held.end()

    return KerasCallback


def _stable_baselines() -> type:
    base = _base("BaseCallback", "stable_baselines3.common.callbacks")

    class _Writer:
        """A format of Stable-Baselines3's logger that hands over what is logged."""

        def __init__(self, held: _Held) -> None:
            self._held = held

        def write(self, key_values: Any, key_excluded: Any, step: int = 0) -> None:
            """Hand over the values of one dump."""
            self._held.log(dict(key_values), step)

        def close(self) -> None:
            """Nothing is open."""

    class StableBaselines3Callback(base):  # type: ignore[misc, valid-type]
        """Watches `learn` of Stable-Baselines3, and stops it at a finding of `stop_on`."""

        def __init__(self, **options: Any) -> None:
            super().__init__()
            self._held = _Held(options)

        def _on_training_start(self) -> None:
            total = getattr(self.model, "_total_timesteps", None)
            name = type(self.model).__name__
            self._held.begin(name, _settings({"algo": name}, total_timesteps=total))
            with suppress(Exception):
                self._writer = _Writer(self._held)
                self.logger.output_formats.append(self._writer)

        def _on_step(self) -> bool:
            return not self._held.stop

        def _on_training_end(self) -> None:
            with suppress(Exception):
                self.logger.output_formats.remove(self._writer)
            self._held.end()

    return StableBaselines3Callback


_MADE: dict[str, Callable[[], type]] = {
    "HuggingFaceCallback": _hugging_face,
    "LightningCallback": _lightning,
    "KerasCallback": _keras,
    "StableBaselines3Callback": _stable_baselines,
}


def __getattr__(name: str) -> Any:
    make = _MADE.get(name)
    if make is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = make()
    made.__qualname__ = name
    globals()[name] = made
    return made
