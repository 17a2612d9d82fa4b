"""Mutants of logs, of files beside them and of exports, and what must hold of each."""
