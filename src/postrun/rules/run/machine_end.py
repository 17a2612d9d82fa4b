"""What the last system samples say about the end of a run."""

from __future__ import annotations

from postrun.metrics import RunView
from postrun.model import Evidence
from postrun.model.text import number
from postrun.rules.perf.machine import at_steps
from postrun.training.crash import Cause

#: Role, the level (%) from which it bears on an end, the kinds of end that it bears on ("" for one
#: whose cause the console does not show), and its words.
_SIGNS = (
    (
        "system.memory",
        95.0,
        ("", "killed", "host-out-of-memory"),
        "host memory was {} % full in the last samples",
    ),
    (
        "system.gpu_memory",
        95.0,
        ("gpu-out-of-memory",),
        "GPU memory was {} % full in the last samples",
    ),
    ("system.disk", 98.0, ("", "disk-full"), "the disk was {} % full in the last samples"),
)


def machine_at_end(view: RunView, cause: Cause | None) -> tuple[str, list[Evidence]]:
    """What the machine showed that bears on a cause: words to add to a sentence, and evidence.

    Samples of the last tenth of the run count (three at the least). They are 10 to 30 s apart, and
    memory can fill within one interval: a low value proves nothing and is not told.
    """
    kind = cause.kind.name if cause is not None and cause.kind is not None else ""
    if cause is not None and not kind:
        return "", []  # an ordinary exception
    parts, proofs = [], []
    for role, level, kinds, words in _SIGNS:
        if kind not in kinds:
            continue
        for series in view.system(role):
            whole = series.finite
            y = whole.take(slice(-max(3, len(whole) // 10), None))
            high = float(y.y.max()) if len(y) else 0.0
            if level <= high <= 100:
                parts.append(words.format(number(high, 3)))
                proofs.append(at_steps(view, y, before=float(whole.y[0]), after=high))
                break
    return (f"; {'; '.join(parts)}" if parts else ""), proofs
