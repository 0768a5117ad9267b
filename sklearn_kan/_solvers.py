"""Solvers that minimise any function of a vector; they know nothing of networks.

An objective offers ``value(theta)``, ``value_and_gradient(theta)`` and, for `levenberg_marquardt`,
``normal_equations(theta)`` (value, gradient, positive semi-definite Hessian) and ``bend(theta, step)``, the part of the
gradient that residuals of the size of their second difference over the step, ahead and back, would have. A callback
``callback(theta, value)`` is called after each iteration; a true return value stops the solver. A step to a value that
is not finite is rejected.
"""

import copy
import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ._jit import njit
from ._warn import warn


@dataclass
class Solution:
    """Where a solver stopped and why."""

    theta: np.ndarray
    value: float
    n_iter: int
    converged: bool
    damping: float = 0.0


class _Plateau:
    """Whether the value fell by less than tol, relative to itself, over the last `patience` iterations."""

    def __init__(self, value, tol, patience):
        self.values = deque([value], maxlen=patience + 1)
        self.tol = tol

    def __call__(self, value):
        self.values.append(value)
        full = len(self.values) == self.values.maxlen
        return full and self.values[0] - value <= self.tol * abs(self.values[0])


def _never(theta, value):
    return False


# --- Levenberg-Marquardt ------------------------------------------------------------------------------------------

_LM_PATIENCE = 4
_LARGEST_DAMPING = 1e12
_SMALLEST_DAMPING = 1e-14
_LARGEST_FALL = 0.2
# Largest acceleration, in parts of the step: a valley that turns more is not followed so far.
_LARGEST_ACCELERATION = 0.375
# Damping above which it seldom is that small.
_MUCH_DAMPING = 1e-3


def _damped_factor(hessian, scale, damping, matrix):
    """Cholesky factor of H + damping diag(scale), in `matrix`; None when that is not positive definite."""
    np.copyto(matrix, hessian)
    matrix.ravel()[:: len(matrix) + 1] += damping * scale
    factor, info = dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)  # the transpose is in Fortran's order: no copy
    return factor if info == 0 else None


def _bent(objective, theta, step, scale, factor):
    """The step and half the acceleration along it, which follows a valley that turns; the step alone if that is large.

    The acceleration solves the equation of the step for the second derivative of the residuals along it.
    """
    acceleration = dpotrs(factor, -objective.bend(theta, step), lower=0)[0]
    size, most = acceleration @ (scale * acceleration), _LARGEST_ACCELERATION**2 * (step @ (scale * step))
    return step + 0.5 * acceleration if size <= most else step  # also where it is not finite


def levenberg_marquardt(objective, theta, *, max_iter, tol, damping=1e-2, callback=_never):
    """Minimise by Gauss-Newton steps with Marquardt's damping, Nielsen's update of it and geodesic acceleration.

    Each iteration solves (H + damping diag(H)) step = -gradient; the damping falls with the ratio of the actual to the
    predicted decrease and grows while a step does not lower the value (Nielsen 1999). Half the acceleration is added to
    the step (Transtrum & Sethna 2012, arXiv:1201.5885).

    Parameters
    ----------
    objective : object with value, normal_equations and bend
    theta : ndarray of shape (n_parameters,)
    max_iter : int
    tol : float
        Stop when the value fell by less than tol, relative to itself, over 4 iterations.
    damping : float, default=1e-2
        The damping to start with, relative to the diagonal.
    callback : callable

    Returns
    -------
    solution : Solution
        With the last damping, to go on from.
    """
    value, gradient, hessian = objective.normal_equations(theta)
    plateau = _Plateau(value, tol, _LM_PATIENCE)
    matrix = np.empty(hessian.shape)
    for n_iter in range(1, max_iter + 1):
        scale = np.diag(hessian).copy()
        scale = np.maximum(scale, 1e-10 * max(scale.max(initial=0.0), np.finfo(float).tiny))
        growth = 2.0
        while True:
            factor = _damped_factor(hessian, scale, damping, matrix)
            new_value = np.inf
            if factor is not None:
                step = dpotrs(factor, -gradient, lower=0)[0]
                with np.errstate(all="ignore"):  # where it is not finite the step is rejected
                    bends = damping < _MUCH_DAMPING
                    new_theta = theta + (_bent(objective, theta, step, scale, factor) if bends else step)
                    new_value = objective.value(new_theta)
            if new_value < value:
                break
            damping = max(damping, _SMALLEST_DAMPING) * growth
            growth *= 2.0
            if damping > _LARGEST_DAMPING:  # no step lowers the value: a minimum to rounding
                return Solution(theta, value, n_iter, True, 1.0)
        with np.errstate(all="ignore"):  # of parameters far apart
            predicted = 0.5 * (damping * step @ (scale * step) - gradient @ step)  # by the equation that step solves
        ratio = (value - new_value) / max(predicted, np.finfo(float).tiny)
        damping = max(_SMALLEST_DAMPING, damping * max(_LARGEST_FALL, 1.0 - (2.0 * min(ratio, 1.0) - 1.0) ** 3))
        theta, value = new_theta, new_value
        stop = callback(theta, value)
        if plateau(value):
            return Solution(theta, value, n_iter, True, damping)
        if stop:
            return Solution(theta, value, n_iter, False, damping)
        if n_iter < max_iter:
            value, gradient, hessian = objective.normal_equations(theta)
    return Solution(theta, value, max_iter, False, damping)


