"""Preconditioner of L-BFGS where no evidence gives one: a curvature for each input node, alike for all of its edges.

    H_i = c_l sum_s w_s b_i(s) b_i(s)' + P_i

b_i are the terms of node i of layer l, P_i its ridge and smoothness, exactly, and c_l is what the loss and the layers
behind bend by, the mean over the outputs of layer l. It takes as much as some gradients, however large the network is.
"""

import numpy as np

from ._cholesky import inverses

# Rows that tell the curvature, at most, and what is added to it, in parts of its diagonal.
_ROWS, _JITTER = 2_000, 1e-9


class NodeCurvature:
    """Inverse of the curvature by the splines and base weights of each input node; by all else its diagonal.

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
            inverses(bend * gram + penalty, _JITTER)[0]
            for bend, gram, penalty in zip(self.bends, some.grams(), objective.matrices, strict=True)
        ]
        self.tables = self.bends[0] * objective.totals[:, None] + np.diag(objective.table_matrix)[:, None]

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
