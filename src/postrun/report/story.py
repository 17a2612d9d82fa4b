"""What a run's page, terminal and files say first: a verdict in one sentence, then a story of at most five.

Each sentence is a fact of the run or what a finding says; a number is in it only if one of these has it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number, position
from postrun.report.carrying import are_levels, best_value, lead
from postrun.rules.beside import doubted
from postrun.rules.coverage import coverage
from postrun.stats.curve import Curve
from postrun.training.end_words import after, headline, state_words, where
from postrun.training.ending import (
    EMPTY,
    FAILED,
    FINISHED,
    INCOMPLETE,
    RUNNING,
    HowEnded,
    how_it_ended,
)

#: Rules on how a run ended or how far it came: the state says it already.
_ENDINGS = ("RUN001", "RUN002", "RUN003")
#: Rules that say that nothing was learned, or learned too well to be true.
_NOTHING = ("OPT006", "OPT028", "RL019", "RL020", "PREF001", "GEN009", "GEN010")
#: Notes beside which a run is not said to be without problems, the gravest first.
_RESERVATIONS = ("GEN010", "OPT019", "RL021", "DAT010", "GEN008", "GEN003")
#: Findings that a verdict names, and a story.
_NAMED, _TOLD = 2, 2
#: So few values are no course.
COURSE = 5
#: The level at the end of fewer values is the last of them.
_MANY = 50
#: Settings that name the model and the data, by the last part of their keys.
_MODEL = ("model_name_or_path", "model_name", "_name_or_path", "base_model", "model", "arch")
_DATA = ("dataset_name", "dataset", "data", "env_id", "env_name", "env")
_LONGEST = 60
#: A plan is done within this share of it, as RUN003 says.
_TOLERANCE = 0.01
_PLAIN = re.compile(r"[\w./:+-]+", re.ASCII)
_MARKS = ("from", "after", "at", "by")
#: A state that says that nothing was logged.
_UNLOGGED = "before any metric was logged"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a story. `finding` is the position of the finding that says more, None for a fact."""

    text: str
    finding: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a run.

    Attributes:
        state: How it ended, the verdict's first part: "Finished after 12 min".
        link: What joins state and trouble: ", but "; "" without trouble.
        trouble: What matters most about it, "" if no warning says anything.
        severity: Of the worst finding in `trouble`; GOOD without one.
        rest: What follows if there is no trouble, with its separator: "; no problem found".
        sentences: The story in the order of time, at most five.
    """

    state: str
    link: str
    trouble: str
    severity: Severity
    rest: str
    sentences: tuple[Sentence, ...]

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        return f"{self.state}{self.link}{self.trouble}{self.rest}."

    def as_dict(self) -> dict[str, Any]:
        """Return verdict and story as plain data; `finding` counts from 1, as the pages do."""
        told = [
            {"text": s.text, "finding": None if s.finding is None else s.finding + 1}
            for s in self.sentences
        ]
        return {"verdict": self.verdict, "story": told}


def verdict(view: RunView, findings: Sequence[Finding]) -> str:
    """Return a run in one sentence: how it ended, then what matters most.

    Without warnings, the sentence says what came of the training and how much was looked at.
    """
    return tell(view, findings).verdict


@np.errstate(all="ignore")  # of curves of equal or huge values
def tell(view: RunView, findings: Sequence[Finding]) -> Story:
    """Return the verdict and the story of a run."""
    sentences = [Sentence(_setting(view))] if view.run.history.height else []
    course = _course(view, findings)
    if course:
        sentences.append(Sentence(course))
    sentences += _events(view, findings)
    sentences.append(_end(view, findings))
    state, named = _state(view), _troubles(findings)
    if not named:
        worst = max((f.severity for f in findings if f.rule in _ENDINGS), default=Severity.GOOD)
        ill = worst >= Severity.WARNING
        rest = "" if ill else _without_trouble(view, findings, state)
        return Story(state, "", "", worst, rest, tuple(sentences))
    told = [f for f in named if f.rule != "RUN004" or _UNLOGGED not in state]
    if not told:  # the state says it already
        return Story(state, "", "", named[0].severity, "", tuple(sentences))
    fine = how_it_ended(view).kind in (FINISHED, RUNNING)
    timed = onset(view, told[0]) is not None
    link = ", but " if fine else "; before that, " if timed else "; "
    return Story(state, link, _trouble(view, told), told[0].severity, "", tuple(sentences))


def clause(view: RunView, finding: Finding) -> str:
    """Return what a finding says in a few words: "the gradients exploded from step 700 on".

    A place is named only if the finding's own message names it.
    """
    known = _told()["clauses"].get(finding.rule)
    if known is None:
        return f"{finding.name.replace('-', ' ')} ({finding.rule})"
    window = finding.window
    words = dict.fromkeys(_MARKS, "")
    if window is not None:
        start, stop = (view.axis.at(x) if _named(view, finding, x) else "" for x in window)
        begins = view.first_x is None or window[0] > view.first_x
        if start and begins:
            words |= {"from": f" from {start} on", "after": f" after {start}", "at": f" at {start}"}
        if stop:
            words["by"] = f" by {stop}"
    unread = bool(view.run.completeness.no_history) or view.run.completeness.from_console
    words["lost"] = f"{'its log file' if unread else 'part of its log'} could not be read"
    metric = finding.evidence[0].metric if finding.evidence else "a metric"
    return str(known).format(metric=metric, **words)


def learned_nothing(findings: Sequence[Finding]) -> bool:
    """Return whether any finding says that nothing was learned: no course is praised beside it."""
    return any(f.rule in _NOTHING and f.severity > Severity.GOOD for f in findings)


def onset(view: RunView, finding: Finding) -> float | None:
    """Return where a finding begins on the run's axis; None if its message names no place within the run."""
    window = finding.window
    if window is None or view.first_x is None or not window[0] > view.first_x:
        return None
    return window[0] if _named(view, finding, window[0]) else None


