"""The loops of a layer over rows, nodes and the degree + 2 terms of a node that differ from zero; see `_layer`.

Arrays: interval (n_samples, n_in), value and slope (n_samples, n_in, degree + 2), weights (n_in, n_basis + 1, n_out).
"""

import math

import numpy as np

from ._jit import njit
from ._vectors import add_combination, add_multiples, add_multiples_and_dot, dot_combination

# Terms of a node of cubic splines: its kernels are written out, so that one loop over the outputs does all of them.
_CUBIC = 5
# Where the quick sigmoid is exact.
_SMALL = 1.1
# Points that are gone through at once.
_POINTS = 256
# Rows of a block, during which the weights of one node stay in the nearest cache.
_BLOCK = 64


@njit
def scale_kernel(x, center, scale, reach, t):
    """Write x in units of the knots to t, cut at the `reach` of every column."""
    n_samples, n_in = x.shape
    for s in range(n_samples):
        for i in range(n_in):
            t[s, i] = min(max((x[s, i] - center[i]) / scale[i], -reach[i]), reach[i])


@njit
def _sigmoid(t):
    """1 / (1 + exp(-t)) in [-1.1, 1.1] by the seventh convergent of Lambert's continued fraction of tanh(t / 2).

    It is exact but for rounding, and several run at once.
    """
    h = 0.5 * t
    u = h * h
    above = h * (135135.0 + u * (17325.0 + u * (378.0 + u)))
    return 0.5 + 0.5 * above / (135135.0 + u * (62370.0 + u * (3150.0 + u * 28.0)))


@njit
def _silu_slope(t, sigmoid):
    return sigmoid * (1.0 + t * (1.0 - sigmoid))


