"""Strengths of the ridge and of the smoothness from the data: one pair an input node.

They maximise the marginal likelihood, the penalty being the prior of a linear model (generalised Fellner-Schall, Wood &
Fasiolo 2017, doi:10.1111/biom.12666). F is a mean over n cases of m targets, H its Gauss-Newton matrix, S the part of
the penalties, V = H^-1, and phi the variance of the noise:

    lambda_k <- (gamma_k + 2 t) / (n / phi theta' S_k theta + 2 t / lambda)     gamma_k = lambda_k tr((S^- - V) S_k)
    phi       = n m / (n m - edof) times the loss's dispersion, if none is fixed      edof = tr(V (H - S))
    evidence  = log likelihood - (n / phi theta' S theta + log |H| - log |S|) / 2

The log likelihood is -n loss / phi where phi is fixed, 1 for class labels and more for small counts, else that of
normal noise of this variance, -(n m log(phi) + n m - edof) / 2. Where residuals hide noise (`_safe_bayes`) it is that
of noise of `excess` phi, which stands for phi in all of this.

gamma_k is the number of degrees of freedom that penalty k leaves to the data. The strengths of a layer are tied to
their common one, lambda, as if that had been seen in 2 t degrees of freedom: nodes that little is known of follow the
others, and those that explain nothing fade. A table counts with the ridge of its column.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._blocks import Parts, curvatures
from ._cholesky import inverses, upper_product
from ._covariance import Covariance
from ._objective import Strengths

_WEAKEST, _STRONGEST = 1e-24, 1e6
# Functions in units of the gauge are hardly larger than 1, nor their second derivatives than 100: least strengths, in
# units of phi / n.
_LEAST = {"alpha": 1.0, "smoothing": 1e-4}
# Most that a strength changes by in one update.
_LARGEST_STEP = 1e3
_TIE = 0.1
# Targets a parameter that make up for groups of parameters that are smaller than they should be.
_TARGETS_A_PARAMETER = 5
# Least degrees of freedom that are left for the noise, in parts of the targets.
_LEAST_FREEDOM = 0.1
_LEAST_DISPERSION = 1e-28
# Strengths that are given count up to this one: beyond it rounding errors alone would change.
_STIFFEST = 1e10
_TINY = np.finfo(np.float64).tiny
# What is added to the unit diagonal of a matrix, at least; one that is singular to rounding gets more.
_FIRST_JITTER = 1e-14


@dataclass(frozen=True)
class Evidence:
    """What an update of the strengths found out about the model that it began with."""

    strengths: Strengths  # new ones
    evidence: float  # log marginal likelihood a target, up to a constant
    edof: float
    dispersion: float
    inverses: list  # of the blocks of H that were looked at, or diagonals, each with the places of its parameters

    def cross_validated(self, n_targets):
        """Variance of the noise as generalised cross-validation tells it."""
        return self.dispersion / max(1.0 - self.edof / n_targets, _LEAST_FREEDOM)

    def fit(self, network):
        """Whether the blocks are those of a network of this shape."""
        return self.strengths.fit(network) and sum(len(places) for places, _ in self.inverses) == network.n_parameters

    def precondition(self, gradient):
        """Product of the inverse blocks with a vector of all parameters."""
        direction = gradient.copy()
        for places, inverse in self.inverses:
            own = gradient[places]
            direction[places] = inverse * own if inverse.ndim == 1 else inverse @ own
        return direction


def _covariance(objective, theta, *, dense):
    """V of all parameters, whose solver needs no preconditioner, or of those into each node, and places and blocks."""
    parts = objective.parts("whole" if dense else "nodes")
    if dense:
        return Covariance(objective, parts, [objective.normal_equations(theta)[2]], _FIRST_JITTER), []
    found = Covariance(objective, parts, curvatures(objective, parts), _FIRST_JITTER)
    places = map(parts.parameters, parts.groups)
    blocks = (root**2 if root.ndim == 1 else upper_product(root) for root in found.roots)
    return found, list(zip(places, blocks, strict=True))


def affordable(network, n_rows):
    """Whether strengths can be found when correlations between functions into different nodes are left out.

    Of many classes, where that takes small groups, from many targets only.
    """
    parts = Parts(network, "nodes")
    many = n_rows * network.shape[-1] >= _TARGETS_A_PARAMETER * network.n_parameters
    return parts.affordable(n_rows) or (many and parts.fit_in_memory)


def first_strengths(network, settings, continuity, first):
    """Even strengths of a network; 'auto' stands for those to begin with, `first`.

    They stay even beside a sparsity penalty, of which the marginal likelihood knows nothing: it would take functions
    that are made small for functions that have to be.
    """
    given = {name: getattr(settings, name) for name in first}
    values = {name: first[name] if value == "auto" else min(float(value), _STIFFEST) for name, value in given.items()}
    return Strengths(
        **{name: [np.full(layer.n_in, value) for layer in network.layers] for name, value in values.items()},
        l1_weight=settings.l1_weight,
        entropy_weight=settings.entropy_weight,
        continuity=continuity,
    )


def update(objective, theta, n_cases, names, *, dense, excess=1.0):
    """One update of the strengths.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_parameters,)
    n_cases : float
        Rows, repeated ones counted.
    names : subset of {'alpha', 'smoothing'}
        Which are updated.
    dense : bool
        Whether all parameters count together; else functions into different nodes count as independent, and, in large
        tables, a part of the rows.
    excess : float, default=1.0
        Variance of the noise in units of what the residuals say.

    Returns
    -------
    evidence : Evidence
    """
    network = objective.network
    network.theta = theta
    covariance, preconditioner = _covariance(objective, theta, dense=dense)
    n_targets = n_cases * network.shape[-1]
    freedom = max(n_targets - covariance.edof, _LEAST_FREEDOM * n_targets)
    phi = objective.loss.fixed_dispersion
    known = phi > 0.0
    if not known:
        phi = max(objective.dispersion(theta) * n_targets / freedom, _LEAST_DISPERSION)
    noise = excess * phi
    tables = network.layers[0].tables
    log_prior = float((tables.mask.sum(axis=1) * tables.sizes) @ np.log(objective.table_strengths))
    new = {name: [] for name in names}
    for l, layer in enumerate(network.layers):  # noqa: E741
        n_edges = layer.edge_mask.sum(axis=1)
        priors, logs = _priors(layer, objective.matrices[l])
        log_prior += float(n_edges @ logs)
        left = n_edges[:, None, None] * priors - covariance.blocks[l]
        squares = layer.weights @ layer.weights.transpose(0, 2, 1)
        for name in names:
            strength, unit = objective.strengths.of_nodes(name, network, l), objective.units[l][name]
            gamma = strength * np.einsum("igh,igh->i", left, unit)
            size = np.einsum("igh,igh->i", squares, unit)
            if l == 0 and name == "alpha":
                _add_tables(objective, covariance, strength, gamma, size)
            gamma, size = np.maximum(gamma, 0.0), n_cases / noise * size
            found = np.maximum(_tied(gamma, size, strength), _LEAST[name] * noise / n_cases)
            new[name].append(np.where(layer.edges.any(axis=1), found, strength))
    loss = objective.loss_value(theta)
    cost = n_cases / noise * (objective.value(theta) - loss) + 0.5 * (covariance.log_determinant - log_prior)
    log_likelihood = -n_cases / noise * loss if known else -0.5 * (freedom / excess + n_targets * np.log(noise))
    evidence = (log_likelihood - cost) / n_targets
    return Evidence(replace(objective.strengths, **new), float(evidence), covariance.edof, phi, preconditioner)


def _priors(layer, matrices):
    """Inverses and log determinants of an edge's penalty; a base activation of zero has no weight."""
    n_terms = matrices.shape[1] - (layer.base_activation == "zero")
    found = np.zeros_like(matrices)
    found[:, :n_terms, :n_terms], logs = inverses(matrices[:, :n_terms, :n_terms], _FIRST_JITTER)
    return found, logs


def _add_tables(objective, covariance, strength, gamma, size):
    """Add degrees of freedom and size of layer 0's tables to those of their columns."""
    tables = objective.network.layers[0].tables
    if not len(tables):
        return
    squares = np.sum(tables.values * tables.penalty(objective.shares, np.ones(len(tables)))[1], axis=1)
    for k, i in enumerate(tables.columns):
        rows = tables.rows_of(k)
        free = tables.mask[k].sum() * tables.sizes[k] / objective.table_strengths[k]
        gamma[i] += strength[i] * (free - covariance.tables[rows].sum())
        size[i] += squares[rows].sum()


def _tied(gamma, size, before):
    """New strengths of a layer's nodes, in steps that are not too large."""
    total = gamma.sum()
    common = np.clip(total / max(size.sum(), total / _STRONGEST, _TINY), _WEAKEST, _STRONGEST)
    new = (gamma + 2.0 * _TIE) / (size + 2.0 * _TIE / common)
    return np.clip(np.clip(new, before / _LARGEST_STEP, before * _LARGEST_STEP), _WEAKEST, _STRONGEST)
