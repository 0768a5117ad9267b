"""Posterior of the weights around the optimum (Laplace, Gauss-Newton): degrees of freedom, noise, deviations.

    H = J' C J + P      edf = tr(H^-1 J' C J)      phi = RSS / (n - edf)      Var f(x) = phi / n J(x) H^-1 J(x)'

J' C J is a mean over n rows and P the curvature of ridge and smoothness, as in the objective. That of the sparsity
penalty is left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve_triangular

from ._penalties import add_blocks
from ._threads import map_chunks

# Parameters up to which all of them count; above that the functions before the last layer are taken as known.
_DENSE = 2000
# Multiply-adds that collecting the matrix may cost; beyond that every so many rows stand for all.
_WORK = 1e10
# Least curvature of a direction, in units of its parameters' own: gauge directions, which change no prediction, have 0.
_LEAST_CURVATURE = 1e-10
# Elements of the Jacobian of one chunk.
_ELEMENTS = 1 << 20


def inverse_root(matrix):
    """R with R R' = matrix^-1, for a symmetric positive semi-definite matrix of parameters of any units.

    Directions without curvature get a trace of it, which matters for none that changes a prediction.
    """
    units = 1.0 / np.sqrt(np.maximum(matrix.diagonal(), np.finfo(np.float64).tiny))
    scaled = matrix * units[:, None] * units
    least = _LEAST_CURVATURE
    while True:
        try:
            factor = np.linalg.cholesky(scaled + least * np.eye(len(scaled)))
            break
        except LinAlgError:
            least *= 100.0
    return units[:, None] * solve_triangular(factor, np.eye(len(scaled)), lower=True).T


def degrees_of_freedom(root, matrix):
    """tr(H^-1 J' C J) from R R' = H^-1 and J' C J; gauge directions count 0."""
    return float(np.sum(root * (matrix @ root)))


class _Tail:
    """The weights of the layers from `lowest` on, and their symbols' numbers: the parameters that count.

    `groups` are places of parameters among the columns of `jacobian`; those of different groups count as independent.
    """

    def __init__(self, network, lowest):
        self.network = network
        self.lowest = lowest
        end = network.number_offsets[0]
        columns = np.r_[network.offsets[lowest] : end, network.number_offsets[lowest] : len(network.weights)]
        self.n_columns, self.n_weights = len(columns), end - network.offsets[lowest]
        free = np.flatnonzero(np.isin(columns, network.free))
        self.groups = [free]
        if len(free) > _DENSE:
            last = network.layers[-1].weights
            nodes = np.arange(last.size).reshape(last.shape)
            self.groups = [np.intersect1d(node, free) for node in nodes]
            self.groups = [group for group in self.groups if len(group)]

    def jacobian(self, terms, delta):
        """Derivatives of sums of raw predictions, weighed by delta, shape (n_rows, n_sums, n_columns)."""
        network = self.network
        jacobian = np.zeros((*delta.shape[:2], self.n_columns))
        for l in reversed(range(self.lowest, len(network.layers))):  # noqa: E741
            layer, term = network.layers[l], terms[l]
            offset = network.offsets[l] - network.offsets[self.lowest]
            number_offset = self.n_weights + network.number_offsets[l] - network.number_offsets[self.lowest]
            layer.jacobian(term, delta, jacobian, offset, number_offset)
            if l > self.lowest:
                delta = layer.input_gradient(term, delta)
        return jacobian

    def penalty(self, objective):
        """Curvature of ridge and smoothness, a matrix for each group."""
        network = self.network
        total = np.zeros((self.n_columns, self.n_columns))
        for l in range(self.lowest, len(network.layers)):  # noqa: E741
            offset = network.offsets[l] - network.offsets[self.lowest]
            add_blocks(total, offset, objective.matrices[l], np.ones(network.layers[l].edge_mask.shape))
        return [total[np.ix_(group, group)] for group in self.groups]

    def chunk_rows(self):
        return max(1, _ELEMENTS // (self.n_columns * self.network.shape[-1]))


@dataclass
class Posterior:
    """Covariance of the parameters as R R', one R a group of parameters, and the variance of the noise.

    Attributes
    ----------
    lowest : int
        First layer whose weights are uncertain.
    roots : list of ndarray of shape (n_group, n_group)
    noise : ndarray of shape (n_outputs,)
        phi of every output, in units of scaled targets.
    edf : float
        Effective degrees of freedom.
    """

    lowest: int
    roots: list
    noise: np.ndarray
    edf: float

    def to_dict(self):
        """Plain arrays and values, the arguments that rebuild it."""
        return {"lowest": self.lowest, "roots": self.roots, "noise": self.noise, "edf": self.edf}

    def variance(self, network, X):
        """Variance of raw predictions by the uncertainty of the weights, in chunks, shape (n_samples, n_outputs)."""
        tail = _Tail(network, self.lowest)
        out = np.empty((len(X), network.shape[-1]))
        eye = np.eye(network.shape[-1])

        def fill(rows):
            _, terms = network.forward(np.asarray(X[rows], dtype=np.float64))
            jacobian = tail.jacobian(terms, np.tile(eye, (terms[0].t.shape[0], 1, 1)))
            parts = [(jacobian[..., group] @ root) ** 2 for group, root in zip(tail.groups, self.roots, strict=True)]
            out[rows] = sum(part.sum(axis=2) for part in parts)

        for _ in map_chunks(fill, len(X), tail.chunk_rows()):
            pass
        return out


def _normal_matrix(objective, tail):
    """J' C J of each group, from all rows or every so many."""
    n_parameters = max(len(group) for group in tail.groups)
    work = objective.n_rows * objective.y.shape[1] * n_parameters**2
    step = int(np.ceil(work / _WORK))
    part = objective.subset(slice(None, None, step)) if step > 1 else objective

    def chunk(rows):
        raw, terms = part.forward(rows)
        factor = part.loss.curvature_factor(part.y[rows], raw).transpose(0, 2, 1)
        delta = np.ascontiguousarray(factor) * np.sqrt(part.sample_weight[rows])[:, None, None]
        jacobian = tail.jacobian(terms, delta).reshape(-1, tail.n_columns)
        return [jacobian[:, group].T @ jacobian[:, group] for group in tail.groups]

    parts = map_chunks(chunk, part.n_rows, min(tail.chunk_rows(), objective.network.chunk_rows()))
    total = next(parts)
    for part_matrices in parts:
        total = [one + other for one, other in zip(total, part_matrices, strict=True)]
    return total


def _residual_variance(objective):
    """Weighted mean of the squared residuals of every output."""

    def chunk(rows):
        raw, _ = objective.forward(rows)
        return objective.sample_weight[rows] @ (objective.y[rows] - raw) ** 2

    return sum(map_chunks(chunk, objective.n_rows, objective.network.chunk_rows()))


def laplace(objective, n_rows):
    """Posterior at the network of an objective.

    Parameters
    ----------
    objective : Objective
        At its optimum.
    n_rows : int
        Rows of the table, before equal ones were merged.

    Returns
    -------
    posterior : Posterior
        Where the noise has a known scale `noise` is 1.
    """
    network = objective.network
    lowest = 0 if network.n_parameters <= _DENSE else len(network.layers) - 1
    tail = _Tail(network, lowest)
    matrices = _normal_matrix(objective, tail)
    roots = [inverse_root(one + other) for one, other in zip(matrices, tail.penalty(objective), strict=True)]
    edf = sum(degrees_of_freedom(root, matrix) for root, matrix in zip(roots, matrices, strict=True))
    n_outputs = network.shape[-1]
    if objective.loss.known_dispersion:
        noise = np.ones(n_outputs)
    else:
        noise = _residual_variance(objective) * n_rows / max(n_rows - edf / n_outputs, 1.0)
    scale = np.sqrt(noise.mean() / n_rows)
    return Posterior(lowest, [scale * root for root in roots], noise, edf)
