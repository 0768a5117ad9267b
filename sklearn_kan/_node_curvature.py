"""Preconditioner of L-BFGS for strengths that stay: a curvature for each input node, alike for all of its edges.

    H_i = c_l (sum_s w_s b_i(s) b_i(s)' + (n - 1) m_i m_i' + d_i 1) + P_i

b_i are the terms of node i of layer l, P_i its ridge and smoothness, exactly, and c_l is what the loss and the layers
behind bend by, the mean over the outputs of layer l. All n nodes of a layer hold constants, which add up: m_i, the
means of b_i, count as if all of them moved alike. d_i, a part of the mean diagonal, holds what neither rows nor
penalties do. It takes as much as some gradients, and the inverses of n matrices.
"""

import numpy as np

from ._cholesky import inverses

# Rows that tell the curvature, at most, and what is added to it, in parts of its diagonal, and to that of the rows.
_ROWS, _JITTER, _HOLD = 2_000, 1e-9, 1e-2


def _held(gram):
    """Gram matrices of a layer's nodes whose constants count as if all moved alike; no direction is free."""
    mean = gram[:, :, :-1].sum(axis=2)  # splines add up to 1
    held = gram + (len(gram) - 1) * mean[:, :, None] * mean[:, None]
    p = np.arange(gram.shape[1])
    held[:, p, p] += _HOLD * np.einsum("ipp->i", gram)[:, None] / len(p)
    return held


class NodeCurvature:
    """Inverse of the curvature by the splines and base weights of each input node; of that by tables the diagonal.

    The numbers of a symbol count as those of a function of unit slope.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_parameters,)
    """

    def __init__(self, objective, theta):
        self.network = network = objective.network
        network.theta = theta
        some = objective.thinned(_ROWS)
        self.bends = [max(bend, _JITTER) for bend in some.bends()]
        self.inverses = [
            inverses(bend * _held(gram) + penalty, _JITTER)[0]
            for bend, gram, penalty in zip(self.bends, some.grams(), objective.matrices, strict=True)
        ]
        self.tables = self.bends[0] * objective.totals[:, None] + objective.table_diagonal[:, None]

    def precondition(self, gradient):
        """Product of the inverse with a vector of all parameters."""
        direction = np.zeros(len(self.network.weights))
        direction[self.network.free] = gradient
        parts = self.network.layer_gradients(direction)
        for bend, inverse, (weights, numbers, *_) in zip(self.bends, self.inverses, parts, strict=True):
            weights[:] = inverse @ weights
            numbers /= bend
        parts[0][-1][:] /= np.maximum(self.tables, _JITTER)
        return direction[self.network.free]
