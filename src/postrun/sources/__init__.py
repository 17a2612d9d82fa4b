"""Where runs come from: `resolve` finds the source that a target belongs to."""

from postrun.sources.registry import newest_below, resolve, resolve_all, sources

__all__ = ["newest_below", "resolve", "resolve_all", "sources"]
