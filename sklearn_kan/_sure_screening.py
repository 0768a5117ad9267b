"""Columns of wide tables that show an effect (sure independence screening, Fan & Lv 2008).

A column tells if the residual of the loss depends on it, alone or given all others, or on its product with another:

    S = (phi' W r)^2 / (sigma^2 phi' W phi) ~ chi^2        phi orthogonal polynomials of the ranks, or indicators

r is the residual of the constant model for effects of columns alone, and that of an additive model for products. After
a network is trained on the columns that told, its own residual shows what is left (iterated screening). Outliers count
as others among normal scores; but where noise is skewed, and more so in some rows than in others, as that of labels is,
the means of its scores depend on columns that its own mean does not depend on. So what a network's residuals show has
to be seen both in the scores and in the residuals, in units of their row's noise, whose variance an additive model of
their squares tells.

Names and numbers of rows, categories that have few rows each, tell in no table but by an analysis of variance: a
network would learn the noise of these rows by heart. Nor do they tell where nearly every row has one of its own: a new
row's is seen for the first time as often as rows are alone in their category (Good 1953,
doi:10.1093/biomet/40.3-4.237).

A number may be a name, that of a person or place with some rows each. Its residuals' means jump from value to value:

    T = mean_v (m_v - (m_v-1 + m_v+1) / 2)^2 / (1 / n_v + (1 / n_v-1 + 1 / n_v+1) / 4) / sigma^2 ~ F

with sigma^2 the variance within the values. No smooth function has such jumps, however badly it was fitted. As noise
is seldom even, T must exceed what it is when rows change places with those of neighbouring values as well.
"""

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.special import ndtri
from scipy.stats import chi2, f

# Least part of the columns that is worth leaving out.
_LEFT_OUT = 0.1
# Columns up to which all enter; so they do from this number of rows a column on, which tell noise well enough.
_FEW, _MANY_ROWS = 15, 100
# Degree of the polynomials of a column alone and in products; that is one where there are more columns than this, and
# no products and no effects given the others are looked at beyond the most.
_ALONE, _IN_PRODUCTS, _MANY, _MOST = 4, 2, 250, 1000
# Elements of the features that rows are thinned to.
_ELEMENTS = 1 << 24
# Categories that count, the most frequent ones, alone and in products.
_CATEGORIES, _CATEGORIES_IN_PRODUCTS = 20, 3
# Categories with fewer rows than this each, on average, are like names.
_NAMES = 5
# Part of the rows that are alone in their category, as new ones will be in theirs, beyond which names say nothing.
_UNSEEN = 0.9
# Rows beyond the first one of their category that tell noise, at least.
_REPEATED = 20
# Values of a number that may be a name, more than this and at most, and rows of each, on average.
_FEW_VALUES, _MOST_VALUES, _ROWS_A_VALUE = 20, 1000, 3
# Times that rows change places, how far, in values, and the standard deviations by which jumps have to be larger.
_EXCHANGES, _NEIGHBOURS, _CLEARLY = 20, 1.5, 4.0
# Part of the columns that tell which may be chance, and probability that any of the names that tell does by chance.
_FALSE, _NAMED = 0.05, 0.01
# Part of the residual's variance that effects which a trained network left out explain at least, to begin anew.
_WORTH = 0.01
# Numbers with more values than this count by their ranks.
_CLASSES = 10
# Part of the rows that are left to the noise, at least.
_LEAST_FREEDOM = 0.3
# Least variance of a row's noise, in parts of the mean.
_LEAST_NOISE = 0.2
# Part of a feature that is left beside others of its column if it is no combination of them.
_COLLINEAR = 1e-6
_TINY = 1e-10


def _ranks(values, weight):
    """Ranks from 0 to 1, in the middle of equal values; rows of weight two count as two rows."""
    _, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weight)
    return (np.cumsum(counts) - 0.5 * counts)[place] / weight.sum()


def _scores(residual, weight):
    """Normal scores of many values, so that outliers count as others."""
    return ndtri(_ranks(residual, weight)) if len(np.unique(residual)) > _CLASSES else residual


def _effect(values, weight):
    """Centred, of variance one, weighted by the roots of the weights."""
    values = values - np.average(values, weights=weight)
    return np.sqrt(weight) * values / max(np.sqrt(np.average(values**2, weights=weight)), _TINY)


def _effects(residual, weight):
    """The scores of every output's residual."""
    return [_effect(_scores(one, weight), weight) for one in residual.T]


