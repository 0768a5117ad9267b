"""Cholesky factors and inverse roots: against NumPy, in any units, and of singular matrices."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan._cholesky import cholesky, inverse_root, inverses, upper_product


def _raised(factor, scale):
    return factor.T @ factor * scale[:, None] * scale


@pytest.mark.parametrize("units", [1.0, 1e-100, 1e100])
def test_factor_of_a_definite_matrix(units):
    rng = np.random.RandomState(0)
    root = rng.normal(size=(12, 8)) * np.geomspace(1.0, 1e6, 8) * units
    matrix = root.T @ root
    given = matrix.copy()
    factor, scale, added = cholesky(matrix, 1e-14)
    assert added == 1e-14
    assert_allclose(matrix, given, rtol=0)
    assert_allclose(factor, np.triu(factor), rtol=0)
    assert_allclose(factor, np.linalg.cholesky(matrix / scale[:, None] / scale).T, atol=1e-11)
    assert_allclose(_raised(factor, scale), matrix, rtol=1e-10)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.ones((4, 4)), np.outer([1.0, 1e8, 0.0], [1.0, 1e8, 0.0])])
def test_singular_matrices_are_raised(matrix):
    factor, scale, added = cholesky(matrix, 1e-20)
    assert np.isfinite(factor).all()
    assert 1e-20 <= added < 1e-8
    assert_allclose(_raised(factor, scale), matrix + np.diag(added * scale**2), rtol=1e-7, atol=1e-300)


def test_inverse_root():
    rng = np.random.RandomState(0)
    half = rng.normal(size=(5, 8)) * (10.0 ** np.arange(-4, 1))[:, None]  # units far apart
    matrix = half @ half.T
    root, added, log = inverse_root(matrix, 1e-10)
    assert_allclose(root, np.triu(root), rtol=0)
    assert_allclose(root @ root.T, np.linalg.inv(matrix), rtol=1e-6)
    assert_allclose(log, np.linalg.slogdet(matrix).logabsdet, rtol=1e-8)
    assert (added < 1e-8 * matrix.diagonal()).all()
    assert np.isfinite(inverse_root(np.zeros((3, 3)), 1e-10)[0]).all()


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_inverses(size):
    """NumPy's inverses and determinants, whatever the scales of the parameters."""
    rng = np.random.RandomState(size)
    halves = rng.normal(size=(3, size, size + 3)) * np.logspace(-3, 3, size)[:, None]
    matrices = halves @ halves.transpose(0, 2, 1)
    given = matrices.copy()
    found, logs = inverses(matrices, 1e-14)
    assert_array_equal(matrices, given)
    for inverse, log, matrix in zip(found, logs, matrices, strict=True):
        units = np.outer(*2 * [np.sqrt(np.diag(matrix))])
        assert_array_equal(inverse, inverse.T)
        assert_allclose(inverse * units, np.linalg.inv(matrix / units), rtol=1e-6)
        assert_allclose(log, np.linalg.slogdet(matrix)[1], rtol=1e-8)


def test_inverses_of_singular_matrices():
    found, logs = inverses(np.stack([np.eye(3), np.ones((3, 3)), np.zeros((3, 3))]), 1e-20)
    assert np.isfinite(found).all() and np.isfinite(logs).all()
    assert_allclose(found[0], np.eye(3), atol=1e-8)


def test_upper_product():
    root = np.triu(np.random.RandomState(0).normal(size=(7, 7)))
    given = root.copy()
    assert_allclose(upper_product(root), root @ root.T, atol=1e-12)
    assert_allclose(root, given, rtol=0)
