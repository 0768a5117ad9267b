"""Whether some column's effect is finer than a grid: an F test of nested splines, for each column alone.

    F = ((R - R') / (p' - p)) / (R' / (n - p')),     R, R' = residual sums of squares on the grid and a finer one

Rows a column allow a grid, and smoothing holds it; what varies faster than its intervals no strength brings back. Other
columns count as noise here, so that only what stands out of it makes a finer grid worth its price.
"""

import numpy as np
from scipy.stats import f

from ._bspline import design_matrices, extend_breakpoints
from ._grid import input_breakpoints
from ._layer import to_knots
from ._stratified_sample import stratified

# Intervals of the finer grid, in units of the other one's.
_FINER = 4
# Probability that chance shows it in any column, at most, and part of the variance that the grid misses, at least.
_CHANCE, _PART = 1e-4, 0.04
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
    grids = [
        extend_breakpoints(input_breakpoints(X, weight, *scaling, size, knots), degree)
        for size in (grid_size, _FINER * grid_size)
    ]
    total = float(np.sum(share @ (y - share @ y) ** 2))
    used, free = ((_FINER - 1) * grid_size * y.shape[1], _FINER * grid_size + degree)
    for i in np.flatnonzero(numeric):
        inside = np.abs(t[:, i]) <= 1.0
        own = share[inside]
        n_rows = own.sum() ** 2 / max(own @ own, np.finfo(float).tiny)  # those that count
        left = (n_rows - free) * y.shape[1]
        if left <= 0.0:
            continue
        missed, noise = (_residual(t[inside, i], y[inside], own, grid[i], degree) for grid in grids)
        gain = missed - noise
        clear = f.sf(gain / used / (max(noise, np.finfo(float).tiny) / left), used, left) * numeric.sum() < _CHANCE
        if clear and gain > _PART * total:
            return True
    return False


def _residual(t, y, weight, knots, degree):
    """Sum of squares that a spline leaves."""
    design = design_matrices(t[:, None], knots[None], degree)[0]
    gram = design.T @ (weight[:, None] * design)
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    residual = y - design @ np.linalg.solve(gram, design.T @ (weight[:, None] * y))
    return float(np.sum(weight @ residual**2))
