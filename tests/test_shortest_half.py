"""Codes among numbers: which values are some, and that they neither place knots nor bend the function."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan import KANRegressor
from sklearn_kan._grid import input_scaling
from sklearn_kan._shortest_half import codes_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def column(n_samples, share, *codes, seed=0, values=None):
    """Normal numbers, or others, of which a part is replaced by codes in turn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_samples) if values is None else rng.choice(values, n_samples).astype(float)
    n_codes = round(share * n_samples)
    x[rng.permutation(n_samples)[:n_codes]] = np.resize(codes, n_codes)
    return x


def codes(x):
    return codes_of(x, np.ones(len(x))).tolist()


@pytest.mark.parametrize("share", [0.03, 0.1, 0.4, 0.6])
def test_a_code_is_found_whatever_part_of_the_rows_has_it(share):
    assert codes(column(500, share, -999.0)) == [-999.0]


def test_several_codes_on_both_sides():
    assert codes(column(600, 0.2, -999.0, -998.0, 9999.0)) == [-999.0, -998.0, 9999.0]


def test_a_code_beside_ratings_and_holes():
    x = column(600, 0.1, 999.0, values=np.arange(12))
    x[::7] = np.nan
    assert codes(x) == [999.0]


@pytest.mark.parametrize(
    "x",
    [
        column(500, 0.002, 1e6),  # an outlier
        column(500, 0.3, 4.0),  # near
        column(500, 0.6, 0.0, values=np.exp(np.random.default_rng(1).normal(size=500))),  # amounts that are mostly zero
        np.exp(3.0 * column(500, 0.0)).round(),  # a long tail
        column(500, 0.0, values=[0.0, 1.0, 99.0]),  # few values, which may be anything
        np.repeat(3.0, 100),
        np.full(100, np.nan),
        np.zeros(0),
    ],
)
def test_what_is_no_code(x):
    assert codes(x) == []


def test_a_tail_far_away_beside_a_value_that_rows_share():
    """Without the value the middle 90 % ends before the tail, and the value is far; with it, it is not."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.random(949), rng.uniform(-101.0, -100.0, 51), np.full(25, 20.0)])
    assert codes(x) in ([], [20.0])


def test_rows_count_by_their_weight():
    x = np.append(np.linspace(0.0, 1.0, 100), -50.0)
    assert codes_of(x, np.append(np.ones(100), 4.0)).tolist() == []
    assert codes_of(x, np.append(np.ones(100), 40.0)).tolist() == [-50.0]


@given(st.integers(0, 100), st.sampled_from([1e-12, 3.0, 1e9]), st.sampled_from([-7.0, 0.0, 1e3]))
def test_units_and_order_change_nothing(seed, scale, shift):
    x = column(200, 0.1, -99.0, 500.0, seed=seed)
    moved = scale * (x + shift)
    assert_array_equal(codes_of(moved[::-1], np.ones(200)), np.unique(moved[np.isin(x, codes(x))]))


def test_codes_place_no_knots():
    x = column(500, 0.1, -999.0)
    known = np.where(x == -999.0, np.nan, x)
    center, scale = (np.ravel(part) for part in input_scaling(x[:, None], np.ones(500), whole=False))
    assert_allclose([center[0], scale[0]], np.ravel(input_scaling(known[:, None], np.ones(500), whole=False)))
    whole = np.ravel(input_scaling(x[:, None], np.ones(500), whole=True))
    assert whole[0] - whole[1] < -999.0  # where values outside are an error, it is none


def test_a_code_counts_as_a_missing_value_does():
    rng = np.random.default_rng(3)
    X = rng.uniform(-2.0, 2.0, (900, 2))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=900)
    missing = rng.random(900) < 0.15
    scores = []
    for value in (-999.0, np.nan):
        X[missing, 0] = value
        scores.append(KANRegressor(max_iter=60, random_state=0).fit(X[:500], y[:500]).score(X[500:], y[500:]))
    assert scores[0] == pytest.approx(scores[1], abs=0.01)
    assert scores[0] > 0.85
