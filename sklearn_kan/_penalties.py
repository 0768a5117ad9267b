"""Penalties: L1, entropy, smoothness and ridge; value, gradient and curvature on plain arrays.

    ridge        alpha / 2 sum_ij (mean_g c_igj^2 + w_ij^2)
    smoothness   smoothing / 2 sum_ij integral (s_ij'')^2 dt,    s_ij the spline part (Eilers & Marx 1996)
    sparsity     lambda (mu1 |Phi|_1 + mu2 S(Phi)) a layer       (paper eq. 2.14-2.17)

The ridge and the smoothness have a strength for every input node.
t is the input in units of half the knot range, so a strength means the same in any units, for any number of rows and
for any grid size.
"""

import numpy as np

from ._jit import njit


def quadratic_units(roughness):
    """Matrices of the ridge and of the smoothness of one edge of every input node, at strength 1.

    The penalty of an edge with coefs and base weight v is strength * v' P_i v / 2.

    Parameters
    ----------
    roughness : ndarray of shape (n_in, n_basis, n_basis)

    Returns
    -------
    units : dict of ndarrays of shape (n_in, n_basis + 1, n_basis + 1)
        'alpha' and 'smoothing'.
    """
    n_in, n_basis, _ = roughness.shape
    ridge, smoothness = np.zeros((2, n_in, n_basis + 1, n_basis + 1))
    ridge[:] = np.diag(np.append(np.full(n_basis, 1.0 / n_basis), 1.0))
    smoothness[:, :-1, :-1] = roughness
    return {"alpha": ridge, "smoothing": smoothness}


def quadratic_value_gradient(matrices, weights, gradient):
    """Value of the quadratic penalty; writes its gradient, which is like the weights (n_in, n_basis + 1, n_out)."""
    return 0.5 * float(np.vdot(np.matmul(matrices, weights, out=gradient), weights))


def sparsity(norms, l1_weight, entropy_weight):
    """L1 norm and entropy of a layer (eq. 2.15-2.17).

    Parameters
    ----------
    norms : ndarray of shape (n_in, n_out)
        abs(phi_ij) averaged over the rows.
    l1_weight, entropy_weight : float
        mu1 and mu2.

    Returns
    -------
    value : float
        mu1 |Phi|_1 + mu2 S(Phi), S = -sum p log p, p = norms / |Phi|_1; 0 for a layer of zeros.
    gradient : ndarray of shape (n_in, n_out)
        By the norms: mu1 - mu2 (log p + S) / |Phi|_1.
    """
    total = float(norms.sum())
    if total < np.finfo(np.float64).tiny:
        return 0.0, np.full_like(norms, l1_weight)
    p = norms / total
    log_p = np.log(np.maximum(p, np.finfo(np.float64).tiny))
    entropy = -float(np.sum(p * log_p))
    return l1_weight * total + entropy_weight * entropy, l1_weight - entropy_weight * (log_p + entropy) / total


@njit
def add_blocks(hessian, offset, blocks, factor):
    """Add factor_ij blocks_i to the rows and columns of edge (i, j) in the Hessian of all parameters.

    Parameters
    ----------
    hessian : ndarray of shape (n_parameters, n_parameters), output
    offset : int
        Place of the layer's first weight.
    blocks : ndarray of shape (n_in, n_basis + 1, n_basis + 1)
    factor : ndarray of shape (n_in, n_out)
    """
    n_in, n_terms, _ = blocks.shape
    n_out = factor.shape[1]
    for i in range(n_in):
        for g in range(n_terms):
            for h in range(n_terms):
                if blocks[i, g, h] != 0.0:
                    for j in range(n_out):
                        row = offset + (i * n_terms + g) * n_out + j
                        column = offset + (i * n_terms + h) * n_out + j
                        hessian[row, column] += factor[i, j] * blocks[i, g, h]
