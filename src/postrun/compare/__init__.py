"""Many runs side by side."""

from postrun.compare.comparison import Comparison
from postrun.compare.finals import config_differences, finals

__all__ = ["Comparison", "config_differences", "finals"]
