"""Does one thing go with another: exact tests on counts."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats


def fisher_exact(table: tuple[int, int, int, int]) -> float:
    """Two-sided p value of Fisher's exact test on (a, b, c, d), the rows (a, b) and (c, d).

    Sums the probabilities of all tables with the same margins that are no likelier than this one, as
    scipy.stats.fisher_exact does (Fisher 1935; Freeman and Halton 1951).
    """
    a, b, c, d = table
    n, row, column = a + b + c + d, a + b, a + c
    if not 0 < row < n or not 0 < column < n:
        return 1.0
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    low, high = max(0, row + column - n), min(row, column)
    k = np.arange(low, high + 1)
    log_p: Floats = -(
        log_factorial[k]
        + log_factorial[row - k]
        + log_factorial[column - k]
        + log_factorial[n - row - column + k]
    )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    return float(min(1.0, p[p <= p[a - low] * (1 + 1e-7)].sum()))
