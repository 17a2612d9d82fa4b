"""Mutants of the JSON files of an exported run."""

from __future__ import annotations

import json
from random import Random

from benchmarks.fuzz import seeds, values
from benchmarks.fuzz.case import Case, Mutator
from benchmarks.fuzz.mutators.beside import changed

_JSON = ("full_analysis.json", "detailed_analysis.json", "r1_summary.json", "r1_config.json")


def _json(random: Random) -> Case:
    """Change one JSON file: values of other types, other texts, cut ones."""
    name = random.choice((*_JSON, _JSON[0], _JSON[0]))
    files = dict(seeds.export_files())
    if random.random() < 0.7:
        files[name] = changed(random, json.loads(files[name]))
    else:
        files[name] = values.json_text(random).encode("utf-8", "surrogatepass")
    return _case(files)


def _others(random: Random) -> Case:
    """Damage the system metrics or the console."""
    files = dict(seeds.export_files())
    name = random.choice(("r1_system.parquet", "r1_console.log"))
    data = files[name]
    files[name] = random.choice(
        (b"", b"x", data[: random.randrange(len(data))], *values.TEXTS, files["r1_history.csv"])
    )
    return _case(files)


def _case(files: dict[str, bytes]) -> Case:
    return Case({f"out/{name}": data for name, data in files.items()}, "out", seeds.ALL)


MUTATORS = (Mutator("export: JSON", _json), Mutator("export: system and console", _others))
