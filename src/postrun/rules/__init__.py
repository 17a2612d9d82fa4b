"""Diagnosis rules: one file per rule or tight family, found by themselves."""

from postrun.rules.base import Rule
from postrun.rules.diagnose import diagnose
from postrun.rules.registry import Selection, find_rule, rules

__all__ = ["Rule", "Selection", "diagnose", "find_rule", "rules"]
