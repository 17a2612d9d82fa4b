"""The mutators, each a way to change an intact run."""

from benchmarks.fuzz.mutators import beside, exports, logs, tables

MUTATORS = (*logs.MUTATORS, *beside.MUTATORS, *exports.MUTATORS, *tables.MUTATORS)
