"""Columns of wide tables that show an effect (sure independence screening, Fan & Lv 2008).

A column tells if the residual of the loss depends on it, alone or given all others, or on its product with another:

    S = (phi' W r)^2 / (sigma^2 phi' W phi) ~ chi^2        phi orthogonal polynomials of the ranks, or indicators

r is the residual of the constant model for effects of columns alone, and that of an additive model for products. After
a network is trained on the columns that told, its own residual shows what is left (iterated screening).
"""

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.special import ndtri
from scipy.stats import chi2, rankdata

# Columns up to which all enter; rows that are looked at, at most.
_FEW, _ROWS = 15, 20_000
# Degree of the polynomials of a column alone and in products; where there are more columns than this it is one.
_ALONE, _IN_PRODUCTS, _MANY = 4, 2, 250
# Categories that count, the most frequent ones, alone and in products.
_CATEGORIES, _CATEGORIES_IN_PRODUCTS = 20, 3
# Part of the columns that tell which may be chance, and probability that any effect is that a trained network left out,
# for which training begins anew.
_FALSE, _LATE = 0.05, 0.01
# Numbers with more values than this count by their ranks.
_CLASSES = 10
# Part of the rows that are left to the noise, at least.
_LEAST_FREEDOM = 0.3
_TINY = 1e-10


def _scores(residual, weight):
    """Normal scores of many values, so that outliers count as others; centred and of variance one."""
    if len(np.unique(residual)) > _CLASSES:
        residual = ndtri((rankdata(residual) - 0.5) / len(residual))
    residual = residual - np.average(residual, weights=weight)
    return residual / max(np.sqrt(np.average(residual**2, weights=weight)), _TINY)


def _polynomials(x, degree):
    """Legendre polynomials of the ranks, zero where missing, and whether it is missing."""
    missing = np.isnan(x)
    ranks = rankdata(np.where(missing, np.nanmedian(x) if not missing.all() else 0.0, x))
    found = legvander((2.0 * ranks - 1.0) / len(x) - 1.0, degree)[:, 1:]
    found[missing] = 0.0
    return np.column_stack([found, missing]) if missing.any() else found


def _indicators(x, most):
    """Indicators of the most frequent categories."""
    values, counts = np.unique(x, return_counts=True)
    return (x[:, None] == values[np.argsort(-counts, kind="stable")[:most]]).astype(np.float64)


def _orthonormal(features, weight):
    """Features without their means and what is collinear, weighted by the roots of the weights."""
    root = np.sqrt(weight)[:, None]
    centred = root * (features - np.average(features, axis=0, weights=weight))
    q, r = np.linalg.qr(centred)
    scale = np.sqrt(np.maximum(np.sum(centred**2, axis=0), _TINY))
    return q[:, np.abs(np.diag(r)) > 1e-6 * scale]


class _Features:
    """Features of all columns side by side, weighted by the roots of the weights, and the column of each."""

    def __init__(self, X, weight, categorical, degree, most):
        own = []
        for x, is_category in zip(X.T, categorical, strict=True):
            own.append(_orthonormal(_indicators(x, most) if is_category else _polynomials(x, degree), weight))
        self.values = np.hstack(own)
        self.column = np.repeat(np.arange(X.shape[1]), [one.shape[1] for one in own])
        self.member = (self.column[:, None] == np.arange(X.shape[1])).astype(np.float64)
        self.counts = self.member.sum(axis=0)


def _chance(statistic, freedom):
    """Probability of a chi^2 at least as large; 1 without degrees of freedom."""
    return np.where(freedom > 0, chi2.sf(statistic, np.maximum(freedom, 1)), 1.0)


def _alone(features, r):
    """Of each column the probability that its effect is chance."""
    explained = np.bincount(features.column, (features.values.T @ r) ** 2, len(features.counts))
    freedom = np.maximum(len(r) - features.counts - 1.0, 1.0)
    noise = np.maximum(r @ r - explained, _TINY) / freedom
    return _chance(explained / noise, features.counts)


