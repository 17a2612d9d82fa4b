"""What logged keys mean: roles, metric packs, and a run seen through them."""

from postrun.semantics.packs_loader import Pack, packs
from postrun.semantics.roles import Role, panels, roles
from postrun.semantics.view import MetricInfo, RunView, Series, paired

__all__ = ["MetricInfo", "Pack", "Role", "RunView", "Series", "packs", "paired", "panels", "roles"]
