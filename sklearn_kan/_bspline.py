"""B-splines on one knot vector an input node.

A spline of degree k on G intervals has the breakpoints b_0 < ... < b_G, extended by k knots on either side, and
G + k basis functions by the Cox-de Boor recursion (de Boor 1972; paper eq. 2.10). k + 1 of them differ from zero at
a point. Beyond the end breakpoints a spline continues as a straight line, or as a constant:

    B_g(x) = B_g(b_G) + B_g'(b_G) (x - b_G)        for x > b_G, and likewise for x < b_0.
"""

from functools import lru_cache

import numpy as np

from ._jit import njit
from ._vectors import write_cubic_piece, write_cubic_slopes, write_cubic_values

# Knots are even if they lie this close to even ones, in parts of their span.
_EVEN = 2e-15
# Points that are gone through at once.
_POINTS = 256
# Equal parts of the range an interval that tell where a point is.
_BUCKETS = 4


def extend_breakpoints(breakpoints, degree):
    """Extend breakpoints by `degree` knots a side, at the distance of the first and the last interval.

    Parameters
    ----------
    breakpoints : ndarray of shape (n_in, grid_size + 1)
        Strictly increasing along the last axis.
    degree : int

    Returns
    -------
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    """
    steps = np.arange(1, degree + 1)
    first = breakpoints[:, :1]
    last = breakpoints[:, -1:]
    left = first - (breakpoints[:, 1:2] - first) * steps[::-1]
    right = last + (last - breakpoints[:, -2:-1]) * steps
    return np.ascontiguousarray(np.hstack([left, breakpoints, right]))


def even_knots(n_in, grid_size, degree):
    """Knots of nodes with intervals of one width from -1 to 1, shape (n_in, grid_size + 2 * degree + 1)."""
    return extend_breakpoints(np.tile(np.linspace(-1.0, 1.0, grid_size + 1), (n_in, 1)), degree)


def breakpoints_of(knots, degree):
    """Breakpoints inside an extended knot vector, shape (n_in, grid_size + 1)."""
    return knots[:, degree : knots.shape[1] - degree]


def greville(knots, degree):
    """Greville abscissae, the place of each coefficient: mean of `degree` knots; shape (n_in, grid_size + degree)."""
    if degree == 0:
        return 0.5 * (knots[:, 1:] + knots[:, :-1])
    n_basis = knots.shape[1] - degree - 1
    return sum(knots[:, g : g + n_basis] for g in range(1, degree + 1)) / degree


def roughness(knots, degree, order=2):
    """Penalty matrices of a derivative of the splines.

    The coefs D c of the derivative of that order, their squares weighted by the distances h of their places:
    D' diag(h) D, the P-spline penalty (Eilers & Marx 1996) on any knots. One order above the degree it is made of the
    jumps of the highest derivative.

    Parameters
    ----------
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    degree : int
    order : int, default=2

    Returns
    -------
    matrices : ndarray of shape (n_in, n_basis, n_basis)
        Zeros where a spline has too few coefs.
    """
    n_in, n_knots = knots.shape
    n_basis = n_knots - degree - 1
    if n_basis <= order:
        return np.zeros((n_in, n_basis, n_basis))
    derivative = np.tile(np.eye(n_basis), (n_in, 1, 1))
    for m in range(order):
        if m <= degree:
            places = greville(knots[:, m : n_knots - m], degree - m)
        else:
            places = 0.5 * (places[:, 1:] + places[:, :-1])
        distance = np.diff(places, axis=1)
        derivative = np.diff(derivative, axis=1) / distance[..., None]
    return np.einsum("iag,ia,iah->igh", derivative, distance, derivative)


def continuity(knots, degree):
    """Squares of the jumps of the highest derivative, in units of coefs: the differences of order degree + 1.

    Ever so weak, it lets an interval without data go on with its neighbour's polynomial.
    """
    width = (knots[:, -degree - 1] - knots[:, degree]) / (knots.shape[1] - 2 * degree - 1)
    return width[:, None, None] ** (2 * degree + 1) * roughness(knots, degree, degree + 1)


