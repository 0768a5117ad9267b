"""Posterior of the weights around the optimum (Laplace, Gauss-Newton): degrees of freedom, noise, deviations.

    H = J' C J + P      edf = tr(H^-1 J' C J)     phi = RSS / (n - 1.4 edf)     Var f(x) = phi / n J(x) H^-1 J(x)'

J' C J is a mean over n rows and P the curvature of ridge and smoothness, as in the objective. That of the sparsity
penalty is left out. Enough rows that were held out tell phi better than the residual sum of squares. Where there are
fewer targets m than parameters it takes less to find

    edf = m - tr (1 + C^1/2 J P^-1 J' C^1/2)^-1
"""

from dataclasses import dataclass, replace

import numpy as np

from ._blocks import Parts, affordable_parts, curvatures, curved
from ._cholesky import inverse_root, inverses
from ._committee import apart, shares_of
from ._covariance import Covariance
from ._threads import filled, map_chunks

# Degrees of freedom that the fit took from the noise, in units of those of its linearisation: more, as it chose its
# functions (1.4 is Kim & Gu's 2004). Groups that count as independent add up to that by themselves.
_DEGREES = {"whole": 1.4, "nodes": 1.0, "last": 1.0}
# Rows held out that tell the noise, at least and at most.
_ENOUGH, _MOST_HELD_OUT = 100, 1_000
# Least curvature of a direction, in units of its parameters' own: gauge directions, which change no prediction, have 0.
LEAST_CURVATURE = 1e-10
# What is added to the unit diagonal of a penalty, and the largest element of C^1/2 J P^-1 J' C^1/2 whose rounding error
# is small beside 1.
_LEAST_PENALTY, _LARGEST = 1e-14, 1e8


