"""The innermost loops of compiled kernels against what the same functions say in plain Python."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.interpolate import BSpline

from sklearn_kan._jit import njit
from sklearn_kan._vectors import (
    add_combination,
    add_multiples,
    add_multiples_and_dot,
    add_products,
    dot_combination,
    write_cubic_piece,
    write_cubic_slopes,
    write_cubic_values,
)

N_ROWS, N_COLUMNS, AT = 6, 13, 17


@njit
def one(out, row, n, values, rows, first, last):
    """All three with one term."""
    add_combination(out, AT, n, (values[0],), rows, first, last)
    add_multiples(rows, first, last, n, (values[0],), row, AT)
    return dot_combination(row, AT, n, (values[0],), rows, first, last)


@njit
def five(out, row, n, values, rows, first, last):
    """All three with five terms."""
    five_values = values[0], values[1], values[2], values[3], values[4]
    add_combination(out, AT, n, five_values, rows, first, last)
    add_multiples(rows, first, last, n, five_values, row, AT)
    return dot_combination(row, AT, n, five_values, rows, first, last)


@pytest.mark.kernels
@pytest.mark.parametrize("n", range(12))
@pytest.mark.parametrize("kernel", [one, five])
def test_compiled_as_in_python(kernel, n):
    """Rows of every length, in the middle of arrays whose other numbers stay."""
    rng = np.random.RandomState(n)
    rows, row, out = (rng.normal(size=(N_ROWS, N_COLUMNS)) for _ in range(3))
    values, first, last = rng.normal(size=5), 7, 7 + 4 * n + 3
    mine, plain = ([out.copy(), row.copy(), n, values, rows.copy(), first, last] for _ in range(2))
    found, expected = kernel(*mine), kernel.function(*plain)
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    for array, other in zip(mine, plain, strict=True):
        assert_allclose(array, other, rtol=1e-14, atol=1e-14)
    places = [*(7 + a * n for a in range(4)), last] if kernel.__name__ == "five" else [last]
    by_hand = out.ravel().copy()
    for value, place in zip(values, places, strict=False):
        by_hand[AT : AT + n] += value * rows.ravel()[place : place + n]
    assert_allclose(mine[0].ravel(), by_hand, rtol=1e-13, atol=1e-13)


def both(grad, weights, first, last, n, values, slopes, row):
    five_values = values[0], values[1], values[2], values[3], values[4]
    five_slopes = slopes[0], slopes[1], slopes[2], slopes[3], slopes[4]
    return add_multiples_and_dot(grad, weights, first, last, n, five_values, five_slopes, row, AT)


compiled_both = njit(both)


@pytest.mark.kernels
@pytest.mark.parametrize("n", range(12))
def test_both_gradients_at_once(n):
    """As one after the other, by hand."""
    rng = np.random.RandomState(n)
    grad, weights, row = (rng.normal(size=(N_ROWS, N_COLUMNS)) for _ in range(3))
    values, slopes = rng.normal(size=(2, 5))
    found, by_hand, dot = grad.copy(), grad.ravel().copy(), 0.0
    part = row.ravel()[AT : AT + n]
    for value, slope, place in zip(values, slopes, [*(7 + a * n for a in range(4)), 10 + 4 * n], strict=True):
        by_hand[place : place + n] += value * part
        dot += slope * float(part @ weights.ravel()[place : place + n])
    assert_allclose(compiled_both(found, weights, 7, 10 + 4 * n, n, values, slopes, row), dot, rtol=1e-12, atol=1e-12)
    assert_allclose(found.ravel(), by_hand, rtol=1e-13, atol=1e-13)
    assert_allclose(both(grad, weights, 7, 10 + 4 * n, n, values, slopes, row), dot, rtol=1e-12, atol=1e-12)
    assert_allclose(grad, found, rtol=1e-13, atol=1e-13)


def cubic(values, slopes, n, u, per_unit):
    write_cubic_values(values, AT, 5, n, u)
    write_cubic_slopes(slopes, AT, 6, n, u, per_unit)


compiled_cubic = njit(cubic)


@pytest.mark.kernels
@pytest.mark.parametrize("n", range(12))
def test_cubic_as_in_python(n):
    """The functions of SciPy on knots 0, ..., 7, whose middle interval is from 3 to 4; all other numbers stay."""
    rng = np.random.RandomState(n)
    u, per_unit = rng.uniform(size=n + 2), rng.uniform(1.0, 2.0, n + 2)
    values, slopes = rng.normal(size=(2, 9, 13))
    mine, plain = ([values.copy(), slopes.copy()] for _ in range(2))
    compiled_cubic(*mine, n, u, per_unit)
    cubic(*plain, n, u, per_unit)
    assert_allclose(mine, plain, rtol=1e-14, atol=1e-14)
    for found, old, step, order in ((mine[0], values, 5, 0), (mine[1], slopes, 6, 1)):
        by_hand = old.ravel().copy()
        for p in range(n):
            for a in range(4):
                one_basis = BSpline(np.arange(8.0), np.eye(4)[a], 3)
                by_hand[AT + p * step + a] = per_unit[p] ** order * one_basis(3.0 + u[p], nu=order)
        assert_allclose(found.ravel(), by_hand, rtol=1e-13, atol=1e-14)


def piece(value, slope, coefs, u, unit, distance):
    write_cubic_piece(value, slope, True, 3, coefs, 16, u, unit, distance)
    write_cubic_piece(value, slope, False, 10, coefs, 0, u, unit, distance)


compiled_piece = njit(piece)


@pytest.mark.kernels
@pytest.mark.parametrize("distance", [0.0, -0.3])
def test_piece_by_hand(distance):
    """Polynomials of u, the first of 1 - u, and the lines that go on from them; all other numbers stay."""
    rng = np.random.RandomState(0)
    coefs, u, unit = rng.normal(size=(2, 4, 4)), 0.7, 2.0
    value, slope = rng.normal(size=(2, 3, 5))
    mine, plain = ([value.copy(), slope.copy()] for _ in range(2))
    compiled_piece(*mine, coefs, u, unit, distance)
    piece(*plain, coefs, u, unit, distance)
    values, slopes = value.ravel().copy(), slope.ravel().copy()
    for at, c, wanted in ((3, coefs[1], True), (10, coefs[0], False)):
        for a in range(4):
            curve = np.polynomial.Polynomial(c[:, a])
            z, dz = (1.0 - u, -unit) if a == 0 else (u, unit)
            rise = curve.deriv()(z) * dz
            values[at + a] = curve(z) + rise * distance
            if wanted:
                slopes[at + a] = rise
    for found in (mine, plain):
        assert_allclose(found[0].ravel(), values, rtol=1e-13)
        assert_allclose(found[1].ravel(), slopes, rtol=1e-13)


def products(out, places, n, rows, starts):
    """Of four lines, then of one, from the second and third start on."""
    add_products(out, (places[0], places[1], places[2], places[3]), n, rows, starts, 1, 3, 2, 7)
    add_products(out, (places[4],), n, rows, starts, 2, len(starts), 6, 7)


compiled_products = njit(products)


@pytest.mark.kernels
@pytest.mark.parametrize("n", range(20))
def test_products_as_in_python(n):
    """All other numbers stay."""
    rng = np.random.RandomState(n)
    rows, out = rng.normal(size=(5, 30)), rng.normal(size=(N_ROWS, 25))
    places, starts = 25 * rng.permutation(N_ROWS)[:5] + 3, 30 * rng.permutation(5)
    found, expected = out.copy(), out.copy()
    compiled_products(found, places, n, rows, starts)
    products(expected, places, n, rows, starts)
    assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    by_hand = out.ravel().copy()
    for k in starts[1:3]:
        for a in range(4):
            by_hand[places[a] : places[a] + n] += rows.ravel()[k + 2 + a] * rows.ravel()[k + 7 : k + 7 + n]
    for k in starts[2:]:
        by_hand[places[4] : places[4] + n] += rows.ravel()[k + 6] * rows.ravel()[k + 7 : k + 7 + n]
    assert_allclose(found.ravel(), by_hand, rtol=1e-13, atol=1e-13)


def test_other_arrays_are_refused():
    """Places are those in memory."""
    from numba.core.errors import TypingError

    rows, values = np.zeros((5, 4)), np.zeros(5)
    for bad in (rows.T, rows.astype(np.float32)):
        with pytest.raises(TypingError, match="C-contiguous arrays of float64"):
            one(bad, rows, 2, values, rows, 0, 8)