# --- L-BFGS -------------------------------------------------------------------------------------------------------

_LBFGS_PATIENCE = 10
_LINE_SEARCH = 30  # evaluations, at most
_SUFFICIENT_DECREASE = 1e-4
_CURVATURE = 0.9


def _two_loop(gradient, pairs, precondition):
    """Product of the inverse Hessian of pairs of a step and a change of the gradient with the gradient.

    A pair comes with the product of its two. It begins with `precondition`, or the identity, scaled by the last pair.
    """
    direction = gradient.copy()
    weights = []
    for step, change, product in reversed(pairs):
        weight = (step @ direction) / product
        weights.append(weight)
        direction -= weight * change
    if precondition is not None:
        direction = precondition(direction)
    if pairs:
        _, change, product = pairs[-1]
        direction *= product / (change @ (change if precondition is None else precondition(change)))
    for (step, change, product), weight in zip(pairs, reversed(weights), strict=True):
        direction += (weight - (change @ direction) / product) * step
    return direction


def _cubic_minimum(a, value_a, slope_a, b, value_b, slope_b):
    """Minimum of the cubic through two points and their slopes, kept off the ends of the interval."""
    low, high = min(a, b), max(a, b)
    with np.errstate(all="ignore"):
        d1 = slope_a + slope_b - 3.0 * (value_a - value_b) / (a - b)
        d2 = np.sign(b - a) * np.sqrt(d1 * d1 - slope_a * slope_b)
        point = b - (b - a) * (slope_b + d2 - d1) / (slope_b - slope_a + 2.0 * d2)
    if not np.isfinite(point):
        return 0.5 * (low + high)
    margin = 0.1 * (high - low)
    return float(np.clip(point, low + margin, high - margin))


def _strong_wolfe(along, value0, slope0, length):
    """A step length that satisfies the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    ``along(length)`` returns value, slope and gradient there. `low` is the best point with a sufficient decrease,
    `high` the other end of an interval that holds a good one. Returns (length, value, gradient), or None when no step
    lowers the value.
    """
    low, high, low_gradient = (0.0, value0, slope0), None, None
    for _ in range(_LINE_SEARCH):
        value, slope, gradient = along(length)
        point = (length, value, slope)
        enough = np.isfinite(slope) and value <= value0 + _SUFFICIENT_DECREASE * length * slope0
        if not enough or (low[0] > 0.0 and value >= low[1]):
            high = point
        elif abs(slope) <= -_CURVATURE * slope0:
            return length, value, gradient
        else:
            ahead = 1.0 if high is None else high[0] - low[0]
            if slope * ahead >= 0.0:
                high = low
            low, low_gradient = point, gradient
        if high is None:
            length *= 2.0
        elif np.isfinite(high[1]) and np.isfinite(high[2]):
            length = _cubic_minimum(*low, *high)
        else:
            length = low[0] + 0.1 * (high[0] - low[0])
        if high is not None and length in (low[0], high[0]):  # nothing between them but rounding
            break
    return None if low_gradient is None else (low[0], low[1], low_gradient)


def lbfgs(objective, theta, *, max_iter, tol, memory=20, precondition=None, callback=_never):
    """Minimise by limited-memory BFGS steps with a strong Wolfe line search (Liu & Nocedal 1989).

    Parameters
    ----------
    objective : object with value_and_gradient
    theta : ndarray of shape (n_parameters,)
    max_iter : int
    tol : float
        Stop when the value fell by less than tol, relative to itself, over 10 iterations.
    memory : int, default=20
        Pairs of steps and changes of the gradient that make the inverse Hessian.
    precondition : callable, default=None
        Product of an estimate of the inverse Hessian, positive definite, with a vector.
    callback : callable

    Returns
    -------
    solution : Solution
    """
    value, gradient = objective.value_and_gradient(theta)
    plateau = _Plateau(value, tol, _LBFGS_PATIENCE)
    pairs = deque(maxlen=memory)
    for n_iter in range(1, max_iter + 1):
        direction = -_two_loop(gradient, pairs, precondition)
        slope = float(gradient @ direction)
        if slope >= 0.0:
            return Solution(theta, value, n_iter, True)
        scaled = pairs or precondition is not None
        length = 1.0 if scaled else min(1.0, 1.0 / float(np.linalg.norm(gradient)))

        def along(length, start=theta, direction=direction):
            with np.errstate(all="ignore"):  # where it is not finite the step is rejected
                new_value, new_gradient = objective.value_and_gradient(start + length * direction)
                return new_value, float(new_gradient @ direction), new_gradient

        found = _strong_wolfe(along, value, slope, length)
        if found is None:
            if not pairs:
                return Solution(theta, value, n_iter, True)
            pairs.clear()  # the model of the curvature is spoilt: start it anew
            continue
        length, value, new_gradient = found
        step = length * direction
        change = new_gradient - gradient
        product = step @ change
        if product > 1e-12 * np.linalg.norm(step) * np.linalg.norm(change):
            pairs.append((step, change, product))
        theta, gradient = theta + step, new_gradient
        stop = callback(theta, value)
        if plateau(value):
            return Solution(theta, value, n_iter, True)
        if stop:
            return Solution(theta, value, n_iter, False)
    return Solution(theta, value, max_iter, False)