def _polynomials(x, weight, degree):
    """Legendre polynomials of the ranks, zero where missing, and whether it is missing."""
    missing = np.isnan(x)
    found = np.zeros((len(x), degree))
    if not missing.all():
        found[~missing] = legvander(2.0 * _ranks(x[~missing], weight[~missing]) - 1.0, degree)[:, 1:]
    return np.column_stack([found, missing]) if missing.any() else found


def _indicators(x, weight, most):
    """Indicators of the most frequent categories, missing being one."""
    x = np.nan_to_num(x, nan=-1.0)
    values, place = np.unique(x, return_inverse=True)
    frequent = np.argsort(-np.bincount(place, weight), kind="stable")[:most]
    return (x[:, None] == values[frequent]).astype(np.float64)


def _orthonormal(features, weight):
    """Features without their means and what is collinear, weighted by the roots of the weights."""
    root = np.sqrt(weight)[:, None]
    centred = root * (features - np.average(features, axis=0, weights=weight))
    q, r = np.linalg.qr(centred)
    scale = np.sqrt(np.maximum(np.sum(centred**2, axis=0), _TINY))
    return q[:, np.abs(np.diag(r)) > _COLLINEAR * scale[: len(r)]]


class _Features:
    """Features of all columns side by side, weighted by the roots of the weights, and the column of each."""

    def __init__(self, X, weight, categorical, degree, most):
        own = []
        for x, is_category in zip(X.T, categorical, strict=True):
            features = _indicators(x, weight, most) if is_category else _polynomials(x, weight, degree)
            own.append(_orthonormal(features, weight))
        self.values = np.hstack(own)
        self.column = np.repeat(np.arange(X.shape[1]), [one.shape[1] for one in own])
        self.member = (self.column[:, None] == np.arange(X.shape[1])).astype(np.float64)
        self.counts = self.member.sum(axis=0)


def _chance(statistic, freedom):
    """Probability of a chi^2 at least as large; 1 without degrees of freedom."""
    return np.where(freedom > 0, chi2.sf(statistic, np.maximum(freedom, 1)), 1.0)


def _alone(features, r, n_cases):
    """Of each column the part of the variance that it explains, and the probability that this is chance."""
    explained = np.bincount(features.column, (features.values.T @ r) ** 2, len(features.counts))
    freedom = np.maximum(n_cases - features.counts - 1.0, 1.0)
    noise = np.maximum(r @ r - explained, _TINY) / freedom
    return explained / max(r @ r, _TINY), _chance(explained / noise, features.counts)


def _alone_in_uneven_noise(features, r, weight):
    """The same probabilities where the variance of the noise differs from row to row (White 1980)."""
    squares, each = np.zeros(len(features.counts)), features.values * (r / np.sqrt(weight))[:, None]
    for i in np.flatnonzero(features.counts):
        at = features.column == i
        effect, spread = features.values[:, at].T @ r, each[:, at].T @ each[:, at]
        spread += np.eye(len(effect)) * max(_COLLINEAR * np.trace(spread), _TINY)
        squares[i] = effect @ np.linalg.solve(spread, effect)
    return _chance(squares, features.counts)


def _groups(place, r, weight):
    """Weights of groups of rows, means of an effect there, its variance within them and how many cases tell that."""
    totals, sums = np.bincount(place, weight), np.bincount(place, np.sqrt(weight) * r)
    means, left = sums / totals, max(weight.sum() - len(totals), 1.0)
    return totals, means, max(r @ r - sums @ means, _TINY) / left, left


def _between(x, r, weight):
    """The same of a column's categories, all of them, by a one-way analysis of variance."""
    _, place, n_rows = np.unique(np.nan_to_num(x, nan=-1.0), return_inverse=True, return_counts=True)
    totals, means, noise, left = _groups(place, r, weight)
    freedom = len(totals) - 1
    if freedom == 0 or left < _REPEATED or np.count_nonzero(n_rows == 1) > _UNSEEN * len(x):
        return 0.0, 1.0
    between = totals @ means**2
    part = (between - freedom * noise) / max(r @ r, _TINY)  # what chance explains does not count
    return part, float(f.sf(between / freedom / noise, freedom, left))


def _names(X, categorical):
    """Columns of categories that have few rows each."""
    return [i for i in np.flatnonzero(categorical) if _NAMES * len(np.unique(X[:, i])) > len(X)]


def no_names(X, categorical):
    """Columns that are not categories of few rows each, a bool ndarray of shape (n_in,)."""
    found = np.ones(X.shape[1], dtype=bool)
    found[_names(X, categorical)] = False
    return found


