"""X, y and sample_weight as the network sees them: canonical rows, targets of unit scale, codes of classes."""

from math import fsum

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from ._threads import taken

# Tables up to this size are rounded, sorted and their equal rows merged.
CANONICAL_ROWS = 20_000
# Inputs in units of half the knot range, and targets in units of their spread, are rounded to multiples of this.
_ROUNDING = 2.0**-32
# Most values of ratings and counts, which rows may have in common that are no copies.
_RATINGS = 20
# Small counts: their mean, or their variance in parts of it.
_SMALL, _LITTLE_EXCESS = 1.0, 1.25
# Least distinct rows of a class that are copies where their numbers have a common factor: it is no chance any more.
_COPIES = 10
# The same of all classes, whose cells a design may make as frequent as one another.
_ALL_COPIES = 200
# Relative error of weights that are multiples of one another.
_SAME_MULTIPLE = 1e-9
# Largest weight that may be a number of rows.
_WHOLE = 2.0**32


def canonical_rows(X, y, weight):
    """Drop rows of weight 0 and, in small tables, sort the rows and merge equal ones.

    The order of the rows, and whether a row is repeated or weighted, then changes no bit of the model: rounding errors
    grow along a solver's path and would otherwise show.

    Returns
    -------
    X, y, weight : ndarrays, of the same kind
    """
    kept = weight > 0
    if not kept.all():
        X, y, weight = X[kept], y[kept], weight[kept]
    if len(X) > CANONICAL_ROWS:
        return X, y, weight
    X, y = X + 0.0, y + 0.0  # -0.0 becomes 0.0
    order = np.lexsort(np.hstack([weight[:, None], y, X]).T)
    X, y, weight = X[order], y[order], weight[order]
    new = np.ones(len(X), dtype=bool)
    same = (X[1:] == X[:-1]) | (np.isnan(X[1:]) & np.isnan(X[:-1]))
    new[1:] = ~same.all(axis=1) | (y[1:] != y[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    return X[first], y[first], np.add.reduceat(weight, first)


def may_be_counts(weight):
    """Whether weights may be numbers of rows."""
    return weight.max() <= _WHOLE and (weight == np.round(weight)).all()


def as_cases(weight, n_cases=None):
    """Weights that say how often rows count: a common factor is no more rows to learn from.

    Whole numbers are numbers of equal rows, others are relative: their sum becomes n_cases, None for that of the rows
    that have any.
    """
    used = weight[weight > 0.0]
    if may_be_counts(used):
        return weight / _common_factor(used)
    weight = weight / used.max()
    return weight * ((len(used) if n_cases is None else n_cases) / fsum(weight))  # in whatever order


def in_cases(y, weight):
    """Weights of distinct rows whose sum is the number of cases: of rows with noise of their own.

    Where most of many rows have targets of their own, a row that is repeated is a copy: its noise is no other one.
    """
    if len(y) > CANONICAL_ROWS or (weight == 1.0).all():  # to look for copies takes as long as to sort the rows
        return weight
    return weight / weight.mean() if len(np.unique(y, axis=0)) > max(_RATINGS, 0.5 * len(y)) else weight


def labels_in_cases(y, weight):
    """The same for labels, whose weights are their importance: so many rows tell as much as fewer equal ones do.

    As many as (sum c f)^2 / sum c f^2 (Kish 1965), c being rows and f importances: what the rows of a class have in
    common beyond those of all, repeated ones being copies then, or weights that are no multiples of anything. A few
    distinct rows may be as frequent as one another by design, as in a table of counts; all of many are copies.
    """
    if len(y) > CANONICAL_ROWS or (weight == 1.0).all():
        return weight
    codes = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    of_all, importance = _common_factor(weight) if may_be_counts(weight) else 1.0, np.empty_like(weight)
    if len(weight) >= _ALL_COPIES:
        weight, of_all = weight / of_all, 1.0
    for code in np.unique(codes):
        rows = codes == code
        few = may_be_counts(weight) and rows.sum() < _COPIES
        importance[rows] = 1.0 if few else _common_factor(weight[rows]) / of_all
    return weight * (weight.sum() / (weight @ importance))


def _common_factor(weight):
    """The largest number that whole ones, or the least of others if all are, are multiples of; else they themselves."""
    if may_be_counts(weight):
        return np.gcd.reduce(weight.astype(np.int64))
    multiple = weight / weight.min()
    return weight.min() if np.allclose(multiple, np.round(multiple), rtol=_SAME_MULTIPLE, atol=0.0) else weight


def rounded(x):
    """Values rounded to about 2e-10, so that the rounding errors of other units do not reach the solver's path."""
    return np.round(x / _ROUNDING) * _ROUNDING


def hold_out(X, y, weight, fraction, rng, *, stratify):
    """Split rows into training and validation rows, with every class in both parts where that is possible.

    The fraction is a number of rows if it is 1 or more.
    """
    labels, splitter = None, ShuffleSplit
    if stratify:
        codes = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
        counts = np.unique(codes, return_counts=True)[1]
        n_out = fraction if fraction >= 1 else np.ceil(fraction * len(X))
        if counts.min() > 1 and len(counts) <= min(n_out, len(X) - n_out):
            labels, splitter = codes, StratifiedShuffleSplit
    split = splitter(1, test_size=fraction, random_state=rng.randint(np.iinfo(np.int32).max))
    held_out = np.zeros(len(X), dtype=bool)
    held_out[next(split.split(X, labels))[1]] = True
    parts = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return [[taken(values, rows) for values in (X, y, weight)] for rows in parts]  # quickest in their order


def hold_out_cases(X, y, weight, fraction, rng):
    """The same for rows that count as several, as weights say: equal ones may be in both parts, as among new ones."""
    out = rng.binomial(weight.astype(np.int64), fraction)
    parts = [(part > 0, part) for part in (weight - out, out.astype(np.float64))]
    return [[values[used] for values in (X, y, part)] for used, part in parts]


def _weighted_quantile(y, weight, level):
    """Quantile of each column, the lower of two neighbours."""
    order = np.argsort(y, axis=0, kind="stable")
    above = np.cumsum(weight[order], axis=0)
    row = np.argmax(above >= level * above[-1], axis=0)
    return np.take_along_axis(y, order, axis=0)[row, np.arange(y.shape[1])]


def target_scaling(y, weight, loss, quantile):
    """Centre and scale of each target.

    Squared error: mean and standard deviation. Losses that resist outliers: the quantile that the loss aims at, and
    the interquartile range over 1.349. Poisson: 0 and the mean, as counts keep their zero.

    Returns
    -------
    center, scale : ndarrays of shape (n_outputs,)
        A constant target has scale 1.
    """
    mean = np.average(y, axis=0, weights=weight)
    if loss == "poisson":
        return np.zeros_like(mean), mean
    spread = y - mean
    largest = np.maximum(np.abs(spread).max(axis=0), np.finfo(float).tiny)
    deviation = largest * np.sqrt(np.average((spread / largest) ** 2, axis=0, weights=weight))
    center, scale = mean, deviation
    if loss != "squared_error":
        level = quantile if loss == "quantile" else 0.5
        center = _weighted_quantile(y, weight, level)
        robust = (_weighted_quantile(y, weight, 0.75) - _weighted_quantile(y, weight, 0.25)) / 1.349
        scale = np.where(robust > 0, robust, deviation)
    constant = y.max(axis=0) == y.min(axis=0)
    return np.where(constant, y[0], center), np.where(constant, 1.0, scale)


def count_dispersion(y, weight):
    """Dispersion of small counts in units of their mean, at least that of a Poisson distribution; else 0.

    Of these residuals tell no scale of the noise: a function that is large at a few events leaves none.
    """
    mean = np.average(y, axis=0, weights=weight)
    excess = mean * np.average((y / mean - 1.0) ** 2, axis=0, weights=weight)
    small = (excess <= _LITTLE_EXCESS) | (mean < _SMALL)
    return float(np.mean(np.maximum(excess, 1.0) / mean)) if small.all() and (y == np.round(y)).all() else 0.0


def class_targets(codes, n_classes):
    """Targets of the log loss: shape (n_samples, 1) for two classes, else one-hot (n_samples, n_classes)."""
    one_hot = np.eye(n_classes)[codes]
    return one_hot[:, 1:] if n_classes == 2 else one_hot


def weighed_by_class(class_weight, classes, codes, weight):
    """Weights times those of the classes."""
    weighed = weight * class_weights(class_weight, classes, codes, weight)[codes]
    return weighed if class_weight == "balanced" else as_cases(weighed, fsum(weight))  # 'balanced' keeps the sum


def class_weights(class_weight, classes, codes, weight):
    """Factor of each class: n / (n_classes n_c) for 'balanced', n and n_c sums of weights, else what the dict says.

    Returns
    -------
    factors : ndarray of shape (n_classes,)
    """
    totals = np.bincount(codes, weights=weight, minlength=len(classes))
    if class_weight == "balanced":
        return totals.sum() / (len(classes) * np.where(totals > 0.0, totals, np.inf))
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(f"class_weight has labels {unknown} that are not among the classes {labels} of y.")
    try:
        factors = np.array([float(class_weight.get(label, 1.0)) for label in labels])
    except (TypeError, ValueError):
        factors = np.full(len(labels), np.nan)
    if not (np.isfinite(factors).all() and (factors >= 0.0).all() and factors @ totals > 0.0):
        raise ValueError(
            f"class_weight must hold finite numbers of at least 0, and leave a row with weight, got {class_weight!r}."
        )
    if np.count_nonzero(factors) < 2:
        raise ValueError(f"class_weight must leave weight to at least 2 of the classes {labels}, got {class_weight!r}.")
    return factors


def class_offset(y, weight):
    """Raw prediction of the class frequencies: log odds for two classes, else centred log frequencies.

    A class without rows counts as half a row.
    """
    frequency = np.average(y, axis=0, weights=weight)
    least = 0.5 / len(y)
    if y.shape[1] == 1:
        frequency = np.clip(frequency, least, 1.0 - least)
        return np.log(frequency / (1.0 - frequency))
    log_frequency = np.log(np.maximum(frequency, least))
    return log_frequency - log_frequency.mean()
