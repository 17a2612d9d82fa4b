"""What a name says, by grammar: the quantity, the data it is measured on, and the statistic."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from postrun.metrics.grammar.heads import SHOWN, head_of
from postrun.metrics.grammar.lexicon import Term, lexicon
from postrun.metrics.grammar.losses import kind_of_loss
from postrun.metrics.grammar.parse import Match, Name, parse
from postrun.metrics.grammar.shapes import Shape, shape_of
from postrun.metrics.grammar.shares import UNSURE, count_of, error_of, plural_count, share_of
from postrun.metrics.grammar.tokens import segments
from postrun.metrics.grammar.told import (
    A_TIME,
    TIME_GROUPS,
    Told,
    group_time,
    letter_score,
    told_by_words,
    unit_time,
)
from postrun.metrics.grammar.words import QUALIFIERS, SPLITS, SPREADS, WRAPPERS, statistic
from postrun.metrics.roles import roles
from postrun.metrics.series import MetricInfo

#: A reading below this confidence is no reading; below the second, no rule judges by it.
LEAST, JUDGED = 0.4, 0.6
#: Last words of names that label rows.
_LABELS = frozenset(
    {
        "id",
        "ids",
        "idx",
        "index",
        "name",
        "path",
        "date",
        "url",
        "type",
        "mode",
        "details",
        "html",
    }
)
_COMPARED = frozenset({"vs", "versus", "minus", "plus"})
#: A metric that is logged again over another axis, as Megatron does: "lm loss vs samples".
_OVER_AXIS = re.compile(
    r"[ _-]+(?:vs|versus)[ _.-]+(?:samples|steps?|tokens|time|hours|epochs?|iterations?|iters?|flops)$",
    re.IGNORECASE,
)
#: What was so while the metric was measured: "Accuracy with momentum=0.5".
_WITH = re.compile(
    r"(?<=\w)[ _]+(?:with|without|using|when)[ _](?:[A-Za-z_ ]+=\s*[\d.]+|[^=]*$)", re.IGNORECASE
)
#: What a score is measured at, which is no quantity of the metric: "TPR@FPR=1%", "recall_at_precision_90".
_AT = re.compile(
    r"(?:@|[ _]at[ _])\s*(?:far|fmr|fpr|fnr|fnmr|tpr|tnr|recall|precision|prec|spec\w*|sens\w*|thr\w*)"
    r"(?![A-Za-z])(?:[=_ @]*[\d.]+%?)?",
    re.IGNORECASE,
)
#: Ends of names below gradients/ and parameters/ that are no layers.
_SUMMARIES = frozenset(
    {"norm", "mean", "max", "min", "std", "total", "global", "count", "histogram"}
)
_SCORES = ("score.", "accuracy.")
_GPU_WORDS = frozenset({"gpu", "cuda", "vram"})
_GPU_MEMORY = Term("GPU memory", "memory.gpu", range="positive")
#: What belongs to no split, unless the name says which: "train/walltime", "test_size".
_OF_A_SPLIT = frozenset({"wall-clock time", "sample count"})
#: The statistic that "worst" means, by what is better.
_EXTREMES = {"lower": "max", "higher": "min", "neither": ""}
#: Groups of what is scored while training acts: "agent/score" is no evaluation.
_ACTING = frozenset(
    {"agent", "agents", "episode", "episodes", "env", "rollout", "game", "games", "player"}
)
_UNTIL = frozenset({"before", "until", "till"})
#: Words below a group of rewards that say something about them all.
_NO_PART = frozenset(
    """ratio rate frac fraction percent pct count num distribution histogram hist zero positive
    negative""".split()  # noqa: SIM905
)
#: How sure a reading is that is made of words which the lexicon lacks.
_TOLD = 0.58


@lru_cache(maxsize=65_536)
def read(key: str) -> tuple[MetricInfo, ...]:
    """Return the readings of a name, the likeliest first; () if no quantity is recognised."""
    watched = _watched(key)
    if watched:
        return (watched,)
    shape, numbers = shape_of(segments(_AT.sub("", _OVER_AXIS.sub("", _WITH.sub("", key)))))
    found = _read_shape(shape)
    return tuple([info.of_name(key, info.index.translate(numbers)) for info in found])


@lru_cache(maxsize=16_384)
def _read_shape(shape: Shape) -> tuple[MetricInfo, ...]:
    """Return the readings of all names of a shape, without their keys; stand-ins for numbers in the index."""
    name = parse(shape)
    if (letter := letter_score(name)) is not None:
        return (_reading(name, letter),)
    if (timed_by_unit := unit_time(name)) is not None:
        return (_reading(name, *timed_by_unit),)
    if not name.matches:
        told = plural_count(name, None)
        return (_reading(name, *told),) if told else ()
    if "time taken" in " ".join(name.words):  # by what stands beside it: no loss, no reward
        info = MetricInfo(
            "",
            roles()["time.part"].name,
            unit="s",
            better="neither" if name.stat in SPREADS else "lower",
            pack="generic",
            quantity="time",
        )
        return (replace(info, split="train", confidence=0.9, why='"time taken" means time'),)
    compared = not _COMPARED.isdisjoint(name.words)  # a plot of one thing against another
    end = name.matches[-1]
    labels = compared or _in_bytes(name)
    labels |= name.words[-1] in _LABELS and end.at + end.width < len(name.words)
    head = None if labels else head_of(name)
    told = None if labels else (group_time(name, head) or share_of(name, head))
    told = told or (None if labels else plural_count(name, head))
    if told is not None:
        return () if told is UNSURE else (_reading(name, *told),)
    if head is None or _unsure(name, head):
        return ()
    others = [m for m in reversed(name.matches) if m is not head and not m.term.loss_only]
    found = [
        _reading(name, head, count_of(name, head) or told_by_words(name, head)),
        *(_reading(name, match, factor=0.5) for match in others),
    ]
    if (timed := _timed(name, head)) is not None:
        found.insert(1, _reading(name, timed, factor=0.8))
    return tuple(info for info in found if info.confidence >= LEAST)


def _in_bytes(name: Name) -> bool:
    """Return whether a name is an amount of data that is no memory: "communication/round_bytes"."""
    return name.words[-1] == "bytes" and not any(
        m.term.role.startswith("memory.") for m in name.matches
    )


def _unsure(name: Name, head: Match) -> bool:
    """Return whether words after the head make another thing of it: "clients_class_distribution"."""
    if head.term.weak and any(place > head.segment for place, _ in name.unknown):
        return True
    if head.at and name.words[head.at - 1] in _UNTIL:
        return True  # "timesteps before termination"
    below = {w for w, place in zip(name.words, name.places, strict=True) if place > head.segment}
    if head.term.role == "reward" and not _NO_PART.isdisjoint(below):
        return True  # "rewards/negative_ratio"
    if head.term.role.startswith("memory.") and any(
        place > head.segment for place, _ in name.unknown
    ):
        return True  # "memory/oom"
    later = [m for m in name.matches if m.at > head.at and m.segment == head.segment]
    counted = head.term.role == "count" and head.term.split == "none"
    return counted and any(m.term.loss_only for m in later)


def _timed(name: Name, head: Match) -> Match | None:
    """Return the time of what a name counts by its words: "time/step" may be one as well. Values decide."""
    if not head.term.counts or head.words[0] != "time" or name.places[head.at] == head.segment:
        return None
    term = lexicon().terms.get((*head.words[1:], "time"))
    return None if term is None else replace(head, term=term)


def _watched(key: str) -> MetricInfo | None:
    """Return the reading of what `wandb.watch` logs."""
    group, slash, layer = key.partition("/")
    if not slash or group not in ("gradients", "parameters"):
        return None
    if "." not in layer and not _SUMMARIES.isdisjoint(layer.lower().split("_")):
        return None  # "gradients/global_norm"
    quantity = f"{group.removesuffix('s')} histogram"
    split = "train" if group == "gradients" else "none"
    why = f"wandb.watch logs {group}/LAYER"
    return MetricInfo(
        key, pack="generic", index=layer, quantity=quantity, split=split, confidence=0.95, why=why
    )


def _reading(name: Name, match: Match, told: Told | None = None, factor: float = 1.0) -> MetricInfo:
    """Return the reading of a match; `told` is what it is if not the match's own term."""
    term, quantity, sure = match.term, match.term.quantity, 0.95
    unknown = [word for place, word in name.unknown if place == match.segment]
    cost = 0.2 * len(unknown) + 0.05 * (len(name.unknown) - len(unknown))
    nouns = [word for word in unknown if len(word) > 2]
    if len(nouns) > 1 and name.words[-1] == nouns[-1] and not term.is_loss:
        cost += 0.2  # "iou_correction_applied" is about what its last words say
    if told is not None:
        (term, quantity), sure = told, _TOLD
        cost -= 0.2 * len(unknown)
    elif (error := error_of(name, match)) is not None:
        (term, quantity), cost = error, cost / 4
    elif term.is_loss:
        term, quantity = kind_of_loss(name, match, unknown)
        cost /= 2
    elif term.loss_only:
        sure = 0.7
    elif term.role == "time.part" and term.weak:
        counted = next((m for m in reversed(name.matches) if m.term.counts), None)
        if counted is not None:
            term, quantity = A_TIME, f"{counted.words[-1].removesuffix('s')} time"
    elif (
        term.counts
        and name.words[0] in TIME_GROUPS
        and match.at
        and match.words[-1][-1] != "s"
        and "in" not in match.words  # "time/batch_in_epoch" counts
    ):
        term, quantity = A_TIME, f"{' '.join(match.words)} time"
    elif term.counts and name.stat == "best":
        term = Term(f"best {quantity.removesuffix(' counter')}")
        quantity = term.quantity
    elif term.counts and (kinds := [w for w in unknown if w in name.words[: match.at]]):
        what = " ".join(match.words) if quantity.endswith("seen") else quantity
        quantity = f"{' '.join(kinds)} {what}"  # "dropped_tokens"
    elif quantity == "host memory" and not _GPU_WORDS.isdisjoint(name.words):
        term, quantity = _GPU_MEMORY, _GPU_MEMORY.quantity
    elif quantity in ("gain", "gap", "change"):
        term, quantity = _changed(name, match)
    elif term.role == "reward" and (part := _part_of_reward(name, match)):
        unknown = part
        noun = "reward" if name.places[-1] > match.segment else quantity
        quantity = f"{' '.join(unknown)} {noun}"
        term = Term(quantity, "reward.component", "higher")
        cost /= 2
    split = name.split or _usual_split(name, term)
    if (
        term.split == "none"
        and quantity not in SHOWN
        and not (name.split and quantity in _OF_A_SPLIT)
    ):
        split = "none"
    sure -= cost + ((0.2 if name.split else 0.4) if term.weak else 0.0)
    if term.role.endswith(".*") and not name.split:
        sure -= 0.1
    sure = max(0.0, round(sure * factor, 2))
    role = term.role_on(split) if sure >= JUDGED else None
    if role is not None and name.stat in SPREADS and role.name.startswith("reward"):
        role = roles()["reward.std"]
    return MetricInfo(
        key="",
        role=role.name if role else None,
        stat=_EXTREMES[term.better] if name.stat == "worst" else name.stat,
        unit=term.unit or (role.unit if role else ""),
        better="neither" if name.stat in SPREADS else term.better,
        pack="generic",
        index="/".join([*(word for _, word in name.unknown), *name.numbers]),
        quantity=quantity,
        range=term.range,
        split=split,
        confidence=sure,
        why=_why(name, match, quantity, split),
    )


