"""What the config says that explains a training that blew up."""

from __future__ import annotations

import re

from postrun.metrics import RunView
from postrun.model.text import switched_off

_WARM_UP = re.compile(r"warm_?up(?!.*(?:type|method|schedule|init|lr$|start))", re.I)


def allowed_by(view: RunView) -> str:
    """Return a sentence on settings that let a training blow up, with a space before; "" if there are none.

    Told are gradients that are not clipped and a warm-up of 0, if the config says so itself.
    """
    facts = []
    clipped = view.setting_off("max_grad_norm")
    if clipped:
        facts.append(f"does not clip gradients ({clipped})")
    keys = {key: value for key, value in view.flat_config.items() if _WARM_UP.search(key)}
    if keys and all(switched_off(value) for value in keys.values()):
        key, value = next(iter(keys.items()))
        facts.append(f"has no warm-up ({key} = {value})")
    return f" The config {' and '.join(facts)}." if facts else ""
