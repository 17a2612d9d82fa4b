"""Diagnosis rules, found by themselves: a folder for each family of codes, a file for a rule or a few."""

from postrun.rules.base import Rule
from postrun.rules.diagnose import diagnose
from postrun.rules.registry import Selection, find_rule, rules

__all__ = ["Rule", "Selection", "diagnose", "find_rule", "rules"]
