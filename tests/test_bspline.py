"""Splines against SciPy's, and the properties that the rest of the package leans on."""

import numpy as np
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan._bspline import (
    basis,
    breakpoints_of,
    design_matrices,
    extend_breakpoints,
    fit_function,
    greville,
    quadrature,
)

degrees = pytest.mark.parametrize("degree", range(6))
uniforms = pytest.mark.parametrize("uniform", [True, False], ids=["uniform", "uneven"])


make_knots = samples.knots


def design_matrix(x, knots, degree):
    """All basis functions of one node."""
    return design_matrices(x[:, None], knots[None], degree)[0]


def dense(interval, part, n_basis):
    """All basis functions, zeros included, shape (n_samples, n_in, n_basis)."""
    full = np.zeros((*interval.shape, n_basis))
    np.put_along_axis(full, interval[..., None] + np.arange(part.shape[-1]), part, axis=2)
    return full


def compare(x, knots, degree, overhang=0.0):
    """Largest differences of values and slopes from SciPy's; x has one column an input node."""
    interval, value, slope = basis(x, knots, degree, overhang=overhang)
    n_basis = knots.shape[1] - degree - 1
    expected = [naive.basis(x[:, i], knots[i], degree, overhang) for i in range(x.shape[1])]
    values = np.stack([value for value, _ in expected], axis=1)
    slopes = np.stack([slope for _, slope in expected], axis=1)
    return dense(interval, value, n_basis) - values, dense(interval, slope, n_basis) - slopes


@pytest.mark.kernels
@degrees
@uniforms
def test_basis_inside(degree, uniform):
    knots = make_knots(degree, uniform=uniform)
    x = np.random.RandomState(1).uniform(-1.0, 1.0, (60, 2))
    value, slope = compare(x, knots, degree)
    assert np.abs(value).max() < 1e-12
    assert np.abs(slope).max() < 1e-12


@pytest.mark.kernels
@degrees
@uniforms
def test_basis_on_breakpoints(degree, uniform):
    knots = make_knots(degree, uniform=uniform)
    x = np.ascontiguousarray(breakpoints_of(knots, degree).T)
    value, slope = compare(x, knots, degree)
    assert np.abs(value).max() < 1e-12
    assert np.abs(slope).max() < 1e-12


@pytest.mark.kernels
@degrees
@uniforms
def test_basis_beyond_the_ends(degree, uniform):
    """End value + slope x distance, SciPy's value and slope at the end."""
    knots = make_knots(degree, uniform=uniform)
    distance = np.array([1e-9, 1e-3, 0.5, 2.0, 1e3])
    x = np.concatenate([-1.0 - distance, 1.0 + distance])
    value, slope = compare(np.column_stack([x, x]), knots, degree)
    assert np.abs(value / np.maximum(1.0, np.abs(x))[:, None, None]).max() < 1e-12
    assert np.abs(slope).max() < 1e-12


@pytest.mark.kernels
@degrees
@uniforms
def test_overhang(degree, uniform):
    """The end polynomials go on, then lines begin."""
    knots = make_knots(degree, uniform=uniform)
    distance = np.array([1e-9, 0.1, 0.2, 0.2 + 1e-9, 0.5, 3.0])
    x = np.concatenate([-1.0 - distance, 1.0 + distance])
    value, slope = compare(np.column_stack([x, x]), knots, degree, overhang=0.2)
    assert np.abs(value).max() < 1e-10
    assert np.abs(slope).max() < 1e-10


@pytest.mark.kernels
@degrees
def test_constant_continuation(degree):
    knots = make_knots(degree, uniform=False)
    x = np.array([[-7.0, -1.5], [1.0 + 1e-9, 80.0]])
    interval, value, slope = basis(x, knots, degree, linear=False)
    at_end, value_at_end, _ = basis(np.clip(x, -1.0, 1.0), knots, degree)
    assert_array_equal(interval, at_end)
    assert_array_equal(value, value_at_end)
    assert_array_equal(slope, np.zeros_like(slope))
    inside = basis(np.full((1, 2), 0.3), knots, degree, linear=False)
    for one, other in zip(inside, basis(np.full((1, 2), 0.3), knots, degree), strict=True):
        assert_array_equal(one, other)


@st.composite
def points_and_knots(draw):
    degree = draw(st.integers(0, 5))
    widths = draw(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8))
    places = np.concatenate([[0.0], np.cumsum(widths)])
    breakpoints = -1.0 + 2.0 * places / places[-1]
    x = draw(st.lists(st.one_of(st.floats(-1.0, 1.0), st.floats(-1e6, 1e6), st.sampled_from(breakpoints.tolist()))))
    return np.array([*x, 0.0]), breakpoints, degree