def _usual_split(name: Name, term: Term) -> str:
    """Return the split of a name without a word for it.

    Scores, whatever is beside the name of a benchmark, and a final accuracy are held out.
    """
    groups = {
        w for w, place in zip(name.words, name.places, strict=True) if place < name.places[-1]
    }
    acting = not _ACTING.isdisjoint(groups) and (term.role.startswith("score.") or not term.role)
    if term.split:
        return "train" if acting and term.split == "eval" and not term.role else term.split
    if acting:
        return "train"
    benchmark = term.role.endswith(".*") and any(m.term.split == "eval" for m in name.matches)
    final = name.stat in ("first", "last", "best")
    if benchmark or term.role.startswith("score."):
        return "eval"
    held_out = final and term.role == "accuracy.*"
    best = name.stat == "best" and term.role == "loss.*"  # the one by which a checkpoint is chosen
    return "eval" if held_out or best else "train"


def _part_of_reward(name: Name, match: Match) -> list[str]:
    """Return the words that say which term of a reward it is: "exact_reward", "reward/format"; [] if none."""
    words = [word for place, word in name.unknown if place >= match.segment and len(word) > 1]
    own = [i for i, place in enumerate(name.places) if place == match.segment]
    if all(name.words[i].isdigit() or match.at <= i < match.at + match.width for i in own):
        below = zip(name.words[own[-1] + 1 :], name.places[own[-1] + 1 :], strict=True)
        return [word for word, _ in below if _is_name(word) and word not in ("reward", "score")]
    beside = [m for m in name.matches if m.segment == match.segment and m is not match]
    parts = [m for m in beside if m.term.loss_only and _is_name(m.words[0])]  # "reward_energy"
    parts += [m for m in beside if m.at < match.at and m.term.role.startswith(_SCORES)]
    return [*(word for m in parts for word in m.words), *words]