class _Additive:
    """Ridge regressions on all features."""

    def __init__(self, features, n_cases):
        self.features = features
        gram = features.values.T @ features.values
        ridge = len(gram) / (2.0 * n_cases)
        self.inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
        self.freedom = max(n_cases - np.vdot(self.inverse, gram), _LEAST_FREEDOM * n_cases)

    def fit(self, r):
        """Residual, the variance of its noise, and of each column the probability that its effect, given the others, is
        chance.
        """
        values, counts = self.features.values, self.features.counts
        coef = self.inverse @ (values.T @ r)
        residual = r - values @ coef
        noise = max(residual @ residual, _TINY) / self.freedom
        statistic = np.zeros(len(counts))
        for i in np.flatnonzero(counts):
            at = self.features.column == i
            statistic[i] = coef[at] @ np.linalg.solve(self.inverse[np.ix_(at, at)], coef[at]) / noise
        return residual, noise, _chance(statistic, counts)


def _products(features, weight, residual, noise):
    """Of the products of each pair of columns S and the probability that it is chance, shapes (n_in, n_in).

    The variance of the noise may differ from row to row.
    """
    values = features.values / np.sqrt(weight)[:, None]
    effect = values.T @ (values * (np.sqrt(weight) * residual)[:, None])
    size = (values**2).T @ (values**2 * (weight * noise)[:, None])
    statistic = np.divide(effect**2, size, out=np.zeros_like(effect), where=size > 0.0)
    statistic = features.member.T @ statistic @ features.member
    chances = _chance(statistic, np.outer(features.counts, features.counts))
    np.fill_diagonal(chances, 1.0)
    return statistic, chances


def _discoveries(chances, level=_FALSE):
    """Which effects are none by chance, but for a small part of them (Benjamini & Hochberg 1995)."""
    allowed = level * np.arange(1, len(chances) + 1) / len(chances)
    passed = np.flatnonzero(np.sort(chances) <= allowed)
    return chances <= (allowed[passed[-1]] if len(passed) else 0.0)


def _in_both_ways(residual, weight, features=None):
    """The scores of every output's residual, and the residual, in units of its row's noise if features tell that."""
    plain = [_effect(one, weight) for one in residual.T]
    if features is not None:
        additive = _Additive(features, weight.sum())
        plain = [_evened(one, weight, additive) for one in plain]
    return list(zip(_effects(residual, weight), plain, strict=True))


def _evened(effect, weight, additive):
    """An effect in units of its rows' noise, the variance of which is additive; its mean stays zero if it was."""
    root = np.sqrt(weight)
    squares = effect**2 / weight
    variance = squares - additive.fit(root * (squares - 1.0))[0] / root
    return _effect(effect / root / np.sqrt(np.maximum(variance, _LEAST_NOISE)), weight)


