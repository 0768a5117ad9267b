"""Far values that many rows share: -999 for "unknown", or another code among amounts.

    [a, b]   shortest interval that holds half of the rows
    codes    values of several rows, 10 (b - a) from it, and from the middle 90 % of all others 5 times its width

The shortest half (Rousseeuw & Leroy 1988, doi:10.1111/j.1467-9574.1988.tb01224.x) stays where it is as long as less
than half of the rows lie elsewhere. A value that holds half of them alone says nothing of the others, and is left out.
"""

import numpy as np

# How far codes are, in units of the shortest half and of the middle 90 % of the others.
_FAR, REACH = 10.0, 5.0
# Share of the rows that has a code, and rows, at least; other values beside it.
_SHARE, _ROWS, _OTHERS = 0.02, 5, 8


def codes_of(x, weight):
    """Values of a column of numbers that several rows share far from all others, increasing.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        NaN is missing.
    weight : ndarray of shape (n_samples,)
        Rows count by their share in it.

    Returns
    -------
    codes : ndarray of shape (n_codes,)
    """
    known = ~np.isnan(x)
    values, place = np.unique(x[known], return_inverse=True)
    if len(values) <= _OTHERS:
        return np.zeros(0)
    rows = np.bincount(place, weight[known]) * (len(x) / weight.sum())
    low, high = _shortest_half(values, rows)
    shared = (rows >= max(_SHARE * len(x), _ROWS)) & _beyond(values, low, high, _FAR)
    if not shared.any() or len(values) - shared.sum() < _OTHERS:
        return np.zeros(0)
    found, before = shared, np.zeros_like(shared)
    while (found != before).any():
        others, above = values[~found], np.cumsum(rows[~found])
        bottom, top = others[np.searchsorted(above, np.array([0.05, 0.95]) * above[-1])]
        found, before = found & _beyond(values, bottom, top, REACH), found
    return values[found]


def _beyond(values, low, high, reach):
    """Which values lie farther from an interval than so many times its width."""
    with np.errstate(over="ignore"):
        return np.maximum(low - values, values - high) > reach * (high - low)


def _shortest_half(values, rows):
    """Ends of the shortest interval with half of the rows, single values that hold half of them left out."""
    while rows.max() >= 0.5 * rows.sum() and len(values) > 2:
        most = rows.argmax()
        values, rows = np.delete(values, most), np.delete(rows, most)
    above = np.cumsum(rows)
    last = np.searchsorted(above, above - rows + 0.5 * above[-1])
    first = np.flatnonzero(last < len(values))
    k = np.argmin(values[last[first]] - values[first])
    return values[first[k]], values[last[first[k]]]
