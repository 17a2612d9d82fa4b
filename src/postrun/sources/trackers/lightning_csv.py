"""Lightning's CSVLogger: `metrics.csv` and `hparams.yaml` in a version's folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from postrun.model import Identity, Run
from postrun.sources.exported.delimited import header_of
from postrun.sources.exported.history import read_history
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.cut_line import without_cut_line
from postrun.sources.trackers.settings_files import read_settings

_METRICS, _SETTINGS = "metrics.csv", "hparams.yaml"


class LightningCsv:
    """Folders of the CSVLogger of Lightning and Lightning Fabric."""

    name = "lightning_csv"
    title = "Lightning CSVLogger"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run of a version's folder."""
        path = folder / _METRICS
        if _METRICS in names and {"step", "epoch"} & set(header_of(path)):
            files = (path, folder / _SETTINGS)
            yield Found(path, files, partial(_load, self.name, path))

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder holds the version's checkpoints."""
        return name == "checkpoints"


def _load(source: str, path: Path, run_id: str) -> Run:
    notes: list[str] = []
    history = without_cut_line(read_history(path, notes), path, notes)
    config = read_settings(path.parent / _SETTINGS, notes)
    return tracker_run(
        source, Identity(run_id, name=run_id), history, path, notes=notes, config=config
    )
