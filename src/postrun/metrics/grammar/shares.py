"""Shares and counts of things that the lexicon does not know: "parse_fail_rate", "num_wins".

The better direction is that of the words: fewer failures are better, more valid answers. A share of which no
word tells it is not understood. A count is never better if it is higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postrun.metrics.grammar.lexicon import Term
from postrun.metrics.grammar.parse import Match, Name
from postrun.metrics.grammar.words import SPLITS, WRAPPERS, singular, spelled_out, statistic

#: Words for a share, and how its quantity is called before or after what it is a share of.
_SHARES = {
    **dict.fromkeys(("frac", "fraction", "proportion", "share", "pct", "percent", "percentage"), "fraction"),
    "rate": "rate",
    "ratio": "ratio",
}  # fmt: skip
_NUMBERS = frozenset({"num", "number", "n", "nb", "count", "counts"})
#: Words of what should be rare, of what should be frequent, and of what may be either.
_BAD = frozenset(
    """
    fail fails failed failure failures error errors invalid wrong incorrect dead death deaths collision
    collisions collided crash crashes crashed violation violations violated infraction infractions timeout
    timeouts skipped nan nans inf dropped drop lost missed miss missing repetition repetitions repeat repeated
    refusal refusals refused hallucination hallucinations hallucinated toxic toxicity unsafe infeasible
    malformed unparsed unparseable stuck fell fall falls fallen bad duplicate duplicates overflow stalled idle
    exception exceptions accident accidents rejected rejection truncated degenerate leaked leak unsolved undone
    illegal jailbreak spam spikes outage bankrupt bankruptcy delinquent abort aborted
    """.split()  # noqa: SIM905 - a list of words is read more easily
)
_GOOD = frozenset(
    """
    success successful successes correct valid solved perfect passed accept accepted acceptance match matched
    matches complete completed completion finished covered win alive survive survived parsed parseable reached
    agreement agree compliance compliant feasible good recovered answered executable compiled format formatted
    boxed detected detection legal improved grasped delivered caught consistent grounded
    """.split()  # noqa: SIM905
)
_EITHER = frozenset(
    """
    selected sampled masked active used mixed positive positives negative negatives clipped noisy labeled
    labelled unlabeled augmented expert random greedy cached frozen pruned trained trainable replaced shared
    unique abstain abstained abstention
    """.split()  # noqa: SIM905
)
_NOT = frozenset({"no", "non", "not", "without", "un"})
#: Heads that say nothing of what is counted or shared, or less than the words beside them.
_VAGUE = frozenset({"fraction", "count", "error", "loss", "probability", "samples seen"})
_WEAKLY = frozenset({"importance ratio"})
#: Roles of quantities that a number in front of them belongs to: "num_steps_per_second".
_WHOLE = ("throughput.", "time.", "length.", "memory.", "progress.")
#: No reading, though there is one of the bare word: a share of something that may be good or bad.
UNSURE = (Match(Term(""), 0, 0, 0, ()), (Term(""), ""))
#: Words before a plural that make a count of it.
_ADJECTIVES = frozenset(
    """selected active total successful failed completed unique new visited remaining skipped dropped solved
    rejected accepted invalid finished""".split()  # noqa: SIM905
)
_SHORTEST = 3
_RATES = frozenset({"success rate", "failure rate", "pass rate"})
#: A longer noun is a sentence.
_LONGEST = 4


def share_of(name: Name, head: Match | None) -> tuple[Match, tuple[Term, str]] | None:
    """Return the share that a name tells, where, and its quantity; None if it is none or not understood."""
    if head is not None and not (
        head.term.quantity in _VAGUE or (head.term.quantity in _WEAKLY and head.term.weak)
    ):
        return None
    at = next((i for i in reversed(range(len(name.words))) if name.words[i] in _SHARES), None)
    if at is None or (head is not None and head.segment > name.places[at]):
        return None
    nouns = _nouns(name, name.places[at], at)
    better = _direction(nouns)
    if better is None and head is not None and head.term.quantity == "fraction" and nouns:
        return UNSURE
    if better is None or not 0 < len(nouns) <= _LONGEST:
        return None
    kind = _SHARES[name.words[at]]
    quantity = (
        f"fraction of {' '.join(nouns)}" if kind == "fraction" else f"{' '.join(nouns)} {kind}"
    )
    term = Term(quantity, better=better, range="percent")
    return Match(term, name.places[at], at, 1, (name.words[at],)), (term, quantity)


def plural_count(name: Name, head: Match | None) -> tuple[Match, tuple[Term, str]] | None:
    """Return the count that a plural after an adjective tells: "selected_agents"; None for other names."""
    at = next((i for i in reversed(range(len(name.words))) if not statistic(name.words[i])), 0)
    if at == 0:
        return None
    last = name.words[at]
    plural = (
        (name.places[at], last) in name.unknown and singular(last) != last and len(last) > _SHORTEST
    )
    vague = head is None or (head.term.quantity in _RATES and head.at + head.width == at)
    if not plural or not vague or name.places[at - 1] != name.places[at]:
        return None
    before = name.words[at - 1]
    if before not in _ADJECTIVES:
        return None
    better = "lower" if before in _BAD or last in _BAD else "neither"
    quantity = f"{'' if before == 'total' else f'{before} '}{singular(last)} count"
    term = Term(quantity, better=better)
    return Match(term, name.places[at], at, 1, (last,)), (term, quantity)


def count_of(name: Name, last: Match) -> tuple[Term, str] | None:
    """Return the count that a name tells of a quantity: "num_wins", "success_count"; None if it tells none."""
    own = [
        i
        for i, place in enumerate(name.places)
        if place == last.segment and name.words[i] not in SPLITS
    ]
    own = [i for i in own if not statistic(name.words[i])]
    alone = last.term.quantity == "count"
    while own and name.words[own[0]] in WRAPPERS - _NUMBERS:
        del own[0]
    if not own or last.term.role.startswith(_WHOLE) or (last.term.role == "count" and not alone):
        return None
    first, end = name.words[own[0]], name.words[own[-1]]
    before = first in _NUMBERS and own[0] <= last.at - (not alone)
    after = end in ("count", "counts") and own[-1] >= last.at + last.width * (not alone)
    if not (before or after) or any(
        name.words[i] in _SHARES or name.words[i] == "per" for i in own
    ):
        return None
    if first == "n" and not name.words[own[-1]].endswith("s"):
        return None
    nouns = _nouns(name, last.segment, own[0] if before else own[-1])
    if not 0 < len(nouns) <= _LONGEST:
        return None
    lower = last.term.better == "lower" or _direction(nouns) == "lower"
    quantity = f"{' '.join([*nouns[:-1], singular(nouns[-1])])} count"
    return Term(
        quantity, "count", "lower" if lower and not last.term.is_loss else "neither"
    ), quantity


def error_of(name: Name, match: Match) -> tuple[Term, str] | None:
    """Return the error of what stands before the word: "pos_err"; None if nothing does."""
    if match.term.quantity != "error" or not match.term.weak:
        return None
    own = [i for i, place in enumerate(name.places) if place == match.segment and i < match.at]
    nouns = [spelled_out(word) for word in _nouns(name, match.segment, -1, within=own)]
    if not 0 < len(nouns) < _LONGEST:
        return None
    quantity = f"{' '.join(nouns)} error"
    return replace(match.term, quantity=quantity), quantity


def _nouns(name: Name, segment: int, but: int, within: Sequence[int] | None = None) -> list[str]:
    """Return the words of a segment that say what is counted, without the word at one place."""
    return [
        word
        for i, (word, place) in enumerate(zip(name.words, name.places, strict=True))
        if place == segment
        and i != but
        and (within is None or i in within)
        and (word not in SPLITS or (place, word) in name.unknown)
        and not (statistic(word) or word.isdigit() or word in _SHARES)
        and (word not in WRAPPERS or word in _NOT or word in _EITHER)
    ]


def _direction(nouns: Sequence[str]) -> str | None:
    """Return which direction is better of a share of something, None if no word tells."""
    words = set(nouns)
    turned = not words.isdisjoint(_NOT)
    if not words.isdisjoint(_BAD):
        return "higher" if turned else "lower"
    if not words.isdisjoint(_GOOD):
        return "lower" if turned else "higher"
    return None if words.isdisjoint(_EITHER) else "neither"
