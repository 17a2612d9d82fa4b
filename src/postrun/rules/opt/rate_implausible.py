"""A learning rate that no training of this kind uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule

_RATE = re.compile(
    r"(?:.*[._/])?(?:lr|learning_?rate|base_lr|max_lr)(?:_(?:ac|actor|cr|critic|policy|value|pi|q|d|g|disc|gen))?"
    r"|(?:.*[._/])?(?:actor|critic|policy|value|disc|gen)_(?:lr|learning_?rate)",
    re.IGNORECASE,
)
#: Optimizers whose steps are as long as the rate, whatever the gradient.
_ADAPTIVE = re.compile(r"adam|lamb|rmsprop|lion|adan|novograd|sophia", re.IGNORECASE)
_NOT_ADAPTIVE = re.compile(
    r"sgd|momentum|lars|adagrad|adadelta|muon|prodigy|adafactor|dadapt", re.IGNORECASE
)


class RateImplausible(Rule):
    """The configured learning rate is far beyond what works.

    ## What it does
    Reports a learning rate in the config that is a hundred times what its optimizer usually bears.

    ## Why it matters
    Adam moves each weight by about the learning rate at each step, whatever the gradient: at 0.3, weights of a
    usual network are overwritten in the first step. Such rates come from random searches over the wrong
    range and from a lost exponent.

    ## How it decides
    Keys such as `lr`, `learning_rate`, `lr_actor`. Above `adaptive` with Adam and its kin, or above `unknown`
    where the optimizer is not known, and with policies (`reward` or policy loss), above `policy`. SGD
    is not judged: rates above 1 are used with it.

    ## What to do
    Begin with 0.001 for Adam (0.0003 for policies, 0.00002 for fine-tuning), and search in powers of ten.

    ## Example
    "learning_rate is 0.3 with AdamW: a thousandth of that is usual"

    ## References
    Kingma and Ba 2015, "Adam", section 2.1 (the step is bounded by the learning rate; arXiv 1412.6980).
    """

    code = "OPT020"
    name = "rate-implausible"
    since = "0.2.0"
    thresholds = {"adaptive": 0.1, "unknown": 1.0, "policy": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all rates."""
        named = view.setting("optimizer")
        optimizer = str(named[1]) if named else ""
        if _NOT_ADAPTIVE.search(optimizer):
            return
        adaptive = bool(_ADAPTIVE.search(optimizer))
        policy = view.has("reward", "loss.policy", "loss.value")
        limit = self.limits["adaptive" if adaptive else "policy" if policy else "unknown"]
        high = [
            (key, float(value))
            for key, value in view.flat_config.items()
            if _RATE.fullmatch(key)
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and limit <= value < float("inf")
        ]
        if not high:
            return
        told = " and ".join(f"{key} is {number(value)}" for key, value in high[:3])
        beside = f" with {optimizer}" if adaptive else " for a policy" if policy else ""
        yield self.finding(
            Severity.WARNING,
            0.85 if adaptive else 0.7,
            f"{told}{beside}: hundreds of times what is usual",
            "Begin with 0.001 for Adam (0.0003 for policies, 0.00002 for fine-tuning), and search in powers of "
            "ten.",
            [Evidence(f"config.{key}", after=value) for key, value in high],
        )
