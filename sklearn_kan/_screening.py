"""Columns that explain no more than noise would: named by their importance, judged by the evidence.

A column of noise costs a network degrees of freedom, and the others their accuracy. Columns of noise have importances
close to one another, below the average; those that little is lost without are left out, and the network goes on for
some iterations. The marginal likelihood without them and with them is a Bayes factor (Kass & Raftery 1995,
doi:10.1080/01621459.1995.10476572): it tells noise from a column whose effect is small but real.
"""

import numpy as np

from ._network import Network
from ._pruning import attribution, prune

# Columns are faint up to this multiple of the median importance of those below average, and this part of the largest.
_TYPICAL, _LARGEST = 2.0, 0.25
# Least logarithm of the Bayes factor: evidence against each column, and what the evidence itself, for which functions
# into different nodes are independent, may be wrong by.
_EACH, _ERROR = 2.0, 10.0


def faint_columns(network):
    """Columns that may be noise.

    Returns
    -------
    faint : bool ndarray of shape (n_in,)
        None of them where no column is much less important than others.
    """
    importance = attribution(network)
    used = importance > 0.0
    below = importance[used & (importance < importance.sum() / max(used.sum(), 1))]
    if not len(below):
        return np.zeros(len(used), dtype=bool)
    return used & (importance <= min(_TYPICAL * np.median(below), _LARGEST * importance.max()))


def outweighs(faint, gain):
    """Whether the log marginal likelihood, higher by `gain` without these columns, speaks against all of them."""
    return bool(gain > _EACH * faint.sum() + _ERROR)


def without_columns(network, columns):
    """A trained network that goes on without some columns; their means go elsewhere, as in `prune`."""
    scores = [np.full(layer.edge_mask.shape, np.inf) for layer in network.layers]
    scores[0][columns] = 0.0
    return prune(network, 0.0, scores)


def closed_to(network, columns):
    """A new network that some columns do not enter."""
    first = network.layers[0]
    mask = np.repeat(~columns[:, None], first.n_out, axis=1)
    inputs, outputs = np.ones(first.n_in, dtype=bool), np.ones(first.n_out, dtype=bool)
    return Network([first.part(mask, inputs, outputs), *network.layers[1:]], network.offset)
