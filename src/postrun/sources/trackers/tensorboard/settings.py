"""What event files tell beside scalars: hyper-parameters, the session's end, settings logged as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import unpack_from
from typing import Any

from postrun.model import State
from postrun.sources.lenient_json import object_of
from postrun.sources.trackers.settings_files import read_setting
from postrun.sources.trackers.tensorboard.events import Value, entries, struct_value
from postrun.sources.wandb_local.wire import FIXED64, VARINT, WireError, fields, varint

#: Fields of HParamsPluginData, SessionStartInfo and SessionEndInfo.
_START, _END = 3, 4
_STATUS = {1: State.FINISHED, 2: State.FAILED}
#: Tags of texts that hold settings: Hugging Face's, CleanRL's, Stable-Baselines3's.
_TEXTS = ("args", "model_config", "hyperparameters", "hparams", "config")
_MOST_TEXT = 1 << 20


@dataclass(slots=True)
class Settings:
    """Hyper-parameters, the state that the session ended in, its start and end in Unix seconds."""

    config: dict[str, Any] = field(default_factory=dict)
    state: State = State.UNKNOWN
    started: float | None = None
    ended: float | None = None

    def read(self, tag: str, value: Value) -> bool:
        """Take what a value tells; return whether it is one of settings."""
        if value.plugin == "hparams":
            try:
                self._read_session(value.content)
            except WireError:
                return False
            return True
        name = tag.removesuffix("/text_summary").rpartition("/")[2]
        if not value.texts or name not in _TEXTS or len(value.texts[0]) > _MOST_TEXT:
            return False
        found = _from_text(value.texts[0].decode("utf-8", "replace"))
        if name == "model_config" and found:
            found = {"model_config": found}
        self.config = found | self.config
        return bool(found)

    def _read_session(self, content: bytes) -> None:
        for a, b in entries(content, 0, len(content), _START):
            for c, d in entries(content, a, b, 1):
                key, value = _entry(content, c, d)
                self.config[key] = value
            self.started = _double(content, a, b, 5) or self.started
        for a, b in entries(content, 0, len(content), _END):
            self.ended = _double(content, a, b, 2) or self.ended
            for number, kind, c, _ in fields(content, a, b):
                # PyTorch writes "success" together with the hyper-parameters, without a time.
                if number == 1 and kind == VARINT and self.ended:
                    self.state = _STATUS.get(varint(content, c)[0], self.state)


def _entry(content: bytes, start: int, stop: int) -> tuple[str, Any]:
    key = "".join(
        content[a:b].decode("utf-8", "replace") for a, b in entries(content, start, stop, 1)
    )
    return key, next(
        (struct_value(content, a, b) for a, b in entries(content, start, stop, 2)), None
    )


def _double(content: bytes, start: int, stop: int, wanted: int) -> float | None:
    for number, kind, a, _ in fields(content, start, stop):
        if number == wanted and kind == FIXED64:
            return float(unpack_from("<d", content, a)[0])
    return None


def _from_text(text: str) -> dict[str, Any]:
    """Return settings that are a JSON object or a table of Markdown ("|lr|0.1|"), {} if the text is neither."""
    if (found := object_of(text)) is not None:
        return found
    rows = [
        line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")
    ]
    pairs = [(row[0].strip(), row[1].strip()) for row in rows[2:] if len(row) == 2]
    return {key: read_setting(value) for key, value in pairs}