def _is_name(word: str) -> bool:
    """Return whether a word may name a part: no split, statistic, number, letter or wrapper."""
    said = word in SPLITS or word in WRAPPERS or word in QUALIFIERS or statistic(word)
    return len(word) > 1 and not said and not word.isdigit()


def _changed(name: Name, match: Match) -> tuple[Term, str]:
    """Return what a gain or gap is of: "accuracy_improvement" is better if accuracy is."""
    changed = match.term.quantity == "change"
    others = [m for m in name.matches if m is not match and not m.term.counts]
    before = [m for m in others if m.at < match.at] or (others if changed else [])
    if not before:
        return match.term, match.term.quantity
    of = before[-1].term
    if changed:
        return Term(f"change of {of.quantity}"), f"change of {of.quantity}"
    quantity = f"{of.quantity} {match.term.quantity}"
    held_out = "eval" if of.role == "accuracy.*" or of.role.startswith("score.") else ""
    better = of.better if match.term.quantity == "gain" else "lower"
    if match.term.quantity == "gap" and of.role.startswith("reward"):
        better = "neither"  # of the chosen to the rejected answer, or to the best policy
    return Term(quantity, better=better, split=held_out), quantity


def _why(name: Name, match: Match, quantity: str, split: str) -> str:
    """Return which words decided, as a sentence without its end."""
    told = f'"{" ".join(match.words)}" means {quantity}'
    if name.split:
        told += f', "{name.split_word}" the {split} split'
    elif split != "none":
        told += f", no word names the split ({split} is usual)"
    if name.stat:
        told += f", {name.stat} the statistic"
    if name.unknown:
        told += f"; not understood: {', '.join(word for _, word in name.unknown)}"
    return told


def split_of_name(key: str) -> str:
    """Return the split that a word of a name names, the last one if several do; "" if none does."""
    named = [SPLITS[word] for part in segments(key) for word in part if word in SPLITS]
    return named[-1] if named else ""
