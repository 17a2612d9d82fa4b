"""What a name is about: the match that says what the metric is."""

from __future__ import annotations

from dataclasses import replace

from postrun.metrics.grammar.lexicon import Term
from postrun.metrics.grammar.parse import Match, Name
from postrun.metrics.grammar.words import statistic

#: Families of roles that come after "loss" as the name of a term of it.
_LOSS_OF = frozenset({"reward", "entropy", "kl", "accuracy", "score", "q_value"})
#: Quantities without a role that a loss may be of: "loss_grad_match".
_MATCHED = frozenset({"gradient", "activation", "logits", "cosine similarity", "histogram"})
#: What is done with a coefficient.
_APPLIED = frozenset({"weighted", "scaled", "applied", "adjusted"})
#: Pictures and sounds that say beside another quantity what it is of: "psnr_render", "map_audio".
_MODALITIES = frozenset(
    """audio audios image images img imgs video videos render renders grid visual visuals pic pics""".split()  # noqa: SIM905
)
#: Words that are a loss without the word "loss".
_PLAYERS = frozenset(
    {"discriminator", "generator", "netd", "netg", "errd", "errg", "lossd", "lossg"}
)
#: Q-functions without a word for what of them is meant: their value.
_Q_FUNCTIONS = frozenset({"q", "q1", "q2", "qf1", "qf2"})
_Q_VALUE = Term("Q-value", "q_value")
_PARAMETER = Term("parameter", weak=True)
#: What is shown rather than measured: on the data that the name says.
SHOWN = frozenset(
    {"images", "audio", "video", "confusion matrix", "ROC curve", "prediction", "histogram"}
)


def head_of(name: Name) -> Match | None:
    """Return the match that says what the metric is; None if only parts of an unnamed whole are there.

    It is the last one, but counters ("loss_epoch") and words that say which loss it is ("loss_box") come
    after the quantity.
    """
    strong = [m for m in name.matches if not m.term.counts and not m.term.loss_only]
    sure = [m for m in strong if not m.term.weak]
    counters = [m for m in name.matches if m.term.counts]
    if strong and not sure and strong[-1].term.role.startswith("time."):
        if counters and "in" in counters[-1].words:
            return counters[-1]  # "time/batch_in_epoch"
        if not counters or strong[-1].at > counters[-1].at or counters[-1].words[-1][-1] != "s":
            return strong[-1]  # "round_time": the time of what is counted
        return counters[-1]  # "time/iterations": a counter in the group of times
    if not sure and (not strong or counters):
        return _lonely(name)
    strong = [m for m in sure if m.words[-1] not in _MODALITIES] or sure or strong
    last = strong[-1]
    inside = last.at + last.width < len(name.words) and name.words[last.at + last.width] in _APPLIED
    if len(strong) > 1 and last.term.role == "coefficient" and inside:
        last = strong[-2]  # "loss_alpha_weighted"
    special = _special(name, last)
    if special is not None:
        return special
    losses = [m for m in strong if m.term.is_loss]
    beside = losses and losses[-1].segment == last.segment
    if losses and losses[-1].at < last.at and (last.term.part or _of_a_loss(last, bool(beside))):
        return losses[-1]
    return last


def _special(name: Name, last: Match) -> Match | None:
    """Return the head of names that are about a quantity: a weight, a number of it, where it was best."""
    end = name.matches[-1]
    layer = end.words == ("bias",) and (end.at == 0 or name.places[end.at - 1] != end.segment)
    if layer and end.at:
        end.term = _PARAMETER  # "encoder.loss_head.bias"
    if (
        end.term.quantity == "parameter"
        and end.at + end.width == len(name.words)
        and not last.term.quantity.endswith(("norm", "zero gradients"))
    ):
        return end  # "encoder.loss_head.bias"
    if end.term.counts and name.stat == "best" and end.segment == last.segment:
        return end  # "best_val_loss_step"
    begin = name.matches[0]
    if begin.term.quantity == "loss weight" and begin.segment < last.segment:
        return begin  # "loss_coeff/force_mse"
    if begin is not last and begin.segment == last.segment and begin.term.quantity == "change":
        return begin  # "delta_loss"
    return None


def _lonely(name: Name) -> Match | None:
    """Return the head of a name without a quantity: a counter, or a player of an adversarial game."""
    counters = [m for m in name.matches if m.term.counts]
    if counters:
        shares = [
            m for m in name.matches if m.term.quantity == "fraction" and m.at < counters[-1].at
        ]
        beside = _only_beside(name, counters[-1]) or any(
            m.segment == counters[-1].segment for m in shares
        )
        return None if beside else counters[-1]
    if len(name.matches) == 1 and name.matches[0].term.alone and not name.unknown:
        return name.matches[0]
    last = name.matches[-1]
    if last.words[-1] in _Q_FUNCTIONS and all(
        statistic(word) for word in name.words[last.at + last.width :]
    ):
        return replace(last, term=_Q_VALUE)  # "critic_q1"
    return next((m for m in reversed(name.matches) if m.words[-1] in _PLAYERS), None)


def _only_beside(name: Name, counter: Match) -> bool:
    """Return whether a counter only stands beside what is measured.

    So it is in "samples/portrait", "step_4_eff" and "x_pos_per_episode".
    """
    per = counter.at > 0 and name.words[counter.at - 1] == "per"
    later = set(name.words[counter.at + counter.width :])
    end = counter.at + counter.width
    if any(m.term.loss_only and m.at >= end and m.segment == counter.segment for m in name.matches):
        return True  # "iter_max_obj"
    return any(place > counter.segment or per or word in later for place, word in name.unknown)


def _of_a_loss(match: Match, beside: bool) -> bool:
    """Return whether a quantity after "loss" says which loss: "loss_reward", and "loss/images" below it."""
    if match.term.quantity in SHOWN:
        return match.words[-1] in _MODALITIES or not beside
    family = match.term.role.partition(".")[0]
    return beside and (family in _LOSS_OF or match.term.quantity in _MATCHED)
