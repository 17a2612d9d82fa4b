"""The training is slower, or needs more memory, than the baseline."""

from __future__ import annotations

from postrun.rules.beside_baseline import BesideBaseline


class SlowerThanBaseline(BesideBaseline):
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
    since = "0.2.0"
    thresholds = {"least_share": 0.1, "spread": 0.03}
