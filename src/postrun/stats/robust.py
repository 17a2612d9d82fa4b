"""Robust level, spread and noise of one series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Makes the median absolute deviation estimate the standard deviation of normal data
#: (1 / the 3/4 quantile of the standard normal; Rousseeuw and Croux 1993).
MAD_TO_SIGMA = 1.4826
#: Up to this many values sorting is faster than NumPy's median.
_FEW = 1000


def median(y: Floats) -> float:
    """Return the median of values, shape (n,): NaN if there are none, or if one is NaN.

    As `np.median`, which takes ten times as long for the few values that most curves have.
    """
    n = len(y)
    if not n:
        return float("nan")
    if n > _FEW:
        return float(np.median(y))
    ordered = np.sort(y)  # NaN comes last
    if ordered[-1] != ordered[-1]:
        return float("nan")
    return float(ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2)


def mean(values: Floats) -> float:
    """Return the mean of values, shape (n,) with n > 0: as `np.mean`, without its slow checks."""
    return float(np.add.reduce(values)) / len(values)


def row_means(rows: Floats) -> Floats:
    """Return the mean of each row, as `np.mean` does."""
    return np.asarray(np.add.reduce(rows, axis=1) / rows.shape[1])


def mad_sigma(y: Floats) -> float:
    """Standard deviation estimated from the median absolute deviation."""
    return MAD_TO_SIGMA * median(np.abs(y - median(y)))


def noise_sigma(y: Floats) -> float:
    """Standard deviation of the noise around a slowly varying level.

    From second differences y[i-1] - 2 y[i] + y[i+1], whose variance is 6 times that of white noise
    and which cancel any line (Gasser, Sroka and Jennen-Steinmetz 1986); the median makes it robust
    against steps and spikes. 0 for fewer than 3 values.
    """
    if len(y) < 3:
        return 0.0
    return mad_sigma(np.diff(y, n=2)) / 6**0.5


def ar_noise(y: Floats) -> tuple[float, float]:
    """Standard deviation and lag-1 autocorrelation (0 to 0.9) of first-order autoregressive noise.

    From differences over one and over two places, whose variances are 2 sigma² (1 - rho) and
    2 sigma² (1 - rho²): their ratio gives 1 + rho. Differences beyond 4 robust deviations (level
    changes, spikes) are left out. (0, 0) for fewer than 4 values.
    """
    if len(y) < 4:
        return 0.0, 0.0
    one, two = _trimmed_square(np.diff(y)), _trimmed_square(y[2:] - y[:-2])
    rho = float(np.clip(two / one - 1, 0.0, 0.9)) if one > 0 else 0.0
    return (one / (2 * (1 - rho))) ** 0.5, rho


def _trimmed_square(d: Floats) -> float:
    """Mean square of the values within 4 robust deviations of 0; 0 where there are none."""
    kept = d[np.abs(d) <= 4 * MAD_TO_SIGMA * median(np.abs(d))]
    return float(np.mean(kept**2)) if len(kept) else 0.0


def bin_medians(x: Floats, y: Floats, bins: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Medians of consecutive groups of equal count: centres of x, medians of y, first indices.

    Shapes: x and y (n,), results (min(bins, n),).
    """
    n = len(y)
    count = min(bins, n)
    if count == 0:
        return x[:0], y[:0], np.zeros(0, np.int64)
    if n % count == 0:
        groups_x, groups_y = x.reshape(count, -1), y.reshape(count, -1)
        starts = np.arange(count, dtype=np.int64) * (n // count)
        return np.median(groups_x, axis=1), np.median(groups_y, axis=1), starts
    edges = np.linspace(0, n, count + 1).astype(np.int64)
    starts, sizes = edges[:-1], np.diff(edges)
    centres, levels = np.empty(count), np.empty(count)
    for size in np.unique(sizes).tolist():  # two sizes that differ by one
        group = sizes == size
        at = starts[group][:, None] + np.arange(size)
        centres[group], levels[group] = np.median(x[at], axis=1), np.median(y[at], axis=1)
    return centres, levels, starts


def rolling_median(y: Floats, window: int) -> Floats:
    """Centred running median of odd `window`; ends use the nearest whole window. Shape (n,)."""
    n = len(y)
    window = min(window | 1, n if n % 2 else n - 1)
    if window < 3:
        return y.copy()
    views: Any = np.lib.stride_tricks.sliding_window_view(y, window)
    half = window // 2
    middle = np.empty(len(views))
    for start in range(0, len(views), 65536):  # bounds the copy that the median makes
        middle[start : start + 65536] = np.median(views[start : start + 65536], axis=1)
    out: Floats = np.concatenate(
        [np.full(half, middle[0]), middle, np.full(n - half - len(middle), middle[-1])]
    )
    return out


def of_three(y: Floats) -> Floats:
    """Median of each value and its two neighbours; means of two at the ends. Shape (n,)."""
    if len(y) < 3:
        return y.copy()
    out = y.copy()
    out[1:-1] = np.median(np.stack([y[:-2], y[1:-1], y[2:]]), axis=0)
    out[0], out[-1] = (y[0] + y[1]) / 2, (y[-2] + y[-1]) / 2
    return out


def smoothed(y: Floats, parts: int = 50) -> Floats:
    """Running median of n / `parts` values (5 to 51): the level without single values. Shape (n,)."""
    return rolling_median(y, int(np.clip(len(y) // parts, 5, 51)))