@njit
def _find_interval(x, knots, degree, grid_size):
    low = knots[degree]
    high = knots[degree + grid_size]
    g = min(max(int((x - low) / (high - low) * grid_size), 0), grid_size - 1)
    if knots[degree + g] <= x and (x < knots[degree + g + 1] or g == grid_size - 1):
        return g
    left = 0
    right = grid_size
    while right - left > 1:
        middle = (left + right) // 2
        if knots[degree + middle] <= x:
            left = middle
        else:
            right = middle
    return left


@njit
def _de_boor(x, knots, degree, g, left, right, v, d):
    """Write the basis functions that differ from zero on interval g, and their slopes, at x inside the knots."""
    v[0] = 1.0
    d[0] = 0.0
    for j in range(1, degree + 1):
        left[j] = x - knots[degree + g + 1 - j]
        right[j] = knots[degree + g + j] - x
        saved = 0.0
        before = 0.0
        for r in range(j):
            ratio = v[r] / (right[r + 1] + left[j - r])
            v[r] = saved + right[r + 1] * ratio
            saved = left[j - r] * ratio
            if j == degree:
                d[r] = degree * (before - ratio)
            before = ratio
        v[j] = saved
        if j == degree:
            d[j] = degree * before


@njit
def _piece(knots, g, coefs, place):
    """Write cubic basis functions a = 0, ..., 3 of interval g as ``sum_p coefs[p, a] u^p``, u = 0 to 1 in the interval.

    Coefs are 4 x 4 numbers one after the other, from `place` on.

    The first and the last are multiples of (1 - u)^3, here in powers of 1 - u, and of u^3, never negative; the others
    are found by their values, sums of what is never negative, and slopes at the ends.
    """
    before, width, after = knots[g + 3] - knots[g + 2], knots[g + 4] - knots[g + 3], knots[g + 5] - knots[g + 4]
    left, right, three = before + width, width + after, before + width + after
    three_left, three_right = knots[g + 4] - knots[g + 1], knots[g + 6] - knots[g + 3]
    for k in range(12):
        coefs[place + k] = 0.0
    fall_cubed, rise_cubed = width * width / (left * three_left), width * width / (right * three_right)
    coefs[place + 12] = fall_cubed
    coefs[place + 15] = rise_cubed
    rise, fall = 3.0 * width * before / (left * three), 3.0 * width * after / (right * three)
    first = width * (knots[g + 3] - knots[g + 1]) / (left * three_left) + before * right / (left * three)
    second = width * (knots[g + 6] - knots[g + 4]) / (right * three_right) + after * left / (right * three)
    ends = (
        (first, 3.0 * fall_cubed - rise, after * fall / (3.0 * width), -fall),
        (before * rise / (3.0 * width), rise, second, fall - 3.0 * rise_cubed),
    )
    for a in range(2):
        start, slope, end, end_slope = ends[a]
        coefs[place + a + 1] = start
        coefs[place + 4 + a + 1] = slope
        coefs[place + 8 + a + 1] = 3.0 * (end - start) - 2.0 * slope - end_slope
        coefs[place + 12 + a + 1] = 2.0 * (start - end) + slope + end_slope


@njit
def _find_buckets(breakpoints, buckets):
    """Write the interval in which each equal part of the range begins; whether one holds several breakpoints."""
    n = len(breakpoints) - 1
    step = (breakpoints[n] - breakpoints[0]) / len(buckets)
    b, several = 0, False
    for g in range(n):
        several = several or breakpoints[g + 1] - breakpoints[g] < step
        while b < len(buckets) and (g == n - 1 or breakpoints[0] + b * step <= breakpoints[g + 1]):
            buckets[b] = g
            b += 1
    return several


