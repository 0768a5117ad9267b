"""Several numbers at once: the innermost loops of the kernels, over rows of weights and over points of cubic splines.

The compiler would check for every node and sample whether the rows of weights overlap what is written, which takes
longer than the work where rows are short, and would take the points of splines one by one, as what it writes of them
does not lie side by side. Here rows are known not to overlap: four numbers run at once, then two, then one.

Places are those in an array as it lies in memory. In plain Python these functions are what they say; compiled kernels
get their own instructions instead, see `_vector_code`. A cached kernel notices no edit there: then empty the cache.
"""

import numpy as np

from ._jit import lesson


def add_combination(out, at, n, values, rows, first, last):
    """Add ``sum_a values[a] row_a`` to ``out[at : at + n]``.

    The rows of n numbers of all values but the last lie one after the other in `rows` from `first` on, that of the last
    value lies at `last`; `out` is not among them.
    """
    out, rows = out.reshape(-1), rows.reshape(-1)
    for value, place in zip(values, _places(values, n, first, last), strict=True):
        out[at : at + n] += value * rows[place : place + n]


def add_multiples(rows, first, last, n, values, row, at):
    """Add ``values[a] row[at : at + n]`` to each of such rows; none of them overlap."""
    rows, row = rows.reshape(-1), row.reshape(-1)
    for value, place in zip(values, _places(values, n, first, last), strict=True):
        rows[place : place + n] += value * row[at : at + n]


def dot_combination(row, at, n, values, rows, first, last):
    """Product of ``row[at : at + n]`` and ``sum_a values[a] row_a`` of such rows."""
    row, rows = row.reshape(-1), rows.reshape(-1)
    places = _places(values, n, first, last)
    return sum(
        value * (row[at : at + n] @ rows[place : place + n]) for value, place in zip(values, places, strict=True)
    )


def add_multiples_and_dot(grad, weights, first, last, n, values, slopes, row, at):
    """`add_multiples` of values to rows of grad and `dot_combination` of slopes with the same rows of weights."""
    add_multiples(grad, first, last, n, values, row, at)
    return dot_combination(row, at, n, slopes, weights, first, last)


def _places(values, n, first, last):
    return [*range(first, first + (len(values) - 1) * n, n), last] if n else [last] * len(values)


def add_products(out, places, n, rows, starts, first, last, left, right):
    """Add ``rows[k + left + a] rows[k + right : k + right + n]``, summed over k in ``starts[first:last]``, to
    ``out[places[a] : places[a] + n]``; what is written does not overlap.
    """
    out, rows = out.reshape(-1), rows.reshape(-1)
    for start in starts[first:last]:
        for a, place in enumerate(places):
            out[place : place + n] += rows[start + left + a] * rows[start + right : start + right + n]


def write_cubic_values(out, at, step, n, u):
    """Write the cubic basis functions on even knots at ``u[p]``, 0 to 1 in an interval, p = 0, ..., n - 1, to
    ``out[at + p step : at + p step + 4]``.
    """
    rows, u = out.reshape(-1)[at : at + n * step].reshape(n, step), u[:n]
    w = 1.0 - u
    rows[:, 0], rows[:, 3] = w * w * w / 6.0, u * u * u / 6.0
    rows[:, 1], rows[:, 2] = 2.0 / 3.0 - u * u * (1.0 - 0.5 * u), 2.0 / 3.0 - w * w * (1.0 - 0.5 * w)


def write_cubic_slopes(out, at, step, n, u, per_unit):
    """Write their derivatives by x, of which ``per_unit[p]`` knots fill a unit, to the same places."""
    rows, u = out.reshape(-1)[at : at + n * step].reshape(n, step), u[:n]
    half, w = 0.5 * per_unit[:n], 1.0 - u
    rows[:, 0], rows[:, 3] = -half * w * w, half * u * u
    rows[:, 1], rows[:, 2] = -half * u * (4.0 - 3.0 * u), half * w * (4.0 - 3.0 * w)


def write_cubic_piece(value, slope, wanted, at, coefs, place, u, unit, distance):
    """Write the cubic basis functions of one interval to ``value[at : at + 4]``, their slopes, if wanted, to slope.

    They are polynomials of z, which is u, 0 to 1, but for the first 1 - u; four coefs of each power lie one after the
    other from `place` on. They go on as lines for a distance; `unit` is du/dx.
    """
    first = np.arange(4) == 0
    z, side = np.where(first, 1.0 - u, u), np.where(first, -unit, unit)
    c = coefs.reshape(-1)[place : place + 16].reshape(4, 4)
    rise = side * (c[1] + z * (2.0 * c[2] + 3.0 * z * c[3]))
    value.reshape(-1)[at : at + 4] = c[0] + z * (c[1] + z * (c[2] + z * c[3])) + rise * distance
    if wanted:
        slope.reshape(-1)[at : at + 4] = rise


@lesson
def _teach_numba():
    from ._vector_code import teach

    teach([add_combination, add_multiples, add_multiples_and_dot, add_products, dot_combination])
    teach([write_cubic_values, write_cubic_slopes, write_cubic_piece])
