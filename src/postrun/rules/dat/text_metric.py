"""Metrics that were logged as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule
from postrun.sources.text_numbers import read_number, read_percent


class TextMetric(Rule):
    """A metric was logged as text although it holds numbers.

    ## What it does
    Names metrics whose values are texts such as "0.5312" or "tensor(0.53, device='cuda:0')".

    ## Why it matters
    W&B's charts do not plot text, and sweeps cannot optimise it. postrun reads these texts as numbers; the
    server does not.

    ## How it decides
    The history column is numeric, but the last value in the run's summary is a text that is a finite number.
    Only metrics whose meaning is known are looked at.

    ## What to do
    Log the number itself: `loss.item()` or `float(loss)` instead of `str(loss)` or an f-string.

    ## Example
    "train/loss was logged as text ("0.5312"): W&B does not plot it"
    """

    code = "DAT009"
    name = "logged-as-text"
    since = "0.2.0"
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all such metrics."""
        found: list[tuple[str, str, float]] = []
        for key, info in view.metrics.items():
            text = view.run.summary.get(key)
            if info.role is None or not isinstance(text, str):
                continue
            value = read_number(text)
            value = read_percent(text) if value is None else value
            if value is not None and math.isfinite(value):
                found.append((key, text, float(value)))
        if not found:
            return
        keys = [key for key, _, _ in found]
        names = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
        verb, pronoun = ("was", "it") if len(keys) == 1 else ("were", "them")
        yield self.finding(
            Severity.INFO,
            0.95,
            f'{names} {verb} logged as text ("{found[0][1]}"): W&B does not plot {pronoun}',
            "Log the number itself: loss.item() or float(loss) instead of str(loss) or an f-string.",
            [
                Evidence(key, view.metrics[key].role, after=value, n=len(view.series(key)))
                for key, _, value in found
            ],
        )