@njit
def _uneven_cubic(x, knots, linear, overhang, interval, value, slope):
    """Cubic basis functions of the columns with uneven knots: a polynomial for every interval that is met."""
    n_samples, n_in = x.shape
    grid_size = knots.shape[1] - 7
    n_buckets = _BUCKETS * grid_size
    buckets = np.empty((n_in, n_buckets), dtype=np.int64)
    starts, units = np.empty((n_in, grid_size + 1)), np.empty((n_in, grid_size))
    high, per_bucket, coefs = np.empty(n_in), np.empty(n_in), np.empty(n_in * grid_size * 16)
    columns, several, n_columns = np.empty(n_in, dtype=np.int64), np.empty(n_in, dtype=np.bool_), 0
    for i in range(n_in):
        if _per_unit(knots[i]) > 0.0:
            continue
        columns[n_columns] = i
        n_columns += 1
        for g in range(grid_size + 1):
            starts[i, g] = knots[i, g + 3]
        for g in range(grid_size):
            units[i, g] = 0.0  # its piece was not met yet
        several[i] = _find_buckets(starts[i], buckets[i])
        high[i], starts[i, grid_size] = starts[i, grid_size], np.inf
        per_bucket[i] = n_buckets / (high[i] - starts[i, 0])
    lines, wanted, n_terms = 1.0 if linear else 0.0, len(slope) > 0, value.shape[2]
    for s in range(n_samples):
        for c in range(n_columns):
            i = columns[c]
            inside = min(max(x[s, i], starts[i, 0] - overhang), high[i] + overhang)
            b = np.int64((inside - starts[i, 0]) * per_bucket[i])
            g = buckets[i, min(max(b, 0), n_buckets - 1)]
            g += np.int64(inside >= starts[i, g + 1])  # no branch, whose outcome could not be foreseen
            if several[i]:
                while inside >= starts[i, g + 1]:
                    g += 1
            place = (i * grid_size + g) * 16
            if units[i, g] == 0.0:
                units[i, g] = 1.0 / (knots[i, g + 4] - knots[i, g + 3])
                _piece(knots[i], g, coefs, place)
            interval[s, i] = g
            u = (inside - starts[i, g]) * units[i, g]
            distance = x[s, i] - inside
            unit = units[i, g] * (1.0 if distance == 0.0 else lines)
            write_cubic_piece(value, slope, wanted, (s * n_in + i) * n_terms, coefs, place, u, unit, distance)


@njit
def _per_unit(knots):
    """Knots per unit of x where they are even but for rounding, else 0."""
    n = len(knots) - 1
    span = knots[n] - knots[0]
    for g in range(1, n):
        if abs(knots[g] - knots[0] - span * g / n) > _EVEN * span:
            return 0.0
    return n / span