def _some_rows(X, residual, weight):
    """Rows that count, thinned where their features would take much memory; the mean of the weights is at least 1."""
    rows = np.flatnonzero(weight > 0.0)[:: -(-X.size * _ALONE // _ELEMENTS)]
    weight = weight[rows] * max(1.0, 1.0 / weight[rows].mean())
    return X[rows], residual[rows], weight


def _features(X, weight, categorical, *, products):
    """Features of columns alone, or those whose products are looked at."""
    if not products:
        return _Features(X, weight, categorical, _ALONE, _CATEGORIES)
    return _Features(X, weight, categorical, _IN_PRODUCTS if X.shape[1] <= _MANY else 1, _CATEGORIES_IN_PRODUCTS)


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
        But for names, all of them where columns are few beside the rows, or none is seen to tell, or nearly all.
    """
    tell, names = np.ones(X.shape[1], dtype=bool), _names(X, categorical)
    few = X.shape[1] <= _FEW or len(X) >= _MANY_ROWS * X.shape[1]
    if few and not names:
        return tell
    X, residual, weight = _some_rows(X, residual, weight)
    effects = _effects(residual, weight)
    if not few:
        tell = _telling(X, effects, weight, categorical)
    for i in names:
        tell[i] = min(_between(X[:, i], r, weight)[1] for r in effects) < _NAMED / len(effects)
    return tell if tell.any() else ~tell


def _telling(X, effects, weight, categorical):
    """The same of many columns."""
    n_in = X.shape[1]
    tell = np.zeros(n_in, dtype=bool)
    alone = _features(X, weight, categorical, products=False)
    for r in effects:
        tell |= _discoveries(_alone(alone, r, weight.sum())[1])
    if n_in <= _MOST:
        paired = _features(X, weight, categorical, products=True)
        additive = _Additive(paired, weight.sum())
        for r in effects:
            rest, noise, chances = additive.fit(r)
            _, products = _products(paired, weight, rest, noise)
            tell |= _discoveries(chances) | (products < _FALSE / (n_in * (n_in - 1) / 2)).any(axis=1)
    return tell if _LEFT_OUT <= np.mean(~tell) < 1.0 else np.ones(n_in, dtype=bool)


def late_columns(X, residual, weight, categorical, tell):
    """Columns left out that the residuals of a network trained on the others depend on; arguments as above."""
    X, residual, weight = _some_rows(X, residual, weight)
    n_in, n_out, late = len(tell), np.count_nonzero(~tell), np.zeros(len(tell), dtype=bool)
    few = np.count_nonzero(tell) <= _MOST
    own = _features(X[:, tell], weight, categorical[tell], products=True) if few else None
    effects = _in_both_ways(residual, weight, own)
    level = _FALSE / len(effects)
    alone = _features(X[:, ~tell], weight, categorical[~tell], products=False)
    paired = _features(X, weight, categorical, products=True) if n_in <= _MOST else None
    for scores, plain in effects:
        part, chance = _alone(alone, scores, weight.sum())
        chance = np.maximum(chance, _alone_in_uneven_noise(alone, plain, weight))
        late[~tell] |= (part > _WORTH) & _discoveries(chance, level)
        if paired is not None:
            statistic, chance = _products(paired, weight, scores, scores @ scores / weight.sum())
            chance = np.maximum(chance, _products(paired, weight, plain, plain**2 / weight)[1])
            late |= ((statistic > _WORTH * weight.sum()) & (chance < level / (n_in * n_out))).any(axis=1)
    least = _NAMED / (n_out * len(effects))
    for i in _names(X, categorical & ~tell):
        found = ([_between(X[:, i], r, weight) for r in both] for both in effects)
        late[i] = any(all(part > _WORTH and chance < least for part, chance in both) for both in found)
    return late & ~tell


def number_as_name(X, residual, weight, categorical):
    """The column of numbers whose values the residuals of a network tell apart most, if any; arguments as above.

    Returns
    -------
    is_name : bool ndarray of shape (n_in,)
        True for one column at most.
    """
    found = np.zeros(X.shape[1], dtype=bool)
    X, residual, weight = _some_rows(X, residual, weight)
    effects = _in_both_ways(residual, weight)
    numbers, worth = np.flatnonzero(~categorical), _WORTH
    least = _NAMED / max(len(numbers) * len(effects), 1)
    for i in numbers:
        known = ~np.isnan(X[:, i])
        values, place = np.unique(X[known, i], return_inverse=True)
        if _FEW_VALUES < len(values) <= min(_MOST_VALUES, known.sum() / _ROWS_A_VALUE):
            for both in effects:
                jumps = [_Jumps(place, r[known], weight[known]) for r in both]
                part = min(one.part for one in jumps)
                if part > worth and all(one.chance() < least and one.exceed_neighbours() for one in jumps):
                    found[:], worth = np.arange(len(found)) == i, part
    return found


class _Jumps:
    """Of an effect the statistic of its jumps from value to value, see the module, and the part of its variance."""

    def __init__(self, place, r, weight):
        self.place, self.r, self.weight = place, r, weight
        totals, means, self.noise, self.left = _groups(place, r, weight)
        squares = (means[1:-1] - 0.5 * (means[:-2] + means[2:])) ** 2
        spread = 1.0 / totals[1:-1] + 0.25 / totals[:-2] + 0.25 / totals[2:]
        self.size, self.n_jumps = np.mean(squares / spread), len(squares)
        self.part = totals[1:-1] @ (squares - self.noise * spread) / 1.5 / max(r @ r, _TINY)

    def chance(self):
        """Probability that these are jumps of even noise; those of neighbours have half as many degrees of freedom."""
        return f.sf(self.size / self.noise, 0.5 * self.n_jumps, self.left)

    def exceed_neighbours(self):
        """Whether they are larger than where rows have changed places with those of neighbouring values.

        Noise that differs from row to row, as with labels, remains as it is then.
        """
        rng = np.random.RandomState(0)
        sizes, in_order = [], np.sort(self.place)
        for _ in range(_EXCHANGES):
            place = np.empty_like(in_order)
            place[np.argsort(self.place + rng.uniform(-_NEIGHBOURS, _NEIGHBOURS, len(place)))] = in_order
            sizes.append(_Jumps(place, self.r, self.weight).size)
        return self.size - np.mean(sizes) > _CLEARLY * np.std(sizes)
