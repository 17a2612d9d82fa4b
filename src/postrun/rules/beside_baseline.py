"""What got worse beside a baseline: `postrun check --baseline` finds it, and these rules describe it."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule


class _BesideBaseline(Rule):
    """A finding of these rules needs other runs, so it comes from `about` and not from `check`."""

    def check(self, view: RunView) -> Iterator[Finding]:
        """Nothing: a run alone cannot be worse than another."""
        del view
        yield from ()

    def about(self, message: str, remedy: str, proof: Evidence, confidence: float) -> Finding:
        """Return the finding that a metric is worse than in the baseline."""
        return self.finding(Severity.WARNING, confidence, message, remedy, [proof])


class WorseThanBaseline(_BesideBaseline):
    """A result is worse than in the baseline.

    ## What it does
    Compares losses, rewards, accuracies and scores with those of known good runs (`postrun check --baseline`),
    and reports each that is worse than a repeated run would be.

    ## Why it matters
    A change of code, data or settings that costs quality often breaks nothing: the run finishes, every curve
    looks normal, and only the level is lower.

    ## How it decides
    Levels are taken at the last step that all runs reached. The difference must exceed the one-sided 99%
    prediction interval for one more run, and `least_share` of what the metric gained in the baseline. With
    several baselines, the spread between them counts. With one, it is estimated as the noise of single values
    of the curve, or `spread` of the gain if that is more: a smooth curve says nothing about other seeds.

    ## What to do
    Look at what changed between the runs. Repeat the baseline with two more seeds and pass all three: the
    spread of repeated runs is then known and not estimated.

    ## Example
    "eval/loss is 0.842 at step 900, worse than the baseline's 0.611 (repeated runs stay below 0.703)"

    ## References
    Hahn, "Additional factors for calculating prediction intervals for samples from a normal distribution",
    JASA 65, 1970. Smyth, "Linear models and empirical Bayes methods", 2004.
    """

    code = "BASE001"
    name = "worse-than-baseline"
    thresholds = {"least_share": 0.02, "spread": 0.03}


class SlowerThanBaseline(_BesideBaseline):
    """The training is slower, or needs more memory, than the baseline.

    ## What it does
    Compares throughput, step time, utilisation and memory with those of known good runs
    (`postrun check --baseline`).

    ## Why it matters
    A run that needs a tenth more time costs a tenth more, and nothing else shows it.

    ## How it decides
    Compares the medians up to the last step that all runs reached. The difference must exceed the one-sided
    99% prediction interval for one more run, and `least_share` of the baseline's median. With one baseline,
    the spread between runs is estimated as `spread` of that median.

    ## What to do
    Check first that both ran on the same hardware, with the same number of devices. Then compare the settings
    of batch size, precision, workers and logging.

    ## Example
    "perf/throughput is 8,178 in the median, worse than the baseline's 15,400 (repeated runs stay above 12,060)"
    """

    code = "BASE002"
    name = "slower-than-baseline"
    thresholds = {"least_share": 0.1, "spread": 0.03}
