"""Cholesky factors and inverse roots of symmetric matrices whose rows and columns have units of their own."""

import numpy as np
from scipy.linalg.lapack import dlauum, dpotrf, dtrtri

from ._jit import njit

# Least diagonal element of a matrix whose inverse has to be finite.
_SMALL = np.sqrt(np.finfo(np.float64).tiny)
# Diagonal elements up to this are zero: the inverse would not be finite in their units.
_ZERO = 1e-280
# Growth of what is added to the diagonal of a matrix that is singular to rounding.
_RISE = 100.0


@njit
def _scaled(matrix, scale, added):
    """Rows and columns of a symmetric matrix divided by scale, its diagonal raised; the lower triangle, else zeros."""
    scaled = np.empty(matrix.shape)
    for i in range(len(scale)):
        for j in range(i + 1):
            scaled[i, j] = matrix[i, j] / (scale[i] * scale[j])
        for j in range(i + 1, len(scale)):
            scaled[i, j] = 0.0
        scaled[i, i] += added
    return scaled


def cholesky(matrix, least):
    """Factor of a positive semi-definite matrix in units in which its diagonal is 1; it is raised until it has one.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    least : float
        Added to the diagonal, at least.

    Returns
    -------
    factor : ndarray of shape (n, n)
        Upper triangle U, zeros below, with U' U = matrix / (scale scale') + added 1.
    scale : ndarray of shape (n,)
    added : float
    """
    diagonal, added = matrix.diagonal(), least
    scale = np.sqrt(np.where(diagonal > _ZERO, diagonal, 1.0))
    while True:
        raised = _scaled(matrix, scale, added).T  # its upper triangle, in the order of LAPACK: costs no copy
        factor, info = dpotrf(raised, lower=0, clean=0, overwrite_a=1)
        if info == 0:
            return factor, scale, added
        added *= _RISE


def inverse_root(matrix, least):
    """Inverse of a positive semi-definite matrix, as root; `matrix` and `least` as above.

    Returns
    -------
    root : ndarray of shape (n, n)
        Upper triangle R with R R' = (matrix + diag(added))^-1, zeros below.
    added : ndarray of shape (n,)
    log_determinant : float
        Of matrix + diag(added).
    """
    factor, scale, added = cholesky(matrix, least)
    log = 2.0 * float(np.log(np.diag(factor)).sum() + np.log(scale).sum())
    root = dtrtri(factor, lower=0, overwrite_c=1)[0]
    root /= scale[:, None]
    return root, added * scale**2, log


def inverses(matrices, least):
    """Inverses of a stack of small matrices and their log determinants; `matrices` and `least` as above.

    All of them are raised where one is singular.

    Returns
    -------
    inverses : ndarray of shape (n_matrices, n, n)
    log_determinants : ndarray of shape (n_matrices,)
    """
    scale, added = np.sqrt(np.maximum(np.einsum("ipp->ip", matrices), _SMALL)), least
    units = scale[:, :, None] * scale[:, None]
    while True:
        try:
            factors = np.linalg.cholesky(matrices / units + added * np.eye(matrices.shape[1]))
            break
        except np.linalg.LinAlgError:
            added *= _RISE
    logs = 2.0 * (np.log(np.einsum("ipp->ip", factors)) + np.log(scale)).sum(axis=1)
    roots = np.linalg.inv(factors)
    return roots.transpose(0, 2, 1) @ roots / units, logs


def upper_product(root):
    """R R' of an upper triangle R, zeros below."""
    upper = dlauum(root, lower=0)[0]
    return upper + np.triu(upper, 1).T
