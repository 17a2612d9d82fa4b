"""A result is worse than in the baseline."""

from __future__ import annotations

from postrun.rules.beside_baseline import BesideBaseline


class WorseThanBaseline(BesideBaseline):
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
    since = "0.2.0"
    thresholds = {"least_share": 0.02, "spread": 0.03}
