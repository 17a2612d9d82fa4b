"""What findings say about metrics, for rules that must not contradict them."""

from __future__ import annotations

from collections.abc import Iterable

from postrun.model import Finding, Severity

#: Families of rules on learning: what one of them warns of is neither praised nor called flat.
_LEARNING = ("OPT", "GEN", "RL", "PREF")
#: Findings on how the optimizer was set or moved, not on whether a metric got better.
_OF_SETTINGS = frozenset(
    {"OPT004", "OPT005", "OPT010", "OPT012", "OPT013", "OPT015", "GEN003", "GEN005"}
)
#: Findings that doubt a metric's gains although they are no warnings.
_SUSPICIONS = frozenset({"GEN010"})


def doubted(found: Iterable[Finding]) -> frozenset[str]:
    """Return the metrics that a warning about learning, or a suspicion, rests on."""
    return frozenset(
        proof.metric
        for finding in found
        if finding.rule in _SUSPICIONS
        or (
            finding.severity >= Severity.WARNING
            and finding.rule.startswith(_LEARNING)
            and finding.rule not in _OF_SETTINGS
        )
        for proof in finding.evidence
    )
