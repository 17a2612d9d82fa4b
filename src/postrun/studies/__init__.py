"""Many runs side by side: compare, sweep, failures, progress."""

from postrun.studies.comparison import Comparison

__all__ = ["Comparison"]