@dataclass
class Posterior:
    """Covariance of the parameters as R R', one R a group of parameters, and the variance of the noise.

    Attributes
    ----------
    detail : {'whole', 'nodes', 'last'}
        Which parameters count, see `Parts`.
    roots : list of ndarray of shape (n_group, n_group), or (n_group,) of those that count alone
        For the mean of the outputs' noise.
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
        eye = np.eye(network.shape[-1])

        def variances(rows):
            _, terms = network.forward(np.asarray(X[rows], dtype=np.float64))
            return parts.squares(network, terms, np.tile(eye, (len(terms[0].t), 1, 1)), self.roots)

        out = filled(np.empty((len(X), len(eye))), variances, parts.chunk_rows(len(eye)))
        return out * (self.noise / max(self.noise.mean(), np.finfo(np.float64).tiny))


@dataclass
class Mixture:
    """Posteriors of the members of a committee: their mean, and how far their mean is from that of other members.

    The noise is that around the committee, whose residuals are smaller than those of its members.
    """

    members: list
    noise: np.ndarray
    sizes: list | None = None  # nodes of the members; None for equal ones
    shares: np.ndarray | None = None  # None for equal ones

    @classmethod
    def of(cls, members, networks, rows, shares):
        """From the posteriors and networks of the members, and rows that tell the noise around their mean."""
        residuals = rows.y - np.stack([network.raw_predict(rows.X) for network in networks])
        own = np.tensordot(shares, rows.weight @ residuals**2, 1)
        around_mean = rows.weight @ np.tensordot(shares, residuals, 1) ** 2
        noise = shares @ np.stack([member.noise for member in members])
        sizes = [network.shape[1] for network in networks]
        return cls(members, noise * around_mean / np.maximum(own, np.finfo(np.float64).tiny), sizes, shares)

    @property
    def edf(self):
        return float(np.average([member.edf for member in self.members], weights=self.shares))

    def to_dict(self):
        """Plain arrays and values, from which `posterior_of` rebuilds it."""
        members = [member.to_dict() for member in self.members]
        return {"members": members, "noise": self.noise, "sizes": self.sizes, "shares": self.shares}

    def variance(self, network, X):
        """Variance of raw predictions, shape (n_samples, n_outputs)."""
        n_members = len(self.members)
        shares = shares_of(n_members, self.shares)
        networks = apart(network, self.sizes or n_members, shares)
        own = np.stack([member.variance(one, X) for member, one in zip(self.members, networks, strict=True)])
        raw = np.stack([one.raw_predict(X) for one in networks])
        scatter = np.tensordot(shares, (raw - np.tensordot(shares, raw, 1)) ** 2, 1)
        concentration = shares @ shares  # one over the number of members, if they count the same
        return np.tensordot(shares, own, 1) + scatter * concentration / (1.0 - concentration)


def posterior_of(state):
    """The posterior that `to_dict` described."""
    if "members" not in state:
        return Posterior(**state)
    return Mixture(**state | {"members": [Posterior(**one) for one in state["members"]]})


def _residual_noise(objective, freedom):
    """phi of every output from the residuals and the share of freedom they have left: at most that of a constant."""
    y, weight = objective.y, objective.sample_weight

    def chunk(rows):
        raw, _ = objective.forward(rows, slopes=False)
        return weight[rows] @ (y[rows] - raw) ** 2

    variance = sum(map_chunks(chunk, objective.n_rows, objective.network.chunk_rows()))
    return np.minimum(variance / freedom, weight @ (y - weight @ y) ** 2)


def _held_out_noise(posterior, network, rows):
    """phi that new rows show, whose squared residuals are phi (1 + v) in the mean; v is the posterior's variance."""
    some = slice(None, None, -(-len(rows.X) // _MOST_HELD_OUT))
    X, y, weight = rows.X[some], rows.y[some], rows.weight[some]
    residual = y - network.raw_predict(X)
    return np.average(residual**2 / (1.0 + posterior.variance(network, X)), axis=0, weights=weight)


def _covariance(objective, parts):
    """That of some parts; None without any, or if curvatures overflow."""
    matrices = [] if parts is None else curvatures(objective, parts)
    if parts is None or not all(np.isfinite(matrix).all() for matrix in matrices):
        return None
    return Covariance(objective, parts, matrices, LEAST_CURVATURE)


def _freedom_of_rows(objective, parts):
    """Degrees of freedom from a matrix of rows; None where penalties are too weak for that, or there are none."""
    (group,), (edges,) = parts.groups, parts.edges
    if sum(some.places.size for some in edges) < len(group):
        return None
    jacobian = parts.jacobian(objective.network, *curved(objective, slice(None)))[..., group].reshape(-1, len(group))
    matrix = np.eye(len(jacobian))
    for some in edges:
        factors = jacobian[:, some.places].swapaxes(0, 1)
        penalties = inverses(some.penalties(objective), _LEAST_PENALTY)[0]
        matrix += np.hstack(factors @ penalties) @ np.hstack(factors).T
    if not np.abs(matrix).max() < _LARGEST:
        return None
    root, _, _ = inverse_root(matrix, 0.0)
    return len(matrix) - float(np.vdot(root, root))


def degrees_of_freedom(objective):
    """Effective degrees of freedom at the network of an objective; None where `laplace` has no posterior."""
    parts, found = affordable_parts(objective, _DEGREES), None
    if parts is not None and parts.detail == "whole" and objective.n_rows * parts.n_sums < parts.largest:
        found = _freedom_of_rows(objective, parts)
    if found is not None:
        return found
    covariance = _covariance(objective, parts)
    return None if covariance is None else covariance.edof


def laplace(objective, n_cases, validation=None):
    """Posterior at the network of an objective.

    Parameters
    ----------
    objective : Objective
        At its optimum.
    n_cases : float
        Rows with noise of their own.
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
    covariance, n_outputs = _covariance(objective, parts), network.shape[-1]
    if covariance is None:
        return None
    edf = covariance.edof
    found = Posterior(parts.detail, [root / np.sqrt(n_cases) for root in covariance.roots], np.ones(n_outputs), edf)
    if objective.loss.known_dispersion:
        return found
    if validation is not None and len(validation.X) >= _ENOUGH:
        noise = _held_out_noise(found, network, validation)
    else:
        used = _DEGREES[parts.detail] * edf / n_outputs
        noise = _residual_noise(objective, max(1.0 - used / n_cases, 1.0 / n_cases))
    return replace(found, roots=[np.sqrt(noise.mean()) * root for root in found.roots], noise=noise)
