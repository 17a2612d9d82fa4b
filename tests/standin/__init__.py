"""A stand-in for a W&B server: its protocol on 127.0.0.1, as SDK 0.31 and its wandb-core speak it.

It holds projects and runs in memory, takes what `wandb sync` uploads, answers what the public API asks,
and misbehaves on request. What it answers was seen on the wire and in the SDK's public sources.
"""

from tests.standin.faults import Fault
from tests.standin.forms import OPTIONAL, TIMES, Form
from tests.standin.server import StandIn
from tests.standin.state import ServerRun

__all__ = ["OPTIONAL", "TIMES", "Fault", "Form", "ServerRun", "StandIn"]
