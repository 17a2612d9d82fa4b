"""What logged keys mean: roles, metric packs, and a run seen through them."""

from postrun.semantics.experiment import experiments, join, signature
from postrun.semantics.packs_loader import Pack, packs
from postrun.semantics.roles import Role, panels, role_rank, roles
from postrun.semantics.series import MetricInfo, Series, paired
from postrun.semantics.view import RunView, meanings

__all__ = [
    "MetricInfo",
    "Pack",
    "Role",
    "RunView",
    "Series",
    "experiments",
    "join",
    "meanings",
    "packs",
    "paired",
    "panels",
    "role_rank",
    "roles",
    "signature",
]
