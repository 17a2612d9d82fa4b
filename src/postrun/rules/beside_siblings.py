"""A training that will not reach the best finished run: `postrun watch` finds it."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule


class WillNotReachBest(Rule):
    """A running training will not reach the best finished run beside it.

    ## What it does
    `postrun watch` continues the metric that a run is judged by to the end of the run's plan, and compares it
    with the finished runs of the same project. It reports a run that will end worse than the best of them.

    ## Why it matters
    In a search, most runs cannot win. Half of the time of such a run can be saved.

    ## How it decides
    The run's plan must be known, and at least `begun` of it done, with `min_rows` values of the metric: with
    fewer, runs that improve late look like runs that do not. A [forecast](diff.md#forecast) must be possible:
    the curve has not turned, and its learning rate does not still warm up. The better bound of its 90%
    interval, taken `margin` times as far from the expected level, must be worse than the best finished run. It
    is taken back when the interval itself (margin 1) holds that level, or the run reached it.

    Compared are finished runs of the same project with the same metric, counted in the same steps. They ended
    at the latest 5% after this run's plan, and once stood where this run stands now. Runs that name another
    data set or base model are left out.

    ## What to do
    Stop the run if only the best result counts. `postrun diff` shows what the best run did otherwise.

    ## Example
    "val_loss will not reach 2.21 of sunny-sky-7, the best finished run: it is expected to be 2.41 at step
    10,000, 90% interval 2.35 to 2.52"

    ## References
    Domhan, Springenberg and Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks
    by extrapolation of learning curves", IJCAI 2015.
    """

    code = "BASE003"
    name = "will-not-reach-best"
    since = "0.2.0"
    thresholds = {"begun": 0.3, "min_rows": 50, "margin": 1.5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """Nothing: a run alone has no best run beside it."""
        del view
        yield from ()

    def about(self, message: str, proof: Evidence) -> Finding:
        """Return the finding that a run will not reach the best one."""
        remedy = (
            "Stop the run if only the best result counts. `postrun diff` of both runs shows what the best one "
            "did otherwise."
        )
        return self.finding(Severity.WARNING, 0.9, message, remedy, [proof])
