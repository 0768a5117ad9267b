"""Named functions f, and the numbers that bring one nearest to the function phi of an edge.

    min over a, b, c, d of    sum_s w_s (phi_s - c f(a t_s + b) - d)^2

c and d are linear and solved for (variable projection, Golub & Pereyra 1973; its Jacobian after Kaufman 1975), so the
search is one of a and b: a grid over what the range of t can show of f, then Levenberg-Marquardt from the best cells.
a t + b stays inside of f's domain on the range of t.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AffineFit:
    """The best of one function for an edge."""

    numbers: np.ndarray  # (4,): a, b, c, d
    r2: float  # 1 - sum of squared errors / sum of squares about the mean


_EPS = np.finfo(np.float64).eps
# A spread below this many times the size of the values is rounding.
_CONSTANT = 1e-13
# Errors closer than this, relative to the least one and to the spread of the values, are equal.
_EQUAL_ERROR = 1e-12
_EQUAL_SPREAD = 1e-15
# Limits of a search in units of half the range of t, beyond which all functions look like others.
_NARROWEST = 1e-3
_WIDEST = 64.0
_FARTHEST = 1e4
# Distance from an end of the domain where f is infinite.
_HAIR = 1e-9
# Size of f beyond which c and squares run out of exponents.
_LARGEST = 1e200
# Cells of the grid that are polished, and the steps.
_POLISHED = 5
_STEPS_OF_ALL = 12
_STEPS_OF_BEST = 30


@dataclass(frozen=True)
class _Edge:
    """Values of unit variance about 0 at t, with weights of sum 1."""

    t: np.ndarray
    values: np.ndarray
    weight: np.ndarray
    low: float
    high: float
    half: float
    places: np.ndarray  # different t


def fit_affine(symbol, t, values, weight=None):
    """Numbers a, b, c, d for which c f(a t + b) + d is nearest to the values.

    Parameters
    ----------
    symbol : SymbolicFunction
    t, values : ndarrays of shape (n,)
    weight : ndarray of shape (n,), optional

    Returns
    -------
    fit : AffineFit
        Constant values have c = 0 and r2 = 1. Among equal fits a = 1 and b = 0 are preferred.
    """
    weight = np.full(len(t), 1.0 / len(t)) if weight is None else weight / weight.sum()
    low, high = t.min(), t.max()
    size = np.abs(values).max() or 1.0
    relative = values / size
    mean = weight @ relative
    deviation = relative - mean
    spread = np.sqrt(weight @ deviation**2)
    constant = spread <= _CONSTANT
    half = 0.5 * (high - low) or 1.0
    edge = _Edge(t, deviation / (1.0 if constant else spread), weight, low, high, half, np.unique(t))
    theta, sign = _grid(symbol, edge)
    if not (constant or low == high or symbol.fixed == "ab"):
        theta, sign = _best_cells(symbol, edge, theta, sign, _POLISHED)
        theta, loss = _polish(symbol, edge, theta, sign, _STEPS_OF_ALL)
        best = [int(np.argmin(loss))]
        theta, sign = _polish(symbol, edge, theta[best], sign[best], _STEPS_OF_BEST)[0], sign[best]
    pairs = _numbers_of_t(symbol, edge, theta, sign)
    pair, c, d, loss = _simplest(symbol, edge, pairs)
    if constant:
        c, d, loss = 0.0, 0.0, 0.0
    numbers = np.array([*pair, c * spread * size, (d * spread + mean) * size])
    return AffineFit(numbers, float(1.0 - loss))


def _line(symbol, theta):
    """u = left + scale v, v from 0 to 2 over the range, and the derivatives by theta, the coordinates of the search.

    theta is (scale, u in the middle) on an infinite domain. Roots of distances from finite ends take the place of the
    second number, or of both, so that no step leaves the domain and f's slope there is tamed.

    Parameters
    ----------
    symbol : SymbolicFunction
    theta : ndarray of shape (n_cells, 2)

    Returns
    -------
    scale, left : ndarrays of shape (n_cells,)
    d_scale, d_left : ndarrays of shape (n_cells, 2)
    """
    low, high = symbol.domain
    first, second = theta.T
    zero, one = np.zeros_like(first), np.ones_like(first)
    if np.isfinite(low) and np.isfinite(high):
        hair = (4.0 * _EPS if symbol.closed else _HAIR) * (high - low)
        left = low + hair + first**2
        right = high - hair - second**2
        d_scale, d_left = (-first, -second), (2.0 * first, zero)
        return 0.5 * (right - left), left, np.stack(d_scale, axis=1), np.stack(d_left, axis=1)
    hair = 0.0 if symbol.closed else _HAIR
    if np.isfinite(low):
        left, d_left = low + hair + second**2, (zero, 2.0 * second)
    elif np.isfinite(high):
        left, d_left = high - hair - second**2 - 2.0 * first, (-2.0 * one, -2.0 * second)
    else:
        left, d_left = second - first, (-one, one)
    free = np.array(["a" not in symbol.fixed, "b" not in symbol.fixed])
    return first, left, free * np.stack([one, zero], axis=1), free * np.stack(d_left, axis=1)


def _signs(symbol):
    low, high = symbol.domain
    return (1.0,) if symbol.mirrored and low == -high else (1.0, -1.0)


def _grid(symbol, edge):
    """Cells of the search: theta (n_cells, 2), and the sign of a (n_cells,)."""
    low, high = symbol.domain
    if np.isfinite(low) and np.isfinite(high):
        cells = _cells_between(high - low)
    elif "a" in symbol.fixed and "b" in symbol.fixed:
        cells = np.array([[1.0, 0.0]])
    elif "b" in symbol.fixed:
        scales = _scales(edge)
        cells = np.stack([scales, np.zeros_like(scales)], axis=1)
    elif np.isfinite(low) or np.isfinite(high):
        distances = np.sqrt(np.geomspace(1e-8, 1e3, 45))
        scales = np.ones(1) if "a" in symbol.fixed else _scales(edge)
        cells = np.stack(np.meshgrid(scales, distances), axis=-1).reshape(-1, 2)
    elif "a" in symbol.fixed:
        cells = _cells_of_centres(edge, 512 if symbol.kinked else 20)
    elif symbol.half_period is not None:
        cells = _cells_of_frequencies(symbol.half_period, edge)
    else:
        cells = _cells_of_scales(edge)
    signs = _signs(symbol)
    return np.tile(cells, (len(signs), 1)), np.repeat(signs, len(cells))


def _steepest(edge):
    """Largest scale that the number of points can tell from a step."""
    return min(0.5 * _WIDEST, 0.25 * len(edge.places))


def _scales(edge):
    return np.geomspace(0.05, max(_steepest(edge), 1.0), 16)


def _cells_between(width):
    """Pairs of ends in a bounded domain, denser towards its ends."""
    distances = np.array([0.0, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.03, 0.08, 0.15, 0.25, 0.35, 0.45])
    places = np.concatenate([distances, 1.0 - distances])
    left, right = np.meshgrid(places, places)
    inside = left < right - 0.01
    # Roots of 0 have no slope to leave by.
    return np.sqrt(np.maximum(width * np.stack([left[inside], 1.0 - right[inside]], axis=1), 1e-18))


def _cells_of_centres(edge, n_places):
    """Places between points, some in wide gaps, and distances beyond the range."""
    places = edge.places[:: max(len(edge.places) // n_places, 1)]
    between = (0.5 * (places[1:] + places[:-1]) - edge.low) / edge.half - 1.0
    inside = np.concatenate([between, np.linspace(-0.95, 0.95, 20)])
    outside = 1.0 + np.geomspace(1e-3, 1e3, 25)
    centres = np.concatenate([inside, -outside, outside])
    return np.stack([np.ones_like(centres), -centres], axis=1)


def _cells_of_frequencies(half_period, edge):
    """Up to 20 half-waves over the range, at least 4 points for each."""
    n_half_waves = min(20.0, 0.25 * len(edge.places))
    frequencies = np.concatenate([[0.03, 0.1, 0.2], np.arange(0.1, max(0.5 * n_half_waves, 0.2), 0.15)])
    phases = np.arange(4) / 4.0
    return half_period * np.stack(np.meshgrid(frequencies, phases), axis=-1).reshape(-1, 2)


def _cells_of_scales(edge):
    """Any part of f that matters: u = 0 inside of the range at distances of about 1, or somewhat outside."""
    cells = []
    for scale in _scales(edge):
        reach = scale + 1.0
        inside = np.linspace(-reach, reach, int(2.0 * reach / np.clip(0.4 * np.sqrt(scale), 0.4, 1.0)) + 1)
        outside = scale + np.array([1.5, 3.0, 6.0, 12.0])
        middles = np.concatenate([inside, outside, -outside])
        cells.append(np.stack([np.full_like(middles, scale), middles], axis=1))
    return np.concatenate(cells)


def _places(edge, sign):
    """v from 0 to 2 in the direction of a, shape (n_cells, n)."""
    both = np.stack([edge.t - edge.low, edge.high - edge.t]) / edge.half
    return both[(sign < 0.0).astype(int)]


def _centred(f, edge):
    """Rows of f (n_cells, n) less their means, their variances, and their best factors c for the values.

    The variance is NaN where f is not finite or varies by no more than rounding.
    """
    centred = f - (f @ edge.weight)[:, None]
    variance = np.square(centred) @ edge.weight
    size = np.maximum(f.max(axis=1), -f.min(axis=1))
    variance[~(variance > (_CONSTANT * size) ** 2)] = np.nan
    return centred, variance, centred @ (edge.weight * edge.values) / variance


def _loss(residual, edge):
    """Sums of squares of rows, shape (n_cells,), infinite where they are not finite."""
    loss = np.square(residual) @ edge.weight
    return np.where(np.isfinite(loss), loss, np.inf)


def _best_cells(symbol, edge, theta, sign, n_best):
    """Cells of least loss that differ: by more than half of what the better one lacks, or by a hundredth."""
    scale, left, _, _ = _line(symbol, theta)
    with np.errstate(all="ignore"):
        u = scale[:, None] * _places(edge, sign)
        u += left[:, None]
        centred, variance, c = _centred(symbol.function(u), edge)
        loss = 1.0 - c**2 * variance
    loss[np.isnan(loss)] = np.inf
    chosen = []
    for _ in range(n_best):
        best = int(np.argmin(loss))
        if chosen and not np.isfinite(loss[best]):
            break
        chosen.append(best)
        with np.errstate(all="ignore"):
            likeness = np.square(centred @ (edge.weight * centred[best])) / (variance * variance[best])
        loss[1.0 - likeness < min(0.5 * loss[best], 0.01)] = np.inf
        loss[best] = np.inf
    return theta[chosen], sign[chosen]


def _normal_equations(symbol, edge, theta, v):
    """Loss, and gradient and Hessian of the Gauss-Newton model with c and d projected out."""
    scale, left, d_scale, d_left = _line(symbol, theta)
    with np.errstate(all="ignore"):
        u = left[:, None] + scale[:, None] * v
        centred, variance, c = _centred(symbol.function(u), edge)
        residual = edge.values - c[:, None] * centred
        by_u = c[:, None] * symbol.derivative(u)
        jacobian = by_u[:, None] * (d_scale[:, :, None] * v[:, None] + d_left[:, :, None])
        jacobian -= (jacobian @ edge.weight)[..., None]
        jacobian -= (jacobian @ (edge.weight * centred)[..., None]) / variance[:, None, None] * centred[:, None]
        weighted = jacobian * edge.weight
        gradient = (weighted @ residual[..., None])[..., 0]
        hessian = weighted @ jacobian.transpose(0, 2, 1)
        return _limited(symbol, theta, scale, _loss(residual, edge)), gradient, hessian


def _limited(symbol, theta, scale, loss):
    """No loss beyond the limits of the search."""
    bounded = np.isfinite(symbol.domain).all()
    inside = (scale > 0.0) if bounded else (scale >= _NARROWEST) & (scale <= _WIDEST)
    return np.where(inside & (np.abs(theta[:, 1]) <= _FARTHEST), loss, np.inf)


def _step(gradient, hessian, damping):
    """Levenberg-Marquardt steps of all cells, shape (n_cells, 2); none for what has no effect."""
    diagonal = np.einsum("kii->ki", hessian)
    size = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    coupling = hessian[:, 0, 1] / (size[:, 0] * size[:, 1])
    p, q = (gradient / size).T
    ridge = 1.0 + damping
    # (ridge - coupling)(ridge + coupling), which is positive
    determinant = (damping + (1.0 - coupling)) * (damping + (1.0 + coupling))
    scaled = np.stack([ridge * p - coupling * q, ridge * q - coupling * p], axis=1) / determinant[:, None]
    return scaled / size


def _polish(symbol, edge, theta, sign, max_steps):
    """Levenberg-Marquardt from every cell until nothing is left to gain; theta and the loss."""
    theta = theta.copy()
    v = _places(edge, sign)
    damping = np.full(len(theta), 1e-3)
    loss, gradient, hessian = _normal_equations(symbol, edge, theta, v)
    active = np.flatnonzero(np.isfinite(loss))
    for _ in range(max_steps):
        if len(active) == 0:
            break
        trial = theta[active] + _step(gradient[active], hessian[active], damping[active])
        new_loss, new_gradient, new_hessian = _normal_equations(symbol, edge, trial, v[active])
        better = new_loss < loss[active]
        gained = np.where(better, loss[active] - new_loss > 1e-6 * loss[active], damping[active] < 1e6)
        rows = active[better]
        theta[rows], loss[rows] = trial[better], new_loss[better]
        gradient[rows], hessian[rows] = new_gradient[better], new_hessian[better]
        damping[active] *= np.where(better, 0.1, 10.0)
        active = active[gained & (loss[active] > 1e-31)]
    return theta, loss


def _numbers_of_t(symbol, edge, theta, sign):
    """a and b of cells, shape (n_cells, 2)."""
    scale, left, _, _ = _line(symbol, theta)
    near = np.where(sign > 0.0, edge.low, edge.high)
    if "a" in symbol.fixed and not np.isfinite(symbol.domain).all():
        a, b = sign, edge.half * left - sign * near
    else:
        a = sign * scale / edge.half
        b = left - a * near
    if symbol.half_period is not None:
        b = b - symbol.half_period * np.ceil(b / symbol.half_period - 0.5)
    return np.stack([a, b], axis=1)


def _simplest(symbol, edge, pairs):
    """The best pair (a, b), or a simpler one that is as good, with its c, d and loss."""
    c, d, loss = _linear_fit(symbol, edge, pairs)
    best = pairs[np.argmin(loss)]
    direction = np.copysign(1.0, best[0])
    pairs = np.array([[direction, 0.0], [best[0], 0.0], [direction, best[1]], best])
    c, d, loss = _linear_fit(symbol, edge, pairs)
    tolerance = _EQUAL_ERROR * loss.min() + _EQUAL_SPREAD
    chosen = int(np.argmax(loss <= loss.min() + tolerance))
    if not np.isfinite(loss[chosen]):
        return best, 0.0, 0.0, 1.0
    return pairs[chosen], c[chosen], d[chosen], loss[chosen]


def _linear_fit(symbol, edge, pairs):
    """c, d and loss for numbers a and b of t; an infinite loss outside of the domain."""
    low, high = symbol.domain
    u = pairs[:, :1] * edge.t + pairs[:, 1:]
    least, most = u.min(axis=1), u.max(axis=1)
    inside = (least >= low) & (most <= high) if symbol.closed else (least > low) & (most < high)
    with np.errstate(all="ignore"):
        f = symbol.function(u)
        size = np.abs(f).max(axis=1)
        inside &= (size > 1.0 / _LARGEST) & (size < _LARGEST)
        f = f / size[:, None]  # their squares must not overflow
        centred, _, c = _centred(f, edge)
        loss = _loss(edge.values - c[:, None] * centred, edge)
        return c / size, -c * (f @ edge.weight), np.where(inside, loss, np.inf)
