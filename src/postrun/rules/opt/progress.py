"""Did it learn at all?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series, meanings
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.opt.chance import Chance, chance, stands_at_a_coin_toss
from postrun.rules.opt.early import fell_before, only_at_once
from postrun.rules.opt.settings import allowed_by
from postrun.stats.robust import bin_medians, median, rolling_median

#: What language models log: their losses may lie at ln 2 and mean much.
_OF_TOKENS = ("perplexity.train", "perplexity.eval", "progress.tokens", "throughput.tokens")
_SCORES = ("accuracy.eval", "accuracy.train", "score.eval", "reward", "reward.eval")
_ELSE = ("loss.eval", *_SCORES)
#: Values of a loss or an accuracy that can be judged; of a loss beside an accuracy; of any that improves.
_FEW, _FEW_BESIDE, _FEW_BETTER = 5, 3, 4
#: A loss that ends above this share of its first value is said never to have fallen.
_NEVER = 0.98
#: A loss came back from an explosion if it ends below this share of the highest of so many values at least,
#: had not fallen below the second before that, and ends above the third (both shares of its first value).
_BLOWN_ROWS, _BACK, _FELL, _GAINED = 6, 0.7, 0.95, 0.8
#: A model gives one answer if this share of an accuracy's values is the same, but for so much of it, and below
#: the third: an accuracy that is perfect throughout has one value too.
_ONE_ANSWER, _SAME, _PERFECT = 0.9, 1e-3, 0.98
#: A metric improves by so many standard deviations of single values, and so much of its level.
_SIGMAS, _BETTER = 4.0, 0.05
#: A loss that lost this share of its first value fell.
_LOST = 0.3
#: A run learned after its log's end if a loss in the summary is below this share of the log's last level (a
#: loss of one batch, which the log holds in so many rows, below the second), or an accuracy above so many times
#: what guessing gives at that level.
_LATER, _LATER_OF_A_BATCH, _ROWS_OF_A_BATCH, _LATER_SCORE = 0.95, 0.5, 60, 1.1


class LossNotDecreasing(Rule):
    """Nothing was learned.

    ## What it does
    Reports a training loss that stands where it began, that came back from an explosion no lower than it
    began, or that lies at chance; and an accuracy that never moves.

    ## Why it matters
    The learning rate is far too low or too high, gradients do not reach the weights, the last
    activation does not fit the loss, or labels do not belong to inputs. A flat curve of this kind is no
    plateau.

    ## How it decides
    `still`: at least `min_rows` values, none of whose levels differs from the first beyond the noise, or
    which all lie within `share` of the first, or `share_of_many` after `many_epochs` epochs (from 5 values
    on); one that ends more than `higher` above its first value has diverged, and one that was lower by so
    much has learned; or less than 5% was lost, all in the first twentieth, and no score of the run gets
    better. `came back`: the level rose to more than `exploded` times the first value before anything was
    gained, and ends less than a fifth below it. `chance`: the end lies within 5% of ln k and the accuracy
    within 15% of 1 / k for one k (the loss up to 25% above ln k of 5 classes or more, if the accuracy never
    moved), or within 2% of ln k for the number of classes in the config, and never was
    much better; or each fifth of its last two thirds (60 values at least) lies within 2% of ln 2, and no
    accuracy contradicts that. `one answer`: an accuracy below 0.98 that has one value at nine of ten
    evaluations; if the loss falls by 30% or more meanwhile, only one above `one_class` (the accuracy of a
    regression is near 0 whatever it learns), and then the loss measures something else; not if the training
    loss had fallen by a quarter before the first evaluation. `stuck score`: an accuracy of at most
    `low_score` that never moved, while the loss lost less than 30%. Said only if no other metric of the run
    (evaluation, accuracy, reward) improves. A chance level is named only if the config or an accuracy shows
    the number of classes. `info` where the log ends before the run does, with what the summary shows if the
    run learned after that (a loss 5% below the log's last level, an accuracy a tenth above what guessing
    gives at that loss). Never for policy-gradient losses.

    ## What to do
    Overfit one batch first: if that fails, it is the model or the gradients; if it works, it is the
    learning rate or the data.

    ## Example
    "train_loss never fell: 0.702 at first, 0.696 at the end (ln 2 = 0.693, and val_acc is at 0.5: both are
    chance for 2 classes)"

    ## References
    SageMaker Debugger, rule LossNotDecreasing; DeepDiagnosis (Wardat et al., ICSE 2022).
    """

    code = "OPT006"
    name = "loss-not-decreasing"
    live = LATE
    needs = ("loss.train", "loss.eval", "accuracy.train", "accuracy.eval")
    symptom_of = (
        "OPT001",
        "OPT011",
        "OPT002",
        "OPT005",
        "OPT009",
        "PREF001",
        "OPT014",
        "OPT028",
    )
    thresholds = {
        "min_rows": 20,
        "share": 0.002,
        "exploded": 1.5,
        "higher": 0.25,
        "one_class": 0.05,
        "many_epochs": 10,
        "share_of_many": 0.01,
        "low_score": 0.35,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most: on the longest loss that shows it, else on an accuracy."""
        losses = view.by_role("loss.train") or view.by_role("loss.eval")
        told = (f for s in sorted(losses, key=len, reverse=True) for f in self._judge(view, s))
        finding = next(told, None)
        if finding is None and not view.has(
            "reward", "loss.policy"
        ):  # a policy's answers are no classes
            answers = (self._one_answer(view), self._stuck_score(view))
            finding = next((f for told in answers for f in told), None)
        if finding is not None:
            yield finding

    def _judge(self, view: RunView, series: Series) -> Iterator[Finding]:
        finite, curve = series.finite, view.curve(series.key)
        n = len(finite)
        if n < _FEW or finite.y.min() == finite.y.max():
            return  # a constant: DAT004
        first, end = median(finite.y[: max(1, n // 50)]), curve.last.value
        lowest = float(rolling_median(finite.y, 5).min())
        level = chance(view, end)
        blown = self._blown(finite, first, end)
        share = self.limits[
            "share" if _epochs(view) < self.limits["many_epochs"] else "share_of_many"
        ]
        small = float(np.abs(finite.y - first).max()) <= share * abs(first)
        still = small or (
            n >= self.limits["min_rows"]
            and curve.never_moved is True
            and end <= first + self.limits["higher"] * abs(first)
            and lowest >= first - self.limits["higher"] * abs(first)
        )
        if not level.sure and stands_at_a_coin_toss(finite) and not view.has(*_OF_TOKENS):
            words = f" (ln 2 = {math.log(2):.3f}, what guessing between two classes costs)"
            level = Chance(True, words)
        still = still or (only_at_once(finite.y) and _stands(view))
        if not (blown or still or level.sure):
            return
        besides = (
            _SCORES if blown or level.sure else _ELSE
        )  # a loss may fall on its way back to chance
        if level.accuracy is None and _learns(view, series, besides):
            return
        partial = view.run.completeness.truncated
        later = _learned_later(view, end) if partial else ""
        if blown and not level.sure:
            at, peak = blown
            said = (
                f"{series.key} rose from {number(first)} to {number(peak)} ({view.axis.at(at)}) and ends at "
                f"{number(end)}{' where the log ends' if partial else ''}, hardly below where it began"
                f"{'' if later else ': nothing was learned'}{level.words}"
            )
            remedy = (
                "Lower the learning rate by a factor of 10 or more, warm it up, and clip gradients."
                f"{allowed_by(view)}"
            )
            proofs = [evidence(finite, at, before=first, after=end, effect=peak)]
        else:
            how = "never fell" if still or end >= _NEVER * first else "stays at chance"
            where = "where the log ends" if partial else "at the end"
            said = (
                f"{series.key} {how}: {number(first)} at first, {number(end)} {where}{level.words}"
            )
            remedy = (
                "Try to overfit one batch. If that fails, check the model (last activation against the loss), "
                "its gradients and the labels. If it works, check the learning rate and the data."
            )
            proofs = [evidence(finite, before=first, after=end, effect=level.accuracy)]
        if later:
            said += f"; it learned later: the summary has {later}"
            remedy = (
                "Read the whole history from the server. To learn sooner, raise the learning rate or "
                "warm it up."
            )
        # What else fell fell on its way back, or within chance.
        proofs += [
            evidence(s.finite)
            for s in view.by_role("loss.eval")
            if s is not series and len(s.finite)
        ]
        yield self.finding(
            Severity.INFO if partial else Severity.WARNING, 0.8, said, remedy, proofs
        )

    def _blown(self, series: Series, first: float, end: float) -> tuple[float, float] | None:
        """Return where and how high a loss rose that ends no lower than it began, or None."""
        if len(series) < _BLOWN_ROWS or first <= 0:
            return None
        _, levels, at = bin_medians(series.x, series.y, min(60, len(series) // 3))
        k = int(np.argmax(levels))
        back = end < _BACK * float(levels[k])  # one that stays up has diverged: OPT002
        # One that had learned before is a spike: OPT004.
        fell = float(levels[: k + 1].min()) < _FELL * first
        if not back or fell or levels[k] < self.limits["exploded"] * first or end < _GAINED * first:
            return None
        return float(series.x[at[k]]), float(levels[k])

    def _stuck_score(self, view: RunView) -> Iterator[Finding]:
        """An accuracy far from perfect that never moved, beside losses that hardly fell."""
        losses = [s for s in view.by_role("loss.train") if len(s.finite) >= self.limits["min_rows"]]
        if not losses or view.has(*_OF_TOKENS) or any(_loses(view, s.finite) for s in losses):
            return
        loss = losses[0].finite
        for series in view.by_role("accuracy.eval", "accuracy.train"):
            y = series.finite
            if len(y) < self.limits["min_rows"] or view.curve(series.key).never_moved is not True:
                continue
            level = median(y.y)
            if not 0 < level <= self.limits["low_score"]:
                continue
            first, end = float(loss.y[0]), view.curve(loss.key).last.value
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} never moved (at {number(level, 2)}) while {loss.key} went from "
                f"{number(first)} to {number(end)}: hardly anything was learned",
                "Try to overfit one batch. If that fails, check the model, its gradients and the labels. If it "
                "works, check the learning rate and the data.",
                [evidence(y, before=level, after=level), evidence(loss, before=first, after=end)],
            )
            return

    def _one_answer(self, view: RunView) -> Iterator[Finding]:
        for series in view.by_role("accuracy.eval", "accuracy.train"):
            y = series.finite.y
            if len(y) < _FEW or not 0 < median(y) < _PERFECT:
                continue
            usual = median(y)
            stuck = np.abs(y - usual) <= _SAME * usual
            if float(stuck.mean()) < _ONE_ANSWER:
                continue
            k = int(np.argmax(stuck))
            since = float(series.finite.x[k])
            proofs = [evidence(series.finite, since, before=float(y[0]), after=usual)]
            begun = float(series.finite.x[k - 1]) if k else -math.inf
            losses = [
                s.finite.between(begun, math.inf) for s in view.by_role("loss.train", "loss.eval")
            ]
            falling = next((s for s in losses if len(s) >= _FEW_BESIDE and _falls(s)), None)
            if k == 0 and any(fell_before(s, since) for s in view.by_role("loss.train")):
                continue  # it had learned before the first evaluation
            if falling is None and k and usual > float(y[:k].max()):
                continue  # it had learned before it stood still
            why = "the model gives one answer, and nothing was learned"
            if falling is not None:
                if usual < self.limits["one_class"]:
                    continue  # an accuracy of numbers that are no classes says nothing
                first, end = float(falling.y[0]), float(falling.y[-1])
                why = (
                    f"{falling.key} goes from {number(first)} to {number(end)} meanwhile, so it does "
                    "not measure "
                    "what the accuracy does"
                )
                proofs.append(evidence(falling, before=first, after=end))
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} stays at {number(usual)} in {len(y):,} values: {why}",
                "Check the last layer (its activation against the loss, its number of outputs) and the labels' "
                "values and shape. Then check the learning rate.",
                proofs,
            )
            return


def _epochs(view: RunView) -> float:
    """Return how many epochs the run shows, 0 if it counts none."""
    if view.axis.unit == "epoch" and view.first_x is not None and view.last_x is not None:
        return view.last_x - view.first_x + 1
    counter = view.first("progress.epoch")
    return float(counter.finite.y.max()) if counter is not None and len(counter.finite) else 0.0


def _stands(view: RunView) -> bool:
    """Return whether the run has a score of 5 values or more, and no score gets better."""
    scores = [s for s in view.by_role(*_SCORES) if len(s.finite) >= _FEW and s.info.sign]
    return bool(scores) and not any(improves(view, s) for s in scores)


def _learns(view: RunView, besides: Series, roles: tuple[str, ...]) -> bool:
    """Return whether any other goal of the run got better."""
    return any(improves(view, s) for s in view.by_role(*roles) if s.key != besides.key)


def improves(view: RunView, series: Series) -> bool:
    """Return whether a metric got better, beyond its noise and by a share of its level."""
    curve, y = view.curve(series.key), series.finite.y
    if len(y) < _FEW_BETTER or not series.info.sign or curve.never_moved is not False:
        return False
    gain = (curve.last.value - float(y[0])) * series.info.sign
    least = _BETTER * max(abs(float(y[0])), abs(curve.last.value))
    return gain > _SIGMAS * curve.noise and gain > least


def _learned_later(view: RunView, end: float) -> str:
    """Return what in the summary shows that a run learned after the end of its log, "" if nothing does.

    The last value of a single batch is noise: only metrics that the log does not hold step by step count,
    or a loss that halved.
    """
    values = {
        key: float(value)
        for key, value in view.run.summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and key[:1] != "_"
    }
    found = [
        (key in view.metrics and len(view.series(key)) >= _ROWS_OF_A_BATCH, key, info.role or "")
        for key, info in meanings(list(values)).items()
    ]
    for of_a_batch, key, role in sorted(found):
        value = values[key]
        if role in ("loss.train", "loss.eval"):
            later = 0 < value < end * (_LATER_OF_A_BATCH if of_a_batch else _LATER)
        else:
            share = value / 100 if value > 1 else value
            guessed = _LATER_SCORE * math.exp(-max(end, 0.0))
            later = role.startswith("accuracy.") and not of_a_batch and share > guessed
        if later:
            return f"{key} {number(value)}"
    return ""


def _falls(loss: Series) -> bool:
    """Return whether a stretch of a loss ends a third below its first value."""
    first, last = float(loss.y[0]), median(loss.y[-max(1, len(loss) // 20) :])
    return last < first - _LOST * abs(first)


def _loses(view: RunView, series: Series) -> bool:
    """Return whether a loss lost a third of its first value."""
    first = float(series.y[0])
    return view.curve(series.key).last.value < first - _LOST * abs(first)
