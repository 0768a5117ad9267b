"""Cholesky factors: against NumPy, in any units, and of singular matrices."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_kan._cholesky import cholesky


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