def _named(view: RunView, finding: Finding, x: float) -> bool:
    """Return whether a finding's message names a place: "step 70", or either end of "steps 70 to 479"."""
    place = rf"\b{re.escape(view.axis.unit)}s? (?:[\d,.]+ (?:to|and) )?{re.escape(position(x))}(?![\d,.]*\d)"
    return re.search(place, finding.message) is not None


@cache
def _told() -> dict[str, Any]:
    text = files("postrun.report").joinpath("clauses.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _trouble(view: RunView, named: Sequence[Finding]) -> str:
    """Return what the worst findings say, and how many more there are."""
    said = list(dict.fromkeys(clause(view, f) for f in named))
    more = len(said) - _NAMED
    if more > 0:
        said[_NAMED:] = [f"{more} more warning{'s' if more > 1 else ''}"]
    return f"{', '.join(said[:-1])}, and {said[-1]}" if len(said) > 1 else said[0]


def _troubles(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.severity >= Severity.WARNING and f.rule not in _ENDINGS]


def _state(view: RunView) -> str:
    """Return how a run ended: "Completed all 480 planned steps in 9 s", else its headline."""
    how, run = how_it_ended(view), view.run
    progress = how.plan.progress
    done = progress is not None and progress.done >= progress.total * (1 - _TOLERANCE) - 1
    if how.kind == FINISHED and how.complete and progress is not None and done:
        lasted = f" in {run.lasted}" if run.lasted else ""
        return f"Completed {progress.whole()}{lasted}"
    # Of a run that ended well, a rough count does not show that some of the plan was left.
    begun = progress is not None and bool(progress.done) and not progress.rough
    if run.completeness.no_history or (how.complete and done):
        return headline(view)
    if how.kind == FINISHED and not (begun and not done):
        return headline(view)
    timed = after(view) if how.kind not in (INCOMPLETE, EMPTY) else ""
    words = state_words(view)
    return f"{words[0].upper()}{words[1:]}{where(view)}{timed}{_cause(how)}"


def _cause(how: HowEnded) -> str:
    """Return why a run failed, in few words: ": the GPU ran out of memory"; "" if nothing shows it."""
    if how.kind != FAILED or how.cause is None:
        return ""
    said = how.cause.kind.words if how.cause.kind is not None else how.cause.exception
    return f": {said}" if said else ""


def _without_trouble(view: RunView, findings: Sequence[Finding], state: str) -> str:
    """Return how a verdict without warnings ends."""
    if view.run.completeness.no_history:
        return "; there is no history to judge"
    seen = coverage(view)
    if not seen.metrics:
        return "" if _UNLOGGED in state else "; it logged no metric"
    if seen.thin:
        return f"; too little is understood to judge the training ({seen.counted})"
    came = _outcome(view, findings)
    doubt = next((f for rule in _RESERVATIONS for f in findings if f.rule == rule), None)
    if doubt is not None:
        return f"{f'; {came}' if came else ''}; no warning, but {clause(view, doubt)}"
    of = f" in the {seen.counted} that are understood" if seen.unknown else ""
    return f"{f'; {came}' if came else ''}; no problem found{of}"


def _outcome(view: RunView, findings: Sequence[Finding]) -> str:
    """Return what came of the metric that a run is judged by; "" if it shows no gain."""
    series = lead(view)
    if series is None or len(series) < COURSE or learned_nothing(findings):
        return ""
    if not series.info.sign:
        return ""
    curve = view.curve(series.key)
    first, last = _improved(series.key, findings) or (
        float(series.y[0]),
        _at_the_end(series, curve),
    )
    if curve.never_moved or curve.not_finite or number(first) == number(last):
        return ""
    best, at = best_value(series)
    if len(series) >= _MANY and curve.turned is None and curve.best is not None:
        stands = curve.best.stop >= len(curve.x) - 1
        return f"{series.key} ended at {number(last)}{', its best level' if stands else ''}"
    if curve.turned is not None:
        return f"{series.key} was best at {view.axis.at(at)} ({number(best)}) and ended at {number(last)}"
    where_best = "the end" if at == float(series.x[-1]) else view.axis.at(at)
    return f"{series.key} ended at {number(last)}, best at {where_best}"


def _at_the_end(series: Series, curve: Curve) -> float:
    """Return the level at the end, of few values the last one."""
    return float(series.y[-1]) if len(series) < _MANY else curve.last.value


def _setting(view: RunView) -> str:
    """Return what ran: framework, model, data and plan as far as they are known, and what was logged."""
    name = view.framework
    article = "An" if name[:1] in tuple("AEIOUaeiou") else "A"
    what = f"{article} {name} run" if name else "A run"
    for word, names in (("of", _MODEL), ("on", _DATA)):
        text = _text(view, names)
        what += f" {word} {text}" if text else ""
    progress = how_it_ended(view).plan.progress
    if progress is not None and not progress.of_rows and progress.total > 1:
        what += f", planned for {position(progress.total)} {progress.unit}s,"
    over = ""
    if view.first_x is not None and view.last_x is not None:
        over = f" over {view.axis.span(view.first_x, view.last_x)}"
    return f"{what} logged {_count(len(view.metrics), 'metric')}{over}."


def _text(view: RunView, names: Sequence[str]) -> str:
    """Return the setting of one of these names, if it is a short text and the only one."""
    for name in names:
        found = {
            str(value)
            for key, value in view.flat_config.items()
            if key.rpartition(".")[2] == name
            and isinstance(value, str)
            and 0 < len(value) <= _LONGEST
        }
        if len(found) == 1:
            text = found.pop().strip()
            if (
                text.startswith(("/", "~", ".")) or "\\" in text
            ):  # a path: its last part is the name
                text = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
            return text if _PLAIN.fullmatch(text) else ""
    return ""


def _course(view: RunView, findings: Sequence[Finding]) -> str:
    """Return how the metric that a run is judged by went; "" if there is none.

    Of a metric that a warning rests on, only its values are told.
    """
    series = lead(view)
    if series is None:
        return ""
    key, n, logged = series.key, len(series), len(view.series(series.key))
    first, end = number(float(series.y[0])), float(series.y[-1])
    if n < logged:
        stop = view.axis.at(float(series.x[-1]))
        return f"{key} is finite in {n:,} of {logged:,} rows, at last at {stop} ({number(end)})."
    if n < COURSE:
        return f"{key} has {_count(n, 'value')}; the last is {number(end)}."
    if float(series.y.min()) == float(series.y.max()):
        return f"{key} is {first} throughout."
    curve = view.curve(key)
    ended = _at_the_end(series, curve)
    last = number(ended)
    if curve.turned is not None:
        best, at = best_value(series)
        if at == float(series.x[0]):
            return f"{key} was best at its first value ({number(best)}) and ended at {last}."
        where_best = f"{view.axis.at(at)} ({number(best)})"
        return f"{key} began at {first}, was best at {where_best} and ended at {last}."
    if curve.never_moved or first == last:
        return f"{key} ended where it began: {first} at first, {last} at the end."
    if key in doubted(findings) or learned_nothing(findings):
        return f"{key} began at {first} and ended at {last}."
    levels = _improved(key, findings) or (float(series.y[0]), ended)
    first, last = map(number, levels)
    verb = "rose" if levels[1] > levels[0] else "fell"
    flat = curve.flat_since
    since = "" if flat is None else f" and has been flat since {view.axis.at(float(curve.x[flat]))}"
    return f"{key} {verb} from {first} to {last}{since}."


def _improved(key: str, findings: Sequence[Finding]) -> tuple[float, float] | None:
    """Return the levels between which a finding says that a metric improved, so that both say the same."""
    for finding in findings:
        for proof in finding.evidence if finding.rule == "OPT007" else ():
            if proof.metric == key and proof.before is not None and proof.after is not None:
                return proof.before, proof.after
    return None


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _events(view: RunView, findings: Sequence[Finding]) -> list[Sentence]:
    """Return what happened when: the worst findings in the order of their onsets."""
    worst = [(n, f) for n, f in enumerate(findings) if f in _troubles(findings)]
    if not worst:
        worst = [
            (n, f)
            for n, f in enumerate(findings)
            if f.severity is Severity.INFO and f.rule not in _ENDINGS and onset(view, f) is not None
        ]
    told = [(onset(view, f), n, f) for n, f in worst[:_TOLD]]
    told.sort(key=lambda t: (t[0] is None, t[0] or 0.0, t[1]))
    return [
        Sentence(f"{_capital(view, clause(view, f))}{_change(view, f)}.", n) for _, n, f in told
    ]


def _change(view: RunView, finding: Finding) -> str:
    """Return what a finding rests on, if that is a change of a metric: ": kl went from 0.001 to 0.09"."""
    if not finding.evidence or finding.rule not in _told()["changes"]:
        return ""
    proof, judged = finding.evidence[0], lead(view)
    told = judged is not None and proof.metric == judged.key
    if told or proof.metric not in view.metrics or not are_levels(proof, view.series(proof.metric)):
        return ""
    before, after = number(proof.before), number(proof.after)
    return (
        ""
        if before == after or "–" in (before, after)
        else f": {proof.metric} went from {before} to {after}"
    )


def _end(view: RunView, findings: Sequence[Finding]) -> Sentence:
    """Return how the run ended: what the rules say of it, else its headline."""
    for n, finding in enumerate(findings):
        if finding.rule in _ENDINGS:
            early = finding.rule == "RUN003" and not finding.message.startswith("Completed")
            return Sentence(f"{finding.message.rstrip('.') if early else _state(view)}.", n)
    return Sentence(f"{_state(view)}.")


def _capital(view: RunView, text: str) -> str:
    """Return a clause as a sentence begins; names of metrics stay as they are."""
    word = text.partition(" ")[0]
    return text if word in view.metrics else text[:1].upper() + text[1:]
