"""Where guessing would leave a loss and an accuracy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model.text import number
from postrun.stats.robust import median, rolling_median

#: A loss stands at ln 2 if so many values lie so near to it (relative), as they do not by accident.
_LONG, _NEAR = 60, 0.02
#: A loss whose values repeat in more than this share of its rows is frozen (DAT006).
_FROZEN = 0.5
#: Values of an accuracy that show its level; losses above this would mean 160,000 classes, and are no chance.
_FEW, _HIGHEST = 5, 12.0
#: How near (relative) to ln k a loss and to 1 / k an accuracy lie if both are chance for k classes, and how far
#: above its end the best accuracy may lie then.
_LOSS_NEAR, _SCORE_NEAR, _BEST = 0.05, 0.15, 1.35
#: A number of classes in the config is what a loss shows if both are so near.
_CLASSES_NEAR = 0.3
#: A setting above this counts no classes; without an accuracy a loss must be so near to chance.
_MOST_CLASSES, _ALONE_NEAR = 1e6, 0.02
_CLASSES = re.compile(
    r"(?:.*\.)?(?:num_?class(?:es)?|n_?class(?:es)?|nb_?class(?:es)?|num_?labels|n_?labels|classes)",
    re.IGNORECASE,
)


#: Guessing between k classes, 2 or more, gives 1 / k; an accuracy above it by at most this share of its
#: variance is no skill, if the loss is not below the second share of ln 2 either.
_SKILL, _COIN = 0.3, 0.97
#: How far (relative) above ln k a loss may end that is chance or worse, if the accuracy never moved.
#: Fewer classes than the second show themselves less surely.
_WORSE, _MANY_CLASSES = 0.25, 5


def only_guesses(loss: float, accuracy: float) -> bool:
    """Return whether an accuracy is no better than what guessing gives that costs as much as a loss.

    A loss that no guessing would cost (160,000 classes) is that of answers that do not hold.
    """
    if loss >= _HIGHEST:
        return True
    if loss < _COIN * math.log(2):
        return False
    share = math.exp(-loss)
    return accuracy <= share + _SKILL * share * (1 - share)


def stands_at_a_coin_toss(loss: Series) -> bool:
    """Return whether each fifth of a loss's last two thirds lies within 2% of ln 2, beyond chance."""
    y = loss.y[len(loss) // 3 :]
    if len(y) < _LONG or float(np.mean(np.diff(y) == 0)) > _FROZEN:
        return False  # too few, or frozen: DAT006
    levels = np.array([median(part) for part in np.array_split(y, 5)])
    return bool((np.abs(levels / math.log(2) - 1) <= _NEAR).all())


@dataclass(frozen=True, slots=True)
class Chance:
    """A level that guessing would give: `sure` if an accuracy says so too."""

    sure: bool = False
    words: str = ""
    accuracy: float | None = None


def chance(view: RunView, level: float) -> Chance:
    """Return whether a loss lies at the chance level of a number of classes that is known or shown."""
    score = view.first("accuracy.eval", "accuracy.train")
    if score is not None and len(score.finite) >= _FEW and 0 < level < _HIGHEST:
        y = score.finite.y
        end = median(y[-max(3, len(y) // 5) :])
        best = float(np.max(rolling_median(y, 5)))
        classes = round(math.exp(level))
        told = [value for value in _classes(view) if abs(value / classes - 1) <= _CLASSES_NEAR]
        classes = told[0] if told else classes
        near = classes >= 2 and abs(level - math.log(classes)) <= _LOSS_NEAR * math.log(classes)
        near = near and abs(end * classes - 1) <= _SCORE_NEAR
        shown = round(1 / end) if end * _MOST_CLASSES >= 1 else 0
        if not near and shown >= _MANY_CLASSES and view.curve(score.key).never_moved:
            worse = 0 <= level / math.log(1 / end) - 1 <= _WORSE
            if worse and best <= _BEST * end:
                words = f" ({score.key} stays at {number(end, 2)}: no better than guessing)"
                return Chance(True, words, end)
        if near and best <= _BEST * end:
            words = (
                f" (ln {classes} = {math.log(classes):.3f}, and {score.key} is at {number(end, 2)}: both are "
                f"chance for {classes:,} classes)"
            )
            return Chance(True, words, end)
    for key, value in _settings_of_classes(view):
        if not 2 <= value <= _MOST_CLASSES:
            continue
        if abs(level - math.log(value)) <= _ALONE_NEAR * math.log(value):
            return Chance(
                False, f" (ln {value:g} = {math.log(value):.3f} is chance for {key} = {value:g})"
            )
    return Chance()


def _settings_of_classes(view: RunView) -> Iterator[tuple[str, float]]:
    """Yield the settings of the config that count classes."""
    for key, value in view.flat_config.items():
        number_like = isinstance(value, int | float) and not isinstance(value, bool)
        if _CLASSES.fullmatch(key) and number_like:
            yield key, value


def _classes(view: RunView) -> list[int]:
    """Return the numbers of classes that the config gives, if they are whole and at least 2."""
    return [int(v) for _, v in _settings_of_classes(view) if v >= 2 and v == int(v)]
