"""Stratified samples: a part of a large table that tells of all of it, whatever order or period its rows have."""

import numpy as np


def stratified(n_rows, step):
    """Rows, one at random of each `step` that follow one another; the same ones every time.

    Parameters
    ----------
    n_rows, step : int

    Returns
    -------
    rows : int array of shape (ceil(n_rows / step),), or slice
        A slice where they are all rows.
    """
    if step == 1:
        return slice(None)
    first = np.arange(0, n_rows, step)
    return first + np.random.RandomState(0).randint(np.minimum(step, n_rows - first))
