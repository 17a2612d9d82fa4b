"""One reading of a curve: `read_curve` summarises a series once, and rules ask the `Curve` questions."""

from postrun.stats.curve.continuation import Continuation
from postrun.stats.curve.events import Burst, Jump
from postrun.stats.curve.extremes import Best, Interval, Turn
from postrun.stats.curve.phases import Phase
from postrun.stats.curve.reading import Curve, read_curve
from postrun.stats.curve.rows import Stretch
from postrun.stats.curve.signature import Saturation

__all__ = [
    "Best",
    "Burst",
    "Continuation",
    "Curve",
    "Interval",
    "Jump",
    "Phase",
    "Saturation",
    "Stretch",
    "Turn",
    "read_curve",
]