@njit
def _even_cubic(x, knots, linear, overhang, interval, value, slope):
    """Cubic basis functions on even knots in closed form; whether there are other columns.

    Blocks of rows are gone through as they lie in memory, several points at once; those of other columns in vain.
    """
    n_samples, n_in = x.shape
    if n_samples * n_in == 0:
        return False
    size = min(max(_POINTS // n_in, 1), n_samples) * n_in
    start, end, per_unit = np.empty(size), np.empty(size), np.empty(size)
    n_even = 0
    for i in range(n_in):
        per_unit[i] = _per_unit(knots[i])
        start[i], end[i] = knots[i, 3], knots[i, knots.shape[1] - 4]
        n_even += per_unit[i] > 0.0
    if n_even == 0:
        return True
    for p in range(n_in, size):
        i = p - n_in
        per_unit[p], start[p], end[p] = per_unit[i], start[i], end[i]
    inside, u, rise, last = np.empty(size), np.empty(size), np.empty(4 * size), knots.shape[1] - 8.0
    points, intervals, n_terms = x.reshape(-1), interval.reshape(-1), value.shape[2]
    values, slopes = value.reshape(-1), slope.reshape(-1)
    for at in range(0, len(points), size):
        n, beyond = min(size, len(points) - at), 0.0
        for p in range(n):
            inside[p] = min(max(points[at + p], start[p] - overhang), end[p] + overhang)
            beyond += abs(points[at + p] - inside[p])
        for p in range(n):
            place = (inside[p] - start[p]) * per_unit[p]
            g = min(max(0.0, np.floor(place)), last)  # in this order NaN, of a step that went too far, gives 0
            intervals[at + p] = np.int64(np.int32(g))  # straight to 64 bits it is one at a time
            u[p] = place - g
        write_cubic_values(value, at * n_terms, n_terms, n, u)
        if len(slope):
            write_cubic_slopes(slope, at * n_terms, n_terms, n, u, per_unit)
        if beyond > 0.0:
            write_cubic_slopes(rise, 0, 4, n, u, per_unit)
            for p in range(n):
                distance = points[at + p] - inside[p]
                for a in range(4):
                    if linear:
                        values[(at + p) * n_terms + a] += rise[4 * p + a] * distance
                    elif len(slope) and distance != 0.0:
                        slopes[(at + p) * n_terms + a] = 0.0
    return n_even < n_in


@njit
def _recursion(x, knots, degree, linear, overhang, interval, value, slope):
    """Basis functions of any degree."""
    n_samples, n_in = x.shape
    grid_size = knots.shape[1] - 2 * degree - 1
    left = np.empty(degree + 1)
    right = np.empty(degree + 1)
    unwanted = np.empty(value.shape[2])
    for i in range(n_in):
        first = knots[i, degree] - overhang
        end = knots[i, degree + grid_size] + overhang
        for s in range(n_samples):
            inside = min(max(x[s, i], first), end)
            g = _find_interval(inside, knots[i], degree, grid_size)
            interval[s, i] = g
            v = value[s, i]
            d = slope[s, i] if len(slope) else unwanted
            _de_boor(inside, knots[i], degree, g, left, right, v, d)
            distance = x[s, i] - inside
            if distance != 0.0:
                for a in range(degree + 1):
                    if linear:
                        v[a] += d[a] * distance
                    else:
                        d[a] = 0.0


def write_basis(x, knots, degree, linear, overhang, interval, value, slope):
    """Write the basis functions that differ from zero, and their slopes, at each x.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_in)
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    degree : int
    linear : bool
        Continue as a straight line beyond the end breakpoints; else as a constant.
    overhang : float
        The polynomials of the end intervals go on for this distance first.
    interval : int ndarray of shape (n_samples, n_in), output
        Interval of x, which is the first basis function that differs from zero.
    value : ndarray of shape (n_samples, n_in, >= degree + 1), output
        Basis functions ``interval + a``, a = 0, ..., degree.
    slope : ndarray of the same shape, output
        Their derivatives; with 0 rows they are not wanted.
    """
    if degree != 3:
        _recursion(x, knots, degree, linear, overhang, interval, value, slope)
    elif _even_cubic(x, knots, linear, overhang, interval, value, slope):
        _uneven_cubic(x, knots, linear, overhang, interval, value, slope)


@njit
def curvature_kernel(x, knots, degree, overhang, interval, curvature):
    """Write the second derivatives of the basis functions that `write_basis` found; zeros stay where lines are.

    The recursion goes up to degree - 2, then the derivative is taken twice.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_in)
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    degree : int
    overhang : float
    interval : int ndarray of shape (n_samples, n_in)
    curvature : ndarray of zeros of shape (n_samples, n_in, >= degree + 1), output
    """
    n_samples, n_in = x.shape
    last = knots.shape[1] - degree - 1
    if degree < 2:
        return
    for s in range(n_samples):
        for i in range(n_in):
            if x[s, i] < knots[i, degree] - overhang or x[s, i] > knots[i, last] + overhang:
                continue
            first = degree + interval[s, i]
            v = curvature[s, i]
            v[0] = 1.0
            for j in range(1, degree + 1):
                before = 0.0
                for r in range(j):
                    low = knots[i, first + r + 1 - j]
                    high = knots[i, first + r + 1]
                    ratio = v[r] / (high - low)
                    if j < degree - 1:
                        v[r] = before + (high - x[s, i]) * ratio
                        before = (x[s, i] - low) * ratio
                    else:
                        v[r] = j * (before - ratio)
                        before = ratio
                v[j] = before if j < degree - 1 else j * before


def basis(x, knots, degree, *, linear=True, overhang=0.0):
    """Non-zero basis functions and their slopes at each x; see `write_basis` for the shapes."""
    interval = np.empty(x.shape, dtype=np.int64)
    value = np.empty((*x.shape, degree + 1))
    slope = np.empty((*x.shape, degree + 1))
    x = np.ascontiguousarray(x, dtype=np.float64)
    write_basis(x, knots, degree, linear, overhang, interval, value, slope)
    return interval, value, slope


def design_matrices(x, knots, degree):
    """All basis functions of each node at points x of its own.

    Parameters
    ----------
    x : ndarray of shape (n_points, n_in)
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    degree : int

    Returns
    -------
    design : ndarray of shape (n_in, n_points, grid_size + degree)
    """
    interval, value, _ = basis(x, knots, degree)
    design = np.zeros((x.shape[1], len(x), knots.shape[1] - degree - 1))
    columns = interval.T[:, :, None] + np.arange(degree + 1)
    np.put_along_axis(design, columns, value.swapaxes(0, 1), axis=2)
    return design


_gauss_legendre = lru_cache(np.polynomial.legendre.leggauss)


def quadrature(breakpoints, n_nodes):
    """Gauss-Legendre nodes and weights on every interval, each of shape (..., n_intervals * n_nodes)."""
    nodes, weights = _gauss_legendre(n_nodes)
    half = 0.5 * np.diff(breakpoints)[..., None]
    middle = 0.5 * (breakpoints[..., 1:] + breakpoints[..., :-1])[..., None]
    shape = (*breakpoints.shape[:-1], -1)
    return (middle + half * nodes).reshape(shape), (half * weights).reshape(shape)


def fit_function(function, knots, degree, breaks=()):
    """Least-squares fit of a function of one node by one spline, see `fit_functions`.

    Parameters
    ----------
    function : callable, (n_points,) -> (n_points, n_out)
    knots : ndarray of shape (grid_size + 2 * degree + 1,)
    degree : int
    breaks : sequence of float

    Returns
    -------
    coef : ndarray of shape (grid_size + degree, n_out)
    """
    breaks = np.reshape(breaks, (1, -1))
    return fit_functions(lambda x: function(x[:, 0])[:, None], knots[None], degree, breaks)[0]


def fit_functions(function, knots, degree, breaks):
    """Least-squares fit of functions of some nodes by one spline each over its whole knot range.

    The fit is an integral over the knots, never a sum over data, so an interval without data is like any other one
    and the system has full rank. A function that lies in the spline space comes back exactly: between nested knots
    this is knot insertion (paper eq. 2.16).

    Parameters
    ----------
    function : callable, (n_points, n_in) -> (n_points, n_in, n_out)
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
    degree : int
    breaks : ndarray of shape (n_in, n_breaks)
        More places where the functions may have a kink.

    Returns
    -------
    coef : ndarray of shape (n_in, grid_size + degree, n_out)
    """
    own = breakpoints_of(knots, degree)
    pieces = np.sort(np.hstack([own, np.clip(breaks, own[:, :1], own[:, -1:])]))  # some of no width, which do not count
    points, weights = quadrature(pieces, degree + 1)
    root = np.sqrt(weights)[:, :, None]
    q, r = np.linalg.qr(root * design_matrices(points.T, knots, degree))
    return np.linalg.solve(r, q.swapaxes(1, 2) @ (root * function(points.T).swapaxes(0, 1)))
