"""A training that never was evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.metrics import RunView, Series, meanings
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import position
from postrun.rules.base import END, Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.training.ending import how_it_ended

_ASKED = re.compile(r"(?:.*\.)?(?:evaluation_strategy|eval_strategy|do_eval)")
#: Words alone: an interval of 0 may mean "at the end".
_OFF = ("no", "none", "false")


class NoEvaluation(Rule):
    """Several epochs without any evaluation.

    ## What it does
    Reports a training over two epochs or more that logs no evaluation, and an adversarial training that logs
    nothing but its players' losses.

    ## Why it matters
    From the second epoch on the training loss falls by memorising as well; whether the model learned its task,
    and which checkpoint is the best, cannot be seen. The losses of a generator and a discriminator say who is
    ahead, not whether the samples get better.

    ## How it decides
    A training loss with at least `min_rows` values, no metric of an evaluation (loss, accuracy, score,
    reward, perplexity), and at least `epochs` epochs by the logged counter (or by the plan, if all of it
    was done), or a config that switches evaluation off. Not for policies, whose data have no epochs. Of an
    adversarial training: at least `rows` values of a player's loss, and no metric of an evaluation.

    ## What to do
    Hold out a part of the data and evaluate on it at least once an epoch (`eval_strategy="epoch"`).

    ## Example
    "No evaluation in 3 epochs (evaluation_strategy = no): overfitting and the best checkpoint cannot be seen"
    """

    code = "GEN008"
    name = "no-evaluation"
    since = "0.2.0"
    live = END
    needs = ("loss.train", "loss.generator")
    thresholds = {"min_rows": 20, "epochs": 2.0, "rows": 100}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train = max(view.by_role("loss.train"), key=len, default=None)
        if view.has(*HELD_OUT, "perplexity.eval", "reward", "loss.policy"):
            return
        if any(info.split in ("eval", "test") for info in view.metrics.values()):
            return
        if _in_summary(view):
            return
        player = max(view.by_role("loss.generator"), key=len, default=None)
        if player is not None and view.has("loss.discriminator"):
            if len(player) >= self.limits["rows"]:
                yield self._of_players(player)
            return
        said = _switched_off(view)
        if view.run.completeness.truncated and not said:
            return  # what is missing may hold it
        if train is None or len(train) < self.limits["min_rows"]:
            return
        counted = view.first("progress.epoch")
        seen = float(counted.finite.y.max()) if counted is not None and len(counted.finite) else 0.0
        whole = counted is not None and bool((counted.finite.y % 1 == 0).all())
        planned = view.number("epochs")
        epochs = seen + 1 if whole and counted is not None and counted.finite.y.min() < 1 else seen
        if not epochs and planned is not None and how_it_ended(view).complete:
            epochs = planned[1]
        if epochs < self.limits["epochs"] and not said:
            return
        proof: list[Evidence] = [evidence(train.finite, effect=epochs)]
        yield self.finding(
            Severity.INFO,
            0.8,
            f"No evaluation{f' in {position(round(epochs, 1))} epochs' if epochs >= 1 else ''}{said}: "
            "overfitting and the best checkpoint cannot be seen",
            "Hold out a part of the data and evaluate on it at least once an epoch.",
            proof,
        )

    def _of_players(self, player: Series) -> Finding:
        return self.finding(
            Severity.INFO,
            0.8,
            "No evaluation: only the losses of generator and discriminator are logged, and they do not show "
            "whether the samples get better",
            "Log a score of the samples (FID, or a distance that suits the data) and some samples regularly.",
            [evidence(player.finite)],
        )


def _switched_off(view: RunView) -> str:
    """Return the setting that switches evaluation off, in brackets; "" if there is none."""
    for key, value in view.flat_config.items():
        if _ASKED.fullmatch(key) and str(value).lower() in _OFF:
            return f" ({key} = {value})"
    return ""


def _in_summary(view: RunView) -> bool:
    """Return whether the summary holds an evaluation, of rows that the history lacks."""
    names = [key for key, value in view.run.summary.items() if isinstance(value, int | float)]
    found = meanings([name for name in names if not name.startswith("_")])
    return any(info.split in ("eval", "test") for info in found.values())