@njit
def silu_kernel(t, knots, degree, linear, overhang, value, slope):
    """Write silu(t) and its derivative, if wanted, to the last column; beyond the overhang a line or a constant.

    Blocks of rows are gone through as they lie in memory, so that several points run at once.
    """
    n_samples, n_in = t.shape
    if n_samples * n_in == 0:
        return
    size = min(max(_POINTS // n_in, 1), n_samples) * n_in
    low, high = np.empty(size), np.empty(size)
    small = True
    for p in range(size):
        i = p % n_in
        low[p] = knots[i, degree] - overhang
        high[p] = knots[i, knots.shape[1] - degree - 1] + overhang
        small = small and low[p] >= -_SMALL and high[p] <= _SMALL
    inside, sigmoid = np.empty(size), np.empty(size)
    points, n_terms = t.reshape(-1), value.shape[2]
    values, slopes = value.reshape(-1), slope.reshape(-1)
    for at in range(0, len(points), size):
        n, beyond, first = min(size, len(points) - at), 0.0, (at + 1) * n_terms - 1
        for p in range(n):
            inside[p] = min(max(points[at + p], low[p]), high[p])
            beyond += abs(points[at + p] - inside[p])
        if small:
            for p in range(n):
                sigmoid[p] = _sigmoid(inside[p])
        else:
            for p in range(n):
                sigmoid[p] = 1.0 / (1.0 + math.exp(-inside[p]))
        for p in range(n):
            values[first + p * n_terms] = inside[p] * sigmoid[p]
        if len(slope):
            for p in range(n):
                slopes[first + p * n_terms] = _silu_slope(inside[p], sigmoid[p])
        if beyond > 0.0:
            for p in range(n):
                distance = points[at + p] - inside[p]
                if linear:
                    values[first + p * n_terms] += _silu_slope(inside[p], sigmoid[p]) * distance
                elif len(slope) and distance != 0.0:
                    slopes[first + p * n_terms] = 0.0


@njit
def _add_functions(interval, value, weights, i, out):
    """Add phi of every edge of node i to out, (n_samples, n_out)."""
    n_samples, _, n_terms = value.shape
    n_rows, n_out = weights.shape[1:]
    last = ((i + 1) * n_rows - 1) * n_out
    for s in range(n_samples):
        first, at = (i * n_rows + interval[s, i]) * n_out, s * n_out
        if n_terms == _CUBIC:
            terms = (value[s, i, 0], value[s, i, 1], value[s, i, 2], value[s, i, 3], value[s, i, 4])
            add_combination(out, at, n_out, terms, weights, first, last)
        else:
            for a in range(n_terms):
                place = first + a * n_out if a < n_terms - 1 else last
                add_combination(out, at, n_out, (value[s, i, a],), weights, place, place)


@njit
def _add_gradient(interval, value, grad, i, delta):
    """Add the gradient by the weights of node i; delta is (n_samples, n_out)."""
    n_samples, _, n_terms = value.shape
    n_rows, n_out = grad.shape[1:]
    last = ((i + 1) * n_rows - 1) * n_out
    for s in range(n_samples):
        first, at = (i * n_rows + interval[s, i]) * n_out, s * n_out
        if n_terms == _CUBIC:
            terms = (value[s, i, 0], value[s, i, 1], value[s, i, 2], value[s, i, 3], value[s, i, 4])
            add_multiples(grad, first, last, n_out, terms, delta, at)
        else:
            for a in range(n_terms):
                place = first + a * n_out if a < n_terms - 1 else last
                add_multiples(grad, place, place, n_out, (value[s, i, a],), delta, at)


@njit
def _gradient_into(interval, slope, weights, i, delta, delta_in):
    """Add the gradient by t of node i.

    Each of the n_samples rows has as many of delta, (n_samples * n_deltas, n_out), and of delta_in.
    """
    n_samples, _, n_terms = slope.shape
    n_rows, n_out = weights.shape[1:]
    n_deltas = len(delta_in) // n_samples
    last = ((i + 1) * n_rows - 1) * n_out
    for s in range(n_samples):
        first = (i * n_rows + interval[s, i]) * n_out
        if n_terms == _CUBIC:
            slopes = (slope[s, i, 0], slope[s, i, 1], slope[s, i, 2], slope[s, i, 3], slope[s, i, 4])
            for r in range(s * n_deltas, (s + 1) * n_deltas):
                delta_in[r, i] += dot_combination(delta, r * n_out, n_out, slopes, weights, first, last)
        else:
            for r in range(s * n_deltas, (s + 1) * n_deltas):
                for a in range(n_terms):
                    place = first + a * n_out if a < n_terms - 1 else last
                    delta_in[r, i] += dot_combination(delta, r * n_out, n_out, (slope[s, i, a],), weights, place, place)


@njit
def _add_gradients(interval, value, slope, weights, grad, i, delta, delta_in):
    """Both in one go, the gradient by the weights and, (n_samples, n_in), by t."""
    n_samples, _, n_terms = value.shape
    n_rows, n_out = grad.shape[1:]
    last = ((i + 1) * n_rows - 1) * n_out
    for s in range(n_samples):
        first, at = (i * n_rows + interval[s, i]) * n_out, s * n_out
        if n_terms == _CUBIC:
            terms = (value[s, i, 0], value[s, i, 1], value[s, i, 2], value[s, i, 3], value[s, i, 4])
            slopes = (slope[s, i, 0], slope[s, i, 1], slope[s, i, 2], slope[s, i, 3], slope[s, i, 4])
            delta_in[s, i] += add_multiples_and_dot(grad, weights, first, last, n_out, terms, slopes, delta, at)
        else:
            for a in range(n_terms):
                place = first + a * n_out if a < n_terms - 1 else last
                delta_in[s, i] += add_multiples_and_dot(
                    grad, weights, place, place, n_out, (value[s, i, a],), (slope[s, i, a],), delta, at
                )


@njit
def forward_kernel(interval, value, weights, out):
    """Add ``sum_i phi_ij`` to out, shape (n_samples, n_out)."""
    n_samples, n_in, n_terms = value.shape
    n_rows = weights.shape[1]
    if out.shape[1] == 1:  # weights of neighbouring terms lie side by side
        for s in range(n_samples):
            total = 0.0
            for i in range(n_in):
                at, first = (s * n_in + i) * n_terms, i * n_rows + interval[s, i]
                total += dot_combination(value, at, n_terms - 1, (1.0,), weights, first, first)
                total += value[s, i, n_terms - 1] * weights[i, n_rows - 1, 0]
            out[s, 0] += total
        return
    for start in range(0, n_samples, _BLOCK):
        stop = min(start + _BLOCK, n_samples)
        some_interval, some_value, some_out = interval[start:stop], value[start:stop], out[start:stop]
        for i in range(n_in):
            _add_functions(some_interval, some_value, weights, i, some_out)


@njit
def backward_kernel(interval, value, slope, weights, delta, grad, delta_in):
    """Add the gradient by the weights to grad and the one by t to delta_in; delta is the gradient by y.

    Shapes: delta (n_samples, n_out), delta_in (n_samples, n_in). Without rows of slopes there is no gradient by t.
    """
    n_samples, n_in, n_terms = value.shape
    n_rows = weights.shape[1]
    if delta.shape[1] == 1:
        for s in range(n_samples):
            d = delta[s, 0]
            for i in range(n_in):
                at, first = (s * n_in + i) * n_terms, i * n_rows + interval[s, i]
                add_combination(grad, first, n_terms - 1, (d,), value, at, at)
                grad[i, n_rows - 1, 0] += value[s, i, n_terms - 1] * d
                if len(slope):
                    into = dot_combination(slope, at, n_terms - 1, (1.0,), weights, first, first)
                    delta_in[s, i] += d * (into + slope[s, i, n_terms - 1] * weights[i, n_rows - 1, 0])
        return
    for start in range(0, n_samples, _BLOCK):
        stop = min(start + _BLOCK, n_samples)
        some_interval, some_value, some_delta = interval[start:stop], value[start:stop], delta[start:stop]
        some_slope, into = slope[start:stop], delta_in[start:stop]
        for i in range(n_in):
            if len(slope):
                _add_gradients(some_interval, some_value, some_slope, weights, grad, i, some_delta, into)
            else:
                _add_gradient(some_interval, some_value, grad, i, some_delta)


@njit
def input_gradient_kernel(interval, slope, weights, delta, delta_in):
    """Add the gradient by t to delta_in, (n_samples * n_deltas, n_in); delta is (n_samples * n_deltas, n_out)."""
    n_samples, n_in, _ = slope.shape
    n_deltas = len(delta_in) // max(n_samples, 1)
    for start in range(0, n_samples, _BLOCK):
        stop = min(start + _BLOCK, n_samples)
        first, last = start * n_deltas, stop * n_deltas
        some_interval, some_slope = interval[start:stop], slope[start:stop]
        some_delta, into = delta[first:last], delta_in[first:last]
        for i in range(n_in):
            _gradient_into(some_interval, some_slope, weights, i, some_delta, into)


@njit
def jacobian_kernel(interval, value, delta, n_basis, offset, jacobian):
    """Write the rows of the Jacobian, shape (n_samples, n_rows, n_weights), where not zero, from column offset on."""
    n_samples, n_in, n_terms = value.shape
    n_rows = delta.shape[1]
    n_out = delta.shape[2]
    for s in range(n_samples):
        for r in range(n_rows):
            for i in range(n_in):
                for a in range(n_terms):
                    g = interval[s, i] + a if a < n_terms - 1 else n_basis
                    column = offset + (i * (n_basis + 1) + g) * n_out
                    v = value[s, i, a]
                    for j in range(n_out):
                        jacobian[s, r, column + j] = v * delta[s, r, j]


@njit
def moments_kernel(interval, value, weights, sample_weight, moments):
    """Add sum_s w_s (|phi|, phi, phi^2) of every edge to moments, shape (3, n_in, n_out)."""
    n_samples, n_in, _ = value.shape
    n_out = weights.shape[2]
    phi = np.empty((_BLOCK, n_out))
    for i in range(n_in):
        for start in range(0, n_samples, _BLOCK):
            stop = min(start + _BLOCK, n_samples)
            for s in range(_BLOCK):
                for j in range(n_out):
                    phi[s, j] = 0.0
            _add_functions(interval[start:stop], value[start:stop], weights, i, phi)
            for s in range(start, stop):
                for j in range(n_out):
                    weighted = sample_weight[s] * phi[s - start, j]
                    moments[0, i, j] += abs(weighted)
                    moments[1, i, j] += weighted
                    moments[2, i, j] += weighted * phi[s - start, j]


@njit
def l1_backward_kernel(interval, value, slope, weights, factor, sample_weight, grad, delta_in):
    """Add the gradient of sum_s w_s sum_ij factor_ij |phi_ij| to grad and, by t, to delta_in."""
    n_samples, n_in, _ = value.shape
    n_out = weights.shape[2]
    delta = np.empty((_BLOCK, n_out))
    for start in range(0, n_samples, _BLOCK):
        stop = min(start + _BLOCK, n_samples)
        some_interval, some_value = interval[start:stop], value[start:stop]
        some_slope, into = slope[start:stop], delta_in[start:stop]
        for i in range(n_in):
            for s in range(_BLOCK):
                for j in range(n_out):
                    delta[s, j] = 0.0
            _add_functions(some_interval, some_value, weights, i, delta)
            for s in range(start, stop):
                for j in range(n_out):
                    delta[s - start, j] = np.sign(delta[s - start, j]) * factor[i, j] * sample_weight[s]
            if len(slope):
                _add_gradients(some_interval, some_value, some_slope, weights, grad, i, delta, into)
            else:
                _add_gradient(some_interval, some_value, grad, i, delta)


@njit
def gram_kernel(interval, value, sample_weight, gram):
    """Add sum_s w_s b b' of every input node's basis, shape (n_in, n_basis + 1, n_basis + 1)."""
    n_samples, n_in, n_terms = value.shape
    base = gram.shape[1] - 1
    for s in range(n_samples):
        for i in range(n_in):
            for a in range(n_terms):
                g = interval[s, i] + a if a < n_terms - 1 else base
                for b in range(n_terms):
                    h = interval[s, i] + b if b < n_terms - 1 else base
                    gram[i, g, h] += sample_weight[s] * value[s, i, a] * value[s, i, b]


@njit
def dense_kernel(interval, value, dense):
    """Write all basis functions, zeros too, shape (n_samples, n_in, n_basis + 1)."""
    n_in, n_terms = value.shape[1:]
    base = dense.shape[2] - 1
    for s in range(dense.shape[0]):
        for i in range(n_in):
            for g in range(base):
                dense[s, i, g] = 0.0
            g = interval[s, i]
            for a in range(n_terms - 1):
                dense[s, i, g + a] = value[s, i, a]
            dense[s, i, base] = value[s, i, n_terms - 1]
