"""Penalties against plain loops, integrals and differences."""

from functools import partial

import numpy as np
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import BSpline

import naive
from sklearn_kan._bspline import (
    continuity,
    fit_function,
    greville,
    quadrature,
    roughness,
)
from sklearn_kan._penalties import add_blocks, quadratic_units, quadratic_value_gradient, sparsity

degrees = pytest.mark.parametrize("degree", range(6))
uniforms = pytest.mark.parametrize("uniform", [True, False], ids=["uniform", "uneven"])


make_knots = partial(samples.knots, grid_size=6)


orders = pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])


@degrees
@uniforms
@orders
def test_roughness_is_derivative_coefs(degree, uniform, order):
    """Their squares times the distances of their places, one by one."""
    knots = make_knots(degree, uniform=uniform)
    matrices = roughness(knots, degree, order)
    assert matrices.shape == (2, 6 + degree, 6 + degree)
    coef = np.random.RandomState(1).normal(size=6 + degree)
    for matrix, own in zip(matrices, knots, strict=True):
        assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-12 * np.abs(matrix).max())
        assert_allclose(coef @ matrix @ coef, naive.roughness(coef, own, degree, order), rtol=1e-10)


@pytest.mark.parametrize(("degree", "order"), [(d, m) for d in range(1, 6) for m in range(1, d + 1)])
@uniforms
def test_roughness_is_that_of_scipys_derivative(degree, order, uniform):
    """Its coefs are exact; they lie as far apart as those of the derivative before are placed."""
    knots = make_knots(degree, uniform=uniform)
    coef = np.random.RandomState(1).normal(size=6 + degree)
    for matrix, own in zip(roughness(knots, degree, order), knots, strict=True):
        derivative = BSpline(own, coef, degree).derivative(order).c[: len(coef) - order]
        before = own[order - 1 : len(own) - order + 1]
        distances = np.diff(greville(before[None], degree - order + 1)[0])
        assert_allclose(coef @ matrix @ coef, np.sum(derivative**2 * distances), rtol=1e-10)


@pytest.mark.parametrize("degree", range(1, 6))
@uniforms
def test_roughness_above_the_degree_is_jumps(degree, uniform):
    """Of the highest derivative at the inner knots, over the distance of the intervals' middles."""
    knots = make_knots(degree, uniform=uniform)
    coef = np.random.RandomState(1).normal(size=6 + degree)
    for matrix, own in zip(roughness(knots, degree, degree + 1), knots, strict=True):
        middles = 0.5 * (own[degree:-1] + own[degree + 1 :])[:6]
        steps = BSpline(own, coef, degree).derivative(degree)(middles)
        jumps = np.diff(steps) ** 2 / np.diff(middles)
        assert_allclose(coef @ matrix @ coef, jumps.sum(), rtol=1e-10)


@degrees
@uniforms
@orders
def test_roughness_of_lower_polynomials_is_zero(degree, uniform, order):
    knots = make_knots(degree, uniform=uniform)
    for matrix, own in zip(roughness(knots, degree, order), knots, strict=True):
        for power in range(min(order - 1, degree) + 1):
            coef = fit_function(lambda t, power=power: t[:, None] ** power, own, degree)[:, 0]
            assert abs(coef @ matrix @ coef) <= 1e-12 * np.abs(matrix).max()


@degrees
@uniforms
def test_continuity(degree, uniform):
    """Nothing but one polynomial of the splines' degree is free of it, in any units."""
    knots = make_knots(degree, uniform=uniform)
    matrices = continuity(knots, degree)
    for factor in (1e-3, 1e4):
        scaled = continuity(factor * knots + 3.0 * factor, degree)
        assert_allclose(scaled, matrices, rtol=1e-9, atol=1e-9 * np.abs(matrices).max())
    for matrix, own in zip(matrices, knots, strict=True):
        assert np.linalg.matrix_rank(matrix) == len(matrix) - degree - 1
        assert np.linalg.eigvalsh(matrix).min() > -1e-12 * np.abs(matrix).max()
        for power in range(degree + 1):
            coef = fit_function(lambda t, power=power: t[:, None] ** power, own, degree)[:, 0]
            assert abs(coef @ matrix @ coef) <= 1e-12 * np.abs(matrix).max()


@pytest.mark.parametrize("degree", range(1, 4))
def test_continuity_of_uniform_knots_is_differences(degree):
    knots = make_knots(degree, uniform=True)
    coef = np.random.RandomState(1).normal(size=6 + degree)
    expected = np.sum(np.diff(coef, degree + 1) ** 2)
    for matrix in continuity(knots, degree):
        assert_allclose(coef @ matrix @ coef, expected, rtol=1e-10)


@degrees
@uniforms
def test_roughness_of_a_straight_line_is_zero(degree, uniform):
    knots = make_knots(degree, uniform=uniform)
    for matrix, places in zip(roughness(knots, degree), greville(knots, degree), strict=True):
        line = 3.0 - 2.0 * places
        assert abs(line @ matrix @ line) < 1e-12 * np.abs(matrix).max()
        assert np.linalg.matrix_rank(matrix) == len(line) - 2  # and nothing but lines is free


@pytest.mark.parametrize("degree", [2, 3, 4])
@uniforms
def test_roughness_is_the_integral(degree, uniform):
    """Of the squared second derivative of a smooth spline that is straight near the ends."""
    knots = make_knots(degree, uniform=uniform, n_in=1, grid_size=60)[0]
    coef = fit_function(lambda t: np.exp(-8.0 * t**2)[:, None], knots, degree)[:, 0]
    points, weights = quadrature(np.unique(np.clip(knots, -1.0, 1.0)), degree + 1)
    integral = weights @ BSpline(knots, coef, degree).derivative(2)(points) ** 2
    assert_allclose(coef @ roughness(knots[None], degree)[0] @ coef, integral, rtol=0.05 if uniform else 0.15)


