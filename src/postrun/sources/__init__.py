"""Where runs come from: `resolve` finds the source that a target belongs to."""

from postrun.sources.declared import declare
from postrun.sources.prefetch import prefetched
from postrun.sources.registry import resolve, resolve_all, sources
from postrun.sources.trackers.source import what_was_found
from postrun.sources.wandb_api.options import Choice, RemoteOptions

__all__ = [
    "Choice",
    "RemoteOptions",
    "declare",
    "prefetched",
    "resolve",
    "resolve_all",
    "sources",
    "what_was_found",
]
