"""A search over hyper-parameters: the best, what matters, where to look next, what could have been saved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from postrun.model import UsageError
from postrun.model.study import Study
from postrun.model.text import number
from postrun.stats.importance import Forest, Importance, importance
from postrun.stats.robust import Floats, Ints
from postrun.studies.best import Ranking, draw_in, rank_configurations
from postrun.studies.parameters import Parameter, parameters
from postrun.studies.scores import Scores
from postrun.studies.sweep_tables import (
    config_section,
    dependence_section,
    importance_section,
    next_section,
    outlook_section,
    pareto_section,
    run_section,
    saving_section,
)

#: Runs below which a forest learns nothing that could be trusted.
_LEAST_RUNS = 10
#: Unseen variance that a forest must explain before its importances are told as findings.
_LEAST_R2 = 0.2
#: A parameter that has a part in less than this share of what is explained is not advised about.
_MATTERS = 0.1


def sweep_study(
    scores: Scores,
    others: Sequence[Scores] = (),
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Study:
    """The study of a search.

    Args:
        scores: The metric that was searched for.
        others: Further metrics, for the Pareto front.
        seed: Of all random numbers.
        advance: Called after each forest.

    Raises:
        UsageError: No settings differ, or fewer than two runs have a level of the metric.
    """
    project = scores.project
    params, labels = parameters(project.records)
    values = scores.levels.copy()
    # A run whose loss became NaN is a result: the worst one.
    lost = [i for i, r in enumerate(project.records) if r.ending.kind == "nan"]
    known = values[np.isfinite(values)]
    if len(known):
        values[lost] = (known * scores.sign).min() * scores.sign
    usable = np.flatnonzero(np.isfinite(values))
    if not params:
        raise UsageError("No settings differ between these runs, so there is nothing to compare.")
    if len(usable) < 2:
        raise UsageError(f"Fewer than two runs have a value of {scores.metric} to compare.")
    varied = [p for p in params if _varies(p, usable)]
    result: Importance | None = None
    forest: Forest | None = None
    if len(usable) >= _LEAST_RUNS and varied:
        features = [p.feature() for p in varied]
        features = [type(f)(f.name, f.codes[usable], f.category) for f in features]
        try:
            result, forest = importance(
                features, draw_in(values[usable] * scores.sign), seed, advance
            )
        except ModuleNotFoundError as missing:
            if not str(missing.name).startswith("sklearn"):
                raise
            raise UsageError(
                "sweep needs scikit-learn for its forests: pip install 'postrun[sweep]'"
            ) from missing
    error = scores.errors[np.isfinite(scores.errors)]
    ranking = rank_configurations(
        varied or params,
        values,
        scores.sign,
        result.residual if result is not None else float("nan"),
        float(np.median(error)) if len(error) else float("nan"),
        seed,
    )
    study = Study(
        "sweep",
        f"{scores.metric}: {len(project)} runs, {len(ranking.configurations)} configurations",
        subject=scores.metric,
        axis=scores.axis,
        results=scores.results,
    )
    _headline(study, scores, ranking, varied, result)
    _caveats(study, scores, values, lost, params, varied, labels, ranking, result)
    study.add(
        config_section(scores, ranking),
        *importance_section(result, varied),
        *dependence_section(scores, result, varied),
        *next_section(varied, forest, values, seed),
        *saving_section(scores),
        *outlook_section(scores),
        *pareto_section([scores, *others]),
        run_section(scores, varied, values, others),
    )
    return study


def _varies(param: Parameter, usable: Ints) -> bool:
    """True where usable runs differ in a parameter, or in having it."""
    codes = param.codes[usable]
    there = codes[np.isfinite(codes)]
    return len(np.unique(there)) > 1 or 0 < len(there) < len(codes)


def _headline(
    study: Study,
    scores: Scores,
    ranking: Ranking,
    params: list[Parameter],
    result: Importance | None,
) -> None:
    best = ranking.configurations[0]
    chosen = {k: v for k, v in best.settings.items() if v != "not set"} or best.settings
    text = ", ".join(f"{k}={v}" for k, v in chosen.items())
    runs = len(best.members)
    study.headline.append(
        f"Best: {text}, with {scores.name} {number(best.mean)}"
        + (f" (mean of {runs} runs)" if runs > 1 else " (one run)")
        + (f" near {scores.end_words}." if scores.ground.end else ".")
    )
    if scores.why:
        study.headline.append(scores.why)
    study.headline.append(_sureness(ranking))
    if result is not None and result.r2 >= _LEAST_R2:
        order = np.argsort(-result.main)
        told = [i for i in order if result.low[i] > 0.05][:3]
        if told:
            parts = [
                f"{result.names[i]} {100 * result.main[i]:.0f}% "
                f"[{100 * result.low[i]:.0f}, {100 * result.high[i]:.0f}]"
                for i in told
            ]
            study.headline.append(
                f"What matters (share of the explained variance): {', '.join(parts)}."
            )
        strong = [(k, v) for k, v in result.pairs.items() if v[1] > 0.05]
        for (a, b), (share, _, _) in sorted(strong, key=lambda kv: -kv[1][0])[:1]:
            study.headline.append(
                f"{a} and {b} interact ({100 * share:.0f}%): tune them together, not one after the other."
            )
    for param in params:
        edge = edge_of(param, params, best.members[0])
        if edge and (result is None or result.share_of(param.key) >= _MATTERS):
            study.headline.append(
                f"Its {param.key} ({param.text(param.codes[best.members[0]])}) is the {edge} tried with it: "
                "the optimum may lie beyond; widen the range."
            )


def _sureness(ranking: Ranking) -> str:
    """Return how sure it is that the best configuration is the best, and what to expect of it."""
    if ranking.source == "unknown":
        return (
            "How sure that is cannot be told: no settings were run several times, and the curves show no noise "
            "where they end."
        )
    best, rivals = ranking.configurations[0], ranking.could_be_best()
    words = {
        "seeds": "from runs of equal settings" + _unsteady_words(ranking.unsteady),
        "forest": "at most, from how well settings predict results",
        "curves": "at least, from the noise within runs",
    }[ranking.source]
    return (
        f"It is the best of those tried with probability {number(best.p_best, 2)}: "
        + (
            f"{len(rivals)} of {len(ranking.configurations)} configurations could be"
            if len(rivals) > 1
            else "no other is likely to be"
        )
        + f". The noise between runs is {number(ranking.noise, 2)} ({words}). Expect {number(best.shrunk)} ± "
        f"{number(1.96 * best.error, 2)} from another run of it: the best of many results looks "
        f"{number(ranking.curse, 2)} better than it is."
    )


def _unsteady_words(count: int) -> str:
    """Return what is said of configurations that are left out of the noise, "" if none is."""
    if not count:
        return ""
    return f" but {count}, whose {'runs differ' if count == 1 else 'runs each differ'} far more"


def edge_of(param: Parameter, params: list[Parameter], run: int) -> str:
    """ "largest" or "smallest" where a run's value is at an end of three or more tried, else "".

    Of the runs that share its categories: each optimizer has its own range of learning rates.
    """
    own = param.codes[run]
    if param.kind == "category" or not np.isfinite(own):
        return ""
    alike = param.active.copy()
    for other in params:
        if other.kind == "category" and other is not param:
            same = other.codes == other.codes[run]
            alike &= same | (np.isnan(other.codes) & np.isnan(other.codes[run]))
    tried = np.unique(param.codes[alike])
    if len(tried) < 3:
        return ""
    return "largest" if own == tried[-1] else "smallest" if own == tried[0] else ""


def _caveats(
    study: Study,
    scores: Scores,
    values: Floats,
    lost: list[int],
    params: list[Parameter],
    varied: list[Parameter],
    labels: list[str],
    ranking: Ranking,
    result: Importance | None,
) -> None:
    if not np.isfinite(values).all() and scores.left_out:
        study.caveats.append(
            f"{scores.left_out} Settings that make runs fail look better than they are."
        )
    if scores.went_on:
        study.caveats.append(scores.went_on)
    study.caveats += scores.project.mixed()
    if lost:
        study.caveats.append(f"{len(lost)} runs became NaN and count as the worst result.")
    if result is None:
        study.caveats.append(
            f"Fewer than {_LEAST_RUNS} runs can be used, too few to say which settings matter."
        )
    elif result.r2 < _LEAST_R2:
        study.caveats.append(
            f"The settings explain little of the results of unseen runs (R² = {number(result.r2, 2)}): "
            "importances and the next region are guesses."
        )
    if ranking.source != "seeds":
        study.caveats.append(
            "Hardly any two runs have equal settings: repeat the best few with other seeds before you decide."
        )
    aliases = [f"{p.key} (= {', '.join(p.aliases)})" for p in params if p.aliases]
    if aliases:
        study.caveats.append(f"Always set alike, so shown as one: {'; '.join(aliases)}.")
    if labels:
        study.caveats.append(f"Left out, because they name runs: {', '.join(labels[:8])}.")
    dropped = [p.key for p in params if p not in varied]
    if dropped:
        study.caveats.append(
            f"These settings do not vary among the runs that could be used: {', '.join(dropped)}."
        )
    if result is not None and varied:
        tight = [
            f"{a.key} with {b.key}"
            for a, b in itertools.combinations(varied, 2)
            if _confounded(a, b)
        ]
        if tight:
            study.caveats.append(
                f"Varied together, so their effects cannot be told apart: {'; '.join(tight[:4])}."
            )


def _confounded(a: Parameter, b: Parameter) -> bool:
    both = a.active & b.active
    if both.sum() < 5:
        return False
    x, y = a.codes[both], b.codes[both]
    if a.kind == "category" or b.kind == "category":
        pairs = {(p, q) for p, q in zip(x, y, strict=True)}
        return len(pairs) == max(len(set(x)), len(set(y))) and min(len(set(x)), len(set(y))) > 1
    if not x.std() or not y.std():
        return False
    return bool(abs(np.corrcoef(x, y)[0, 1]) > 0.95)
