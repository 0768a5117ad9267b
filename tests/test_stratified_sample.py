"""Stratified samples: one row of every few, whatever their order."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_kan import KANRegressor
from sklearn_kan._grid import range_sample
from sklearn_kan._stratified_sample import stratified


@pytest.mark.parametrize(("n_rows", "step"), [(10, 2), (11, 3), (7, 10), (1000, 7)])
def test_one_row_of_each_few(n_rows, step):
    rows = stratified(n_rows, step)
    assert_array_equal(rows // step, np.arange(-(-n_rows // step)))
    assert rows.max() < n_rows
    assert_array_equal(rows, stratified(n_rows, step))


def test_all_rows():
    assert stratified(9, 1) == slice(None)


@pytest.mark.parametrize("period", [2, 5, 7])
def test_no_period_is_missed(period):
    rows = stratified(20_000, 10)
    assert np.bincount(rows % period, minlength=period).min() > 0.8 * len(rows) / period


def test_rows_that_alternate_all_have_knots():
    X = np.random.default_rng(0).uniform(size=(25_000, 1))
    X[1::2] *= 3.0
    some, weight = range_sample(X, np.ones(len(X)))
    assert len(some) == len(weight) < len(X)
    model = KANRegressor((), max_iter=3, random_state=0).fit(X, np.sin(3.0 * X[:, 0]))
    layer = model.network_.layers[0]
    assert layer.center + layer.scale > X.max()
    assert layer.center - layer.scale < X.min()