class _Additive:
    """A ridge regression on all features: its residual, the variance of that, and effects given the other columns."""

    def __init__(self, features, r):
        values = features.values
        gram = values.T @ values
        ridge = len(gram) / (2.0 * len(r))
        inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
        coef = inverse @ (values.T @ r)
        used = np.vdot(inverse, gram)
        self.residual = r - values @ coef
        self.noise = max(self.residual @ self.residual, _TINY) / max(len(r) - used, _LEAST_FREEDOM * len(r))
        statistic = np.zeros(len(features.counts))
        for i in np.flatnonzero(features.counts):
            at = features.column == i
            statistic[i] = coef[at] @ np.linalg.solve(inverse[np.ix_(at, at)], coef[at]) / self.noise
        self.chances = _chance(statistic, features.counts)


def _products(features, weight, residual, noise):
    """Of each pair of columns the probability that the effect of their products is chance; shape (n_in, n_in)."""
    values = features.values / np.sqrt(weight)[:, None]
    effect = values.T @ (values * (np.sqrt(weight) * residual)[:, None])
    size = (values**2).T @ (values**2 * weight[:, None])
    statistic = np.divide(effect**2, noise * size, out=np.zeros_like(effect), where=size > 0.0)
    chances = _chance(features.member.T @ statistic @ features.member, np.outer(features.counts, features.counts))
    np.fill_diagonal(chances, 1.0)
    return chances


def _discoveries(chances):
    """Which effects are none by chance, but for a small part of them (Benjamini & Hochberg 1995)."""
    allowed = _FALSE * np.arange(1, len(chances) + 1) / len(chances)
    passed = np.flatnonzero(np.sort(chances) <= allowed)
    return chances <= (allowed[passed[-1]] if len(passed) else 0.0)


def _degree_in_products(n_in):
    return _IN_PRODUCTS if n_in <= _MANY else 1


def _some_rows(X, residual, weight):
    step = -(-len(X) // _ROWS)
    weight = weight[::step]
    return np.asarray(X[::step], dtype=np.float64), residual[::step], weight / weight.mean()


def telling_columns(X, residual, weight, categorical):
    """Columns that the residuals of the constant model depend on.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_in)
        NaN where missing.
    residual : ndarray of shape (n_samples, n_outputs)
        Gradient of the loss by the raw predictions.
    weight : ndarray of shape (n_samples,)
    categorical : bool ndarray of shape (n_in,)
        Columns of category numbers.

    Returns
    -------
    tell : bool ndarray of shape (n_in,)
        All of them where columns are few or none is seen to tell.
    """
    n_in = X.shape[1]
    tell = np.zeros(n_in, dtype=bool)
    if n_in <= _FEW:
        return ~tell
    X, residual, weight = _some_rows(X, residual, weight)
    n_pairs = n_in * (n_in - 1) / 2
    alone = _Features(X, weight, categorical, _ALONE, _CATEGORIES)
    paired = _Features(X, weight, categorical, _degree_in_products(n_in), _CATEGORIES_IN_PRODUCTS)
    for one in residual.T:
        r = np.sqrt(weight) * _scores(one, weight)
        additive = _Additive(paired, r)
        products = _products(paired, weight, additive.residual, additive.noise)
        tell |= _discoveries(_alone(alone, r)) | _discoveries(additive.chances)
        tell |= (products < _FALSE / n_pairs).any(axis=1)
    return tell if tell.any() else ~tell


def late_columns(X, residual, weight, categorical, tell):
    """Columns left out that the residuals of a network trained on the others depend on; arguments as above."""
    X, residual, weight = _some_rows(X, residual, weight)
    n_outputs, n_out = residual.shape[1], np.count_nonzero(~tell)
    alone = _Features(X[:, ~tell], weight, categorical[~tell], _ALONE, _CATEGORIES)
    paired = _Features(X, weight, categorical, _degree_in_products(len(tell)), _CATEGORIES_IN_PRODUCTS)
    late = np.zeros(len(tell), dtype=bool)
    for one in residual.T:
        r = np.sqrt(weight) * _scores(one, weight)
        late[~tell] |= _alone(alone, r) < _LATE / (n_out * n_outputs)
        products = _products(paired, weight, r, np.mean(r**2))
        late |= (products < _LATE / (n_out * len(tell) * n_outputs)).any(axis=1)
    return late & ~tell