def test_roughness_does_not_grow_with_the_grid():
    """A function has the same roughness on coarse and fine knots."""
    found = []
    for grid_size in (20, 40, 80):
        knots = make_knots(3, uniform=True, n_in=1, grid_size=grid_size)
        coef = fit_function(lambda t: np.exp(-8.0 * t**2)[:, None], knots[0], 3)[:, 0]
        found.append(coef @ roughness(knots, 3)[0] @ coef)
    assert_allclose(found, found[-1], rtol=0.1)


def test_roughness_of_too_few_coefficients():
    assert_array_equal(roughness(make_knots(0, uniform=True, grid_size=2), 0), np.zeros((2, 2, 2)))
    assert_array_equal(roughness(make_knots(1, uniform=True, grid_size=1), 1), np.zeros((2, 2, 2)))


@degrees
def test_quadratic(degree):
    """Ridge: alpha (mean of c^2 + w^2) / 2 an edge; smoothness added to it; the gradient is that of the value."""
    rng = np.random.RandomState(0)
    knots = make_knots(degree, uniform=False)
    weights = rng.normal(size=(2, 6 + degree + 1, 3))
    alpha, smoothing = 0.3, 0.07
    expected = 0.0
    for i, own in enumerate(knots):
        for j in range(3):
            coef, base_weight = weights[i, :-1, j], weights[i, -1, j]
            expected += 0.5 * alpha * ((coef**2).mean() + base_weight**2)
            expected += 0.5 * smoothing * naive.roughness(coef, own, degree)
    units = quadratic_units(roughness(knots, degree))
    matrices = alpha * units["alpha"] + smoothing * units["smoothing"]
    gradient = np.empty_like(weights)
    value = quadratic_value_gradient(matrices, weights, gradient)
    assert_allclose(value, expected, rtol=1e-12)

    def function(flat):
        return quadratic_value_gradient(matrices, flat.reshape(weights.shape), np.empty_like(weights))

    assert_allclose(gradient.ravel(), naive.gradient(function, weights.ravel()), rtol=1e-6, atol=1e-6)
    for i in range(2):  # the matrices are the Hessian of one edge
        assert_allclose(gradient[i], matrices[i] @ weights[i], rtol=1e-12, atol=1e-12)


def test_sparsity_value():
    norms = np.random.RandomState(0).uniform(0.0, 2.0, (4, 3))
    for l1_weight, entropy_weight in ((1.0, 0.0), (0.0, 1.0), (0.7, 2.5)):
        value, _ = sparsity(norms, l1_weight, entropy_weight)
        assert_allclose(value, naive.sparsity([norms], l1_weight, entropy_weight), rtol=1e-12)
    assert_allclose(sparsity(np.full((4, 3), 0.2), 0.0, 1.0)[0], np.log(12.0), rtol=1e-12)
    one = np.zeros((4, 3))
    one[1, 1] = 5.0
    assert_allclose(sparsity(one, 0.0, 1.0)[0], 0.0, atol=1e-12)


def test_sparsity_gradient():
    norms = np.random.RandomState(0).uniform(0.01, 2.0, (4, 3))
    for l1_weight, entropy_weight in ((1.0, 0.0), (0.0, 1.0), (0.7, 2.5)):

        def function(flat, weights=(l1_weight, entropy_weight)):
            return sparsity(flat.reshape(norms.shape), *weights)[0]

        _, gradient = sparsity(norms, l1_weight, entropy_weight)
        assert_allclose(gradient.ravel(), naive.gradient(function, norms.ravel()), rtol=1e-6, atol=1e-7)


def test_entropy_does_not_depend_on_the_scale():
    norms = np.random.RandomState(0).uniform(0.0, 2.0, (4, 3))
    assert_allclose(sparsity(1e6 * norms, 0.0, 1.0)[0], sparsity(norms, 0.0, 1.0)[0], rtol=1e-12)


@given(arrays(float, (2, 3), elements=st.sampled_from([0.0, 5e-324, 1e-300, 1e-8, 1.0, 1e150])))
@settings(deadline=None, derandomize=True, max_examples=100, database=None)
def test_sparsity_of_exact_zeros(norms):
    value, gradient = sparsity(norms, 1.0, 1.0)
    assert np.isfinite(value)
    assert value >= 0.0
    assert not np.isnan(gradient).any()


def test_sparsity_of_nothing():
    value, gradient = sparsity(np.zeros((2, 3)), 0.5, 2.0)
    assert value == 0.0
    assert_array_equal(gradient, np.full((2, 3), 0.5))


@pytest.mark.kernels
def test_add_blocks():
    rng = np.random.RandomState(0)
    n_in, n_terms, n_out, offset = 3, 4, 2, 5
    blocks = rng.normal(size=(n_in, n_terms, n_terms))
    blocks[1, 2, 3] = 0.0
    factor = rng.normal(size=(n_in, n_out))
    size = offset + n_in * n_terms * n_out + 3
    hessian = rng.normal(size=(size, size))
    expected = hessian.copy()
    for i in range(n_in):
        for j in range(n_out):
            places = [offset + (i * n_terms + g) * n_out + j for g in range(n_terms)]
            expected[np.ix_(places, places)] += factor[i, j] * blocks[i]
    add_blocks(hessian, offset, blocks, factor)
    assert_allclose(hessian, expected, rtol=1e-14)
