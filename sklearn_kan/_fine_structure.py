"""Whether some column's effect is finer than a grid: nested splines on each column alone, held against chance.

    gain = R - R',     R, R' = residual sums of squares on the grid and a finer one

Rows a column allow a grid, and smoothing holds it; what varies faster than its intervals no strength brings back. Other
columns count as noise here, so that only what stands out of it makes a finer grid worth its price. What chance gains is
told by residuals with random signs (wild bootstrap, Wu 1986): they keep tails, uneven noise and what outputs share.
"""

import numpy as np

from ._bspline import design_matrices, extend_breakpoints
from ._grid import input_breakpoints
from ._layer import to_knots
from ._stratified_sample import stratified

# Intervals of the finer grid, in units of the other one's.
_FINER = 4
# Draws of random signs, and their standard deviations beyond which no chance gains.
_DRAWS, _CLEARLY = 40, 5.0
# Part of the variance that the grid misses, at least.
_PART = 0.04
# Rows for each interval of a grid of twice as many, at least; where there are fewer what the finer grid gains has to be
# so much of what it leaves.
_ROWS_AN_INTERVAL, _MUCH = 50, 2.0
# Rows that tell it, at most.
_ROWS = 5_000
_RIDGE = 1e-9


def has_fine_structure(X, y, weight, scaling, numeric, *, grid_size, degree, knots):
    """Whether the targets vary faster along some column than splines on a grid do.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
    weight : ndarray of shape (n_samples,)
    scaling : tuple of ndarrays of shape (n_in,)
        Centre and scale of the columns.
    numeric : bool ndarray of shape (n_in,)
        Columns that enter the network by splines.
    grid_size, degree : int
    knots : {'auto', 'uniform', 'quantile'}
    """
    rows = stratified(len(X), -(-len(X) // _ROWS))
    t, y, share = to_knots(np.asarray(X[rows], dtype=np.float64), *scaling), y[rows], weight[rows] / weight[rows].sum()
    both = input_breakpoints(X, weight, *scaling, (grid_size, _FINER * grid_size), knots)
    grids = [extend_breakpoints(breakpoints, degree) for breakpoints in both]
    y = y - share @ y
    total, enough = float(np.sum(share @ y**2)), len(X) >= _ROWS_AN_INTERVAL * 2 * grid_size
    for i in np.flatnonzero(numeric):
        inside = np.abs(t[:, i]) <= 1.0
        own = share[inside]
        if own.sum() ** 2 <= own @ own * (_FINER * grid_size + degree):  # so few rows count
            continue
        splines = [_Spline(t[inside, i], own, grid[i], degree) for grid in grids]
        missed, noise = _squares(splines, y[inside], own)
        gain = missed - noise
        much = gain > max(_PART * total, 0.0 if enough else _MUCH * noise)
        if much and gain > _by_chance(splines, splines[0].residuals(y[inside]), own):
            return True
    return False


def _squares(splines, y, weight):
    """Sum of the squared residuals of each spline."""
    return [float(np.sum(weight @ spline.residuals(y) ** 2)) for spline in splines]


def _by_chance(splines, residuals, weight):
    """Gain that residuals of the same size, but of random signs, hardly exceed."""
    rng, gains = np.random.RandomState(0), []
    for _ in range(_DRAWS):
        drawn = residuals * rng.choice([-1.0, 1.0], len(residuals))[:, None]
        missed, noise = _squares(splines, drawn, weight)
        gains.append(missed - noise)
    return float(np.mean(gains) + _CLEARLY * np.std(gains))


class _Spline:
    """Least-squares fits of splines on some knots to targets at some points."""

    def __init__(self, t, weight, knots, degree):
        self.design = design_matrices(t[:, None], knots[None], degree)[0]
        self.weighted = weight[:, None] * self.design
        self.gram = self.design.T @ self.weighted
        self.gram[np.diag_indices_from(self.gram)] += _RIDGE * np.trace(self.gram) / len(self.gram)

    def residuals(self, y):
        return y - self.design @ np.linalg.solve(self.gram, self.weighted.T @ y)
