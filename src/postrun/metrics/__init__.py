"""What logged keys mean: roles, metric packs, and a run seen through them."""

from postrun.metrics.axis import Axis
from postrun.metrics.packs_loader import Pack, packs
from postrun.metrics.roles import Role, panels, role_rank, roles
from postrun.metrics.series import MetricInfo, Series, paired
from postrun.metrics.view import RunView, meanings

__all__ = [
    "Axis",
    "MetricInfo",
    "Pack",
    "Role",
    "RunView",
    "Series",
    "meanings",
    "packs",
    "paired",
    "panels",
    "role_rank",
    "roles",
]
