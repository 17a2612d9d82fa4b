"""Which loss a name speaks of: what stands beside the word "loss"."""

from __future__ import annotations

from collections.abc import Sequence

from postrun.metrics.grammar.lexicon import Term
from postrun.metrics.grammar.parse import Match, Name
from postrun.metrics.grammar.words import spelled_out

#: Roles of losses whose group may be a segment of its own: "critic/loss".
SIDES = frozenset({"loss.policy", "loss.value", "loss.generator", "loss.discriminator"})
_PLAYERS = frozenset({"loss.policy", "loss.generator"})
#: Roles of quantities of which neither more nor less is better, whatever their loss weighs.
_NEUTRAL = ("kl.", "entropy")
#: Roles of what no loss is made of: "sr_loss" is no loss of a success rate.
_NO_LOSS = ("success", "length.", "count", "time.", "memory.", "throughput.")
#: Words for a loss that is rather called a cost.
_COSTS = frozenset({"cost", "costs"})


def kind_of_loss(name: Name, match: Match, unknown: Sequence[str]) -> tuple[Term, str]:
    """Return which loss it is: by the word before "loss", else by what follows it, else by its group."""
    others = [
        m
        for m in name.matches
        if m is not match
        and not (m.term.is_loss or m.term.counts or m.term.role in ("count", "coefficient"))
        and m.term.quantity != "parameter"
    ]
    beside = [m for m in others if m.segment == match.segment]
    before = [m for m in beside if m.at < match.at and "of" not in name.words[m.at : match.at]]
    after = [m for m in others if m.at > match.at]
    groups = [m for m in others if m.segment < match.segment and m.term.role in SIDES]
    if len(after) > 1 and after[0].term.role in SIDES and _is_part(after[1]):
        del after[0]  # "loss/g/mel": which part of the generator's loss
    if before and before[-1].term.role in _PLAYERS and after and _is_part(after[0]):
        del before[-1]  # "gen_loss_mel"
    if len(before) > 1 and before[-1].term.quantity == "regularisation loss":
        del before[-1]  # "kl_regularization_loss"
    if (
        before
        and before[-1].term.role == "loss.generator"
        and _unknown_between(name, before[-1], match)
    ):
        del before[-1]  # "G_hole_loss"
    kind = next(iter([*reversed(before), *after, *reversed(groups)]), None)
    noun = "cost" if match.words[-1] in _COSTS else "loss"
    if kind is None:
        if not unknown:
            return match.term, match.term.quantity
        quantity = f"{' '.join(map(spelled_out, unknown))} {noun}"
        return Term(quantity, "" if noun == "cost" else "loss.component", "lower"), quantity
    term = _term_of(kind)
    quantity = _joined(kind, [*before, *after], term.quantity)
    adversarial = next((m for m in after if m.words in (("adv",), ("adversarial",))), None)
    if adversarial is not None and adversarial is not kind and kind.term.loss_only:
        term = adversarial.term  # "loss_style_adv"
        quantity = f"{quantity.removesuffix(' loss')} adversarial loss"
    return term, quantity


def _unknown_between(name: Name, kind: Match, loss: Match) -> bool:
    """Return whether a word that is not understood stands between a kind and the loss."""
    between = zip(
        range(kind.at + kind.width, loss.at),
        name.words[kind.at + kind.width : loss.at],
        strict=True,
    )
    return any((name.places[i], word) in name.unknown for i, word in between)


def _is_part(match: Match) -> bool:
    """Return whether a match says which part of a player's loss it is: "mel", not "real"."""
    part = match.term.loss_only or match.term.role.startswith(_NEUTRAL)
    return (
        part and match.term.role not in SIDES and bool(match.term.role) and match.words != ("clip",)
    )


def _term_of(kind: Match) -> Term:
    """Return the loss of a kind: of the Dice score the Dice loss."""
    term = kind.term
    if (
        term.loss_only
        or term.role == "loss.*"
        or term.quantity.endswith(("loss", "penalty", "error"))
    ):
        return term
    if term.role.startswith(_NEUTRAL):
        return Term(
            f"{term.quantity.removesuffix(' divergence')} loss",
            "kl.other" if term.role[0] == "k" else "",
        )
    of = "image" if term.quantity == "images" else term.quantity.removesuffix(" score")
    if term.role.startswith(_NO_LOSS):
        of = " ".join(kind.words)
    return Term(f"{of} loss", "loss.component", "lower")


def _joined(kind: Match, beside: Sequence[Match], quantity: str) -> str:
    """Return the quantity with all kinds that stand in a row: "loss_mask_dice" is a mask Dice loss."""
    quantity = quantity.replace("*", " ".join(kind.words))
    row = [
        m
        for m in beside
        if m.segment == kind.segment and (m.term.loss_only or m.term.part) and m is not kind
    ]
    for other in row:
        adjacent = other.at + other.width == kind.at or kind.at + kind.width == other.at
        word = (
            other.term.quantity.replace("*", " ".join(other.words))
            .removesuffix(" loss")
            .removesuffix(" score")
        )
        own = other.term.role in SIDES or other.term.role == "loss.*"  # "bce_dice_loss" is a sum
        if adjacent and word not in quantity and not own:
            first, second = (
                (word, quantity)
                if other.at < kind.at
                else (quantity.removesuffix(" loss"), f"{word} loss")
            )
            return f"{first} {second}"
    return quantity
