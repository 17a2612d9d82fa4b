"""How much of a result each input explains: variance decomposition (fANOVA) of a random forest.

The forest is scikit-learn's. Over the product of the inputs' observed distributions, the variance of its
prediction is split into main effects V_i = Var(E[f | x_i]) and pairs V_ij = Var(E[f | x_i, x_j]) - V_i - V_j
(Hooker 2007; Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter
Importance"). E[f | x_i] is the partial dependence (Friedman 2001), averaged over observed runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from postrun.stats.robust import Floats, Ints

#: Trees of the forest of all runs; resamples of runs; permutations of results that tell what chance gives.
_TREES, BOOTSTRAPS, PERMUTATIONS = 64, 30, 19
#: Trees of each resampled or permuted forest. Fewer widen the bounds a little and cost a third.
_FEW_TREES = 24
#: Points of a partial dependence, and of each side of a pair's; runs that it is averaged over.
_POINTS, _PAIR_POINTS, _BACKGROUND = 12, 6, 64
#: Inputs whose pairs are looked at: those with the largest main effects.
_PAIRED = 5


@dataclass(frozen=True, slots=True)
class Feature:
    """One input: `codes` are its values per run, NaN where the run does not have it."""

    name: str
    codes: Floats
    category: bool = False


@dataclass(slots=True)
class Dependence:
    """Partial dependence of one input: at `codes`, mean prediction and its bootstrap bounds."""

    name: str
    codes: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(slots=True)
class Importance:
    """What a forest says of inputs and a result.

    `main` and `pairs` are shares of the prediction's variance; `low`, `high` their bounds over resampled runs
    (90%); `chance` the p value of an input's effects, alone and in pairs, against permuted results. `r2` is
    the variance explained of runs that a tree has not seen (out of bag); at 0 or below, nothing here means
    anything. `residual` is the standard deviation of those predictions' errors. `pair_surfaces` maps a pair
    to (codes, codes, means).
    """

    names: list[str]
    main: Floats
    low: Floats
    high: Floats
    chance: Floats
    pairs: dict[tuple[str, str], tuple[float, float, float]]
    r2: float
    residual: float
    dependence: list[Dependence]
    pair_surfaces: dict[tuple[str, str], tuple[Floats, Floats, Floats]] = field(
        default_factory=dict
    )

    def share_of(self, name: str) -> float:
        """The share that an input has a part in, alone and in pairs."""
        pairs = sum(share for pair, (share, _, _) in self.pairs.items() if name in pair)
        return float(self.main[self.names.index(name)]) + pairs


class Forest:
    """A forest over features, which knows how each is encoded.

    Numbers keep one column, with the median where they are absent; categories one column per level; what is
    conditional has a column that tells whether it is there.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        y: Floats,
        rows: Ints,
        seed: int,
        trees: int = _FEW_TREES,
        held_out: bool = False,
    ) -> None:
        """Fit on runs `rows`; with `held_out`, predict each run by the trees that have not seen it."""
        from sklearn.ensemble import RandomForestRegressor

        self.features = features
        self.codes = np.stack([f.codes for f in features], axis=1)
        self._fill = [float(np.nanmedian(f.codes)) for f in features]
        self._levels = [np.unique(f.codes[np.isfinite(f.codes)]) for f in features]
        self.model = RandomForestRegressor(
            trees,
            min_samples_leaf=max(1, len(y) // 60),
            max_features=max(1, -(-2 * len(features) // 3)),
            oob_score=held_out,
            random_state=seed,
        )
        self.model.fit(self.encode(self.codes[rows]), y[rows])
        self._trees = [tree.tree_ for tree in self.model.estimators_]

    def part(self, trees: int) -> Forest:
        """Return the forest of the first trees of this one."""
        part = copy(self)
        part._trees = self._trees[:trees]
        return part

    def encode(self, codes: Floats) -> Floats:
        """Codes (runs, features) as the columns of the trees."""
        columns = []
        for i, feature in enumerate(self.features):
            own = codes[:, i]
            there = np.isfinite(own)
            if feature.category:
                columns += [(own == level).astype(np.float64) for level in self._levels[i]]
            else:
                columns.append(np.where(there, own, self._fill[i]))
                if not np.isfinite(feature.codes).all():
                    columns.append(there.astype(np.float64))
        return np.stack(columns, axis=1)

    def predict(self, codes: Floats) -> Floats:
        """Predictions for codes (n, features). Shape (n,)."""
        # As the forest's own `predict`, which checks the columns again for each tree.
        columns = np.ascontiguousarray(self.encode(codes), dtype=np.float32)
        total = np.zeros(len(columns))
        for tree in self._trees:
            total += tree.predict(columns)[:, 0]
        return total / len(self._trees)


def importance(
    features: Sequence[Feature],
    y: Floats,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Importance, Forest]:
    """Shares of variance with their uncertainty, and the forest of all runs.

    Args:
        features: The inputs.
        y: The result per run, finite, shape (runs,).
        seed: Of all random numbers: the same input gives the same output.
        advance: Called after each of `1 + BOOTSTRAPS + PERMUTATIONS` forests.
    """
    rng = np.random.default_rng(seed)
    n, names = len(y), [f.name for f in features]
    every: Ints = np.arange(n)
    grids = [_grid(f, _POINTS) for f in features]
    forest = Forest(features, y, every, seed, _TREES, held_out=True)
    background = rng.choice(n, min(n, _BACKGROUND), replace=False)
    main, curves, total = _main_effects(forest, grids, background, rng)
    order = np.argsort(-main)[: min(_PAIRED, len(features))]
    chosen = [(int(a), int(b)) for k, a in enumerate(order) for b in order[k + 1 :]]
    pair_grids = [_grid(f, _PAIR_POINTS) for f in features]
    pairs, surfaces = _pair_effects(forest, pair_grids, chosen, background)
    advance()
    drawn_main, drawn_pairs, drawn_curves = [], [], []
    for b in range(BOOTSTRAPS):
        rows = rng.integers(n, size=n)
        own = Forest(features, y, rows, seed + b + 1)
        picked = rng.choice(n, min(n, _BACKGROUND), replace=False)
        values, lines, own_total = _main_effects(own, grids, picked, rng)
        part, _ = _pair_effects(own, pair_grids, chosen, picked)
        own_scale = _whole(own_total, values, part)
        drawn_main.append(values / own_scale)
        drawn_pairs.append([v / own_scale for v in part])
        drawn_curves.append(lines)
        advance()
    # Held against forests of as many trees: fewer trees show larger effects by chance.
    alike = forest.part(_FEW_TREES)
    values, _, _ = _main_effects(alike, grids, background, rng)
    part, _ = _pair_effects(alike, pair_grids, chosen, background)
    larger, effect = np.zeros(len(features)), _with_pairs(values, chosen, part)
    for b in range(PERMUTATIONS):
        own = Forest(features, rng.permutation(y), every, seed + BOOTSTRAPS + b + 1)
        values, _, _ = _main_effects(own, grids, background, rng)
        part, _ = _pair_effects(own, pair_grids, chosen, background)
        larger += _with_pairs(values, chosen, part) >= effect
        advance()
    low, high = np.quantile(drawn_main, [0.05, 0.95], axis=0)
    scale = _whole(total, main, pairs)
    bounds = np.quantile(drawn_pairs, [0.05, 0.95], axis=0) if chosen else np.zeros((2, 0))
    oob = np.asarray(forest.model.oob_prediction_)
    error = y - oob
    known = np.isfinite(error)
    spread = float(np.var(y[known]))
    result = Importance(
        names,
        main / scale,
        low,
        high,
        (1 + larger) / (1 + PERMUTATIONS),
        {
            (names[a], names[b]): (float(v / scale), float(lo), float(hi))
            for (a, b), v, lo, hi in zip(chosen, pairs, *bounds, strict=True)
        },
        1 - float(np.mean(error[known] ** 2)) / spread if spread else 0.0,
        float(np.sqrt(np.mean(error[known] ** 2))),
        [
            Dependence(
                name,
                grid[0],
                curve,
                *(np.quantile([c[i] for c in drawn_curves], q, axis=0) for q in (0.05, 0.95)),
            )
            for i, (name, grid, curve) in enumerate(zip(names, grids, curves, strict=True))
        ],
        {(names[a], names[b]): surface for (a, b), surface in zip(chosen, surfaces, strict=True)},
    )
    return result, forest


def _whole(total: float, main: Floats, pairs: Sequence[float]) -> float:
    """The variance that shares are of: what was drawn, or the effects' sum where that is larger by chance."""
    return max(total, float(main.sum()) + sum(pairs)) or 1.0


def _with_pairs(main: Floats, chosen: Sequence[tuple[int, int]], pairs: Sequence[float]) -> Floats:
    """Main effects and those of the pairs that each input is part of."""
    out = main.copy()
    for (a, b), value in zip(chosen, pairs, strict=True):
        out[a] += value
        out[b] += value
    return out


def _grid(feature: Feature, points: int) -> tuple[Floats, Floats]:
    """Values to look at and their weights: the observed ones, or as many quantiles of them."""
    own = feature.codes[np.isfinite(feature.codes)]
    values, counts = np.unique(own, return_counts=True)
    if feature.category or len(values) <= points:
        return values, counts / counts.sum()
    edges = np.quantile(own, np.linspace(0, 1, points + 1))
    middle = np.unique((edges[1:] + edges[:-1]) / 2)
    return middle, np.full(len(middle), 1 / len(middle))


def _main_effects(
    forest: Forest, grids: Sequence[tuple[Floats, Floats]], background: Ints, rng: Any
) -> tuple[Floats, list[Floats], float]:
    """V_i of every input, its partial dependence, and the total variance over independent inputs.

    Of an input that some runs do not have, only those that do are looked at, and V_i is weighted by their
    share.
    """
    variances, curves = [], []
    for i, (values, weights) in enumerate(grids):
        active = np.isfinite(forest.codes[:, i])
        rows = background[active[background]]
        if not len(rows):
            rows = np.flatnonzero(active)[:_BACKGROUND]
        line = _dependence(forest, rows, {i: np.repeat(values, len(rows))}, len(values))
        mean = float((weights * line).sum())
        variances.append(float((weights * (line - mean) ** 2).sum()) * float(active.mean()))
        curves.append(line)
    # Independent draws of every input; a conditional one stays with the run that has it.
    n = len(forest.codes)
    drawn = forest.codes[rng.integers(n, size=1024)].copy()
    for i, feature in enumerate(forest.features):
        if np.isfinite(feature.codes).all():
            drawn[:, i] = rng.permutation(drawn[:, i])
    return np.array(variances), curves, float(np.var(forest.predict(drawn)))


def _pair_effects(
    forest: Forest,
    grids: Sequence[tuple[Floats, Floats]],
    pairs: Sequence[tuple[int, int]],
    background: Ints,
) -> tuple[list[float], list[tuple[Floats, Floats, Floats]]]:
    """V_ij of pairs, and their surfaces."""
    out, surfaces = [], []
    for i, j in pairs:
        (a, wa), (b, wb) = grids[i], grids[j]
        active = np.isfinite(forest.codes[:, i]) & np.isfinite(forest.codes[:, j])
        rows = background[active[background]][:32]
        if not len(rows):
            out.append(0.0)
            surfaces.append((a, b, np.zeros((len(a), len(b)))))
            continue
        first, second = (m.ravel() for m in np.meshgrid(a, b, indexing="ij"))
        chosen = {i: np.repeat(first, len(rows)), j: np.repeat(second, len(rows))}
        surface = _dependence(forest, rows, chosen, len(first)).reshape(len(a), len(b))
        weights = wa[:, None] * wb
        mean = float((weights * surface).sum())
        rest = surface - (surface @ wb)[:, None] - wa @ surface + mean
        out.append(float((weights * rest**2).sum()) * float(active.mean()))
        surfaces.append((a, b, surface))
    return out, surfaces


def _dependence(forest: Forest, rows: Ints, chosen: dict[int, Floats], count: int) -> Floats:
    """Mean predictions over `rows` with some inputs set; their values are repeated for every row."""
    codes = np.tile(forest.codes[rows], (count, 1))
    for i, values in chosen.items():
        codes[:, i] = values
    return np.asarray(forest.predict(codes).reshape(count, len(rows)).mean(axis=1))