@given(points_and_knots())
@settings(deadline=None, derandomize=True, max_examples=200, database=None)
def test_basis_properties(case):
    """Any knots, any points: a partition of unity, not negative inside, finite everywhere."""
    x, breakpoints, degree = case
    knots = extend_breakpoints(breakpoints[None], degree)
    interval, value, slope = basis(x[:, None], knots, degree)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    assert interval.min() >= 0
    assert interval.max() < len(breakpoints) - 1
    inside = np.abs(x) <= 1.0
    assert value[inside].min(initial=0.0) >= 0.0
    size = np.abs(value).sum(axis=2)[:, 0]
    assert np.abs(value.sum(axis=2)[:, 0] - 1.0).max() < 1e-12 * size.max()
    assert np.abs(slope.sum(axis=2)).max() <= 1e-12 * np.abs(slope).max()
    # x lies in the interval that is named
    clipped = np.clip(x, breakpoints[0], breakpoints[-1])
    assert (breakpoints[interval[:, 0]] <= clipped).all()
    assert (clipped <= breakpoints[interval[:, 0] + 1]).all()


@given(
    widths=st.lists(st.floats(1e-3, 1.0), min_size=2, max_size=12),
    linear=st.booleans(),
    overhang=st.sampled_from([0.0, 0.1]),
)
@settings(max_examples=50, deadline=None)
def test_cubic_on_any_intervals(widths, linear, overhang):
    """Also at the ends of narrow intervals, and to the bit the same for one point as for many."""
    breakpoints = np.append(0.0, np.cumsum(widths))
    breakpoints = 2.0 * breakpoints / breakpoints[-1] - 1.0
    knots = extend_breakpoints(breakpoints[None], 3)
    inside = np.random.RandomState(0).uniform(-1.3, 1.3, 100)
    x = np.concatenate([breakpoints, np.nextafter(breakpoints, -2.0), np.nextafter(breakpoints, 2.0), inside])[:, None]
    many = basis(x, knots, 3, linear=linear, overhang=overhang)
    few = [basis(x[s : s + 1], knots, 3, linear=linear, overhang=overhang) for s in range(len(x))]
    for found, expected in zip(many, zip(*few, strict=True), strict=True):
        assert_array_equal(found, np.concatenate(expected))
    if linear:
        size = [np.abs(part).max() for part in many[1:]]
        value, slope = compare(x, knots, 3, overhang)
        assert np.abs(value).max() < 1e-12 * size[0]
        assert np.abs(slope).max() < 1e-10 * size[1]


@degrees
@uniforms
def test_slope_is_the_derivative(degree, uniform):
    knots = make_knots(degree, uniform=uniform, n_in=1)
    x = np.random.RandomState(2).uniform(-0.97, 0.97, 40)
    x = np.concatenate([x[np.abs(x[:, None] - knots[0]).min(axis=1) > 1e-3], [-3.0, 2.0]])  # away from kinks
    step = 1e-5
    difference = (design_matrix(x + step, knots[0], degree) - design_matrix(x - step, knots[0], degree)) / (2 * step)
    interval, _, slope = basis(x[:, None], knots, degree)
    assert_allclose(dense(interval, slope, difference.shape[1])[:, 0], difference, atol=1e-6 * max(1.0, degree**3))


@degrees
def test_design_matrix(degree):
    knots = make_knots(degree, uniform=False, n_in=1)[0]
    x = np.linspace(-1.4, 1.4, 37)
    assert_allclose(design_matrix(x, knots, degree), naive.basis(x, knots, degree)[0], atol=1e-12)


@degrees
def test_extend_breakpoints(degree):
    breakpoints = samples.breakpoints(np.random.RandomState(0), 3, 4)
    knots = extend_breakpoints(breakpoints, degree)
    assert knots.shape == (3, 4 + 2 * degree + 1)
    assert_array_equal(breakpoints_of(knots, degree), breakpoints)
    step = np.diff(knots, axis=1)
    for a in range(degree):
        assert_allclose(step[:, a], step[:, degree], rtol=1e-12)
        assert_allclose(step[:, -1 - a], step[:, -1 - degree], rtol=1e-12)


@degrees
def test_greville(degree):
    knots = make_knots(degree, uniform=False)
    places = greville(knots, degree)
    assert places.shape == (2, 5 + degree)
    for i in range(2):
        for g in range(5 + degree):
            inner = knots[i, g + 1 : g + degree + 1] if degree > 0 else knots[i, g : g + 2]
            assert_allclose(places[i, g], inner.mean(), rtol=1e-14, atol=1e-15)
        if degree > 0:  # coefficients at the Greville abscissae make a straight line, beyond the knots as well
            x = np.linspace(-3.0, 3.0, 25)
            assert_allclose(design_matrix(x, knots[i], degree) @ places[i], x, atol=1e-12)


