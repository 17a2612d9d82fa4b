"""Many runs side by side."""

from postrun.compare.finals import by_group, config_differences, finals

__all__ = ["by_group", "config_differences", "finals"]