# --- Adam ---------------------------------------------------------------------------------------------------------

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_LEARNING_RATE_FALL = 0.2
_LEARNING_RATE_FALLS = 2
# Growth of the value in an epoch that is undone, and the part of the learning rate that is left then.
_DIVERGED, _LEARNING_RATE_CUT = 100.0, 0.1


def adam_start(n_parameters):
    """State of Adam before the first step: moments of the gradient, steps, largest first value, cut of the rate."""
    moments = {"mean": np.zeros(n_parameters), "square": np.zeros(n_parameters)}
    return {**moments, "n_steps": 0, "scale": 0.0, "cut": 1.0}


@njit
def _adam_step(theta, gradient, mean, square, n_steps, learning_rate):
    """Move theta and the moments of the gradient by one step."""
    mean_part = 1.0 - _BETA1**n_steps
    square_part = 1.0 - _BETA2**n_steps
    for p in range(len(theta)):
        mean[p] += (1.0 - _BETA1) * (gradient[p] - mean[p])
        square[p] += (1.0 - _BETA2) * (gradient[p] * gradient[p] - square[p])
        theta[p] -= learning_rate * (mean[p] / mean_part) / (math.sqrt(square[p] / square_part) + _EPSILON)


def adam_epoch(objective, theta, state, *, batch_size, learning_rate, rng):
    """One pass over the rows in random mini-batches (Kingma & Ba 2015); `state` moves on in place.

    A batch whose value or gradient is not finite is left out. A pass after which the value of its first batch is beyond
    all it began with is undone, and the next one has a lower rate.

    Returns
    -------
    theta : ndarray
    value : float
        Mean of the batches' values, each before its step; infinite where nothing was learnt.
    """
    begun, before, learning_rate = theta, copy.deepcopy(state), learning_rate * state["cut"]
    theta, first, values = theta.copy(), None, []
    order = rng.permutation(objective.n_rows)
    for batch in objective.batches(order, batch_size):
        value, gradient = batch.value_and_gradient(theta)
        if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
            continue
        if first is None:
            first, state["scale"] = batch, max(state["scale"], value)
        values.append((batch.n_rows, value))
        state["n_steps"] += 1
        _adam_step(theta, gradient, state["mean"], state["square"], state["n_steps"], learning_rate)
    if first is None or not first.value_and_gradient(theta)[0] <= _DIVERGED * state["scale"]:
        state.update(before, cut=_LEARNING_RATE_CUT * state["cut"])
        return begun, np.inf
    sizes, values = np.array(values).T
    return theta, float(np.average(values, weights=sizes))


def adam(
    objective, theta, *, max_iter, tol, n_iter_no_change, batch_size, learning_rate, rng, state=None, callback=_never
):
    """Minimise by epochs of Adam; the learning rate falls to a fifth, twice, when the value stops falling.

    One with which the value diverges is cut to a tenth.

    Parameters
    ----------
    objective : object with value_and_gradient, n_rows and batches(order, batch_size)
    theta : ndarray of shape (n_parameters,)
    max_iter : int
        Epochs.
    tol : float
        The value stopped falling when no epoch of `n_iter_no_change` is below the best one by tol, relative to it.
    n_iter_no_change : int
    batch_size : int
    learning_rate : float or callable
        Of all epochs, or number of epochs done -> that of the next one.
    rng : RandomState
    state : dict, default=None
        Of `adam_start`, to go on with; changed in place.
    callback : callable

    Returns
    -------
    solution : Solution
    """
    state = adam_start(len(theta)) if state is None else state
    best, since, falls, value = np.inf, 0, 0, np.inf
    for n_iter in range(1, max_iter + 1):
        rate = learning_rate(n_iter - 1) if callable(learning_rate) else learning_rate
        rate *= _LEARNING_RATE_FALL**falls
        theta, mean = adam_epoch(objective, theta, state, batch_size=batch_size, learning_rate=rate, rng=rng)
        if mean == np.inf:
            continue
        value = mean
        since = since + 1 if value > best - tol * abs(best) else 0
        best = min(best, value)
        stop = callback(theta, value)
        if since >= n_iter_no_change:
            if falls == _LEARNING_RATE_FALLS:
                return Solution(theta, value, n_iter, True)
            falls, since = falls + 1, 0
        if stop:
            return Solution(theta, value, n_iter, False)
    if value == np.inf:
        warn(f"The loss diverged in {max_iter} epochs of Adam in a row, which were undone. Lower learning_rate_init.")
        value = objective.value_and_gradient(theta)[0]
    return Solution(theta, value, max_iter, False)
