"""Many runs side by side."""

from postrun.compare.comparison import Comparison
from postrun.compare.finals import by_group, config_differences, finals

__all__ = ["Comparison", "by_group", "config_differences", "finals"]