def test_quadrature_is_exact_for_polynomials():
    breakpoints = samples.breakpoints(np.random.RandomState(0), 1, 4, low=-2.0, high=3.0)[0]
    points, weights = quadrature(breakpoints, 3)
    assert points.shape == weights.shape == (12,)
    assert ((points > np.repeat(breakpoints[:-1], 3)) & (points < np.repeat(breakpoints[1:], 3))).all()
    for power in range(6):
        assert_allclose(weights @ points**power, (3.0 ** (power + 1) - (-2.0) ** (power + 1)) / (power + 1))


@degrees
@uniforms
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_fit_function_inserts_knots_exactly(degree, uniform, factor):
    rng = np.random.RandomState(3)
    old = make_knots(degree, uniform=uniform, n_in=1)
    breakpoints = breakpoints_of(old, degree)[0]
    finer = np.interp(np.arange(5 * factor + 1) / factor, np.arange(6), breakpoints)
    new = extend_breakpoints(finer[None], degree)[0]
    coef = rng.normal(size=(5 + degree, 3))
    found = fit_function(lambda x: design_matrix(x, old[0], degree) @ coef, new, degree)
    assert found.shape == (5 * factor + degree, 3)
    x = np.concatenate([rng.uniform(-1.0, 1.0, 200), [-1.0, 1.0, -5.0, 4.0]])
    assert_allclose(
        design_matrix(x, new, degree) @ found, design_matrix(x, old[0], degree) @ coef, rtol=1e-9, atol=1e-10
    )


@degrees
def test_fit_function_breaks(degree):
    """Splines on coarser knots that do not nest come back best when the fit knows where their pieces end."""
    old = make_knots(degree, uniform=False, n_in=1)
    coef = np.random.RandomState(0).normal(size=(5 + degree, 1))
    new = extend_breakpoints(np.linspace(-1.0, 1.0, 4)[None], degree)[0]

    def function(x):
        return design_matrix(x, old[0], degree) @ coef

    found = fit_function(function, new, degree, breaks=breakpoints_of(old, degree)[0])
    # the residual of a least-squares fit is orthogonal to every basis function
    pieces = np.unique(np.concatenate([breakpoints_of(old, degree)[0], np.linspace(-1.0, 1.0, 4)]))
    points, weights = quadrature(pieces, 2 * degree + 2)
    design = design_matrix(points, new, degree)
    residual = function(points) - design @ found
    assert np.abs(design.T @ (weights[:, None] * residual)).max() < 1e-12


@degrees
@uniforms
def test_fit_function_never_lacks_rank(degree, uniform):
    """One very narrow interval among wide ones, no data anywhere: a finite fit of the right size."""
    breakpoints = np.array([-1.0, -0.3, -0.3 + 1e-5, 0.5, 1.0]) if not uniform else np.linspace(-1.0, 1.0, 60)
    knots = extend_breakpoints(breakpoints[None], degree)[0]
    found = fit_function(lambda x: np.ones((len(x), 1)), knots, degree)
    assert_allclose(found, np.ones_like(found), rtol=1e-6)


def test_fit_function_approximates():
    """The error of a cubic spline falls with the fourth power of the interval."""
    x = np.linspace(-1.0, 1.0, 500)
    errors = []
    for grid_size in (10, 20, 40):
        knots = extend_breakpoints(np.linspace(-1.0, 1.0, grid_size + 1)[None], 3)[0]
        coef = fit_function(lambda x: np.sin(3.0 * x)[:, None], knots, 3)
        errors.append(np.abs(design_matrix(x, knots, 3) @ coef[:, 0] - np.sin(3.0 * x)).max())
    assert errors[0] < 1e-3
    assert errors[1] < errors[0] / 10
    assert errors[2] < errors[1] / 10


def test_read_only_and_other_layouts():
    """Memory-mapped knots and points are read-only; columns of a table are not contiguous; float32 is widened."""
    knots = make_knots(3, uniform=False)
    x = np.random.RandomState(0).uniform(-1.5, 1.5, (20, 2))
    expected = basis(x, knots, 3)
    frozen_knots, frozen = knots.copy(), x.copy()
    frozen_knots.flags.writeable = frozen.flags.writeable = False
    for variant in (frozen, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        for one, other in zip(basis(variant, frozen_knots, 3), expected, strict=True):
            assert_array_equal(one, other)
    narrow = x.astype(np.float32)
    for one, other in zip(basis(narrow, knots, 3), basis(narrow.astype(float), knots, 3), strict=True):
        assert_array_equal(one, other)


@degrees
@uniforms
def test_intervals_of_what_is_no_number(degree, uniform):
    """A solver's step may go too far for numbers: weights are then still looked up where there are some."""
    x = np.random.RandomState(0).uniform(-1.0, 1.0, (30, 2))
    x[[2, 13, 29]], x[5], x[7] = np.nan, np.inf, -np.inf
    knots = make_knots(degree, uniform=uniform)
    interval = basis(x, knots, degree)[0]
    assert interval.min() >= 0
    assert interval.max() < knots.shape[1] - 2 * degree - 1
