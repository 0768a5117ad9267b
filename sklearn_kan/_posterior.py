"""Posterior of the weights around the optimum (Laplace, Gauss-Newton): degrees of freedom, noise, deviations.

    H = J' C J + P      edf = tr(H^-1 J' C J)     phi = RSS / (n - 1.4 edf)     Var f(x) = phi / n J(x) H^-1 J(x)'

J' C J is a mean over n rows and P the curvature of ridge and smoothness, as in the objective. That of the sparsity
penalty is left out. Enough rows that were held out tell phi better than the residual sum of squares.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, solve_triangular

from ._committee import apart
from ._threads import map_chunks

# All parameters count together while there are no more than this; beyond that functions into different nodes count as
# independent, in wide networks those of different inputs as well; else so, and those before the last layer as known.
_DENSE = 2000
# Degrees of freedom that the fit took from the noise, in units of those of its linearisation: more, as it chose its
# functions (1.4 is Kim & Gu's 2004). Groups that count as independent add up to that by themselves.
_DEGREES = {"whole": 1.4, "nodes": 1.0, "last": 1.0}
# Rows held out that tell the noise, at least and at most.
_ENOUGH, _MOST_HELD_OUT = 100, 2_000
# Multiply-adds that collecting the matrices may cost. Every so many rows stand for all where more are too many, and
# where fewer than twice the parameters of a group would be left, the groups are made smaller, but not than the least.
_WORK, _LEAST = 3e9, 150
# Least curvature of a direction, in units of its parameters' own: gauge directions, which change no prediction, have 0.
_LEAST_CURVATURE = 1e-10
# Elements of the Jacobian of one chunk, and rows that repay adding up its product.
_ELEMENTS = 1 << 22
_ROWS = 512


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


def _places(layers):
    """Layer, input node, term (-1 for a symbol's number) and output node of each parameter, shape (n_columns, 4).

    The tables of the very first layer count as one more input node, their rows as its terms.
    """
    weights, numbers = [], []
    for l, layer in enumerate(layers):  # noqa: E741
        i, g, j = np.indices(layer.weights.shape).reshape(3, -1)
        weights.append(np.stack([np.full_like(i, l), i, g, j], axis=1))
        for i, j in layer.symbols.edges:
            numbers += [(l, i, -1, j)] * layer.symbols.numbers.shape[1]
    values = []
    if hasattr(layers[0], "tables"):
        g, j = np.indices(layers[0].tables.values.shape).reshape(2, -1)
        values.append(np.stack([np.zeros_like(g), np.full_like(g, layers[0].n_in), g, j], axis=1))
    return np.vstack([*weights, np.array(numbers, dtype=int).reshape(-1, 4), *values])


def _penalty(objective, l, i):  # noqa: E741
    """Curvature of ridge and smoothness by the terms of an edge of input node i, which counts as in `_places`."""
    layer = objective.network.layers[l]
    if i < layer.n_in:
        return objective.matrices[l][i]
    one = layer.tables.with_values(layer.tables.values[:, :1])
    matrix = np.zeros((len(one.values), len(one.values)))
    one.add_penalty(matrix, 0, objective.totals, objective.table_strengths)
    return matrix


class Parts:
    """Which parameters count, and which of them together.

    Parameters
    ----------
    network : Network
    detail : {'whole', 'nodes', 'last'}
        All together; those of functions into different nodes as independent, and, where they are many, those of so many
        neighbouring inputs only that their matrices are affordable; so, and of the last layer only.

    Attributes
    ----------
    groups : list of ndarray
        Columns of `jacobian` of the parameters that count together.
    """

    def __init__(self, network, detail):
        self.network, self.detail = network, detail
        self.lowest = len(network.layers) - 1 if detail == "last" else 0
        self.start, self.end = network.offsets[self.lowest], network.number_offsets[0]
        self.number_start = network.number_offsets[self.lowest]
        last = len(network.weights) if self.lowest == 0 else network.value_offset
        columns = np.r_[self.start : self.end, self.number_start : last]
        self.columns, self.n_columns = columns, len(columns)
        self.places = _places(network.layers[self.lowest :])
        free = np.isin(columns, network.free)
        nodes = np.unique(self.places[:, [0, 3]], axis=0, return_inverse=True)[1] * (detail != "whole")
        self.groups = [np.flatnonzero(free & (nodes == node)) for node in np.unique(nodes[free])]
        if detail != "whole" and free.any():
            n_free = free.sum()
            most = max(min(np.sqrt(0.5 * _WORK / (n_free * network.shape[-1])), _DENSE**2 / n_free), _LEAST)
            self.groups = [part for group in self.groups for part in self._split(group, most)]
        self.largest = max(map(len, self.groups), default=0)
        self.size = sum(len(group) ** 2 for group in self.groups)

    def _split(self, group, most):
        """Parts of a node's group with about as many parameters at most; edges stay whole and neighbours together."""
        starts = np.flatnonzero(np.diff(self.places[group, 1], prepend=-1))  # of the edges
        n_parts = min(-(-len(group) // int(most)), len(starts))
        return np.split(group, starts[len(starts) * np.arange(1, n_parts) // n_parts])

    def parameters(self, group):
        """Places of a group in theta."""
        return np.searchsorted(self.network.free, self.columns[group])

    @property
    def n_sums(self):
        """Rows a sample of the Jacobian that the matrices take, see `jacobian`."""
        return self.network.shape[-1] if self.detail == "whole" else 1

    def affordable(self, n_rows):
        """Whether memory and work suffice for all groups; all outputs count, of which functions learn together."""
        work = min(n_rows, 2 * self.largest) * self.network.shape[-1] * self.size
        return self.size <= _DENSE**2 and (work <= _WORK or self.detail == "last")

    def jacobian(self, terms, delta, *, united=False):
        """Derivatives of sums of raw predictions, weighed by delta, shape (n_samples, n_sums, n_columns).

        With `united` one row a sample has the same Gram matrix within groups of a node as all sums: derivatives by its
        functions are in proportion to those by the node.
        """
        network = self.network
        jacobian = np.zeros((len(delta), 1 if united else delta.shape[1], self.n_columns))
        for l in reversed(range(self.lowest, len(network.layers))):  # noqa: E741
            layer, term = network.layers[l], terms[l]
            number_offset = self.end - self.start + network.number_offsets[l] - self.number_start
            value_offset = [network.value_offset] if l == 0 else []
            by_node = np.sqrt(np.einsum("srj,srj->sj", delta, delta))[:, None] if united else delta
            layer.jacobian(term, by_node, jacobian, network.offsets[l] - self.start, number_offset, *value_offset)
            if l > self.lowest:
                delta = layer.input_gradient(term, delta)
        return jacobian

    @cached_property
    def edges(self):
        """Of each group the edges its parameters belong to: layer, input node, positions in the group and their terms.

        Numbers of symbols are left out.
        """
        return [list(self._edges(group)) for group in self.groups]

    def _edges(self, group):
        place = self.places[group]
        edges, edge = np.unique(place[:, [0, 1, 3]], axis=0, return_inverse=True)
        order = np.argsort(edge, kind="stable")
        for (l, i, _), at in zip(edges, np.split(order, np.cumsum(np.bincount(edge))[:-1]), strict=True):  # noqa: E741
            at = at[place[at, 2] >= 0]
            yield self.lowest + int(l), int(i), at, place[at, 2]

    def penalties(self, objective):
        """Curvature of ridge and smoothness, a matrix for each group: terms of one edge curb one another."""
        found = []
        for group, edges in zip(self.groups, self.edges, strict=True):
            matrix = np.zeros((len(group), len(group)))
            for l, i, at, g in edges:  # noqa: E741
                matrix[np.ix_(at, at)] = _penalty(objective, l, i)[np.ix_(g, g)]
            found.append(matrix)
        return found

    def chunk_rows(self, n_sums):
        """Rows a chunk of the Jacobian."""
        return max(1, _ELEMENTS // (self.n_columns * n_sums))


@dataclass
class Posterior:
    """Covariance of the parameters as R R', one R a group of parameters, and the variance of the noise.

    Attributes
    ----------
    detail : {'whole', 'nodes', 'last'}
        Which parameters count, see `Parts`.
    roots : list of ndarray of shape (n_group, n_group)
    noise : ndarray of shape (n_outputs,)
        phi of every output, in units of scaled targets.
    edf : float
        Effective degrees of freedom.
    """

    detail: str
    roots: list
    noise: np.ndarray
    edf: float

    def to_dict(self):
        """Plain arrays and values, the arguments that rebuild it."""
        return {"detail": self.detail, "roots": self.roots, "noise": self.noise, "edf": self.edf}

    def variance(self, network, X):
        """Variance of raw predictions by the uncertainty of the weights, in chunks, shape (n_samples, n_outputs)."""
        parts = Parts(network, self.detail)
        out = np.empty((len(X), network.shape[-1]))
        eye = np.eye(network.shape[-1])

        def fill(rows):
            _, terms = network.forward(np.asarray(X[rows], dtype=np.float64))
            jacobian = parts.jacobian(terms, np.tile(eye, (len(terms[0].t), 1, 1))).reshape(-1, parts.n_columns)
            spread = (jacobian[:, group] @ root for group, root in zip(parts.groups, self.roots, strict=True))
            variance = sum((np.einsum("sp,sp->s", one, one) for one in spread), np.zeros(len(jacobian)))
            out[rows] = variance.reshape(-1, len(eye))

        for _ in map_chunks(fill, len(X), parts.chunk_rows(len(eye))):
            pass
        return out


@dataclass
class Mixture:
    """Posteriors of the members of a committee: their mean, and how far their mean is from that of other members.

    The noise is that around the committee, whose residuals are smaller than those of its members.
    """

    members: list
    noise: np.ndarray

    @classmethod
    def of(cls, members, networks, rows):
        """From the posteriors and networks of the members, and rows that tell the noise around their mean."""
        residuals = rows.y - np.stack([network.raw_predict(rows.X) for network in networks])
        own = np.mean(rows.weight @ residuals**2, axis=0)
        around_mean = rows.weight @ residuals.mean(axis=0) ** 2
        noise = np.mean([member.noise for member in members], axis=0)
        return cls(members, noise * around_mean / np.maximum(own, np.finfo(np.float64).tiny))

    @property
    def edf(self):
        return float(np.mean([member.edf for member in self.members]))

    def to_dict(self):
        """Plain arrays and values, from which `posterior_of` rebuilds it."""
        return {"members": [member.to_dict() for member in self.members], "noise": self.noise}

    def variance(self, network, X):
        """Variance of raw predictions, shape (n_samples, n_outputs)."""
        networks = apart(network, len(self.members))
        own = [member.variance(one, X) for member, one in zip(self.members, networks, strict=True)]
        scatter = np.var([one.raw_predict(X) for one in networks], axis=0, ddof=1)
        return np.mean(own, axis=0) + scatter / len(networks)


def posterior_of(state):
    """The posterior that `to_dict` described."""
    if "members" not in state:
        return Posterior(**state)
    return Mixture(**state | {"members": [Posterior(**one) for one in state["members"]]})


def _forward(objective, rows):
    """Raw predictions of some training rows, outliers cut as in training, and the expansion of every layer."""
    network = objective.network
    return network.forward(objective.X[rows], reach=objective.reach)


def _gram(jacobian):
    return jacobian.T @ jacobian  # of one array with itself: half the work


def normal_matrices(objective, parts):
    """J' C J of each group, from all rows or every so many."""
    step = int(np.ceil(objective.n_rows * parts.n_sums * parts.size / _WORK))
    if parts.detail == "whole" and step == 1 and objective.strengths.reg_lambda == 0.0:  # the solver knows it
        return [objective.unsmoothed_equations(objective.network.theta)[2]]
    some = objective.subset(slice(None, None, step)) if step > 1 else objective

    def chunk(rows):
        raw, terms = _forward(some, rows)
        factor = some.loss.curvature_factor(some.y[rows], raw).transpose(0, 2, 1)
        delta = np.ascontiguousarray(factor) * np.sqrt(some.sample_weight[rows])[:, None, None]
        jacobian = parts.jacobian(terms, delta, united=parts.detail != "whole").reshape(-1, parts.n_columns)
        return [_gram(jacobian[:, group]) for group in parts.groups]

    chunk_rows = min(parts.chunk_rows(parts.n_sums), max(_ROWS, objective.network.chunk_rows()))
    total = [0.0] * len(parts.groups)
    for matrices in map_chunks(chunk, some.n_rows, chunk_rows):
        total = [one + other for one, other in zip(total, matrices, strict=True)]
    return total


def _residual_noise(objective, freedom):
    """phi of every output from the residuals and the share of freedom they have left: at most that of a constant."""
    y, weight = objective.y, objective.sample_weight

    def chunk(rows):
        raw, _ = _forward(objective, rows)
        return weight[rows] @ (y[rows] - raw) ** 2

    variance = sum(map_chunks(chunk, objective.n_rows, objective.network.chunk_rows()))
    return np.minimum(variance / freedom, weight @ (y - weight @ y) ** 2)


def _held_out_noise(posterior, network, rows):
    """phi that new rows show, whose squared residuals are phi (1 + v) in the mean; v is the posterior's variance."""
    some = slice(None, None, -(-len(rows.X) // _MOST_HELD_OUT))
    X, y, weight = rows.X[some], rows.y[some], rows.weight[some]
    residual = y - network.raw_predict(X)
    return np.average(residual**2 / (1.0 + posterior.variance(network, X)), axis=0, weights=weight)


def affordable_parts(objective, details):
    """The parts of the first of some details, see `Parts`, whose matrices are affordable; None if none is."""
    network = objective.network
    every = (Parts(network, detail) for detail in details)
    return next((parts for parts in every if parts.affordable(objective.n_rows)), None)


def laplace(objective, n_rows, validation=None):
    """Posterior at the network of an objective.

    Parameters
    ----------
    objective : Objective
        At its optimum.
    n_rows : int
        Rows of the table, before equal ones were merged.
    validation : Rows, default=None
        Rows held out, which tell the noise better than the residuals of those that were fitted.

    Returns
    -------
    posterior : Posterior or None
        None if even the last layer has too many parameters, or curvatures overflow. `noise` is 1 where its scale is
        known.
    """
    network = objective.network
    parts = affordable_parts(objective, _DEGREES)
    if parts is None:
        return None
    matrices = normal_matrices(objective, parts)
    if not all(np.isfinite(matrix).all() for matrix in matrices):
        return None
    roots = [inverse_root(one + other) for one, other in zip(matrices, parts.penalties(objective), strict=True)]
    edf = sum(degrees_of_freedom(root, matrix) for root, matrix in zip(roots, matrices, strict=True))
    n_outputs = network.shape[-1]
    found = Posterior(parts.detail, [root / np.sqrt(n_rows) for root in roots], np.ones(n_outputs), edf)
    if objective.loss.known_dispersion:
        return found
    if validation is not None and len(validation.X) >= _ENOUGH:
        noise = _held_out_noise(found, network, validation)
    else:
        used = _DEGREES[parts.detail] * edf / n_outputs
        noise = _residual_noise(objective, max(1.0 - used / n_rows, 1.0 / n_rows))
    return replace(found, roots=[np.sqrt(noise.mean()) * root for root in found.roots], noise=noise)
